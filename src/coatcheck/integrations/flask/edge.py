"""What stands around a Flask application: a safe request that lost a race is run once more.

``interface`` saves the session inside, while Flask finishes the response. Here a response whose
session could not be saved is thrown away before its first byte, and leases are given back.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from coatcheck.core.errors import CoatcheckError, SessionConflict
from coatcheck.core.events import Event, EventName
from coatcheck.core.http import NO_EDITS, SAFE_METHODS, ResponseEdits
from coatcheck.integrations.wsgi import (
    Environ,
    Pristine,
    Refused,
    StartResponse,
    WSGIApp,
    served,
)

if TYPE_CHECKING:
    from .session import FlaskSession

_ATTEMPT = "coatcheck.attempt"


def attempt_of(environ: dict[str, Any]) -> "FlaskAttempt | None":
    """The run of the application that *environ* is used for, or None outside of a request."""
    found = environ.get(_ATTEMPT)
    return found if isinstance(found, FlaskAttempt) and not found.over else None


class FlaskAttempt:
    """One run of a Flask application for one request."""

    waits = False

    def __init__(self, *, again: bool, repeatable: bool) -> None:
        self.again = again
        """Whether this is the second run."""
        self.over = False
        self.opened: list[FlaskSession] = []
        self._repeatable = repeatable
        self._lost: CoatcheckError | None = None

    def loses(self, error: CoatcheckError) -> bool:
        """Whether *error* means that the request is run again, so that this run counts nothing."""
        if self._repeatable and isinstance(error, SessionConflict):
            self._lost = error
        return self._lost is not None

    def begin(self, environ: Environ) -> None:
        environ[_ATTEMPT] = self

    def save(self, status: int) -> ResponseEdits:
        if self._lost is not None:
            raise self._lost
        return NO_EDITS

    def end(self) -> None:
        self.over = True
        for session in self.opened:
            if session.visit.processing is not None:
                session.visit.processing.close()
            if session.holder is not None:
                sessions = session.visit.sessions
                sessions.step(sessions.lifecycle.give_back(session))


class Edge:
    """The WSGI application *app* of a Flask application, with second runs."""

    def __init__(self, app: WSGIApp) -> None:
        self.app = app

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        pristine = Pristine.of(environ) if environ["REQUEST_METHOD"] in SAFE_METHODS else None
        runs: list[FlaskAttempt] = []

        def attempt(again: bool) -> FlaskAttempt:
            runs.append(FlaskAttempt(again=again, repeatable=pristine is not None and not again))
            return runs[-1]

        def rerun() -> None:
            event = Event(EventName.RERUN, detail=environ.get("PATH_INFO", ""))
            for session in runs[0].opened[:1]:
                session.visit.sessions.lifecycle.notify(event)

        try:
            return served(self.app, environ, start_response, attempt, pristine, rerun)
        except Refused as refused:
            raise refused.error from None
