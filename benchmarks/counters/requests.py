"""Call a WSGI or ASGI application directly, as one browser with one cookie."""

import asyncio
import io
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from measure.asgi import ask, scope_of

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

KEY = "a key for benchmarks, of no use to anybody"

SHOP = {
    "cart": [{"id": 4711, "title": "A linen coat", "count": 2}, {"id": 12, "count": 1}],
    "theme": "dark",
    "visits": 17,
    "_csrf": "FvJ3n1qX5b8Yw0uTz6mLrKc2Hs9aPdEe",
    "next": "/shop/" + "x" * 40,
}
"""What ``/fill`` puts into a session."""


class Where(NamedTuple):
    """What the stores have to live in."""

    folder: Path
    postgresql: str
    valkey: int


class Counter(NamedTuple):
    """The visit counter under one kind of session, and the same app without any: ``bare``."""

    name: str
    app: Any
    bare: Any
    asgi: bool


class Answer(NamedTuple):
    """What one request was answered. ``cookie`` is ``name=value`` if one was set."""

    status: int
    body: bytes
    cookie: str | None


def environ_of(path: str, cookie: str | None) -> dict[str, Any]:
    """A GET over https."""
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "shop.example",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SCRIPT_NAME": "",
        "REMOTE_ADDR": "192.0.2.1",
        "HTTP_HOST": "shop.example",
        "HTTP_USER_AGENT": FIREFOX,
        "HTTP_ACCEPT": "text/html",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if cookie is not None:
        environ["HTTP_COOKIE"] = f"theme=dark; {cookie}; lang=en"
    return environ


def called(app: Any, environ: dict[str, Any]) -> Answer:
    """What a WSGI *app* answers."""
    given: list[Any] = []

    def start(status: str, headers: Iterable[tuple[str, str]], exc_info: Any = None) -> Any:
        given[:] = [status, headers]
        return lambda data: None

    result = app({**environ, "wsgi.input": io.BytesIO()}, start)
    body = b"".join(result)
    if hasattr(result, "close"):
        result.close()
    status, headers = given
    set_cookies = [value for name, value in headers if name.lower() == "set-cookie"]
    cookie = set_cookies[-1].partition(";")[0] if set_cookies else None
    return Answer(int(status[:3]), body, cookie)


class Browser:
    """A browser in front of *app*. ``loop`` is used by ASGI apps."""

    def __init__(self, app: Any, loop: asyncio.AbstractEventLoop, *, asgi: bool) -> None:
        self.app = app
        self.asgi = asgi
        self.cookie: str | None = None
        self._loop = loop

    def get(self, path: str) -> Answer:
        """One request, with the cookie that was set last."""
        if self.asgi:
            return self._loop.run_until_complete(self._ask(path))
        return self._noted(called(self.app, environ_of(path, self.cookie)))

    async def _ask(self, path: str) -> Answer:
        answer = await ask(self.app, scope_of(path, self.cookie))
        return self._noted(Answer(answer.status, answer.body, answer.cookie))

    def _noted(self, answer: Answer) -> Answer:
        if answer.cookie is not None:
            self.cookie = answer.cookie
        return answer

    def batch(self, path: str, *, cookie: bool) -> Callable[[int], float]:
        """Seconds of this process's time that so many requests for *path* take."""
        sent = self.cookie if cookie else None
        if not self.asgi:
            environ = environ_of(path, sent)

            def call(count: int) -> float:
                begun = time.process_time()
                for _ in range(count):
                    called(self.app, environ)
                return time.process_time() - begun

            return call
        scope = scope_of(path, sent)

        async def await_all(count: int) -> float:
            begun = time.process_time()
            for _ in range(count):
                await ask(self.app, scope)
            return time.process_time() - begun

        return lambda count: self._loop.run_until_complete(await_all(count))

    async def _ask_often(self, path: str, count: int) -> int:
        failed = 0
        for _ in range(count):
            failed += (await self._ask(path)).status != 200
        return failed

    def crowd(self, path: str, clients: int, each: int) -> int:
        """Let *clients* with this cookie ask *each* times at once; how many requests failed."""
        if self.asgi:

            async def all_of_them() -> int:
                many = [self._ask_often(path, each) for _ in range(clients)]
                return sum(await asyncio.gather(*many))

            return self._loop.run_until_complete(all_of_them())
        from concurrent.futures import ThreadPoolExecutor

        def client(number: int) -> int:
            return sum(self.get(path).status != 200 for _ in range(each))

        with ThreadPoolExecutor(clients) as threads:
            return sum(threads.map(client, range(clients)))
