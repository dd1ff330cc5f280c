"""A store from any place that can read a record with a stamp, and put one over that stamp only.

``ComparingStore`` adds the laws of ``coatcheck.core.store`` to two such primitives: derive from it
to write a store for a system with compare-and-set, ETags, revisions or conditional writes. The
decisions are functions over values. A store that can hold a lock instead calls them directly, as
``file`` does, and so can one whose driver is awaited.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

from coatcheck.core.errors import StoreIncapable, StoreUnavailable
from coatcheck.core.record import Lease, Record
from coatcheck.core.store import Busy, Capabilities, Commit, Committed, Conflict, Gone
from coatcheck.wire.tokens import handle

S = TypeVar("S")

MOST_TRIES: Final = 200
"""How often a verb tries again because somebody else was faster. Each time somebody got on."""


def leased(stored: Record, lease: Lease, now: float) -> Record | Busy:
    """*stored* under *lease*, or ``Busy`` when another holder has it at *now*."""
    other = _other_lease(stored, lease.holder, now)
    return stored._replace(lease=lease) if other is None else Busy(other.until)


def committed(stored: Record, commit: Commit) -> Record | Conflict | Busy:
    """What *commit* makes of *stored*, or why it must not."""
    other = _other_lease(stored, commit.holder, commit.now)
    if other is not None:
        return Busy(other.until)
    if stored.version != commit.base:
        return Conflict(stored)
    record = commit.record
    if stored.seen > record.seen:
        # A touch has moved the deadlines since the record was loaded.
        record = record._replace(seen=stored.seen, expires=stored.expires)
    return record


def touched(stored: Record, seen: float, expires: float) -> Record | None:
    """*stored* with later deadlines, or None when they are that late already."""
    if seen <= stored.seen:
        return None
    return stored._replace(seen=seen, expires=max(expires, stored.expires))


def released(stored: Record, holder: str) -> Record | None:
    """*stored* without the lease, or None when *holder* has none."""
    if stored.lease is None or stored.lease.holder != holder:
        return None
    return stored._replace(lease=None)


def _other_lease(stored: Record, holder: str | None, now: float) -> Lease | None:
    lease = stored.lease
    return lease if lease is not None and lease.held(now) and lease.holder != holder else None


class ComparingStore(ABC, Generic[S]):
    """A blocking store over ``get`` and ``put``. ``S`` is the stamp: whatever names one state.

    A subclass says how one record is read, added, put and removed; each is one atomic step, is safe
    to call from several threads, and raises ``StoreUnavailable`` when it cannot be done. The lease
    is kept in the record. A subclass that can list records, by user or by deadline, overrides
    ``of_user`` and ``sweep``, and says so in its ``capabilities``.
    """

    capabilities = Capabilities(by_user=False, sweep=False)

    @abstractmethod
    def get(self, id: str) -> tuple[Record, S] | None:
        """The record with the stamp of its present state, or None."""

    @abstractmethod
    def add(self, record: Record) -> bool:
        """Put a record where there is none; False, and nothing changed, where there is one."""

    @abstractmethod
    def put(self, record: Record, stamp: S) -> bool:
        """Put *record* in place of the state that *stamp* names.

        False, and nothing changed, when it is in another state by now, or gone.
        """

    @abstractmethod
    def remove(self, id: str) -> bool:
        """Remove the record; whether there was one. A stamp from before must not match again."""

    def load(self, id: str, lease: Lease | None = None, now: float = 0.0) -> Record | Busy | None:
        for _ in range(MOST_TRIES):
            found = self.get(id)
            if found is None:
                return None
            stored, stamp = found
            if lease is None:
                return stored
            outcome = leased(stored, lease, now)
            if isinstance(outcome, Busy) or self.put(outcome, stamp):
                return outcome
        raise self._overtaken(id)

    def create(self, record: Record) -> bool:
        return self.add(record)

    def commit(self, commit: Commit) -> Committed | Conflict | Busy | Gone:
        for _ in range(MOST_TRIES):
            found = self.get(commit.record.id)
            if found is None:
                return Gone()
            stored, stamp = found
            outcome = committed(stored, commit)
            if not isinstance(outcome, Record):
                return outcome
            if self.put(outcome, stamp):
                return Committed()
        raise self._overtaken(commit.record.id)

    def end(self, id: str) -> bool:
        return self.remove(id)

    def touch(self, id: str, seen: float, expires: float) -> bool:
        for _ in range(MOST_TRIES):
            found = self.get(id)
            if found is None:
                return False
            stored, stamp = found
            after = touched(stored, seen, expires)
            if after is None or self.put(after, stamp):
                return True
        raise self._overtaken(id)

    def release(self, id: str, holder: str) -> None:
        for _ in range(MOST_TRIES):
            found = self.get(id)
            if found is None:
                return
            stored, stamp = found
            after = released(stored, holder)
            if after is None or self.put(after, stamp):
                return
        raise self._overtaken(id)

    def sweep(self, now: float, limit: int) -> int:
        """Nothing: what has expired is dropped by the system itself."""
        return 0

    def of_user(self, user: str) -> Sequence[Record]:
        """Refused: raises ``StoreIncapable``."""
        raise StoreIncapable(
            f"{type(self).__name__} cannot list the sessions of a user. Use a store that can, such "
            "as sqlite:/// or postgresql://."
        )

    def close(self) -> None:
        """Nothing to give back."""

    def _overtaken(self, id: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"the session {handle(id)} was changed by others {MOST_TRIES} times while one request "
            "tried to. Look for a client that writes without end."
        )
