"""``App``: one site as an ASGI application, put together when the first request or server comes.

Settings, routes, templates, sessions and the layers between server and view are each made once,
from the values given by then; ``dispatch`` answers the requests.
"""

import asyncio
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from coatcheck.core.engine import Sessions
from coatcheck.core.errors import CoatcheckError, ConfigurationError
from coatcheck.core.policy import SessionCookie, SessionPolicy
from coatcheck.forms.limits import Limits
from coatcheck.forms.origins import TrustedOrigins, trusted_origins
from coatcheck.forms.typed.host import STATIC, TEMPLATES
from coatcheck.integrations.asgi import Mode, SessionMiddleware
from coatcheck.stores import apart, from_url
from coatcheck.web.apps import InstalledApp, installed_apps
from coatcheck.web.boundary import ErrorPages
from coatcheck.web.database_files import DatabaseFiles, database_files
from coatcheck.web.dispatch import Dispatcher, resolve
from coatcheck.web.habits import Habits
from coatcheck.web.hooks import Hooks
from coatcheck.web.lost_cookies import LostCookies
from coatcheck.web.middleware import AllowedHosts, SecurityHeaders, site_middleware
from coatcheck.web.routing import (
    Entry,
    Found,
    Route,
    Routes,
    check_entries,
    check_methods,
    include,
)
from coatcheck.web.settings import Settings, load_settings, without_settings
from coatcheck.web.static import Static
from coatcheck.wire.signing import Keyring

if TYPE_CHECKING:
    from jinja2 import Environment

    from coatcheck.forms.typed.form import Form
    from coatcheck.web.database import Database

V = TypeVar("V", bound=Callable[..., Any])


class App(Hooks, Habits):
    """A site. *import_name* is ``__name__`` of the module that makes it.

    *urlpatterns* is a list of ``path(...)`` or the dotted name of a module that has one; routes may
    also be added with ``@app.route``. *settings* is a mapping, a module or its dotted name; without
    it the module that COATCHECK_SETTINGS names, or the defaults. *limits* bound what one form may
    hold, in place of FORM_LIMITS. Nothing is read or opened before the first use.
    """

    def __init__(
        self,
        import_name: str,
        *,
        urlpatterns: Sequence[Entry] | str | None = None,
        settings: Settings | Mapping[str, Any] | ModuleType | str | None = None,
        limits: Limits | None = None,
    ) -> None:
        super().__init__()
        self.import_name = import_name
        self._given_limits = limits
        self._given_urlpatterns = urlpatterns
        self._given_settings = settings
        self._overrides: dict[str, Any] = {}
        self._own_routes: list[Route] = []
        self._routes: Routes | None = None
        self._making = threading.Lock()

    # Settings

    @property
    def file(self) -> Path | None:
        """The file of the module that made the app; None in an interactive session."""
        name = getattr(sys.modules.get(self.import_name), "__file__", None)
        return Path(name).resolve() if name else None

    @property
    def folder(self) -> Path:
        """The folder that ``templates/`` and ``static/`` of a one-file app lie in."""
        return self.file.parent if self.file else Path.cwd()

    @cached_property
    def settings(self) -> Settings:
        """The settings, checked. Raises InvalidSettings with every problem there is."""
        given = self._given_settings
        if isinstance(given, Settings):
            return given
        if isinstance(given, ModuleType):
            given = {name: value for name, value in vars(given).items() if name.isupper()}
        return load_settings(given, self.folder, MappingProxyType(self._overrides))

    @property
    def limits(self) -> Limits:
        """What one form may hold."""
        return self._given_limits or self.settings.form_limits

    @property
    def debug(self) -> bool:
        """Whether visitors see debug pages."""
        return self.settings.debug

    @debug.setter
    def debug(self, on: bool) -> None:
        self.override("DEBUG", on, said="app.debug")

    @property
    def secret_key(self) -> str:
        """What signs the tokens of forms. Setting it wins over the settings' SECRET_KEY."""
        return self.settings.secret_key

    @secret_key.setter
    def secret_key(self, key: str) -> None:
        self.override("SECRET_KEY", key, said="app.secret_key")

    def override(self, name: str, value: object, *, said: str = "") -> None:
        """Let the setting *name* be *value*, whatever the settings say.

        Raises ConfigurationError once they are in use.
        """
        said = said or f"app.config[{name!r}]"
        if "_stack" in self.__dict__:
            raise ConfigurationError(
                f"{said} was set after the first request was answered.\n"
                "Set it right below app = App(__name__)."
            )
        if isinstance(self._given_settings, Settings):
            raise ConfigurationError(
                f"{said} was set, and the app was given finished Settings.\n"
                f"Set {name} in them instead."
            )
        self._overrides[name] = value
        for made in ("settings", "keyring", "secrets", "trusted_origins", "installed"):
            self.__dict__.pop(made, None)

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """What no error page may show."""
        store = self.settings.session_store
        urls = (self.settings.database_url, store, apart(store)[1])
        passwords = [urlsplit(url).password for url in urls]
        keys = (self.settings.secret_key, *self.settings.secret_key_fallbacks)
        return tuple(secret for secret in (*keys, *passwords) if secret)

    @cached_property
    def keyring(self) -> Keyring:
        return Keyring([self.settings.secret_key, *self.settings.secret_key_fallbacks])

    @cached_property
    def trusted_origins(self) -> TrustedOrigins:
        return trusted_origins(self.settings.trusted_origins)

    @cached_property
    def installed(self) -> tuple[InstalledApp, ...]:
        return installed_apps(self.settings)

    # Routes

    @property
    def routes(self) -> Routes:
        """Every route, those of *urlpatterns* first."""
        if self._routes is None:
            self._routes = Routes((*self._urlpatterns, *self._own_routes))
        return self._routes

    @cached_property
    def _urlpatterns(self) -> tuple[Entry, ...]:
        given = self._given_urlpatterns
        if given is None:
            given = self.settings.root_urlconf or ()
        return tuple(include(given).entries if isinstance(given, str) else check_entries(given))

    def route(
        self,
        rule: str,
        *,
        methods: Iterable[str] = ("GET",),
        endpoint: str | None = None,
        name: str | None = None,
        session: Mode | None = None,
    ) -> Callable[[V], V]:
        """Answer *rule* with the decorated view, which gets the values from the path only.

        The view's name, or *endpoint* (or *name*), is what ``url_for`` knows it by. *session* is
        "read" for a page that only reads it, or an isolation for this route alone.
        """
        allowed = check_methods(methods)

        def decorate(view: V) -> V:
            known = endpoint or name or getattr(view, "__name__", None)
            for other in self._own_routes:
                if known is not None and other.name == known and other.view is not view:
                    raise ConfigurationError(
                        f"Two views are called {known!r}; url_for could not tell them apart.\n"
                        f"Rename one, or give it another name: @app.route({rule!r}, name=...)"
                    )
            self._own_routes.append(
                Route(rule, view, {}, known, allowed, takes_request=False, session=session)
            )
            self._routes = None
            return view

        return decorate

    def form(
        self,
        rule: str,
        form: "type[Form]",
        *,
        template: str | None = None,
        initial: Any = None,
        **options: Any,
    ) -> Callable[[V], V]:
        """Show *form* at *rule*, and call the view with its data once that has no errors.

        See ``coatcheck.web.forms.form_page``, and ``route`` for the *options*; the view gets the
        data first and then the values from the path.
        """
        from coatcheck.web.forms import form_view

        def decorate(view: V) -> V:
            page = form_view(form, view, template, initial, takes_request=False)
            self.route(rule, methods=("GET", "POST"), **options)(page)
            return view

        return decorate

    def get(self, rule: str, **options: Any) -> Callable[[V], V]:
        """``route`` for GET."""
        return self.route(rule, methods=("GET",), **options)

    def post(self, rule: str, **options: Any) -> Callable[[V], V]:
        """``route`` for POST."""
        return self.route(rule, methods=("POST",), **options)

    def put(self, rule: str, **options: Any) -> Callable[[V], V]:
        """``route`` for PUT."""
        return self.route(rule, methods=("PUT",), **options)

    def patch(self, rule: str, **options: Any) -> Callable[[V], V]:
        """``route`` for PATCH."""
        return self.route(rule, methods=("PATCH",), **options)

    def delete(self, rule: str, **options: Any) -> Callable[[V], V]:
        """``route`` for DELETE."""
        return self.route(rule, methods=("DELETE",), **options)

    # Parts

    @cached_property
    def templates(self) -> "Environment":
        """The Jinja environment; add to its ``globals`` and ``filters`` as you like."""
        from coatcheck.web.templates import make_environment

        return make_environment([*self._folders("templates"), TEMPLATES], debug=self.debug)

    def _folders(self, kind: str) -> list[Path]:
        """Where *kind* ("templates" or "static") is looked for, the site's own folders first.

        Those may be made while the site runs; an app's is there from the start or never.
        """
        named = self.settings.templates if kind == "templates" else self.settings.static_dirs
        of_apps = [app.folder / kind for app in self.installed if (app.folder / kind).is_dir()]
        return list(dict.fromkeys([*named, self.folder / kind, *of_apps]))

    @cached_property
    def sessions(self) -> Sessions:
        """The sessions of this site, to list and revoke them; opens the store."""
        settings = self.settings
        keys = [settings.secret_key, *settings.secret_key_fallbacks]
        try:
            store = from_url(settings.session_store, keys=keys)
        except ConfigurationError as error:
            raise ConfigurationError(f"SESSION_STORE in {settings.where}: {error}") from error
        return Sessions(
            store,
            policy=SessionPolicy(
                idle_timeout=settings.session_idle_timeout,
                lifetime=settings.session_lifetime,
                isolation=settings.session_isolation,
            ),
            cookie=SessionCookie(
                name=settings.session_cookie_name,
                domain=settings.session_cookie_domain,
                secure=settings.session_cookie_secure,
                same_site=settings.session_cookie_samesite,
                persistent=not settings.session_expire_at_browser_close,
            ),
        )

    @cached_property
    def database(self) -> "Database":
        """The database that ``db`` speaks to. The first use imports SQLAlchemy."""
        from coatcheck.web.database import Database

        with self._making:
            # The first to ask are views, in threads. Two engines would be two databases in memory.
            if "database" not in self.__dict__:
                made = Database(self.settings.database_url)
                made.engine  # noqa: B018
                self.__dict__["database"] = made
            found: Database = self.__dict__["database"]
            return found

    # ASGI

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._stack(scope, receive, send)
        else:
            await WebSocketClose()(scope, receive, send)

    @cached_property
    def _stack(self) -> ASGIApp:
        settings = self.settings
        self.keyring, self.trusted_origins, self.routes, self.templates  # noqa: B018 (fail now)
        if without_settings(self._given_settings):
            # A one-file app, under any server: nobody has typed ``migrate`` for it.
            from coatcheck.web.migrations import ensure_own
            from coatcheck.web.one_file import make_tables_of

            ensure_own(settings, _tell)
            make_tables_of(self.import_name, settings, _tell)
        stack: ASGIApp = Dispatcher(self)
        for wrap in reversed(site_middleware(settings.middleware, settings.where)):
            stack = wrap(stack)
        stack = SessionMiddleware(
            stack,
            self.sessions,
            mode=self._session_mode,
            preload=False,
            eager=False,
            answer=_raise,
        )
        files = database_files([settings.database_url, apart(settings.session_store)[1]])
        if files:
            stack = DatabaseFiles(stack, files)
        if "://" not in settings.static_url:
            folders = [*self._folders("static"), STATIC]
            stack = Static(stack, settings.static_url, folders, debug=self.debug)
        stack = AllowedHosts(stack, settings.allowed_hosts)
        if settings.session_cookie_secure is True:
            stack = LostCookies(stack)
        return SecurityHeaders(ErrorPages(stack, self))

    def _session_mode(self, scope: Any) -> Mode | None:
        found = resolve(self, scope)
        return found.endpoint.route.session if isinstance(found, Found) else None

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self._stack  # noqa: B018 (made here, so that a mistake stops the server and no visitor)
        except Exception as error:
            told = str(error) if isinstance(error, CoatcheckError) else traceback.format_exc()
            await send({"type": "lifespan.startup.failed", "message": told})
            raise  # whoever waits for the site's end, as Starlette's test client does, gets it
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def close(self) -> None:
        """Give the connections of store and database back. The next request opens new ones."""
        if "sessions" in self.__dict__:
            await self.sessions.lifecycle.store.close()
        if "database" in self.__dict__:
            self.database.close()
        for made in ("_stack", "sessions", "database"):
            self.__dict__.pop(made, None)

    def close_blocking(self) -> None:
        """``close``, for a script without an event loop."""
        asyncio.run(self.close())

    def __repr__(self) -> str:
        return f"<App {self.import_name}>"


def _tell(message: str, *, nl: bool = True) -> None:
    sys.stderr.write(message + ("\n" if nl else ""))


async def _raise(error: CoatcheckError, scope: Any, receive: Any, send: Any) -> None:
    # Shown by ErrorPages like everything else. ``from`` keeps the middleware's own step unseen.
    raise error from error.__cause__
