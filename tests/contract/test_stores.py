"""Every store that we ship keeps the contract."""

from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import FakeClock, StoreContract


class TestMemoryStore(StoreContract):
    def make_store(self, clock: FakeClock) -> MemoryStore:
        return MemoryStore()
