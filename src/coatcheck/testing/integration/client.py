"""A browser for the contract: its requests go straight into a WSGI or ASGI application.

A request runs on a thread of its own, or as a task of one event loop that runs on a thread of its
own, so that several can be on their way at once while the test says in which order they go on.
"""

import asyncio
import inspect
import io
import sys
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeVar
from urllib.parse import urlencode, urlsplit

PATIENCE: Final = 30.0
"""Seconds until a test that waits for an answer fails, and says so."""

T = TypeVar("T")
Interface = Literal["wsgi", "asgi"]


@dataclass
class Answer:
    """What an application sent. ``error`` is what it raised, also after it had answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""
    error: BaseException | None = None

    @property
    def text(self) -> str:
        return self.body.decode()

    def all(self, name: str) -> list[str]:
        """The values of every header *name*."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str:
        """The values of the header *name*, joined as RFC 9110 has it; empty without one."""
        return ", ".join(self.all(name))


@dataclass
class Asked:
    """One request as the client gives it to the application."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    https: bool
    began: Callable[[], None]
    """Called right before the first byte would leave."""
    body: bytes = b""

    @property
    def port(self) -> int:
        return 443 if self.https else 80


class Host:
    """Runs an application for its browsers: a block around their requests."""

    def __init__(self, app: Any, interface: Interface | None = None) -> None:
        self.app = app
        self.interface: Interface = interface or interface_of(app)
        self._threads = ThreadPoolExecutor(16, thread_name_prefix="request")
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._thread = threading.Thread(target=self._serve, name="event loop")

    def __enter__(self) -> Self:
        if self.interface == "asgi":
            self._thread.start()
            self._ready.wait(PATIENCE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self.interface == "asgi":
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(PATIENCE)
        self._threads.shutdown()

    def _serve(self) -> None:
        async def until_stopped() -> None:
            self._loop = asyncio.get_running_loop()
            self._stop = asyncio.Event()
            self._ready.set()
            await self._stop.wait()

        with asyncio.Runner() as runner:
            runner.run(until_stopped())

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The result of *coroutine*, which runs on the event loop of an ASGI application."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def send(self, asked: Asked) -> "Future[Answer]":
        """Begin the request *asked*."""
        if self.interface == "asgi":
            return asyncio.run_coroutine_threadsafe(asgi_answer(self.app, asked), self._loop)
        return self._threads.submit(wsgi_answer, self.app, asked)


def interface_of(app: Any) -> Interface:
    """Whether *app* is called as WSGI or as ASGI has it."""
    call = app if inspect.isfunction(app) or inspect.ismethod(app) else type(app).__call__
    return "asgi" if inspect.iscoroutinefunction(call) else "wsgi"


def wsgi_answer(app: Any, asked: Asked) -> Answer:
    """What the WSGI application *app* answers (PEP 3333)."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": asked.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": asked.path,
        "QUERY_STRING": asked.query,
        "CONTENT_LENGTH": str(len(asked.body)),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": str(asked.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.7",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https" if asked.https else "http",
        "wsgi.input": io.BytesIO(asked.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in asked.headers:
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    answer = Answer(0, [])
    chunks: list[bytes] = []

    def arrive(chunk: bytes) -> None:
        if chunk and not chunks:
            asked.began()
        if chunk:
            chunks.append(chunk)

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        if exc_info and chunks:
            raise exc_info[1]
        # Servers send a field's value without the blanks around it (RFC 9110 5.5).
        answer.status = int(status[:3])
        answer.headers = [(name, value.strip()) for name, value in headers]
        return arrive

    body: Iterable[bytes] = ()
    try:
        body = app(environ, start_response)
        for chunk in body:
            arrive(chunk)
        if not chunks:
            asked.began()
    except Exception as error:  # noqa: BLE001 (a server answers 500, whatever it was)
        if not chunks:
            answer = Answer(500, [])
        answer.error = error
    finally:
        close = getattr(body, "close", None)
        if close is not None:
            close()
    answer.body = b"".join(chunks)
    return answer


async def asgi_answer(app: Any, asked: Asked) -> Answer:
    """What the ASGI application *app* answers."""
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in asked.headers]
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": asked.method,
        "scheme": "https" if asked.https else "http",
        "path": asked.path,
        "raw_path": asked.path.encode(),
        "query_string": asked.query.encode(),
        "root_path": "",
        "headers": headers,
        "client": ("192.0.2.7", 50000),
        "server": ("localhost", asked.port),
        "state": {},
        "extensions": {},
    }
    answer = Answer(0, [])
    body = bytearray()
    unread = [{"type": "http.request", "body": asked.body, "more_body": False}]
    done = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if unread:
            return unread.pop()
        await done.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            asked.began()
            answer.status = message["status"]
            answer.headers = [
                (bytes(name).decode("latin-1"), bytes(value).decode("latin-1"))
                for name, value in message.get("headers", ())
            ]
        elif message["type"] == "http.response.body":
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                done.set()

    try:
        await app(scope, receive, send)
    except Exception as error:  # noqa: BLE001 (a server answers 500, whatever it was)
        if not answer.status:
            answer.status = 500
        answer.error = error
    answer.body = bytes(body)
    return answer


def nothing() -> None:
    """What is to be done when the first byte leaves, by default."""


class Browser:
    """Shows the cookies that it was given, and keeps those that it is given next."""

    def __init__(self, host: Host, session_cookie: str, *, https: bool = True) -> None:
        self.host = host
        self.https = https
        self.session_cookie = session_cookie
        self.cookies: dict[str, str] = {}

    @property
    def cookie(self) -> str | None:
        """The value of the session's cookie, or None without one."""
        return self.cookies.get(self.session_cookie)

    def twin(self) -> "Browser":
        """Another tab, which has the same cookies, and is answered on its own."""
        twin = Browser(self.host, self.session_cookie, https=self.https)
        twin.cookies = dict(self.cookies)
        return twin

    def get(self, path: str, **values: Any) -> Answer:
        """The answer to GET *path* with *values* in the query, as the browser keeps it."""
        return self.begin("GET", path, **values).answer()

    def post(self, path: str, *, form: Mapping[str, str] | None = None, **values: Any) -> Answer:
        """The answer to POST *path* with *form* in the body and *values* in the query."""
        return self.begin("POST", path, form=form, **values).answer()

    def begin(
        self,
        method: str,
        path: str,
        *,
        form: Mapping[str, str] | None = None,
        cookie_header: str | None = None,
        began: Callable[[], None] = nothing,
        **values: Any,
    ) -> "Pending":
        """Send a request, with the cookies of this moment, and go on without its answer.

        *cookie_header* is sent in place of the browser's own.
        """
        parts = urlsplit(path)
        shown = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        header = shown if cookie_header is None else cookie_header
        headers = [("Host", "localhost"), ("User-Agent", "a test's browser")]
        if header:
            headers.append(("Cookie", header))
        query = urlencode(values) or parts.query
        body = urlencode(form).encode() if form is not None else b""
        if form is not None:
            headers.append(("Content-Type", "application/x-www-form-urlencoded"))
            headers.append(("Content-Length", str(len(body))))
            headers.append(("Sec-Fetch-Site", "same-origin"))
        asked = Asked(method, parts.path, query, headers, self.https, began, body)
        return Pending(self, self.host.send(asked))

    def take(self, answer: Answer) -> None:
        """Keep and forget cookies, as *answer* says."""
        for line in answer.all("set-cookie"):
            pair, *attributes = [part.strip() for part in line.split(";")]
            name, _, value = pair.partition("=")
            lowered = [attribute.lower() for attribute in attributes]
            gone = "max-age=0" in lowered or any(
                text.startswith("expires=") and " 1970 " in text.replace("-", " ")
                for text in lowered
            )
            if gone:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value


class Pending:
    """A request on its way."""

    def __init__(self, browser: Browser, future: "Future[Answer]") -> None:
        self._browser = browser
        self._future = future

    def answer(self) -> Answer:
        """Wait for its answer, which the browser then keeps."""
        answer = self._future.result(PATIENCE)
        self._browser.take(answer)
        return answer
