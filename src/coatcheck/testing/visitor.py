"""A browser as the engine sees one, for tests that need no framework."""

from types import TracebackType

from coatcheck.core.engine import Sessions
from coatcheck.core.http import RequestView, ResponseEdits
from coatcheck.core.policy import Isolation
from coatcheck.core.session import Session


class Visitor:
    """Shows the cookie it was given with each visit, and keeps what it is given next.

    ::

        visitor = Visitor(Sessions(MemoryStore()))
        with visitor.visit() as session:
            session["seen"] = True

    Visits may lie within one another, as requests of one browser do: the inner one is answered
    first, and the outer one had its cookie from before. With an awaitable store: ``async with``.
    """

    def __init__(self, sessions: Sessions, *, https: bool = True) -> None:
        self.sessions = sessions
        self.https = https
        self.cookie: str | None = None
        """The cookie's name and value, as the next visit shows it, or None."""
        self.answer: ResponseEdits | None = None
        """What the last response carried."""

    def request(self, method: str = "GET") -> RequestView:
        """A request with the visitor's cookie."""
        cookies = [self.cookie.encode("ascii")] if self.cookie is not None else []
        return RequestView(method, self.https, cookies, "a test's browser", "192.0.2.7")

    def take(self, answer: ResponseEdits) -> None:
        """Keep or forget the cookie, as *answer* says."""
        self.answer = answer
        if answer.set_cookie is not None:
            pair, *attributes = answer.set_cookie.split("; ")
            self.cookie = None if "Max-Age=0" in attributes else pair

    def visit(
        self, method: str = "GET", *, leased: bool = False, isolation: Isolation | None = None
    ) -> "Visit":
        """One request: a block whose session is saved when it ends, or not at all if it raises.

        *leased* loads the session under its lease, as a host does for a writing request of a site
        with "serializable" isolation.
        """
        return Visit(self, self.request(method), leased=leased, isolation=isolation)


class Visit:
    """One request of a visitor. Awaited, it loads its session first; blocking, at first touch."""

    def __init__(
        self, visitor: Visitor, view: RequestView, *, leased: bool, isolation: Isolation | None
    ) -> None:
        self._visitor = visitor
        self._lifecycle = visitor.sessions.lifecycle
        self._view = view
        self._leased = leased
        self._isolation = isolation
        self._session = visitor.sessions.open(view)

    def __enter__(self) -> Session:
        if self._leased:
            self._visitor.sessions.step(self._lifecycle.load(self._session, leased=True))
        return self._session

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._visitor.sessions.step(self._end(error))

    async def __aenter__(self) -> Session:
        await self._lifecycle.load(self._session, leased=self._leased)
        return self._session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        await self._end(error)

    async def _end(self, error: BaseException | None) -> None:
        try:
            if error is None:
                answer = await self._lifecycle.commit(self._session, self._view, self._isolation)
                self._visitor.take(answer)
        finally:
            if self._session.holder is not None:
                await self._lifecycle.give_back(self._session)
