"""The memcached store keeps the laws of stores, on a real memcached."""

import itertools

import pytest

from coatcheck.core.store import BlockingStore
from coatcheck.stores.memcached import MemcachedStore
from coatcheck.testing import FakeClock, StoreContract
from tests.services.valkey import free_port

_numbers = itertools.count()


class TestMemcachedStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _on_server(self, memcached_url: str) -> None:
        self.url = memcached_url

    def make_store(self, clock: FakeClock) -> BlockingStore:
        return MemcachedStore(self.url, prefix=f"test{next(_numbers)}:")

    def make_unreachable_store(self, clock: FakeClock) -> BlockingStore:
        return MemcachedStore(f"memcached://127.0.0.1:{free_port()}")
