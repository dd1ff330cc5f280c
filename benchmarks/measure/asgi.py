"""An ASGI application called directly: what a server would cost is in none of the figures."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
App = Callable[
    [Scope, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]


class Answer:
    """What one request was answered."""

    def __init__(self) -> None:
        self.status = 0
        self.body = b""
        self.cookie: str | None = None

    async def take(self, message: Message) -> None:
        """Take a message of the application, as its ``send``."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            for name, value in message["headers"]:
                if name == b"set-cookie":
                    self.cookie = value.decode().partition(";")[0]
        else:
            self.body += message.get("body", b"")


def scope_of(path: str, cookie: str | None, method: str = "GET") -> dict[str, Any]:
    """A request of a browser over https."""
    headers = [
        (b"host", b"shop.example"),
        (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        (b"accept", b"text/html"),
    ]
    if cookie is not None:
        headers.append((b"cookie", f"theme=dark; {cookie}; lang=en".encode()))
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("192.0.2.1", 40000),
        "server": ("shop.example", 443),
    }


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def ask(app: App, scope: Scope) -> Answer:
    """The answer of *app*. The scope is copied, as applications write into theirs."""
    answer = Answer()
    await app(dict(scope), _nothing, answer.take)
    return answer
