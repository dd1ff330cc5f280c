"""A cache in front of a store keeps the laws of that store."""

import shutil
from pathlib import Path

import pytest

from coatcheck.core import bridge
from coatcheck.core.store import BlockingStore, Store
from coatcheck.stores.file import FileStore
from coatcheck.stores.layered import AsyncLayeredStore, LayeredStore
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import FakeClock, FaultyStore, StoreContract


class Down(FaultyStore):
    """A store that does not answer, and can be closed."""

    def before(self, verb: str, number: int) -> None:
        self.down = verb != "close"
        super().before(verb, number)


class TestLayeredStore(StoreContract):
    def make_store(self, clock: FakeClock) -> BlockingStore:
        return LayeredStore(MemoryStore(), MemoryStore(), clock=clock)

    def make_unreachable_store(self, clock: FakeClock) -> BlockingStore:
        return LayeredStore(MemoryStore(), Down(MemoryStore()), clock=clock)


class TestAsyncLayeredStore(StoreContract):
    def make_store(self, clock: FakeClock) -> Store:
        cache, durable = bridge.Awaitable(MemoryStore()), bridge.Awaitable(MemoryStore())
        return AsyncLayeredStore(cache, durable, clock=clock)

    def make_unreachable_store(self, clock: FakeClock) -> Store:
        cache, durable = bridge.Awaitable(MemoryStore()), bridge.Awaitable(Down(MemoryStore()))
        return AsyncLayeredStore(cache, durable, clock=clock)


class TestLayeredStoreWithoutItsCache(StoreContract):
    """The cache is down all the time."""

    def make_store(self, clock: FakeClock) -> BlockingStore:
        return LayeredStore(Down(MemoryStore()), MemoryStore(), clock=clock)

    def make_unreachable_store(self, clock: FakeClock) -> BlockingStore:
        return LayeredStore(Down(MemoryStore()), Down(MemoryStore()), clock=clock)


class TestLayeredStoreOverFiles(StoreContract):
    """The cache forgets nearly everything at once."""

    @pytest.fixture(autouse=True)
    def _in_folder(self, tmp_path: Path) -> None:
        self.folders = (tmp_path / str(number) for number in range(10_000))

    def make_store(self, clock: FakeClock) -> BlockingStore:
        files = FileStore(next(self.folders), durable=False)
        return LayeredStore(MemoryStore(limit=2), files, clock=clock)

    def make_unreachable_store(self, clock: FakeClock) -> BlockingStore:
        folder = next(self.folders)
        files = FileStore(folder, durable=False)
        shutil.rmtree(folder)
        return LayeredStore(MemoryStore(), files, clock=clock)
