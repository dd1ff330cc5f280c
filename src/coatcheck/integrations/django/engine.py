"""The session engine: ``SESSION_ENGINE = "coatcheck.integrations.django.engine"``.

``SessionStore`` is Django's session with all its methods over a session of coatcheck. Opened by
code or by Django's middleware it saves where Django's would: ``flush``, ``create``, ``save`` and
``delete`` at once. Under our own middleware ``flush`` waits for the response, so that a request
which fails leaves everything as it was; ``session_key`` is then the record's id, which opens
nothing, and otherwise the whole token, which is what the cookie holds.

Each verb is written once, as a coroutine over the lifecycle, for the method and its async twin.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.utils import timezone

from coatcheck.core.expiry import EXPIRY
from coatcheck.core.http import RequestView
from coatcheck.core.lifecycle import Lifecycle
from coatcheck.core.record import Record
from coatcheck.core.session import Exclusive, Phase, Session, user_key
from coatcheck.wire.tokens import Token

from . import configuration
from .moving_in import EXPIRY_KEY, kept_expiry

if TYPE_CHECKING:
    from .submissions import Processing

USER_KEY = "_auth_user_id"
"""Where ``django.contrib.auth`` keeps who is logged in."""

NOBODY = RequestView("", False, ())
"""A session that no request came for has no device."""

_ID_LENGTH = len(Token.new().id)


class DjangoSession(Session):
    """A session under the names that Django has for what is in it.

    Its expiry is coatcheck's own, so that the store knows the deadline; the user that
    ``django.contrib.auth`` puts into it is the one that the record is bound to.
    """

    def __getitem__(self, key: str) -> Any:
        if key != EXPIRY_KEY:
            return super().__getitem__(key)
        try:
            return _told(super().__getitem__(EXPIRY))
        except KeyError:
            raise KeyError(key) from None

    def __setitem__(self, key: str, value: Any) -> None:
        if key == EXPIRY_KEY:
            super().__setitem__(EXPIRY, kept_expiry(value))
            return
        super().__setitem__(key, value)
        if key == USER_KEY:
            self._bind(value)

    def __delitem__(self, key: str) -> None:
        super().__delitem__(EXPIRY if key == EXPIRY_KEY else key)

    def __contains__(self, key: object) -> bool:
        return super().__contains__(EXPIRY if key == EXPIRY_KEY else key)

    def __iter__(self) -> Iterator[str]:
        return (EXPIRY_KEY if key == EXPIRY else key for key in super().__iter__())

    def _bind(self, user: object) -> None:
        try:
            key = user_key(user)
        except (TypeError, ValueError):
            return  # not a user that anybody could look for
        if key != self.user:
            self.entering = key
            self.renewing = self.record is not None

    def held(self) -> dict[str, Any]:
        """All that is in it, as a dict."""
        return {key: self[key] for key in self}


class SessionStore(SessionBase):
    """Django's session. See ``django.contrib.sessions.backends.base`` for what its methods promise.

    Beyond them it has the operations of coatcheck's sessions, which never conflict.
    """

    def __init__(self, session_key: str | None = None) -> None:
        self._configuration = configuration.current()
        self._core: DjangoSession | None = None
        self._closed: str | None = None
        self.managed = False
        """Whether our own middleware saves it."""
        self.view = NOBODY
        """The request that it belongs to."""
        self._leased = False
        self._written = False
        self._set_aside: object = None
        self.flushed = False
        """Whether the visitor's session was ended on purpose, and no other begun."""
        self.processing: Processing | None = None
        """The form that the request submits, while its view runs; see ``submissions``."""
        self.binding: str | None = None
        """What a browser without a session is given to be told from others."""
        self.ticketed = False
        """Whether a form was shown that only this visitor can send."""
        super().__init__(session_key)

    @classmethod
    def for_request(cls, view: RequestView, *, leased: bool) -> "SessionStore":
        """The session of a request that our own middleware saves; *leased* for one that writes."""
        store = cls()
        store.managed = True
        store._leased = leased
        store.view = view
        return store

    # -- opening and running -------------------------------------------------------------------

    @property
    def opened(self) -> bool:
        """Whether anybody has asked for the session yet."""
        return self._core is not None

    @property
    def core(self) -> DjangoSession:
        """The session of coatcheck underneath. Most requests never come to ask for it."""
        if self._core is None:
            lifecycle = self._configuration.sessions.lifecycle
            self._core = cast(DjangoSession, lifecycle.open(self.view, self, DjangoSession))
            if self._closed is not None:
                self._core.close(self._closed)
        return self._core

    def close(self, why: str) -> None:
        """Refuse further changes, with the sentence *why* as the reason."""
        self._closed = why
        if self._core is not None:
            self._core.close(why)

    def _shown(self) -> bool:
        """Whether the visitor showed something that may be, or may have been, a session."""
        return self.core.token is not None or self.core.arriving is not None

    def _set_key(self, key: str | None) -> None:
        """Open the session that *key* names, in place of the one that is open."""
        key = key if self._validate_session_key(key) else None
        self._given = key
        if key is not None or self.view.cookies:
            self.view = self._configuration.showing(self.view, key)
        self._core = None

    def _get_session_key(self) -> str | None:
        core = self.core
        token = core.planned
        if token is None and core.loaded and core.record is None:
            return None if self.accessed else self._given
        if token is None:
            token = core.token
        if token is None:
            return self._given
        return token.id if self.managed else str(token)

    session_key = property(_get_session_key)
    _session_key = property(_get_session_key, _set_key)

    def _now(self, phase: configuration.Phase[Any]) -> Any:
        return self._configuration.now(phase)

    async def _soon(self, phase: configuration.Phase[Any]) -> Any:
        return await self._configuration.soon(phase)

    async def preload(self) -> None:
        """Load the session of a visitor who shows one, without counting as use.

        Not where that waits for nothing: then a view can do it by itself, if it has to.
        """
        core = self.core
        if not (core.loaded or self._configuration.in_place):
            await self._soon(lambda lifecycle: lifecycle.load(core, leased=self._leased))

    async def _loaded(self, lifecycle: Lifecycle) -> DjangoSession:
        self.accessed = True
        if not self.core.loaded:
            await lifecycle.load(self.core, leased=self._leased)
        self.core.accessed = True
        return self.core

    # -- Opener --------------------------------------------------------------------------------

    def load_now(self, session: Session) -> None:
        self._now(lambda lifecycle: lifecycle.load(session, leased=self._leased))

    def run_now(self, phase: Phase) -> None:
        self._now(lambda lifecycle: phase(lifecycle, self.view))

    async def run(self, phase: Phase) -> None:
        await self._soon(lambda lifecycle: phase(lifecycle, self.view))

    # -- what the methods of the base class work on --------------------------------------------

    def _get_session(self, no_load: bool = False) -> DjangoSession:
        self.accessed = True
        if not self.core.loaded:
            self.load_now(self.core)
        return self.core

    async def _aget_session(self, no_load: bool = False) -> DjangoSession:
        self.accessed = True
        if not self.core.loaded:
            await self._soon(self._loaded)
        return self.core

    _session = property(_get_session)

    @property
    def modified(self) -> bool:
        """Whether there is something to save, changes inside values included.

        Set to False it gives up what was done so far.
        """
        core = self.core
        if core.late and core.record is None and core.entering is None and core.planned is None:
            return False  # saving it would overwrite the newer cookie that this visitor has by now
        if self._written:
            return True
        return core.loaded and core.modified and self._done() != self._set_aside

    @modified.setter
    def modified(self, value: bool) -> None:
        self._written = value
        keep = value or self._core is None or not self._core.loaded
        self._set_aside = None if keep else self._done()

    def _done(self) -> object:
        core, changes = self.core, self.core.changes()
        intents = (list(core.ending), core.entering, core.renewing, core.planned)
        return dict(changes.steps), changes.cleared, intents

    @property
    def given_up(self) -> bool:
        """Whether something was done that nobody wants saved."""
        return self.opened and self.core.loaded and self.core.modified and not self.modified

    def clear(self) -> None:
        self._get_session().clear()
        self.modified = True

    def is_empty(self) -> bool:
        """Whether there is neither data nor a key, as for Django's middleware to drop the cookie.

        Not for a visitor whose cookie opens nothing: by now he may have a newer one, which an
        answer to this request must not take away.
        """
        if not self:
            return self.flushed or not (self._given or self._shown())
        return False

    def __bool__(self) -> bool:
        core = self.core
        if not core.loaded:
            return self._shown()
        return bool(core.record or core.planned or self._keys())

    def _keys(self) -> Mapping[str, None]:
        return self.core._keys  # without noting that the request has seen them

    # -- verbs ---------------------------------------------------------------------------------

    def load(self) -> dict[str, Any]:
        return cast(dict[str, Any], self._now(self._loading))

    async def aload(self) -> dict[str, Any]:
        return cast(dict[str, Any], await self._soon(self._loading))

    async def _loading(self, lifecycle: Lifecycle) -> dict[str, Any]:
        """Read the session anew, and forget what was not saved."""
        if self.core.loaded:
            if self.core.token is not None:
                self.view = self._configuration.showing(self.view, str(self.core.token))
            self._core = None
        return (await self._loaded(lifecycle)).held()

    def exists(self, session_key: str | None) -> bool:
        return bool(self._now(lambda lifecycle: self._existing(lifecycle, session_key)))

    async def aexists(self, session_key: str | None) -> bool:
        return bool(await self._soon(lambda lifecycle: self._existing(lifecycle, session_key)))

    async def _existing(self, lifecycle: Lifecycle, session_key: str | None) -> bool:
        if self.core.planned is not None:
            await lifecycle.save(self.core, self.view)  # it may be asked for its own key
        return await _exists(lifecycle, session_key)

    def create(self) -> None:
        self._now(self._creating)

    async def acreate(self) -> None:
        await self._soon(self._creating)

    async def _creating(self, lifecycle: Lifecycle) -> None:
        """Store a session with a key of its own now, holding what this one holds."""
        held: dict[str, Any] = {}
        if self.core.loaded:
            held = self.core.held()
        self._set_key(None)
        self.core.update(held)
        self.core.planned = Token.new()
        await lifecycle.save(self.core, self.view)
        self.modified = True

    def save(self, must_create: bool = False) -> None:
        self._now(lambda lifecycle: self._saving(lifecycle, must_create))

    async def asave(self, must_create: bool = False) -> None:
        await self._soon(lambda lifecycle: self._saving(lifecycle, must_create))

    async def _saving(self, lifecycle: Lifecycle, must_create: bool) -> None:
        core = await self._loaded(lifecycle)
        if must_create and core.record is not None:
            raise CreateError
        if core.record is None and not core.late and core.planned is None:
            core.planned = Token.new()
        await lifecycle.save(core, self.view)
        if core.record is not None and core.modified:
            raise UpdateError  # it has ended meanwhile
        self.moved()

    def moved(self) -> None:
        """Let the session go that this one was taken over from, if it was, now that it is stored.

        Called where the store may block.
        """
        incumbent = self._configuration.incumbent
        if self.core.adopted and incumbent is not None:
            incumbent.retire(self.view, at_once=self.flushed)

    def delete(self, session_key: str | None = None) -> None:
        self._now(lambda lifecycle: self._deleting(lifecycle, session_key))

    async def adelete(self, session_key: str | None = None) -> None:
        await self._soon(lambda lifecycle: self._deleting(lifecycle, session_key))

    async def _deleting(self, lifecycle: Lifecycle, session_key: str | None) -> None:
        if session_key is not None:
            id = _id_in(session_key)
        else:
            # Its owner proves it, so that no visitor ends somebody else's with a guessed id.
            core = await self._loaded(lifecycle) if self._shown() else self.core
            id = core.record.id if core.record is not None else None
        if id is not None:
            await lifecycle.revoke(id)

    def flush(self) -> None:
        self._now(self._flushing)

    async def aflush(self) -> None:
        await self._soon(self._flushing)

    async def _flushing(self, lifecycle: Lifecycle) -> None:
        core = await self._loaded(lifecycle)
        core.destroy()
        self._given = None
        self.flushed = True
        self.modified = True
        if not self.managed:
            await lifecycle.save(core, self.view)
            core.ending.clear()
            self.moved()

    def cycle_key(self) -> None:
        self._now(self._cycling)

    async def acycle_key(self) -> None:
        await self._soon(self._cycling)

    async def _cycling(self, lifecycle: Lifecycle) -> None:
        # Its key is known from here on, and stored with the response: a login that fails half way
        # leaves the visitor with the cookie he has.
        core = await self._loaded(lifecycle)
        if core.record is not None:
            core.renew()
        core.planned = Token.new(core.record.id if core.record is not None else None)
        self.modified = True

    @classmethod
    def clear_expired(cls) -> None:
        configuration.current().now(Lifecycle.delete_expired)

    @classmethod
    async def aclear_expired(cls) -> None:
        await configuration.current().soon(Lifecycle.delete_expired)

    # -- what sessions of coatcheck can do beyond ----------------------------------------------

    @property
    def handle(self) -> str:
        """A one-way name of the session, for logs and device lists; empty for a new one."""
        return self.core.handle

    def increment(self, key: str, by: Any = 1) -> Any:
        """See ``coatcheck.Session.increment``."""
        return self._session.increment(key, by)

    def append(self, key: str, item: Any, maxlen: int | None = None) -> None:
        """See ``coatcheck.Session.append``."""
        self._session.append(key, item, maxlen)

    def add(self, key: str, item: Any) -> None:
        """See ``coatcheck.Session.add``."""
        self._session.add(key, item)

    def discard(self, key: str, item: Any) -> None:
        """See ``coatcheck.Session.discard``."""
        self._session.discard(key, item)

    def take(self, key: str, default: Any = None) -> Any:
        """See ``coatcheck.Session.take``."""
        return self._session.take(key, default)

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        """See ``coatcheck.Session.once``."""
        return self._session.once(key, make)

    def update_atomically(
        self, key: str, function: Callable[[Any], Any], default: Any = None
    ) -> Any:
        """See ``coatcheck.Session.update_atomically``."""
        return self._session.update_atomically(key, function, default)

    def exclusive(self) -> Exclusive:
        """See ``coatcheck.Session.exclusive``. In async code the session has to be loaded."""
        return self._get_session().exclusive()


async def _exists(lifecycle: Lifecycle, key: str | None) -> bool:
    id = _id_in(key)
    found = None if id is None else await lifecycle.store.load(id)
    if not isinstance(found, Record) or lifecycle.policy.ended(found, lifecycle.clock()):
        return False
    token = Token.parse(key or "")
    return token is None or token.proves(found.digest)


def _id_in(key: str | None) -> str | None:
    """The record's id that *key*, a token or a ``session_key`` from a request, names."""
    token = Token.parse(key or "")
    if token is not None:
        return token.id
    return key if key is not None and len(key) == _ID_LENGTH else None


def _told(value: Any) -> Any:
    """The same as Django expects to find it."""
    if not isinstance(value, datetime):
        return value
    if not settings.USE_TZ:
        value = timezone.make_naive(value)
    return value.isoformat()
