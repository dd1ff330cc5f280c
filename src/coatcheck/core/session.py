"""The mapping that a view uses. It notes what was read and what was done, and does no I/O itself.

Values are plain Python objects. What was put in place of a value is found by re-encoding the values
that were handed out and can change in place, so ``session["cart"].append(x)`` is saved.
Loading happens through an ``Opener`` at the first touch; ``lifecycle`` loads and commits.
"""

from collections.abc import Callable, Coroutine, Iterator, Mapping, MutableMapping
from datetime import datetime, timedelta
from typing import Any, Protocol, Self

from coatcheck.wire.codec import IMMUTABLE, decode, encode
from coatcheck.wire.errors import UndecodableValue, UnsupportedValue
from coatcheck.wire.tokens import Token, handle

from .changes import (
    MISSING,
    NO_CHANGES,
    Add,
    Append,
    Assign,
    Changes,
    Discard,
    Increment,
    Once,
    Reads,
    Remove,
    Step,
    Take,
    Update,
)
from .errors import SessionReadOnly
from .expiry import EXPIRY, expiry_value
from .http import NO_EDITS, RequestView
from .record import LONGEST_USER, Record


class Keeper(Protocol):
    """What a session asks of its lifecycle in the middle of a request."""

    async def load(self, session: "Session", *, leased: bool = False) -> None: ...

    async def lease(self, session: "Session") -> None: ...

    async def save(self, session: "Session", view: RequestView) -> None: ...

    async def give_back(self, session: "Session") -> None: ...


Phase = Callable[[Keeper, RequestView], Coroutine[Any, Any, None]]
"""Something to be done by the lifecycle, for the request that the view shows."""


class Opener(Protocol):
    """How a session reaches its store in the middle of a request: given by the host."""

    def load_now(self, session: "Session") -> None:
        """Load in place, for code that cannot await. ``SessionNotLoaded`` where it would block."""
        ...

    async def load(self, session: "Session") -> None:
        """Load before the session is used."""
        ...

    def run_now(self, phase: Phase) -> None:
        """Run *phase* in place, waiting as long as it takes. ``SessionNotLoaded`` on a loop."""
        ...

    async def run(self, phase: Phase) -> None:
        """Run *phase*, awaited."""
        ...


class Exclusive:
    """A block in which no other request writes to the session. See ``Session.exclusive``."""

    def __init__(self, session: "Session", opener: Opener) -> None:
        self._session = session
        self._opener = opener

    def __enter__(self) -> "Session":
        self._opener.run_now(self._begin)
        return self._session

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._opener.run_now(self._save if kind is None else self._give_back)

    async def __aenter__(self) -> "Session":
        await self._opener.run(self._begin)
        return self._session

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self._opener.run(self._save if kind is None else self._give_back)

    async def _begin(self, lifecycle: Keeper, view: RequestView) -> None:
        await lifecycle.lease(self._session)

    async def _save(self, lifecycle: Keeper, view: RequestView) -> None:
        await lifecycle.save(self._session, view)

    async def _give_back(self, lifecycle: Keeper, view: RequestView) -> None:
        await lifecycle.give_back(self._session)


class Session(MutableMapping[str, Any]):
    """What the site remembers of one visitor, as a ``dict`` with text keys.

    Nothing is read from the store before the first touch, and nothing is written unless something
    changed. Everything is saved together before the response's first byte.
    """

    def __init__(self, opener: Opener, token: Token | None = None) -> None:
        self._opener = opener
        self.token = token
        """The token that the visitor showed, or None. Not proved before the session is loaded."""
        self.record: Record | None = None
        """The record as it was loaded, or None for a visitor without one."""
        self.holder: str | None = None
        """The lease under which the record was loaded."""
        self.late = False
        """Whether the visitor showed a secret that has been replaced since."""
        self.loaded = False
        self.accessed = False
        """Whether this request read or wrote the session; then the response varies by cookie."""
        self.ending: list[str] = []
        self.renewing = False
        self.entering: str | None = None
        self.arriving: RequestView | None = None
        """The request of a visitor whose session another engine kept, until it is loaded."""
        self.planned: Token | None = None
        """The token that was given out before the session is stored; then it is, even empty."""
        self.adopted = False
        """Whether what another engine kept for the visitor was taken over in this request."""
        self.owed = NO_EDITS
        """What the response has to carry for what was saved before it."""
        self._closed: str | None = None

    # -- loading and committing: called by lifecycle and integrations -------------------------

    def _reset(self, fields: Mapping[str, bytes]) -> None:
        self._fields = fields
        self._keys: dict[str, None] = dict.fromkeys(fields)
        self._values: dict[str, Any] = {}
        self._known: dict[str, bytes] = {}
        self._steps: dict[str, list[Step]] = {}
        self._read: set[str] = set()
        self._probed: set[str] = set()
        self._listed = False
        self._cleared = False

    def begin(
        self, record: Record | None, *, holder: str | None = None, late: bool = False
    ) -> None:
        """Take *record* as what the store holds. A visitor without a record begins empty."""
        self.record = record
        self.holder = holder
        self.late = late
        self.loaded = True
        self._reset(record.fields if record is not None else {})

    def expect(self, view: RequestView) -> None:
        """Leave it to the first touch to find out what another engine kept for this visitor."""
        self.arriving = view
        self.loaded = False

    def adopt(self, held: Mapping[str, object], user: str | None) -> frozenset[str]:
        """Begin with what another engine *held* for *user*: the keys that no session can keep."""
        self.begin(None)
        self.arriving = None
        self.adopted = bool(held)
        self.entering = user
        lost = set()
        for name, value in held.items():
            try:
                key = self._new_key(name)
                data = self._encode(key, value)
            except (TypeError, UnsupportedValue):
                lost.add(str(name))
            else:
                self._note(key, [Assign(data)])
                self._put(key, value, data)
        return frozenset(lost)

    async def load(self) -> None:
        """Load the record now: async code does so before using a store across the network."""
        if not self.loaded:
            await self._opener.load(self)

    async def commit(self) -> None:
        """Save what was done so far, and go on. A request is saved by itself; a websocket is not.

        Raises as the end of a request does, and then nothing was saved.
        """
        if self.modified:
            await self._opener.run(self._save)

    async def _save(self, lifecycle: Keeper, view: RequestView) -> None:
        await lifecycle.save(self, view)

    def changes(self) -> Changes:
        """What this request did, in-place changes included."""
        steps: dict[str, list[Step]] = dict(self._steps)
        for key, value in self._values.items():
            if type(value) in IMMUTABLE:
                continue
            data = self._encode(key, value)
            if data != self._known[key]:
                if not self._own(key):
                    self._read.add(key)  # what an operation returned, changed in place
                steps[key] = [*self._restart(key), Assign(data)]
        if not (steps or self._cleared or self.renewing):
            return NO_CHANGES
        return Changes(steps, self._cleared, self.reads())

    def reads(self) -> Reads:
        """What this request looked at, whether it changed something or not."""
        return Reads(frozenset(self._read), frozenset(self._probed), self._listed)

    def rebase(self, record: Record, holder: str) -> None:
        """Take *record* as what the store holds by now; what this request did is kept.

        What it read must not have changed since, which the lifecycle has asked.
        """
        fields = self.changes().on(record.fields)
        self.record = record
        self.holder = holder
        self._fields = record.fields
        self._keys = dict.fromkeys(fields)
        for key in self._steps.keys() & fields.keys():
            if fields[key] != self._known.get(key):
                self._put(key, decode(fields[key]), fields[key])

    def settle(self, record: Record, token: Token) -> None:
        """Take *record* as saved: what this request did so far is in it."""
        self.record = record
        self.token = token
        self.entering = None
        self.planned = None
        self.renewing = False
        self.ending = []
        self._fields = record.fields
        self._keys = dict.fromkeys(record.fields)
        self._steps = {}
        self._cleared = False
        for key in list(self._values):
            data = record.fields.get(key)
            if type(self._values[key]) in IMMUTABLE or data != encode(self._values[key]):
                self._values.pop(key)  # others may have changed it: decode it anew
                self._known.pop(key)
            else:
                self._known[key] = data

    def close(self, why: str) -> None:
        """Refuse further changes, with the sentence *why* as the reason."""
        self._closed = why

    def _touch(self) -> None:
        if not self.loaded:
            self._opener.load_now(self)
        self.accessed = True

    def _change(self) -> None:
        self._touch()
        if self._closed is not None:
            raise SessionReadOnly(self._closed)

    def _new_key(self, key: str) -> str:
        """*key* as plain text. Raises for one that no store could keep."""
        if not isinstance(key, str):
            raise TypeError(
                f"session keys are text, and {key!r} is a {type(key).__name__}: use str(...)."
            )
        if not key.isascii():
            self._encode(key, key)
        return str.__str__(key)

    def _encode(self, key: str, value: object) -> bytes:
        try:
            return encode(value)
        except UnsupportedValue as error:
            raise UnsupportedValue(f"session[{key!r}]: {error}") from None

    # -- the mapping --------------------------------------------------------------------------

    def __getitem__(self, key: str) -> Any:
        self._touch()
        if not self._own(key):
            self._read.add(key)
        if key not in self._keys:
            raise KeyError(key)
        if key in self._values:
            return self._values[key]
        data = self._fields[key]
        try:
            value = decode(data)
        except UndecodableValue as error:
            raise UndecodableValue(
                f"session[{key!r}] cannot be read and is kept as it is: {error}"
            ) from error
        self._values[key] = value
        self._known[key] = data
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        key = self._new_key(key)
        self._change()
        data = self._encode(key, value)
        self._note(key, [*self._restart(key), Assign(data)])
        self._put(key, value, data)

    def __delitem__(self, key: str) -> None:
        self._change()
        if key not in self._keys:
            self._probed.add(key)
            raise KeyError(key)
        self._drop(key)
        self._note_gone(key, [Remove()])

    def __contains__(self, key: object) -> bool:
        self._touch()
        if isinstance(key, str) and not self._own(key):
            self._probed.add(key)
        return key in self._keys

    def __iter__(self) -> Iterator[str]:
        self._touch()
        self._listed = True
        return iter(list(self._keys))

    def __len__(self) -> int:
        self._touch()
        self._listed = True
        return len(self._keys)

    def __repr__(self) -> str:
        if not self.loaded:
            return "<Session, not loaded>"
        # Names only: values can be private, and a repr ends up in logs.
        return f"<Session {self.handle or 'new'}: {', '.join(self._keys) or 'empty'}>"

    def clear(self) -> None:
        """Remove every key. The session itself stays; ``destroy`` ends it."""
        self._change()
        for key in list(self._keys):
            self._drop(key)
        self._steps = {}
        self._cleared = self._cleared or bool(self._fields)

    def popitem(self) -> tuple[str, Any]:
        """Remove the key that was added last, and return it with its value, as ``dict`` does."""
        key = next(reversed(list(self)), None)
        if key is None:
            raise KeyError("popitem(): the session is empty")
        return key, self.pop(key)

    def __ior__(self, other: Mapping[str, Any]) -> Self:
        self.update(other)
        return self

    def _put(self, key: str, value: Any, data: bytes) -> None:
        self._keys[key] = None
        self._values[key] = value
        self._known[key] = data

    def _drop(self, key: str) -> None:
        self._keys.pop(key, None)
        self._values.pop(key, None)
        self._known.pop(key, None)

    def _note(self, key: str, steps: list[Step]) -> None:
        """Keep *steps*; those of a key that is not there yet go to the end, as in a dict."""
        if key not in self._keys:
            self._steps.pop(key, None)
        self._steps[key] = steps

    def _note_gone(self, key: str, steps: list[Step]) -> None:
        """Keep *steps* that removed *key*, unless it came and went within this request."""
        if self._cleared or key not in self._fields:
            self._steps.pop(key, None)
        else:
            self._steps[key] = steps

    def _restart(self, key: str) -> list[Step]:
        """The removal with which this request began on *key*, if it did."""
        steps = self._steps.get(key)
        return steps[:1] if steps and isinstance(steps[0], Remove) else []

    def _own(self, key: str) -> bool:
        """Whether what is under *key* comes from this request alone, so that no record is read."""
        steps = self._steps.get(key)
        return self._cleared or (steps is not None and isinstance(steps[0], Assign | Remove))

    # -- operations: they commute, so they never conflict --------------------------------------

    def increment(self, key: str, by: Any = 1) -> Any:
        """Add *by* to the number under *key*, or to 0; the number as it looks from here."""
        return self._operate(key, Increment(by))

    def append(self, key: str, item: Any, maxlen: int | None = None) -> None:
        """Append *item*, as it is now, to the list under *key*, keeping the last *maxlen* items."""
        self._operate(key, Append(decode(self._encode(key, item)), maxlen))

    def add(self, key: str, item: Any) -> None:
        """Add *item* to the set under *key*."""
        self._operate(key, Add(item))

    def discard(self, key: str, item: Any) -> None:
        """Take *item* out of the set under *key*, if it is there."""
        self._operate(key, Discard(item))

    def take(self, key: str, default: Any = None) -> Any:
        """Remove *key* and return its value, or *default*. What others append meanwhile stays."""
        self._change()
        if key not in self._keys:
            self._probed.add(key)
            return default
        own = self._own(key)
        value = self[key]
        taken = Take(self._encode(key, value))
        earlier = self._steps.get(key, [])
        self._drop(key)
        self._note_gone(key, [Remove()] if own else [*earlier, taken])
        return value

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        """The value under *key*; if there is none, *make* makes it, and the first one stays."""
        key = self._new_key(key)
        self._change()
        if key in self._keys:
            return self[key]
        value = make()
        data = self._encode(key, value)
        self._probed.add(key)
        self._note(key, [*self._steps.get(key, []), Once(data)])
        self._put(key, value, data)
        return value

    def update_atomically(
        self, key: str, function: Callable[[Any], Any], default: Any = None
    ) -> Any:
        """Put ``function(value)`` under *key*; *default* stands for a missing value.

        *function* must be pure: it is called again when another request has changed the value.
        """
        return self._operate(key, Update(function, default))

    def exclusive(self) -> Exclusive:
        """``with session.exclusive():``, or ``async with``: no other request writes meanwhile.

        The block begins with what is stored by then, and is saved when it ends; an exception saves
        nothing of it here. Raises ``SessionBusy`` after the policy's wait, and ``SessionConflict``
        when what this request had read before has changed.
        """
        self._change()
        return Exclusive(self, self._opener)

    def _operate(self, key: str, step: Step) -> Any:
        key = self._new_key(key)
        self._change()
        earlier = self._steps.get(key, [])
        if key not in self._keys:
            current = MISSING
        elif key in self._values:
            current = self._values[key]
            if type(current) not in IMMUTABLE and encode(current) != self._known[key]:
                if not self._own(key):
                    self._read.add(key)
                earlier = [*self._restart(key), Assign(self._encode(key, current))]
        else:
            current = decode(self._fields[key])
        value = step.apply(current)
        if value is MISSING:
            self._drop(key)
            self._note_gone(key, [*earlier, step])
            return value
        data = self._encode(key, value)
        self._note(key, [*earlier, step])
        if type(value) not in IMMUTABLE:
            value = decode(data)  # a copy, that nobody else holds and changes
        self._put(key, value, data)
        return value

    # -- the visitor --------------------------------------------------------------------------

    @property
    def user(self) -> str | None:
        """The user that the session is bound to, or None."""
        self._touch()
        return self.entering or (self.record.user if self.record is not None else None)

    @property
    def is_new(self) -> bool:
        """Whether the visitor has no stored session yet."""
        self._touch()
        return self.record is None

    @property
    def handle(self) -> str:
        """A one-way name of the session for logs and device lists; empty for a new one."""
        return handle(self.record.id) if self.record is not None else ""

    @property
    def modified(self) -> bool:
        """Whether there is anything to save. May be set, as elsewhere; there is no need to."""
        return self.loaded and bool(self.ending or self.entering or self.renewing or self.changes())

    @modified.setter
    def modified(self, value: bool) -> None:
        self._touch()

    def login(self, user: object) -> None:
        """Bind the session to *user* and replace its secret, so that an older cookie opens nothing.

        *user* is a text or number, or an object with ``pk`` or ``id``. Data of an anonymous visitor
        is kept; data of another user is not: that session ends and a new one begins.
        """
        key = user_key(user)
        self._change()
        current = self.user
        if current is not None and current != key:
            self.destroy()
        self.entering = key
        self.renewing = True

    def logout(self) -> None:
        """End the session and everything in it, for good."""
        self.destroy()

    def renew(self) -> None:
        """Replace the secret in the cookie: the data stays, the old cookie opens nothing."""
        self._change()
        self.renewing = True

    def destroy(self) -> None:
        """End the session for good. What is set afterwards begins another one."""
        self._change()
        if self.record is not None:
            self.ending.append(self.record.id)
        self.record = None
        self.entering = None
        self.planned = None
        self.renewing = False
        self._reset({})

    def set_expiry(self, value: int | timedelta | datetime | None) -> None:
        """Give this session a time of its own.

        Seconds or a timedelta without use; 0 for as long as the browser is open; a datetime for a
        fixed moment; None for what the policy says.
        """
        if value is None:
            if EXPIRY in self:
                del self[EXPIRY]
        else:
            self[EXPIRY] = expiry_value(value)


def user_key(user: object) -> str:
    """The text under which *user* is indexed. Raises TypeError when it has none.

    Raises ValueError or ``UnsupportedValue`` for one that no store could keep.
    """
    for candidate in (user, getattr(user, "pk", None), getattr(user, "id", None)):
        if isinstance(candidate, str | int) and not isinstance(candidate, bool) and candidate != "":
            key = str(candidate)
            if len(key) > LONGEST_USER:
                raise ValueError(
                    f"a user's id of {len(key)} characters cannot be kept: it may have "
                    f"{LONGEST_USER}. Use the user's primary key."
                )
            if "\0" in key:
                raise ValueError("a user's id cannot hold a NUL character: no database keeps it.")
            encode(key)  # refuses what is no valid Unicode
            return key
    raise TypeError(
        f"login() needs a user's id or an object with pk or id, not {type(user).__name__}: "
        "save the user first, so that it has an id."
    )
