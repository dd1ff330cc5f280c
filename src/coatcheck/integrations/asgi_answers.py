"""Answers that are given again, or kept to be given again: what ``once`` needs of an ASGI host.

``Answered`` ends a request with an answer that was kept. ``whole`` holds a response back until it
is complete, where somebody has asked to keep it; it is kept in the phase that commits the session,
before its first byte is sent.
"""

from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, NamedTuple, Protocol

from coatcheck.core.http import ResponseEdits
from coatcheck.forms.answers import LARGEST

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]


class Answered(Exception):
    """Raised by the application's code to end a request with *response*, an ASGI application."""

    def __init__(self, response: Callable[..., Awaitable[None]]) -> None:
        super().__init__("this request is answered by what was kept for it")
        self.response = response


class Response(NamedTuple):
    """A whole response, as the application made it. ``body`` is None where it was too long."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes | None


Keep = Callable[[Response, ResponseEdits], Coroutine[Any, Any, None]]
"""Keeps a response, with what the session adds to it: a phase."""


class Keeping(Protocol):
    """The visit whose response may have to be kept."""

    keep: Keep | None
    after_commit: Callable[[ResponseEdits], Coroutine[Any, Any, None]] | None


def whole(visit: Keeping, send: Send) -> Send:
    """*send*, holding the response of *visit* back until it is complete if it is to be kept."""
    held: list[Message] = []
    size = 0

    async def sending(message: Message) -> None:
        nonlocal size
        if visit.keep is None:
            await send(message)
            return
        held.append(message)
        size += len(message.get("body", b""))
        more = message["type"] == "http.response.start" or message.get("more_body", False)
        if more and size <= LARGEST:
            return
        keep, visit.keep = visit.keep, None
        response = _joined(held, complete=not more)

        async def kept(edits: ResponseEdits) -> None:
            await keep(response, edits)

        visit.after_commit = kept
        for each in held:
            await send(each)

    return sending


def _joined(messages: list[Message], *, complete: bool) -> Response:
    start = messages[0]
    headers = [
        (bytes(name).decode("latin-1"), bytes(value).decode("latin-1"))
        for name, value in start.get("headers", ())
    ]
    body = b"".join(message.get("body", b"") for message in messages[1:])
    return Response(start["status"], headers, body if complete else None)
