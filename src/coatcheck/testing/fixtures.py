"""Fixtures for the tests of an application: a browser, a logged-in browser, a clock that is set.

An application's tests say which it is, in their ``conftest.py``::

    pytest_plugins = ["coatcheck.testing.plugin"]

    @pytest.fixture
    def session_app():          # any WSGI or ASGI application
        return app

    @pytest.fixture
    def sessions():             # what its sessions are kept by
        return my_sessions
"""

from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from coatcheck.core.engine import Sessions, Visit
from coatcheck.core.http import RequestView
from coatcheck.core.session import Session
from coatcheck.testing.clock import FakeClock
from coatcheck.testing.integration.client import Answer, Browser, Host

T = TypeVar("T")


class SessionClient(Browser):
    """A browser of the application under test, which can look into its own session, and set it."""

    def __init__(self, host: Host, sessions: Sessions, *, https: bool = True) -> None:
        name = sessions.lifecycle.cookie.attributes(https=https).name
        super().__init__(host, name, https=https)
        self.sessions = sessions

    def log_in(self, user: object, **held: Any) -> "SessionClient":
        """Give this browser a session of *user* that holds *held*, without any request."""
        return self._visit(lambda session: session.login(user), held)

    def begin_with(self, **held: Any) -> "SessionClient":
        """Put *held* into this browser's session, which begins where there is none."""
        return self._visit(lambda session: None, held)

    def session(self) -> dict[str, Any]:
        """What this browser's session holds now."""
        session = self._open()
        self._run(session.load())
        return dict(session)

    def user(self) -> str | None:
        """Who is logged in with this browser."""
        session = self._open()
        self._run(session.load())
        return session.user

    def _visit(self, act: Any, held: dict[str, Any]) -> "SessionClient":
        session = self._open()
        self._run(session.load())
        act(session)
        session.update(held)
        edits = self._run(self.sessions.lifecycle.commit(session, self._view()))
        self.take(Answer(200, [("set-cookie", line) for line in edits.cookies]))
        return self

    def _open(self) -> Session:
        view = self._view()
        return self.sessions.lifecycle.open(view, Visit(self.sessions, view))

    def _view(self) -> RequestView:
        shown = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return RequestView("GET", self.https, [shown.encode("ascii")])

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self.sessions.blocking:
            return self.sessions.step(coroutine)
        return self.host.run(coroutine)


@pytest.fixture
def session_app() -> Any:
    """The application under test: to be defined by its tests."""
    raise pytest.UsageError(_MISSING.format("session_app", "your WSGI or ASGI application"))


@pytest.fixture
def sessions() -> Sessions:
    """What keeps the application's sessions: to be defined by its tests."""
    raise pytest.UsageError(_MISSING.format("sessions", "the coatcheck Sessions it was given"))


_MISSING = (
    "define a fixture {0!r} in conftest.py that returns {1}: see docs/how-to/test-your-app.md"
)


@pytest.fixture
def session_client(session_app: Any, sessions: Sessions) -> Iterator[SessionClient]:
    """A browser of the application, over https and without cookies."""
    with Host(session_app) as host:
        yield SessionClient(host, sessions)


@pytest.fixture
def session_user() -> object:
    """Who is logged in with ``logged_in_client``; define another one where "1" is no user."""
    return "1"


@pytest.fixture
def logged_in_client(session_client: SessionClient, session_user: object) -> SessionClient:
    """A browser of the application in which ``session_user`` is logged in."""
    return session_client.log_in(session_user)


@pytest.fixture
def frozen_clock(sessions: Sessions) -> Iterator[FakeClock]:
    """The clock of the application's sessions, which stands still until it is set: ``advance``."""
    lifecycle, clock = sessions.lifecycle, FakeClock()
    before, lifecycle.clock = lifecycle.clock, clock
    try:
        yield clock
    finally:
        lifecycle.clock = before
