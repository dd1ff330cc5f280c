"""Sessions for any ASGI application: ``SessionMiddleware(app, sessions)``.

The session stands in ``scope["session"]``, loads itself at the first touch and is committed
before the response's first byte. Under "serializable" isolation an unsafe request takes the
session's lease before it runs, and a safe request that lost a race is run once more, under the
lease, from a pristine scope: nothing of the losing run was sent, and nothing of it is kept.
"""

import inspect
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, Literal, cast

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread

from coatcheck.core import bridge
from coatcheck.core.engine import Sessions
from coatcheck.core.errors import (
    CoatcheckError,
    SessionConflict,
    SessionNotLoaded,
)
from coatcheck.core.events import Event, EventName
from coatcheck.core.http import NO_EDITS, RequestView, ResponseEdits
from coatcheck.core.policy import Isolation
from coatcheck.core.session import Phase, Session

from .asgi_answers import Answered, Keep, whole
from .headers import Headers, edited
from .moving_in import Incumbent, MovingIn, moving_in
from .refusals import VISITORS_ERRORS, log_refusal, plain_words
from .threaded import Phases

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

Answer = Callable[[CoatcheckError, Scope, Receive, Send], Awaitable[None]]

Mode = Isolation | Literal["read"]
"""What a route asks for: an isolation of its own, or a session that it only reads."""

VISIT = "coatcheck.visit"
"""Where a scope holds the ``Visit`` that loads and commits its session."""

LARGEST_REPLAY = 64 * 1024
"""Bytes of a safe request's body that are kept for a second run; with more there is none."""

STARTED = (
    "the session was changed after the response had started, so it cannot be saved. Change it "
    "before returning the response, not while streaming or in a background task."
)
READ_ONLY = (
    "the session was changed on a route that says session='read'. Drop that from the route, or "
    "change the session elsewhere."
)


async def plain_answer(error: CoatcheckError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the status of *error* and one plain sentence that gives nothing away."""
    log_refusal(scope["path"], error)
    told, text = plain_words(error)
    headers = [(name.lower().encode(), value.encode()) for name, value in told]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


class SessionMiddleware:
    """Gives *app* a session in ``scope["session"]``, over the store of *sessions*.

    *mode* names what a request's route asks for, or None. *preload* loads the session of a store
    across the network before the application runs, which asynchronous views need; an application
    that awaits ``session.load()`` itself says False. *eager* takes the lease of a request that
    writes before the application runs; one that asks for something else first says False, and loads
    the session then. *answer* shows an error of the session to the
    visitor: 409 for a conflict, 503 with Retry-After for a store that does not answer. *incumbent*
    reads the sessions that visitors have from the engine before (see ``moving_in``).
    A response with a status of 500 and above saves nothing.
    """

    kind: type[Session] = Session
    """What kind of session the application gets."""

    def __init__(
        self,
        app: ASGIApp,
        sessions: Sessions,
        *,
        mode: Callable[[Scope], Mode | None] = lambda scope: None,
        preload: bool = True,
        eager: bool = True,
        answer: Answer = plain_answer,
        incumbent: Incumbent | None = None,
    ) -> None:
        self.app = app
        self.sessions = sessions if incumbent is None else moving_in(sessions, incumbent)
        self.mode = mode
        self.eager = eager
        self.asks = incumbent is not None and not incumbent.inline
        """Whether a session that arrives from elsewhere is waited for."""
        self.answer = answer
        self.lifecycle = self.sessions.lifecycle
        self.phases = Phases(self.sessions)
        self.preload = preload and not self.phases.inline

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        view = request_view(scope)
        mode = self.mode(scope)
        isolation: Isolation = self.sessions.policy.isolation
        if mode is not None and mode != "read":
            isolation = mode
        serializable = isolation == "serializable" and mode != "read"
        body = _Body(receive)
        try:
            run = Visit(self, view, isolation, leased=serializable and not view.safe)
            run.repeatable = serializable and view.safe
            await run.go(scope, body, send, read_only=mode == "read")
            if run.lost:
                self.lifecycle.notify(Event(EventName.RERUN, detail=scope["path"]))
                again = Visit(self, view, isolation, leased=True)
                await again.go(scope, body.replayed(), send, read_only=False)
        except _Refused as refused:
            await self.answer(refused.error, scope, receive, send)
        except Answered as answered:
            await answered.response(scope, receive, send)

    async def take_over(self, session: Session, view: RequestView) -> None:
        """Load *session* from what an incumbent that has to be asked holds, on whatever it runs."""
        lifecycle = cast(MovingIn, self.lifecycle)
        read = lifecycle.incumbent.read
        if inspect.iscoroutinefunction(read):
            held = await read(view)
        else:
            held = await anyio.to_thread.run_sync(read, view)
        await self.phases.run(lifecycle.take_over(session, held))

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        from .asgi_websockets import Socket  # here, as it is built on what is below

        await Socket(self, request_view(scope)).serve(scope, receive, send)

    def conclude(self, session: Session) -> None:
        """Called before *session* is saved, for what its kind still has to do."""

    def edited(self, headers: Headers, edits: ResponseEdits) -> Headers:
        """The response's *headers* with what the session has to say."""
        return edited(headers, edits)


class _Refused(Exception):
    """The session could not be loaded or saved, and nothing was sent yet."""

    def __init__(self, error: CoatcheckError) -> None:
        self.error = error


class _Body:
    """The request's messages, kept while they are small so that a second run can have them."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._kept: list[Message] = []
        self._size = 0

    @property
    def repeatable(self) -> bool:
        return self._size <= LARGEST_REPLAY

    async def __call__(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self.repeatable:
            self._kept.append(message)
        return message

    def replayed(self) -> Receive:
        """The same messages from the start, and then what else comes."""
        kept = iter(self._kept)

        async def receive() -> Message:
            return next(kept, None) or await self._receive()

        return receive


class Visit:
    """One run of the application for one request, and how its session is loaded and committed."""

    def __init__(
        self,
        middleware: SessionMiddleware,
        view: RequestView,
        isolation: Isolation,
        *,
        leased: bool,
    ) -> None:
        self._middleware = middleware
        self._lifecycle = middleware.lifecycle
        self._phases = middleware.phases
        self._loop_thread = threading.get_ident()
        self.view = view
        self._isolation = isolation
        self.leased = leased
        """Whether this run takes the session's lease, as the only one that writes."""
        self.repeatable = False
        self.lost = False
        self._refusal: CoatcheckError | None = None
        self._failure: CoatcheckError | None = None
        self._started = False
        self.after_commit: Callable[[ResponseEdits], Coroutine[Any, Any, None]] | None = None
        """What to do right after the session was committed, in the same phase, knowing what the
        response carries for it; not done where that fails."""
        self.keep: Keep | None = None
        """Who keeps the whole response, which then waits until it is complete."""
        self.cookies: list[str] = []
        """Set-Cookie lines that the response carries besides the session's."""
        self.at_end: list[Callable[[], Coroutine[Any, Any, None]]] = []
        """What to await when the request is over, whatever came of it."""

    async def go(self, scope: Scope, receive: Receive, send: Send, *, read_only: bool) -> None:
        """Run the application once. Raises ``_Refused`` while nothing was sent."""
        session = self.open()
        if read_only:
            session.close(READ_ONLY)
        pristine = dict(scope)
        if "state" in scope:
            pristine["state"] = dict(scope["state"])
        pristine["session"] = session
        pristine[VISIT] = self
        leased = self.leased and (self._middleware.eager or self.view.safe)
        try:
            await self.prepare(session, leased=leased)
            with anyio.CancelScope() as cancel:
                sending = self._sending(session, pristine, send, receive, cancel)
                receiving = self._receiving(receive)
                await self._middleware.app(pristine, receiving, whole(self, sending))
        except VISITORS_ERRORS as error:
            if self._started:
                raise
            raise _Refused(error) from error
        finally:
            try:
                if session.holder is not None:
                    with anyio.CancelScope(shield=True):
                        await self._phases.finish(self._lifecycle.give_back(session))
            finally:  # or else a submission would be kept alive for ever
                for ending in self.at_end:
                    await ending()
        if self._refusal is not None:
            raise _Refused(self._refusal)

    def open(self) -> Session:
        """The request's session, not loaded yet."""
        return self._lifecycle.open(self.view, self, self._middleware.kind)

    async def prepare(self, session: Session, *, leased: bool = False) -> None:
        """Load *session* before the application runs, where it could not wait for it later."""
        if session.arriving is not None and self._middleware.asks:
            await self._middleware.take_over(session, session.arriving)
        elif (session.token or session.arriving) and (leased or self._middleware.preload):
            await session.load()

    def _receiving(self, receive: Receive) -> Receive:
        async def receiving() -> Message:
            return {"type": "http.disconnect"} if self._over else await receive()

        return receiving

    def _sending(
        self,
        session: Session,
        scope: Scope,
        send: Send,
        receive: Receive,
        cancel: anyio.CancelScope,
    ) -> Send:
        async def sending(message: Message) -> None:
            if self._over:
                return
            if message["type"] == "http.response.start" and not self._started:
                try:
                    if self._failure is not None and message["status"] >= 500:
                        raise self._failure  # which a framework has made an error page of
                    if scope.get("session") is not session:
                        await replace(session, scope.get("session"))
                    edits = await self._commit(session, message["status"])
                except VISITORS_ERRORS as error:
                    self.lost = self._may_repeat(error, cast(_Body, receive))
                    self._refusal = None if self.lost else error
                    # The view is done: this stops streams and background tasks of its response.
                    cancel.cancel()
                    await anyio.lowlevel.checkpoint()
                    return
                self._started = True
                if self.cookies:
                    edits = edits._replace(vary=True)
                headers = self._middleware.edited(list(message.get("headers", [])), edits)
                headers += [(b"set-cookie", line.encode("ascii")) for line in self.cookies]
                message = {**message, "headers": headers}
            await send(message)

        return sending

    @property
    def _over(self) -> bool:
        """Whether nothing more of this run counts."""
        return self.lost or self._refusal is not None

    def _may_repeat(self, error: CoatcheckError, body: "_Body") -> bool:
        return isinstance(error, SessionConflict) and self.repeatable and body.repeatable

    async def _commit(self, session: Session, status: int) -> ResponseEdits:
        failed = status >= 500
        if failed:
            session.close(STARTED)
        edits = NO_EDITS
        if session.accessed and not failed:
            self._middleware.conclude(session)
        if self.after_commit is not None or self._lifecycle.asks(session):
            with anyio.CancelScope(shield=True):
                # A visitor who leaves must not leave half a commit behind.
                edits = await self._phases.finish(self._committed(session, failed=failed))
        elif session.accessed:
            edits = await self._committed(session, failed=failed)  # in place, as nothing waits
        session.close(STARTED)
        return edits

    async def _committed(self, session: Session, *, failed: bool) -> ResponseEdits:
        """The phase that ends the session's part in this request."""
        edits = NO_EDITS
        if failed or not session.accessed:
            await self._lifecycle.give_back(session)
        if failed:
            edits = ResponseEdits(vary=True) if session.accessed else NO_EDITS
        elif session.accessed:
            edits = await self._lifecycle.commit(session, self.view, self._isolation)
        if self.after_commit is not None:
            await self.after_commit(edits)
        return edits

    @property
    def sessions(self) -> Sessions:
        """The sessions that this request's is one of."""
        return self._middleware.sessions

    @property
    def phases(self) -> Phases:
        """How this host runs a phase."""
        return self._phases

    def loading(self, session: Session) -> Coroutine[Any, Any, None]:
        """The phase that loads *session*, under the lease if this run writes."""
        return self._lifecycle.load(session, leased=self.leased)

    # -- Opener -------------------------------------------------------------------------------

    async def load(self, session: Session) -> None:
        """Load *session*, under the lease if this run writes."""
        with self._failing():
            await self._phases.load(session, leased=self.leased)

    def load_now(self, session: Session) -> None:
        """Load in place: in a worker thread always, on the event loop only where nothing waits."""
        with self._failing():
            if self._on_loop() and self._phases.inline:
                bridge.step(self._lifecycle.load(session))
            else:
                self.run_now(lambda lifecycle, view: lifecycle.load(session))

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Note what the visitor would have to be told, should the view not be let to say it."""
        try:
            yield
        except VISITORS_ERRORS as error:
            self._failure = error
            raise

    def run_now(self, phase: Phase) -> None:
        """Run *phase* from a worker thread."""
        if self._on_loop():
            raise SessionNotLoaded(
                "an async function touched a session that would have had to wait for its store. "
                "Write `await request.session.load()` before the first use (or let "
                "SessionMiddleware(preload=True) do it), and `async with session.exclusive()`."
            )
        if self._middleware.sessions.blocking:
            bridge.step(phase(self._lifecycle, self.view))
        else:
            anyio.from_thread.run(phase, self._lifecycle, self.view)

    async def run(self, phase: Phase) -> None:
        """Run *phase* on the event loop."""
        await self._phases.run(phase(self._lifecycle, self.view))

    def _on_loop(self) -> bool:
        return threading.get_ident() == self._loop_thread


async def replace(session: Session, found: object) -> None:
    """Take what an application put in the place of *session*, a plain dict, for all it holds."""
    await session.load()
    session.clear()
    if isinstance(found, Mapping):
        session.update(found)


def request_view(scope: Scope) -> RequestView:
    """What a session needs to know of the request in *scope*."""
    cookies = []
    user_agent = b""
    for name, value in scope["headers"]:
        if name == b"cookie":
            cookies.append(value)
        elif name == b"user-agent":
            user_agent = value
    client = scope.get("client")
    return RequestView(
        method=scope.get("method", "GET"),
        https=scope.get("scheme") in ("https", "wss"),
        cookies=cookies,
        user_agent=user_agent.decode("latin-1"),
        address=client[0] if client else "",
    )
