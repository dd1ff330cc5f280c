"""What Django's settings say of sessions: the dict ``COATCHECK``, and Django's own ``SESSION_*``.

They are checked when they are first looked at, which the system checks do at start, and looked at
again when a test overrides them. ``current()`` is what everything here works with. Stores are kept
for the life of the process: a test that overrides a cookie's name meets the same records.
"""

import asyncio
import difflib
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, SynchronousOnlyOperation
from django.core.signals import setting_changed

from coatcheck.core import bridge
from coatcheck.core.engine import Sessions
from coatcheck.core.errors import ConfigurationError
from coatcheck.core.http import RequestView
from coatcheck.core.lifecycle import Lifecycle
from coatcheck.core.policy import DAY, SessionCookie, SessionPolicy
from coatcheck.core.store import BlockingStore, Store
from coatcheck.forms.once import Once
from coatcheck.wire.cookies import LONGEST_AGE
from coatcheck.wire.signing import Keyring

from ..addresses import awaitable_store_at, make_tables, store_at
from ..moving_in import moving_in
from ..once_blocking import Heartbeat
from ..threaded import Phases
from .database import DjangoStore
from .moving_in import DjangoIncumbent, incumbent_of

T = TypeVar("T")
Phase = Callable[[Lifecycle], Coroutine[Any, Any, T]]

DJANGO = "django"
"""The ``STORE`` that is Django's own database connection."""

APP = "coatcheck.integrations.django"

DJANGOS_ENGINE = "django.contrib.sessions.backends.db"
"""The engine that a project has which names none."""


@dataclass(frozen=True)
class Values:
    """The keys of ``COATCHECK`` in small letters, each with its default.

    *store* is "django" for Django's own database connection, the URL of a store, or a store.
    *isolation*, *on_conflict*, *wait*, *lease*, *renew_every*, *grace*, *device* and *max_bytes*
    are those of ``SessionPolicy``; times in seconds, or as timedelta. *lifetime* ends a session in
    any case; None is 90 days, or ``SESSION_COOKIE_AGE`` where that is longer. *move_from* is the
    ``SESSION_ENGINE`` that kept the sessions before, so that they are taken over, or None; where it
    is not given and sessions stay in Django's database, that is Django's default engine.
    """

    store: "str | BlockingStore | Store" = DJANGO
    isolation: str = "merge"
    on_conflict: str = "last"
    lifetime: float | timedelta | None = None
    wait: float | timedelta = 10.0
    lease: float | timedelta = 30.0
    renew_every: float | timedelta | None = None
    grace: float | timedelta = 60.0
    device: bool = True
    max_bytes: int = 1024 * 1024
    move_from: str | None = ""


KEYS = tuple(name.upper() for name in Values.__dataclass_fields__)


def read(given: object) -> Values:
    """*given* as the setting ``COATCHECK`` has it. Raises ``ImproperlyConfigured``."""
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured(
            f"COATCHECK is a {type(given).__name__}: it must be a dict, such as "
            'COATCHECK = {"ISOLATION": "serializable"}.'
        )
    for key in given:
        if key not in KEYS:
            near = difflib.get_close_matches(str(key).upper(), KEYS, 1, 0.5)
            meant = f"do you mean {near[0]!r}?" if near else f"there are {', '.join(KEYS)}."
            raise ImproperlyConfigured(f"COATCHECK[{key!r}] is no setting: {meant}")
    return Values(**{key.lower(): value for key, value in given.items()})


def policy_of(values: Values) -> SessionPolicy:
    """The policy that *values* and ``SESSION_COOKIE_AGE`` make.

    ``SESSION_COOKIE_AGE`` is the idle timeout: in Django too, a session ends when it has not been
    saved for so long. Raises ``InvalidPolicy``.
    """
    idle = min(float(settings.SESSION_COOKIE_AGE), float(LONGEST_AGE))
    lifetime = _seconds(values.lifetime)
    return SessionPolicy(
        idle_timeout=idle,
        lifetime=max(90.0 * DAY, idle) if lifetime is None else lifetime,
        isolation=values.isolation,  # type: ignore[arg-type]  # the policy checks it
        on_conflict=values.on_conflict,  # type: ignore[arg-type]  # and this
        wait=_seconds(values.wait) or 0.0,
        lease=_seconds(values.lease) or 0.0,
        renew_every=_seconds(values.renew_every),
        grace=_seconds(values.grace) or 0.0,
        device=bool(values.device),
        max_bytes=values.max_bytes,
    )


def cookie_of() -> SessionCookie:
    """The cookie as Django's settings describe it, marked Secure over https in any case.

    It has just the name that is set: other code looks for it under ``SESSION_COOKIE_NAME``.
    """
    name: str = settings.SESSION_COOKIE_NAME
    return SessionCookie(
        name=name,
        path=settings.SESSION_COOKIE_PATH,
        domain=settings.SESSION_COOKIE_DOMAIN,
        secure=True if settings.SESSION_COOKIE_SECURE else "auto",
        http_only=bool(settings.SESSION_COOKIE_HTTPONLY),
        same_site=settings.SESSION_COOKIE_SAMESITE or "Lax",
        persistent=not settings.SESSION_EXPIRE_AT_BROWSER_CLOSE,
        prefix=False,
    )


def keyring() -> Keyring:
    """``SECRET_KEY`` and ``SECRET_KEY_FALLBACKS``."""
    return Keyring([settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS])


class Configuration:
    """The sessions of the project, and how code that blocks and code that awaits reaches them."""

    def __init__(
        self,
        sessions: Sessions,
        *,
        url: str | None = None,
        pinned: bool = False,
        incumbent: DjangoIncumbent | None = None,
    ) -> None:
        self.sessions = sessions
        self.incumbent = incumbent
        """The engine that sessions are taken over from."""
        self.pinned = pinned
        """Whether the work of a request belongs on its one thread, where Django's database
        connection is."""
        self.in_place = False
        """Whether a load waits for nothing, so that an event loop may do it."""
        self._url = url
        self._phases = PinnedPhases(sessions) if pinned else Phases(sessions)
        self.in_place = self._phases.inline and not pinned
        self.heartbeat: Heartbeat | None = None
        """What keeps submissions alive whose views take long; see ``submissions``."""
        self._claims: dict[int, Once] = {}
        self._awaited: WeakKeyDictionary[asyncio.AbstractEventLoop, Sessions] = WeakKeyDictionary()

    def cookie_name(self, *, https: bool) -> str:
        """What the session's cookie is called in a request."""
        return self.sessions.lifecycle.cookie.attributes(https=https).name

    def showing(self, view: RequestView, text: str | None) -> RequestView:
        """*view* as if its session's cookie said *text*, or as if it had none."""
        name = self.cookie_name(https=view.https)
        cookies = () if text is None else (f"{name}={text}".encode("ascii", "replace"),)
        return view._replace(cookies=cookies)

    def now(self, phase: Phase[T]) -> T:
        """Run *phase* here, for code that cannot await.

        Raises ``SynchronousOnlyOperation`` on an event loop, which would have to wait.
        """
        if not (self.pinned or self.in_place) and _on_loop():
            raise SynchronousOnlyOperation(
                "an async function touched a session that has to wait for its store. Write "
                "`await request.session.aget(...)`, or `await request.session.aload()` first."
            )
        return self.sessions.step(phase(self.sessions.lifecycle))

    async def soon(self, phase: Phase[T]) -> T:
        """Run *phase* from code that awaits: on the loop over a store that can be awaited, else
        in one hop to a thread."""
        awaited = self._for_this_loop()
        if awaited is not None:
            return await phase(awaited.lifecycle)
        return await self._phases.run(phase(self.sessions.lifecycle))

    def once_over(self, lifecycle: Lifecycle) -> Once:
        """The claims of submissions in the store of *lifecycle*, one of this configuration's."""
        found = self._claims.get(id(lifecycle))
        if found is None:
            stepped = lifecycle is self.sessions.lifecycle and self.sessions.blocking
            pause = bridge.pause if stepped else bridge.async_pause
            found = Once(lifecycle.store, keyring(), lifecycle.clock, pause)
            self._claims[id(lifecycle)] = found
        return found

    def _for_this_loop(self) -> Sessions | None:
        """The awaitable twin of the sessions, where their URL has one. It serves one loop."""
        if self._url is None:
            return None
        loop = asyncio.get_running_loop()
        found = self._awaited.get(loop)
        if found is None:
            store = awaitable_store_at(self._url)
            if store is None:
                self._url = None  # do not ask again
                return None
            known = self.sessions.lifecycle
            found = self._awaited[loop] = Sessions(
                store,
                policy=known.policy,
                cookie=known.cookie,
                clock=known.clock,
                listener=known.notify,
            )
        return found


class PinnedPhases(Phases):
    """Phases on the one thread that Django gives to each request's blocking code.

    Its database connections belong to threads; on others, tests would not see their transaction.
    """

    async def _hop(self, phase: Coroutine[Any, Any, T]) -> "bridge.Nap | bridge.Done[T]":
        return await sync_to_async(partial(bridge.advance, phase), thread_sensitive=True)()


_current: Configuration | None = None
_stores: dict[str, BlockingStore] = {}


def current() -> Configuration:
    """The configuration that the settings make. Raises ``ImproperlyConfigured``."""
    global _current  # noqa: PLW0603 (settings are one for the process, too)
    if _current is None:
        _current = made()
    return _current


def sessions() -> Sessions:
    """The engine behind the project's sessions: to list, revoke and sweep them from any code.

    With a store that only awaits, its methods are those of ``sessions().lifecycle``, awaited.
    """
    return current().sessions


def use(configuration: Configuration | None) -> None:
    """Work with *configuration* from now on; with None, with what the settings say."""
    global _current  # noqa: PLW0603 (as above)
    _current = configuration


def made() -> Configuration:
    """A configuration as the settings say. Raises ``ImproperlyConfigured``."""
    values = read(getattr(settings, "COATCHECK", {}))
    try:
        policy, cookie = policy_of(values), cookie_of()
        store = _store_of(values.store)
        sessions = Sessions(store, policy=policy, cookie=cookie)
        incumbent = incumbent_of(_moved_from(values, store))
        if incumbent is not None:
            sessions = moving_in(sessions, incumbent)
    except ConfigurationError as error:
        raise ImproperlyConfigured(f"COATCHECK or SESSION_*: {error}") from error
    own = isinstance(store, DjangoStore)
    url = values.store if isinstance(values.store, str) and not own else None
    if incumbent is not None:
        return Configuration(sessions, pinned=True, incumbent=incumbent)
    return Configuration(sessions, url=url, pinned=own)


def _moved_from(values: Values, store: object) -> str | None:
    if values.move_from != "":
        return values.move_from
    stayed = isinstance(store, DjangoStore) and apps.is_installed("django.contrib.sessions")
    return DJANGOS_ENGINE if stayed else None


def _store_of(store: object) -> BlockingStore | Store:
    if not isinstance(store, str):
        if not callable(getattr(store, "load", None)):
            raise ConfigurationError(
                f'STORE is a {type(store).__name__}: it must be "django", the URL of a store, such '
                'as "valkey://127.0.0.1:6379/0", or a store.'
            )
        return store  # type: ignore[return-value]  # whoever gives an object knows its verbs
    if store == DJANGO:
        if not apps.is_installed(APP):
            raise ConfigurationError(
                f'sessions have no table in the database: add "{APP}" to INSTALLED_APPS and run '
                '`python manage.py migrate`, or name another store in COATCHECK["STORE"].'
            )
        return DjangoStore()
    if store not in _stores:
        _stores[store] = store_at(store)
    return _stores[store]


def create_tables(**_: object) -> None:
    """Make the tables of a store with a URL of its own, when ``migrate`` has run."""
    make_tables(current().sessions.store)


def _forget(*, setting: str, **_: object) -> None:
    if setting == "COATCHECK" or setting.startswith(("SESSION_", "SECRET_KEY")):
        use(None)


setting_changed.connect(_forget)


def _seconds(time: float | timedelta | None) -> float | None:
    return time.total_seconds() if isinstance(time, timedelta) else time


def _on_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
