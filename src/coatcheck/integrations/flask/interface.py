"""Flask's ``SessionInterface`` over a store of coatcheck: opens at once, loads at the first touch.

All of Flask's ``get_cookie_…`` methods are asked, and may be overridden. ``extension`` sets it up;
``edge`` stands around the application and runs a safe request again that lost a race.
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn, cast

import flask
from flask.sessions import NullSession, SessionMixin
from flask.sessions import SessionInterface as FlaskInterface

from coatcheck.core.engine import Sessions
from coatcheck.core.errors import SessionReadOnly
from coatcheck.core.http import CACHE_CONTROL, NO_EDITS, ResponseEdits
from coatcheck.core.policy import SessionCookie
from coatcheck.integrations.refusals import VISITORS_ERRORS
from coatcheck.integrations.wsgi import READ_ONLY, STARTED
from coatcheck.wire.cookies import CookieAttributes

from .answers import answer_to, turn_into
from .edge import attempt_of
from .once import binding_cookie
from .session import PERMANENT, FlaskSession
from .visit import FlaskVisit

if TYPE_CHECKING:
    from .extension import Installed


class NoSession(NullSession):
    """What stands for a session where none could be opened: empty, and every change says why."""

    def _fail(self, *_: object, **__: object) -> NoReturn:
        raise RuntimeError(
            "The session is unavailable, as no session was opened for this request: "
            "open_session() of the application's session_interface returned None. Coatcheck(app) "
            "sets up one that always opens; look for what has replaced it."
        )

    __setitem__ = __delitem__ = clear = pop = popitem = update = setdefault = _fail
    del _fail


class SessionInterface(FlaskInterface):
    """Opens and saves the sessions of one application. Needs no SECRET_KEY.

    ``open_session`` asks no store and never fails; who touches the session while the store is away
    gets an error that is answered with 503. ``save_session`` commits, at most once for a session;
    what it cannot save turns the response into a 409 or 503. It saves nothing of a response with a
    status of 500 and above.
    """

    null_session_class = NoSession

    def __init__(self, installed: "Installed") -> None:
        self._installed = installed
        self._engine: tuple[object, Sessions] | None = None

    # -- Flask's contract ---------------------------------------------------------------------

    def open_session(self, app: flask.Flask, request: flask.Request) -> FlaskSession:
        sessions = self.sessions(app)
        visit = FlaskVisit(sessions, app, request, attempt_of(request.environ))
        session = cast(FlaskSession, sessions.lifecycle.open(visit.view, visit, FlaskSession))
        session.visit = visit
        if visit.attempt is not None:
            visit.attempt.opened.append(session)
        return session

    def save_session(
        self, app: flask.Flask, session: SessionMixin | None, response: flask.Response
    ) -> None:
        if not isinstance(session, FlaskSession):
            return  # None after an error while opening, or what a test has put in its place
        first = session.edits is None
        if session.edits is None:
            try:
                session.edits = self._save(app, session, response.status_code)
            except VISITORS_ERRORS as error:
                session.edits = NO_EDITS
                attempt = session.visit.attempt
                if attempt is None or not attempt.loses(error):
                    turn_into(response, answer_to(app, error))
            finally:
                session.close(STARTED)
        self._apply(app, session, session.edits, response)
        if first and session.visit.processing is not None:
            session.visit.processing.keep(response, session.flashed)

    def _save(self, app: flask.Flask, session: FlaskSession, status: int) -> ResponseEdits:
        if status >= 500 or not session.loaded or not session.accessed:
            return ResponseEdits(vary=session.accessed)
        visit = session.visit
        if visit.mode == "read":
            if session.modified:
                raise SessionReadOnly(READ_ONLY)
            return ResponseEdits(vary=True)
        session.follow(self._installed.settings.user_keys)
        loaded = session.record
        if session.says_nothing and not session.ending:
            return ResponseEdits(vary=True)
        edits = visit.sessions.commit(session, visit.view, visit.isolation)
        if loaded is None and session.record is not None:
            session.modified = True  # it has just begun, and a test may ask
        if edits.set_cookie is None and loaded is not None and session.token is not None:
            turned = session.stored(PERMANENT) != session.held(PERMANENT)
            if turned and session.token.proves(loaded.digest):
                # The same cookie, which is to last for another time than before.
                edits = edits._replace(set_cookie=f"={session.token}")
        return edits

    def _apply(
        self,
        app: flask.Flask,
        session: FlaskSession,
        edits: ResponseEdits,
        response: flask.Response,
    ) -> None:
        if edits.vary:
            personal = session.touched or session.visit.personal
            if personal and "Cache-Control" not in response.headers:
                response.headers["Cache-Control"] = CACHE_CONTROL
            # Without Vary on a page with a ticket, so that Back brings that very ticket: see
            # ``integrations.headers``.
            kept = session.visit.personal and response.headers["Cache-Control"] == CACHE_CONTROL
            if not kept and "*" not in response.vary:
                response.vary.add("Cookie")
        if session.visit.binding is not None:
            looks = binding_cookie(session)
            response.set_cookie(looks.name, session.visit.binding, **_attributes(looks))
        if edits.forget is not None:
            response.headers.add("Set-Cookie", edits.forget)
        if edits.set_cookie is None:
            return
        looks = self._cookie(app).attributes(https=session.visit.view.https)
        value = edits.set_cookie.partition(";")[0].partition("=")[2]
        if value:
            expires = self.get_expiration_time(app, session)
            response.set_cookie(looks.name, value, expires=expires, **_attributes(looks))
        else:
            response.delete_cookie(looks.name, **_attributes(looks))

    # -- how the cookie looks -----------------------------------------------------------------

    def get_cookie_samesite(self, app: flask.Flask) -> str | None:
        """SESSION_COOKIE_SAMESITE, or Lax, as browsers take it without a word."""
        return super().get_cookie_samesite(app) or "Lax"

    def get_expiration_time(self, app: flask.Flask, session: SessionMixin) -> datetime | None:
        """Until when a browser keeps the cookie: None for as long as it is open.

        That is the longest that a permanent session can last. The server judges when it has been
        unused for too long; a cookie that was sent again for each new deadline could overwrite a
        newer one of a parallel login.
        """
        if not session.permanent:
            return None
        sessions = self.sessions(app)
        record = session.record if isinstance(session, FlaskSession) else None
        begun = record.created if record is not None else sessions.lifecycle.clock()
        left = begun + sessions.policy.lifetime - sessions.lifecycle.clock()
        return datetime.now(UTC) + timedelta(seconds=left)

    def _cookie(self, app: flask.Flask) -> SessionCookie:
        name = self.get_cookie_name(app)
        return SessionCookie(
            name=name,
            path=self.get_cookie_path(app),
            domain=self.get_cookie_domain(app),
            secure=True if self.get_cookie_secure(app) else "auto",
            http_only=self.get_cookie_httponly(app),
            same_site=self.get_cookie_samesite(app),  # type: ignore[arg-type]  # checked there
            partitioned=self.get_cookie_partitioned(app),
            # A name that somebody has chosen is taken as it is.
            prefix=name == flask.Flask.default_config["SESSION_COOKIE_NAME"],
        )

    def sessions(self, app: flask.Flask) -> Sessions:
        """The engine for what *app*'s config says by now."""
        looks = (
            self.get_cookie_name(app),
            self.get_cookie_path(app),
            self.get_cookie_domain(app),
            self.get_cookie_secure(app),
            app.permanent_session_lifetime,
        )
        if self._engine is None or self._engine[0] != looks:
            self._engine = (
                looks,
                self._installed.engine(self._cookie(app), app.permanent_session_lifetime),
            )
        return self._engine[1]


def _attributes(looks: CookieAttributes) -> dict[str, Any]:
    """*looks* as Werkzeug's responses take them."""
    return {
        "path": looks.path,
        "domain": looks.domain,
        "secure": looks.secure,
        "httponly": looks.http_only,
        "samesite": looks.same_site,
        "partitioned": looks.partitioned,
    }
