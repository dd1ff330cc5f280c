"""A store that does not answer says so: ``StoreUnavailable``, and nothing else (law 5)."""

from collections.abc import Awaitable, Callable

import pytest

from coatcheck.core.errors import StoreUnavailable
from coatcheck.core.record import Lease
from coatcheck.testing.clock import FakeClock

from .harness import AnyStore, Contract


class OutageLaws(Contract):
    """An outage is never taken for an ended session, nor for an empty store."""

    def test_every_verb_of_an_unreachable_store_raises_store_unavailable(self) -> None:
        if self.make_unreachable_store(FakeClock()) is None:
            pytest.skip(f"{type(self).__name__} defines no make_unreachable_store")
        with self.opened(self._unreachable):
            self.finish(self._every_verb_raises())

    def _unreachable(self, clock: FakeClock) -> AnyStore:
        store = self.make_unreachable_store(clock)
        assert store is not None
        return store

    async def _every_verb_raises(self) -> None:
        record, now = self.new_record(), self.clock()
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "load": lambda: self.store.load(record.id),
            "load with a lease": lambda: self.store.load(record.id, Lease("me", now + 30), now),
            "create": lambda: self.store.create(record),
            "commit": lambda: self.store.commit(self.commit_over(record)),
            "end": lambda: self.store.end(record.id),
            "touch": lambda: self.store.touch(record.id, now, now + 60),
            "release": lambda: self.store.release(record.id, "me"),
        }
        if self.store.capabilities.sweep:
            calls["sweep"] = lambda: self.store.sweep(now, 10)
        if self.store.capabilities.by_user:
            calls["of_user"] = lambda: self.store.of_user("ann")
        for verb, call in calls.items():
            with pytest.raises(StoreUnavailable) as caught:
                await call()
            assert record.id not in str(caught.value), f"{verb} tells the id"
