"""How the session of one Flask request reaches its store, and what the request's view asks for."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import flask

from coatcheck.core.engine import Sessions, Visit
from coatcheck.core.policy import Isolation
from coatcheck.core.session import Session
from coatcheck.integrations.wsgi import Mode, request_view

from .edge import FlaskAttempt

if TYPE_CHECKING:
    from .once import Processing

V = TypeVar("V", bound=Callable[..., Any])

_MODE = "coatcheck_session_mode"


def session_mode(mode: Mode) -> Callable[[V], V]:
    """Give a view a mode of its own: "merge", "serializable" or "read".

    Write it below ``@app.route``. With "read" the session is never saved and changing it is an
    error, so that such a view neither waits nor keeps others waiting.
    """

    def marked(view: V) -> V:
        setattr(view, _MODE, mode)
        return view

    return marked


class FlaskVisit(Visit):
    """One request of a Flask application."""

    def __init__(
        self,
        sessions: Sessions,
        app: flask.Flask,
        request: flask.Request,
        attempt: FlaskAttempt | None,
    ) -> None:
        self.view = request_view(request.environ)
        super().__init__(sessions, self.view)
        self.sessions = sessions
        self.attempt = attempt
        self.processing: Processing | None = None
        """The submission that this request processes."""
        self.personal = False
        """Whether the page has something for this visitor alone, without the session."""
        self.binding: str | None = None
        """What a form was bound to, for a browser that has yet to be given it."""
        self._app = app
        self._request = request

    @property
    def mode(self) -> Mode | None:
        """What the view asks for. The request is matched by then, or there is no view."""
        view = self._app.view_functions.get(self._request.endpoint or "")
        mode: Mode | None = getattr(view, _MODE, None)
        return mode

    @property
    def isolation(self) -> Isolation:
        """The isolation that the session is saved with."""
        mode = self.mode
        return self.sessions.policy.isolation if mode is None or mode == "read" else mode

    def load_now(self, session: Session) -> None:
        attempt = self.attempt
        # Whoever takes a lease has to give it back, which is the edge's to do.
        leased = (
            attempt is not None
            and not attempt.over
            and self.isolation == "serializable"
            and self.mode != "read"
            and (attempt.again or not self.view.safe)
        )
        self.sessions.step(self.sessions.lifecycle.load(session, leased=leased))
