"""The contract between sessions and the place that keeps their records.

A store has the verbs below, either awaitable (``Store``) or blocking (``BlockingStore``), and says
up front what more it can do (``Capabilities``). ``coatcheck.testing.StoreContract`` is this page as
a test suite.

The laws:

1. ``create`` never replaces a record, ``commit`` and ``touch`` never make one: what ``end`` or
   ``sweep`` removed stays removed, however late a request writes.
2. ``commit`` puts a record only over the version it was computed from, in one atomic step.
   Otherwise it changes nothing and hands back the record that is there.
3. ``commit`` by another than the holder of a live lease changes nothing and answers ``Busy``.
   Readers (``load`` without a lease) and ``touch`` never look at leases.
4. ``touch`` moves ``seen`` and ``expires`` forward only, and leaves the version alone.
5. A verb that cannot reach the store raises ``StoreUnavailable``; nothing else means "gone".
6. Deadlines are the caller's: a store may drop an expired record by itself only after the deadline
   that the record carries, and hands out an expired one as it is.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from coatcheck.wire.tokens import Token

from .record import Lease, Record


@dataclass(frozen=True)
class Capabilities:
    """What a store can do beyond the verbs that every store has.

    ``by_user``: ``of_user`` lists a user's records. ``lease``: ``load`` can take a lease.
    ``inline``: a load needs no network and waits for no lock, so that an event loop may do it in
    place. ``instant``: the same holds for every verb, a commit too. ``revoke``: a record can be
    ended (a store inside the cookie cannot). ``sweep``: expired records are removed by ``sweep`` (a
    cache that cannot list its keys drops them by itself).
    ``in_cookie``: records are in their visitors' cookies, and this seals them. ``at_rest``: this
    seals the fields of records before they come to the store.
    """

    by_user: bool = True
    lease: bool = True
    inline: bool = False
    instant: bool = False
    revoke: bool = True
    sweep: bool = True
    in_cookie: "InCookie | None" = None
    at_rest: "AtRest | None" = None


class Commit(NamedTuple):
    """One commit, already computed: put *record* in place of version *base* of itself.

    ``put`` and ``removed`` say which fields of the record differ from the base, for stores that
    keep fields apart. ``holder`` names the lease under which the commit stands, if any; the record
    carries no lease any more. ``now`` is the moment that leases are judged by.
    """

    base: int
    record: Record
    put: Set[str]
    removed: Set[str]
    holder: str | None
    now: float


# Not tuples: those without fields would all be equal, and false.
@dataclass(frozen=True, slots=True)
class Committed:
    """The record is stored as the commit gave it."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """The record has moved on: *fresh* is what is stored now. Nothing was changed."""

    fresh: Record


@dataclass(frozen=True, slots=True)
class Busy:
    """Somebody else holds the lease, until *until* at the latest. Nothing was changed."""

    until: float


@dataclass(frozen=True, slots=True)
class Gone:
    """There is no such record, and there must not be one again. Nothing was changed."""


class Store(Protocol):
    """The awaitable verbs. Each raises ``StoreUnavailable`` when the store does not answer."""

    capabilities: Capabilities

    async def load(
        self, id: str, lease: Lease | None = None, now: float = 0.0
    ) -> Record | Busy | None:
        """The record, or None. With *lease*: take it if none is live at *now*, or else ``Busy``.

        A holder's own lease does not count: it may ask again, having heard no answer.
        """
        ...

    async def create(self, record: Record) -> bool:
        """Store a new record; False, and nothing changed, when its id is taken."""
        ...

    async def commit(self, commit: Commit) -> Committed | Conflict | Busy | Gone:
        """Compare and put, as the laws above say."""
        ...

    async def end(self, id: str) -> bool:
        """Remove the record for good; whether there was one."""
        ...

    async def touch(self, id: str, seen: float, expires: float) -> bool:
        """Move the deadlines forward; whether there is such a record."""
        ...

    async def release(self, id: str, holder: str) -> None:
        """Give the lease back if *holder* still has it."""
        ...

    async def sweep(self, now: float, limit: int) -> int:
        """Remove at most *limit* records that expired before *now*; how many were removed."""
        ...

    async def of_user(self, user: str) -> Sequence[Record]:
        """All records bound to *user*, latest seen first (capability ``by_user``)."""
        ...

    async def close(self) -> None:
        """Give connections back. The store is not used afterwards."""
        ...


class BlockingStore(Protocol):
    """The same verbs for a driver that blocks. Safe to call from several threads at once."""

    capabilities: Capabilities

    def load(
        self, id: str, lease: Lease | None = None, now: float = 0.0
    ) -> Record | Busy | None: ...

    def create(self, record: Record) -> bool: ...

    def commit(self, commit: Commit) -> Committed | Conflict | Busy | Gone: ...

    def end(self, id: str) -> bool: ...

    def touch(self, id: str, seen: float, expires: float) -> bool: ...

    def release(self, id: str, holder: str) -> None: ...

    def sweep(self, now: float, limit: int) -> int: ...

    def of_user(self, user: str) -> Sequence[Record]: ...

    def close(self) -> None: ...


VERBS: Final = (
    "load",
    "create",
    "commit",
    "end",
    "touch",
    "release",
    "sweep",
    "of_user",
    "close",
)
"""The verbs of a store by name."""


class StoreAround:
    """A store that hands every verb on to *store*, blocking or awaited as that is.

    A subclass says what happens around a verb.
    """

    # Attributes, not methods: whether a verb blocks is known when there is a store to be around.
    load: Callable[..., Any]
    create: Callable[..., Any]
    commit: Callable[..., Any]
    end: Callable[..., Any]
    touch: Callable[..., Any]
    release: Callable[..., Any]
    sweep: Callable[..., Any]
    of_user: Callable[..., Any]
    close: Callable[..., Any]

    def __init__(self, store: BlockingStore | Store) -> None:
        self.capabilities: Capabilities = store.capabilities
        for verb in VERBS:
            setattr(self, verb, self._around(verb, getattr(store, verb)))

    def _around(self, verb: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """What is called in place of *call*, which is *verb* of the store."""
        return call


class InCookie(Protocol):
    """How a record becomes its visitor's cookie, and is read again."""

    def seal(self, token: Token, record: Record) -> str:
        """The cookie's value: *record*, and the *token* that proves its owner."""
        ...

    def unseal(self, text: str) -> tuple[Token, Record] | None:
        """The token and the record in *text*, or None for what was not sealed under our keys."""
        ...


SEALED: Final = "\x00sealed"
"""The one field of a record whose fields are sealed."""

SEAL: Final = b"\xe1"
"""What it begins with, as no encoded value does: a session may have a key of that name."""


def is_sealed(fields: Mapping[str, bytes]) -> bool:
    """Whether *fields* are sealed."""
    return SEALED in fields and fields[SEALED].startswith(SEAL)


class AtRest(Protocol):
    """How the fields of a record are sealed under its owner's token."""

    def seal(self, fields: Mapping[str, bytes], token: Token) -> Mapping[str, bytes]:
        """``SEALED`` alone, with *fields* in it."""
        ...

    def unseal(self, fields: Mapping[str, bytes], token: Token) -> Mapping[str, bytes]:
        """The fields that were sealed under *token*. Raises ``UnreadableRecord`` for others."""
        ...
