"""Sessions for any WSGI application: ``SessionMiddleware(app, sessions)``.

The session stands in ``environ["coatcheck.session"]``, loads itself at the first touch and is
committed before the response's first byte, streams and ``write()`` included. Under "serializable"
isolation an unsafe request takes the session's lease with its first touch, and a safe request that
lost a race is run once more, under the lease, from a pristine environ: nothing of the losing run
was sent, and nothing of it is kept. ``asgi`` is the neighbour for ASGI applications.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Literal, Protocol, cast

from coatcheck.core.engine import Sessions, Visit
from coatcheck.core.errors import CoatcheckError, ConfigurationError, SessionConflict
from coatcheck.core.events import Event, EventName
from coatcheck.core.http import NO_EDITS, RequestView, ResponseEdits
from coatcheck.core.policy import Isolation
from coatcheck.core.session import Phase, Session

from .headers import edited
from .moving_in import Incumbent, moving_in
from .refusals import REASONS, VISITORS_ERRORS, log_refusal, plain_words

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Write = Callable[[bytes], object]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class StartResponse(Protocol):
    """What a server gives to an application (PEP 3333)."""

    def __call__(
        self, status: str, headers: Headers, exc_info: ExcInfo | None = None, /
    ) -> Write: ...


WSGIApp = Callable[[Environ, StartResponse], Iterable[bytes]]
Answer = Callable[[CoatcheckError, Environ, StartResponse], Iterable[bytes]]

Mode = Isolation | Literal["read"]
"""What a request asks for: an isolation of its own, or a session that it only reads."""

SESSION = "coatcheck.session"
"""Where in the environ the session is."""

LARGEST_REPLAY = 64 * 1024
"""Bytes of a safe request's body that are kept for a second run; with more there is none."""

STARTED = (
    "the session was changed after the response had started, so it cannot be saved. Change it "
    "before the first part of the response is handed out, not while streaming."
)
READ_ONLY = (
    "the session was changed in a request of mode 'read'. Give it another mode, or change the "
    "session elsewhere."
)


def plain_answer(
    error: CoatcheckError, environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Answer with the status of *error* and one plain sentence that gives nothing away."""
    log_refusal(environ.get("PATH_INFO", ""), error)
    headers, text = plain_words(error)
    body = text.encode()
    headers.append(("Content-Length", str(len(body))))
    start_response(f"{error.status} {REASONS.get(error.status, 'Error')}", headers)
    return [body]


class SessionMiddleware:
    """Gives *app* a session in ``environ["coatcheck.session"]``, over the store of *sessions*.

    *mode* names what a request asks for, or None. *answer* shows an error of the session to the
    visitor: 409 for a conflict, 503 with Retry-After for a store that does not answer.
    *incumbent* reads the sessions that visitors have from another engine (see ``moving_in``).
    A response with a status of 500 and above saves nothing. Raises ``ConfigurationError`` at start
    for a store that is awaited.
    """

    def __init__(
        self,
        app: WSGIApp,
        sessions: Sessions,
        *,
        mode: Callable[[Environ], Mode | None] = lambda environ: None,
        answer: Answer = plain_answer,
        incumbent: Incumbent | None = None,
    ) -> None:
        refuse_awaitable(sessions)
        self.app = app
        self.sessions = sessions if incumbent is None else moving_in(sessions, incumbent)
        self.mode = mode
        self.answer = answer

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        view = request_view(environ)
        mode = self.mode(environ)
        isolation: Isolation = self.sessions.policy.isolation
        if mode is not None and mode != "read":
            isolation = mode
        turns = isolation == "serializable" and mode != "read"

        def attempt(again: bool) -> Attempt:
            leased = turns and (again or not view.safe)
            return _OwnAttempt(self.sessions, view, isolation, leased, read_only=mode == "read")

        try:
            return served(
                self.app,
                environ,
                start_response,
                attempt,
                again=Pristine.of(environ) if turns and view.safe else None,
                rerun=lambda: self.sessions.lifecycle.notify(
                    Event(EventName.RERUN, detail=environ.get("PATH_INFO", ""))
                ),
            )
        except Refused as refused:
            return self.answer(refused.error, environ, start_response)


def refuse_awaitable(sessions: Sessions) -> None:
    """Raise ``ConfigurationError`` unless the store of *sessions* blocks, as WSGI needs it."""
    if not sessions.blocking:
        raise ConfigurationError(
            f"{type(sessions.store).__name__} is asynchronous, and a WSGI application cannot await "
            "it. Use the blocking store of the same kind, such as from_url('postgresql://...')."
        )


def request_view(environ: Environ) -> RequestView:
    """What a session needs to know of the request in *environ*."""
    cookie = environ.get("HTTP_COOKIE")
    return RequestView(
        method=environ.get("REQUEST_METHOD", "GET"),
        https=environ.get("wsgi.url_scheme") == "https",
        # PEP 3333: the header's bytes, one character each.
        cookies=[cookie.encode("latin-1", "replace")] if cookie else [],
        user_agent=environ.get("HTTP_USER_AGENT", ""),
        address=environ.get("REMOTE_ADDR", ""),
    )


# -- one run of the application, and perhaps a second one ------------------------------------------


class Refused(Exception):
    """The session could not be loaded or saved, and nothing was sent yet."""

    def __init__(self, error: CoatcheckError) -> None:
        super().__init__(str(error))
        self.error = error


class Attempt(Protocol):
    """One run of the application for one request: its session, and when that is saved."""

    waits: bool
    """Whether the session is saved at the first byte; False when the application has saved it by
    the time it returns."""

    def begin(self, environ: Environ) -> None:
        """Put into *environ* what the application needs."""
        ...

    def save(self, status: int) -> ResponseEdits:
        """Called once, right before the first byte. May raise one of ``VISITORS_ERRORS``."""
        ...

    def end(self) -> None:
        """Called when nothing of the session is needed any more, whatever happened."""
        ...


class Pristine:
    """A request as it came, so that it can be run a second time."""

    def __init__(self, environ: Environ, body: bytes) -> None:
        self._environ = environ
        self._body = body
        self._copy = dict(environ)

    @classmethod
    def of(cls, environ: Environ) -> "Pristine | None":
        """The request in *environ*; None when its body is too large or has no known length."""
        if "HTTP_TRANSFER_ENCODING" in environ:
            return None
        length = environ.get("CONTENT_LENGTH") or "0"
        if not (length.isascii() and length.isdecimal()) or int(length) > LARGEST_REPLAY:
            return None
        body = environ["wsgi.input"].read(int(length)) if int(length) else b""
        if body:
            environ["wsgi.input"] = io.BytesIO(body)
        return cls(environ, body)

    def restore(self) -> None:
        """Undo what the application did to the environ, which stays the same object."""
        self._environ.clear()
        self._environ.update(self._copy)
        if self._body:
            self._environ["wsgi.input"] = io.BytesIO(self._body)


def served(
    app: WSGIApp,
    environ: Environ,
    start_response: StartResponse,
    attempt: Callable[[bool], Attempt],
    again: Pristine | None,
    rerun: Callable[[], None],
) -> Iterable[bytes]:
    """Run *app*, and save its session before the first byte: the response, from that byte on.

    ``attempt(False)`` makes the first run. If that lost a race and *again* has the request as it
    came, *rerun* is called and ``attempt(True)`` makes the second one, the last. Raises ``Refused``
    while nothing was sent.
    """
    try:
        return _Run(app, environ, start_response, attempt(False)).body()
    except Refused as refused:
        if again is None or not isinstance(refused.error, SessionConflict):
            raise
    rerun()
    again.restore()
    return _Run(app, environ, start_response, attempt(True)).body()


class _Run:
    """What stands between the server and one run of the application."""

    def __init__(
        self, app: WSGIApp, environ: Environ, start_response: StartResponse, attempt: Attempt
    ) -> None:
        self._app = app
        self._environ = environ
        self._server = start_response
        self._attempt = attempt
        self._head: tuple[str, Headers] | None = None
        self._write: Write | None = None
        self._refused: Refused | None = None

    def body(self) -> Iterable[bytes]:
        """Run the application up to its first byte. Raises ``Refused`` if that must not go out."""
        self._attempt.begin(self._environ)
        try:
            body = self._app(self._environ, self._start_response)
            try:
                return self._begun(body)
            except BaseException:
                _close(body)
                raise
        except VISITORS_ERRORS as error:
            if self._write is not None:
                raise
            raise Refused(error) from error
        finally:
            self._attempt.end()

    def _begun(self, body: Iterable[bytes]) -> Iterable[bytes]:
        whole = not self._attempt.waits or self._is_whole(body)
        if whole and self._head is not None and self._write is None:
            self._begin()
            return body
        chunks = iter(body)
        first = next(filter(None, chunks), b"")
        # With neither a head nor a byte a view has taken the connection over: a websocket.
        taken_over = not self._attempt.waits and self._head is None and not first
        if self._write is None and not taken_over:
            self._begin()
        return _Rest(first, chunks, body)

    def _is_whole(self, body: Iterable[bytes]) -> bool:
        """Whether *body* is there already: the server knows its length, or sends it as a file."""
        wrapper = self._environ.get("wsgi.file_wrapper")
        return isinstance(body, Sequence) or (
            isinstance(wrapper, type) and isinstance(body, wrapper)
        )

    def _start_response(
        self, status: str, headers: Headers, exc_info: ExcInfo | None = None, /
    ) -> Write:
        if exc_info is not None and exc_info[1] is not None and self._write is not None:
            raise exc_info[1].with_traceback(exc_info[2])
        if exc_info is None and self._head is not None:
            raise RuntimeError("start_response was called twice, without exc_info (PEP 3333).")
        self._head = (status, headers)
        return self._written

    def _written(self, data: bytes) -> object:
        if self._write is None:
            if not data:
                return None
            self._begin()
        return cast(Write, self._write)(data)

    def _begin(self) -> None:
        """Save the session, and start the response with what the session adds to it."""
        if self._refused is not None:
            raise self._refused  # from write(), which the application has caught
        if self._head is None:
            raise RuntimeError("the application returned without a call of start_response.")
        status, headers = self._head
        try:
            edits = self._attempt.save(int(status[:3]))
        except VISITORS_ERRORS as error:
            self._refused = Refused(error)
            raise self._refused from error
        if edits != NO_EDITS:
            raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
            headers = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in edited(raw, edits)
            ]
        self._write = self._server(status, headers)


class _Rest:
    """The body of a response that has begun."""

    def __init__(self, first: bytes, chunks: Iterator[bytes], body: Iterable[bytes]) -> None:
        self._first = first
        self._chunks = chunks
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        if self._first:
            yield self._first
        yield from self._chunks

    def close(self) -> None:
        _close(self._body)


def _close(body: Iterable[bytes]) -> None:
    close = getattr(body, "close", None)
    if close is not None:
        close()


class _OwnAttempt(Visit):
    """One run with a session in the environ, and how that session reaches its store."""

    waits = True

    def __init__(
        self,
        sessions: Sessions,
        view: RequestView,
        isolation: Isolation,
        leased: bool,
        *,
        read_only: bool,
    ) -> None:
        super().__init__(sessions, view)
        self._isolation = isolation
        self._leased = leased
        self._failure: CoatcheckError | None = None
        self._session = sessions.lifecycle.open(view, self)
        if read_only:
            self._session.close(READ_ONLY)

    def begin(self, environ: Environ) -> None:
        environ[SESSION] = self._session

    def save(self, status: int) -> ResponseEdits:
        if status == 500 and self._failure is not None:
            raise self._failure  # the framework has made a page of its own of it
        session = self._session
        self._leased = False  # for who first reads it while streaming: nobody gives it back then
        edits = NO_EDITS
        if status >= 500:
            edits = ResponseEdits(vary=session.accessed)
        elif session.accessed:
            edits = self._sessions.commit(session, self._view, self._isolation)
        session.close(STARTED)
        return edits

    def end(self) -> None:
        if self._session.holder is not None:
            self._sessions.step(self._sessions.lifecycle.give_back(self._session))

    def load_now(self, session: Session) -> None:
        self._noting(
            lambda: self._sessions.step(self._sessions.lifecycle.load(session, leased=self._leased))
        )

    def run_now(self, phase: Phase) -> None:
        self._noting(lambda: super(_OwnAttempt, self).run_now(phase))

    def _noting(self, call: Callable[[], None]) -> None:
        try:
            call()
        except VISITORS_ERRORS as error:
            self._failure = error
            raise
