"""The session of a websocket: loaded as in a request, and saved when its code says so.

There is no response whose first byte would be the moment to save, so ``await session.commit()`` is.
What was changed and never committed is reported when the websocket ends. A cookie can be set only
with the handshake: before ``websocket.accept``, a commit may begin a session or renew it; after it,
it may not.
"""

import anyio

from coatcheck.core.errors import CoatcheckError, SessionReadOnly, StoreUnavailable
from coatcheck.core.events import Event, EventName
from coatcheck.core.http import NO_EDITS, RequestView
from coatcheck.core.session import Phase, Session

from .asgi import (
    VISIT,
    Message,
    Receive,
    Scope,
    Send,
    SessionMiddleware,
    Visit,
    plain_answer,
)
from .refusals import VISITORS_ERRORS, log_refusal

TRY_AGAIN_LATER = 1013
"""The code with which a websocket is closed where a request would be answered with 503."""

ACCEPTED = (
    "the session needs a new cookie, and a websocket can set one only with its handshake. Call "
    "`await session.commit()` before accepting, or log in, renew and begin sessions in an ordinary "
    "request."
)


class Socket(Visit):
    """One websocket, and how its session is loaded and committed."""

    def __init__(self, middleware: SessionMiddleware, view: RequestView) -> None:
        super().__init__(middleware, view, middleware.sessions.policy.isolation, leased=False)
        self._accepted = False
        self._ended: list[str] = []
        self.session = self.open()

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application for as long as the websocket lasts."""
        session = self.session

        async def sending(message: Message) -> None:
            if message["type"] == "websocket.accept":
                message = {**message, "headers": self._headers(message)}
            self._accepted = self._accepted or message["type"].startswith("websocket.accept")
            await send(message)

        try:
            await self.prepare(session)
            await self._middleware.app({**scope, "session": session, VISIT: self}, receive, sending)
        except VISITORS_ERRORS as error:
            if self._accepted:
                raise
            await _refuse(error, scope, receive, send)
        finally:
            if session.holder is not None:
                with anyio.CancelScope(shield=True):
                    await self._phases.finish(self._lifecycle.give_back(session))
            self._report()

    def _report(self) -> None:
        """Say what was never committed."""
        session = self.session
        if not session.modified or (session.ending == self._ended and not unsaved(session)):
            return
        if session.adopted:
            return  # what another engine kept is not the websocket's to save
        keys = frozenset(session.changes().steps)
        why = "not saved: the websocket ended without `await session.commit()`"
        event = Event(EventName.DROPPED, session.handle, session.user, keys, why)
        self._lifecycle.notify(event)

    def _headers(self, message: Message) -> list[tuple[bytes, bytes]]:
        owed = self.session.owed._replace(vary=False)
        self.session.owed = NO_EDITS
        return self._middleware.edited(list(message.get("headers", [])), owed)

    async def run(self, phase: Phase) -> None:
        """Run *phase* on the event loop, unless the visitor could not be given what it makes."""
        self._middleware.conclude(self.session)
        if self._accepted and needs_cookie(self.session):
            raise SessionReadOnly(ACCEPTED)
        await super().run(phase)
        self._ended = list(self.session.ending)


def unsaved(session: Session) -> bool:
    """Whether *session* holds something to be saved, beside that another one has ended."""
    return session.renewing or session.entering is not None or bool(session.changes())


def needs_cookie(session: Session) -> bool:
    """Whether saving *session* gives the visitor another cookie."""
    return session.loaded and (session.renewing or (session.record is None and unsaved(session)))


async def _refuse(error: CoatcheckError, scope: Scope, receive: Receive, send: Send) -> None:
    """Deny the handshake with what a request would be answered, or close the websocket."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        log_refusal(scope.get("path", ""), error)
        code = TRY_AGAIN_LATER if isinstance(error, StoreUnavailable) else 1011
        await send({"type": "websocket.close", "code": code})
        return

    async def denying(message: Message) -> None:
        await send({**message, "type": message["type"].replace("http.", "websocket.http.", 1)})

    await plain_answer(error, scope, receive, denying)
