"""The WSGI middleware: when it commits, how a lost race is run again, and what PEP 3333 asks."""

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from coatcheck import ConfigurationError, EventName, Session, SessionPolicy, Sessions
from coatcheck.core.bridge import Awaitable
from coatcheck.core.errors import SessionConflict, SessionReadOnly, StoreUnavailable
from coatcheck.core.events import Event
from coatcheck.core.http import RequestView
from coatcheck.core.session import Session as CoreSession
from coatcheck.integrations.moving_in import shown
from coatcheck.integrations.wsgi import (
    LARGEST_REPLAY,
    Environ,
    SessionMiddleware,
    StartResponse,
    request_view,
)
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import CountingStore, FaultyStore
from coatcheck.wire.cookies import CookieAttributes

TEXT = [("Content-Type", "text/plain")]


class Answer:
    """What a server saw: each thing in the order in which it came."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        self.body = b""

    def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Any:
        if exc_info is not None and "byte" in self.log:
            raise exc_info[1]
        self.log.append("head")
        self.status, self.headers = status, headers
        return self.take

    def take(self, data: bytes) -> None:
        if data and "byte" not in self.log:
            self.log.append("byte")
        self.body += data

    def header(self, name: str) -> str:
        return ", ".join(value for key, value in self.headers if key.lower() == name)


class Browser:
    """Calls an application as a server does, and keeps the session's cookie."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app = app
        self.cookie = ""
        self.environ: Environ = {}

    def request(self, method: str = "GET", path: str = "/", **more: Any) -> Answer:
        self.environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
            **more,
        }
        if self.cookie:
            self.environ["HTTP_COOKIE"] = self.cookie
        answer = Answer()
        body = self.app(self.environ, answer.start_response)
        try:
            for chunk in body:
                answer.take(chunk)
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()
        for line in answer.headers:
            if line[0].lower() == "set-cookie":
                self.cookie = line[1].partition(";")[0]
        return answer


def engine(store: Any = None, events: list[Event] | None = None, **policy: Any) -> Sessions:
    listener = (lambda event: None) if events is None else events.append
    return Sessions(store or MemoryStore(), policy=SessionPolicy(**policy), listener=listener)


def session_in(environ: Environ) -> Session:
    session = environ["coatcheck.session"]
    assert isinstance(session, CoreSession)
    return session


def counter(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    session = session_in(environ)
    session["n"] = session.get("n", 0) + 1
    start_response("200 OK", TEXT)
    return [str(session["n"]).encode()]


def answering(body: Iterable[bytes], headers: Any = ()) -> Callable[..., Iterable[bytes]]:
    """An application that never names the session."""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", list(headers))
        return body

    return app


def overtaken(sessions: Sessions, environ: Environ, value: int) -> None:
    """What another request of the same visitor writes meanwhile."""
    view = request_view(environ)
    other = sessions.open(view)
    other["n"] = value
    sessions.commit(other, view)


# -- commit before the first byte -----------------------------------------------------------------


def test_what_a_generator_does_before_its_first_byte_is_saved_and_then_no_more():
    refused: list[str] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", TEXT)
        yield b""
        session_in(environ)["early"] = 1
        yield b"a"
        try:
            session_in(environ)["late"] = 1
        except SessionReadOnly as error:
            refused.append(str(error))
        yield b"b"

    store = MemoryStore()
    browser = Browser(SessionMiddleware(app, engine(store)))
    answer = browser.request()
    assert answer.body == b"ab"
    assert answer.log == ["head", "byte"]
    (record,) = store._records.values()
    assert set(record.fields) == {"early"}
    assert "not while streaming" in refused[0]


def test_an_empty_body_is_saved_too():
    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        session_in(environ)["n"] = 1
        start_response("204 No Content", [])
        yield from ()

    store = MemoryStore()
    answer = Browser(SessionMiddleware(app, engine(store))).request()
    assert answer.status == "204 No Content"
    assert len(store._records) == 1
    assert answer.header("set-cookie")


def test_a_list_and_a_file_are_handed_on_as_they_are():
    class Wrapper:
        def __init__(self, file: io.BytesIO) -> None:
            self.file = file

        def __iter__(self) -> Iterator[bytes]:
            raise AssertionError("a server sends the file itself")

    body = [b"whole"]
    app = SessionMiddleware(answering(body), engine())
    environ: Environ = {"wsgi.url_scheme": "http"}
    assert app(environ, Answer().start_response) is body
    wrapper = Wrapper(io.BytesIO(b"file"))
    app = SessionMiddleware(answering(wrapper), engine())
    environ["wsgi.file_wrapper"] = Wrapper
    assert app(environ, Answer().start_response) is wrapper


def test_write_saves_before_it_writes_and_empty_writes_wait():
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        write = start_response("200 OK", TEXT)
        write(b"")
        session_in(environ)["n"] = 1
        write(b"one ")
        write(b"two ")
        return [b"three"]

    browser = Browser(SessionMiddleware(app, engine()))
    answer = browser.request()
    assert answer.body == b"one two three"
    assert answer.log == ["head", "byte"]
    assert browser.cookie


def test_an_error_replaces_the_head_until_the_first_byte_and_saves_nothing():
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", TEXT)
        session_in(environ)["n"] = "half done"
        try:
            raise RuntimeError("on purpose")
        except RuntimeError:
            start_response("500 Internal Server Error", TEXT, sys.exc_info())
        return [b"sorry"]

    store = MemoryStore()
    answer = Browser(SessionMiddleware(app, engine(store))).request()
    assert answer.status == "500 Internal Server Error"
    assert answer.header("set-cookie") == ""
    assert store._records == {}


def test_an_error_after_the_first_byte_is_raised_again_as_pep_3333_has_it():
    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", TEXT)
        yield b"a"
        try:
            raise RuntimeError("on purpose")
        except RuntimeError:
            start_response("500 Internal Server Error", TEXT, sys.exc_info())

    with pytest.raises(RuntimeError, match="on purpose"):
        Browser(SessionMiddleware(app, engine())).request()


def test_start_response_twice_or_never_is_said():
    def twice(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", TEXT)
        start_response("200 OK", TEXT)
        return []

    with pytest.raises(RuntimeError, match="called twice"):
        Browser(SessionMiddleware(twice, engine())).request()
    with pytest.raises(RuntimeError, match="without a call of start_response"):
        Browser(SessionMiddleware(lambda environ, start: [b"x"], engine())).request()


def test_a_body_is_closed_once_whether_it_is_sent_lost_or_refused():
    closed: list[str] = []

    class Body:
        def __init__(self, name: str) -> None:
            self.name = name

        def __iter__(self) -> Iterator[bytes]:
            yield b"x"

        def close(self) -> None:
            closed.append(self.name)

    store = FaultyStore(MemoryStore())
    sessions = engine(store, isolation="serializable")
    runs: list[str] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        session = session_in(environ)
        n = session.get("n", 0)
        runs.append("run")
        if len(runs) == 2:
            overtaken(sessions, environ, 7)
        session["n"] = n + 1
        start_response("200 OK", TEXT)
        return Body(f"body {len(runs)}")

    browser = Browser(SessionMiddleware(app, sessions))
    browser.request()
    browser.request()
    store.lose_request("commit", 1)
    store.lose_request("commit", 2)
    assert browser.request().status.startswith("503")
    assert closed == ["body 1", "body 2", "body 3", "body 4"]


# -- taking turns ---------------------------------------------------------------------------------


def test_a_safe_request_that_lost_a_race_is_run_again_from_a_pristine_environ():
    events: list[Event] = []
    sessions = engine(events=events, isolation="serializable")
    bodies: list[bytes] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        assert "left behind" not in environ
        environ["left behind"] = True
        bodies.append(environ["wsgi.input"].read(3))
        session = session_in(environ)
        n = session.get("n", 0)
        if len(bodies) == 2:
            overtaken(sessions, environ, 40)
        session["n"] = n + 1
        start_response("200 OK", TEXT)
        return [str(n + 1).encode()]

    browser = Browser(SessionMiddleware(app, sessions))
    browser.request()
    body: dict[str, Any] = {"CONTENT_LENGTH": "3", "wsgi.input": io.BytesIO(b"abcdef")}
    answer = browser.request(**body)
    assert answer.body == b"41"
    assert answer.log == ["head", "byte"]  # of the losing run nothing was sent
    assert bodies[1:] == [b"abc", b"abc"]
    assert browser.environ["left behind"] is True  # the same environ, as what is outside of us sees
    assert [event.name for event in events].count(EventName.RERUN) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"CONTENT_LENGTH": str(LARGEST_REPLAY + 1)},
        {"CONTENT_LENGTH": "many"},
        {"HTTP_TRANSFER_ENCODING": "chunked"},
    ],
)
def test_a_body_that_cannot_be_read_twice_is_not_run_twice(more):
    sessions = engine(isolation="serializable")
    runs: list[int] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        session = session_in(environ)
        n = session.get("n", 0)
        runs.append(n)
        if len(runs) == 2:
            overtaken(sessions, environ, 40)
        session["n"] = n + 1
        start_response("200 OK", TEXT)
        return [b"ok"]

    browser = Browser(SessionMiddleware(app, sessions))
    browser.request()
    answer = browser.request(**more)
    assert answer.status == "409 Conflict"
    assert b"send this one again" in answer.body
    assert runs == [0, 1]


def test_an_unsafe_request_takes_the_lease_with_its_first_touch_and_gives_it_back():
    store = CountingStore(MemoryStore())
    sessions = engine(store, isolation="serializable")

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/fail":
            session_in(environ)["n"] = "half done"
            raise RuntimeError("on purpose")
        if environ["PATH_INFO"] == "/read":
            session_in(environ).get("n")
        if environ["PATH_INFO"] == "/write":
            return counter(environ, start_response)
        start_response("200 OK", TEXT)
        return [b"ok"]

    browser = Browser(SessionMiddleware(app, sessions))
    browser.request("POST", "/write")
    store.forget()
    browser.request("POST", "/untouched")
    assert store.calls == {}
    for path in ("/read", "/fail"):
        store.forget()
        if path == "/fail":
            with pytest.raises(RuntimeError):
                browser.request("POST", path)
        else:
            browser.request("POST", path)
        assert store.calls == {"load": 1, "release": 1}
    store.forget()
    assert browser.request("POST", "/write").body == b"2"
    assert store.calls == {"load": 1, "commit": 1}


def test_a_session_read_while_streaming_takes_no_lease_that_nobody_gives_back():
    store = MemoryStore()

    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", TEXT)
        yield b"a"
        yield repr(session_in(environ).get("n")).encode()

    sessions = engine(store, isolation="serializable")
    browser = Browser(SessionMiddleware(counter, sessions))
    browser.request("POST")
    browser.app = SessionMiddleware(app, sessions)
    assert browser.request("POST").body == b"a1"
    (record,) = store._records.values()
    assert record.lease is None


def test_a_request_may_ask_for_another_mode():
    store = CountingStore(MemoryStore())
    modes: list[Any] = ["merge", "serializable", "read", None]
    app = SessionMiddleware(counter, engine(store), mode=lambda environ: modes[0])
    browser = Browser(app)
    browser.request("POST")
    for mode, refused in (("merge", False), ("serializable", False), ("read", True)):
        modes[0] = mode
        if refused:
            with pytest.raises(SessionReadOnly, match="mode 'read'"):
                browser.request("POST")
        else:
            assert browser.request("POST").status == "200 OK"


# -- what the visitor is told ---------------------------------------------------------------------


def test_a_page_of_the_framework_s_own_about_our_error_becomes_a_503(caplog):
    store = FaultyStore(MemoryStore())

    def framework(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return counter(environ, start_response)
        except Exception:  # noqa: BLE001 (as frameworks do)
            start_response("500 Internal Server Error", TEXT)
            return [b"An internal error"]

    browser = Browser(SessionMiddleware(framework, engine(store)))
    browser.request()
    store.down = True
    answer = browser.request()
    assert answer.status == "503 Service Unavailable"
    assert caplog.text.count("answered with 503: ") == 1  # why, for the operator
    assert answer.header("retry-after") == "2"
    assert answer.header("content-length") == str(len(answer.body))


def test_an_application_may_answer_by_itself():
    def answer(error: Any, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("503 Later", TEXT)
        return [type(error).__name__.encode()]

    store = FaultyStore(MemoryStore())
    browser = Browser(SessionMiddleware(counter, engine(store), answer=answer))
    browser.request()
    store.down = True
    assert browser.request().body == StoreUnavailable.__name__.encode()


def test_a_conflict_of_an_unsafe_request_is_told_and_nothing_is_run_again():
    sessions = engine(on_conflict="raise")
    runs: list[int] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        session = session_in(environ)
        n = session.get("n", 0)
        runs.append(n)
        if len(runs) == 2:
            overtaken(sessions, environ, 5)
        session["n"] = n + 1
        start_response("200 OK", TEXT)
        return [b"ok"]

    browser = Browser(SessionMiddleware(app, sessions))
    browser.request("POST")
    answer = browser.request("POST")
    assert (answer.status, runs) == ("409 Conflict", [0, 1])


def test_a_refusal_that_the_application_swallows_in_write_is_told_all_the_same():
    sessions = engine(on_conflict="raise")
    runs: list[int] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        write = start_response("200 OK", TEXT)
        session = session_in(environ)
        n = session.get("n", 0)
        runs.append(n)
        if len(runs) == 2:
            overtaken(sessions, environ, 5)
        session["n"] = n + 1
        try:
            write(b"first")
        except Exception:  # noqa: BLE001, S110 (some do)
            pass
        write(b"second")
        return []

    browser = Browser(SessionMiddleware(app, sessions))
    browser.request("POST")
    answer = browser.request("POST")
    assert answer.status == "409 Conflict"
    assert b"second" not in answer.body


def test_a_conflict_that_the_application_raises_while_streaming_goes_to_the_server():
    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", TEXT)
        yield b"a"
        raise SessionConflict

    with pytest.raises(SessionConflict):
        Browser(SessionMiddleware(app, engine())).request()


def test_a_store_that_is_awaited_is_refused_at_start_with_the_remedy():
    with pytest.raises(ConfigurationError, match="blocking store of the same kind"):
        SessionMiddleware(counter, Sessions(Awaitable(MemoryStore())))


def test_an_untouched_page_carries_no_header_of_the_session():
    headers = [("X-Own", "\xe9")]
    app = SessionMiddleware(answering([b"x"], headers), engine())
    assert Browser(app).request().headers == headers


def test_what_another_engine_kept_is_taken_over():
    class Beaker:
        cookie = CookieAttributes("beaker.session.id", secure=False)
        inline = True

        def read(self, view: RequestView) -> dict[str, object] | None:
            return {"n": 41} if shown(view, self.cookie.name) == "old" else None

    browser = Browser(SessionMiddleware(counter, engine(), incumbent=Beaker()))
    browser.cookie = "beaker.session.id=old"
    answer = browser.request()
    assert answer.body == b"42"
    lines = [value for name, value in answer.headers if name.lower() == "set-cookie"]
    assert lines[0].startswith("session=")
    assert lines[1].startswith("beaker.session.id=; Max-Age=0")
    browser.cookie = lines[0].partition(";")[0]
    assert browser.request().body == b"43"
