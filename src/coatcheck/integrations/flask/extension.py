"""``Coatcheck(app)``: sessions of a Flask application in a store on the server."""

from datetime import timedelta
from pathlib import Path

import flask

from coatcheck.core.engine import Sessions
from coatcheck.core.errors import ConfigurationError, SessionConflict, StoreUnavailable
from coatcheck.core.policy import SessionCookie, SessionPolicy
from coatcheck.integrations.addresses import store_at
from coatcheck.integrations.moving_in import Incumbent, moving_in
from coatcheck.integrations.wsgi import refuse_awaitable

from .answers import shown
from .commands import sessions_commands
from .config import STORE, Settings
from .edge import Edge
from .interface import SessionInterface
from .moving import incumbent_of
from .once import Forms, once_token

NAME = "coatcheck"


class Coatcheck:
    """Keeps the sessions of *app* in a store, in place of Flask's signed cookie.

    ``Coatcheck(app)``, or ``Coatcheck()`` and ``init_app(app)`` in an application factory. The
    store is that of *sessions*, or the one whose address is ``app.config["COATCHECK_STORE"]``, or
    an SQLite file in the application's instance folder. *move_from* takes over the sessions that
    visitors have: "flask" those of Flask's signed cookie, "flask-session" those of Flask-Session;
    or set ``COATCHECK_MOVE_FROM``. Raises ``ConfigurationError`` for settings
    that cannot be meant, for a store that is awaited, and for a ``cookie`` in *sessions*: how the
    cookie looks is said by Flask's own ``SESSION_COOKIE_...``.
    """

    def __init__(
        self,
        app: flask.Flask | None = None,
        sessions: Sessions | None = None,
        *,
        move_from: str | Incumbent | None = None,
    ) -> None:
        self._given = sessions
        self._move_from = move_from
        self._apps: list[flask.Flask] = []
        if app is not None:
            self.init_app(app)

    def init_app(self, app: flask.Flask) -> None:
        """Set *app* up. What its config says is read now; ``SESSION_COOKIE_...`` with each request.

        Raises as the constructor does.
        """
        if NAME in app.extensions:
            raise ConfigurationError(f"Coatcheck is set up twice for the application {app.name!r}.")
        settings = Settings.of(app.config)
        given = SessionPolicy() if self._given is None else self._given.policy
        settings.policy_for(given, app.permanent_session_lifetime)  # before a store is opened
        if self._given is not None and settings.store is not None:
            raise ConfigurationError(
                f"{STORE} names a store and Coatcheck(app, sessions) was given another: drop one."
            )
        before = self._move_from or settings.move_from
        incumbent = None if before is None else incumbent_of(app, before)
        sessions = self._given or _opened(app, settings)
        if incumbent is not None:
            sessions = moving_in(sessions, incumbent)
        installed = Installed(settings, sessions)
        interface = SessionInterface(installed)
        interface.sessions(app)  # so that what cannot be meant is said now
        app.extensions[NAME] = installed
        app.session_interface = interface
        app.wsgi_app = Edge(app.wsgi_app)  # type: ignore[method-assign]
        handlers = app.error_handler_spec[None][None]
        for kind in (StoreUnavailable, SessionConflict):
            if kind not in handlers:
                app.register_error_handler(kind, shown)
        app.cli.add_command(sessions_commands)
        # Not a global: that would make the template environment before its options are set.
        app.context_processor(lambda: {"once_token": once_token})
        self._apps.append(app)

    @property
    def sessions(self) -> Sessions:
        """The engine of the current application, or of the only one: ``sessions.of(user)``."""
        app = flask.current_app._get_current_object() if flask.has_app_context() else None  # type: ignore[attr-defined]
        if app is None and len(self._apps) == 1:
            app = self._apps[0]
        if app is None or NAME not in app.extensions:
            raise RuntimeError(
                "no application is at hand whose sessions could be meant: call init_app(app) "
                "first, and use this within `with app.app_context():`."
            )
        return engine_of(app)


class Installed:
    """What ``Coatcheck`` keeps of one application."""

    def __init__(self, settings: Settings, given: Sessions) -> None:
        refuse_awaitable(given)
        if given.lifecycle.cookie != SessionCookie():
            raise ConfigurationError(
                "in Flask the cookie looks as SESSION_COOKIE_NAME, SESSION_COOKIE_DOMAIN and the "
                "like in app.config say: set these, and drop cookie= from Sessions(...)."
            )
        self.settings = settings
        self.given = given
        self._forms: tuple[list[str], Forms] | None = None

    def forms(self, app: flask.Flask) -> Forms:
        """The submissions of *app*, whose keys may change. Raises ``ConfigurationError``."""
        keys = keys_of(app)
        if self._forms is None or self._forms[0] != keys:
            self._forms = keys, Forms(self, keys)
        return self._forms[1]

    def engine(self, cookie: SessionCookie, permanent: timedelta) -> Sessions:
        """Sessions whose cookie looks so, and that last for *permanent* when unused."""
        policy = self.settings.policy_for(self.given.policy, permanent)
        return self.given.under(policy, cookie)


def engine_of(app: flask.Flask) -> Sessions:
    """The engine of *app*, as its config is now. Raises ``ConfigurationError`` without one."""
    interface = app.session_interface
    if not isinstance(interface, SessionInterface):
        raise ConfigurationError(
            f"the application {app.name!r} has another session_interface than Coatcheck's."
        )
    return interface.sessions(app)


def keys_of(app: flask.Flask) -> list[str]:
    """The application's signing keys, newest first; none where it has no SECRET_KEY."""
    keys = (
        [app.secret_key, *(app.config.get("SECRET_KEY_FALLBACKS") or ())] if app.secret_key else []
    )
    return [key.decode("latin-1") if isinstance(key, bytes) else key for key in keys]


def _opened(app: flask.Flask, settings: Settings) -> Sessions:
    if settings.store is not None:
        return Sessions(store_at(settings.store, keys_of(app)))
    folder = Path(app.instance_path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"sessions are kept in {folder}, which cannot be made: {error}. Set {STORE} to the "
            "address of another place, such as 'sqlite:////var/lib/site/sessions.sqlite3'."
        ) from error
    return Sessions(store_at(f"sqlite:///{folder / 'sessions.sqlite3'}"))
