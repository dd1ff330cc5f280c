"""Valkey keeps the whole contract of a store: one server, watched by Sentinels, or in a cluster."""

import pytest

from coatcheck.stores.valkey import AsyncValkeyStore, ValkeyStore
from coatcheck.testing import FakeClock, StoreContract
from tests.services.valkey import free_port
from tests.services.valkey_groups import port_of, told


class OneServer(StoreContract):
    """The server of the whole run, emptied for each law."""

    @pytest.fixture(autouse=True)
    def place(self, valkey_url: str) -> None:
        self.url = valkey_url

    def emptied(self) -> str:
        told(self.url, "FLUSHALL")
        return self.url


class TestValkey(OneServer):
    """Threads, each with a connection."""

    def make_store(self, clock: FakeClock) -> ValkeyStore:
        return ValkeyStore(self.emptied())

    def make_unreachable_store(self, clock: FakeClock) -> ValkeyStore:
        return ValkeyStore(f"valkey://ann:secret@127.0.0.1:{free_port()}/0")


class TestAsyncValkey(OneServer):
    """Tasks of one event loop."""

    def make_store(self, clock: FakeClock) -> AsyncValkeyStore:
        return AsyncValkeyStore(self.emptied())

    def make_unreachable_store(self, clock: FakeClock) -> AsyncValkeyStore:
        return AsyncValkeyStore(f"valkey://ann:secret@127.0.0.1:{free_port()}/0")


class ClusterOfThree(StoreContract):
    """Three nodes, each with a third of the slots. The store is told of one."""

    @pytest.fixture(autouse=True)
    def place(self, valkey_cluster: list[str]) -> None:
        self.nodes = valkey_cluster

    def emptied(self) -> str:
        for node in self.nodes:
            told(node, "FLUSHALL")
        return f"valkey+cluster://127.0.0.1:{port_of(self.nodes[0])}"


class TestValkeyCluster(ClusterOfThree):
    """Threads, each with a connection to each node that it needs."""

    def make_store(self, clock: FakeClock) -> ValkeyStore:
        return ValkeyStore(self.emptied())

    def make_unreachable_store(self, clock: FakeClock) -> ValkeyStore:
        return ValkeyStore(f"valkey+cluster://127.0.0.1:{free_port()},127.0.0.1:{free_port()}")


class TestAsyncValkeyCluster(ClusterOfThree):
    """Tasks of one event loop."""

    def make_store(self, clock: FakeClock) -> AsyncValkeyStore:
        return AsyncValkeyStore(self.emptied())

    def make_unreachable_store(self, clock: FakeClock) -> AsyncValkeyStore:
        return AsyncValkeyStore(f"valkey+cluster://127.0.0.1:{free_port()}")


class Watched(StoreContract):
    """A primary with a replica. The store knows only the three Sentinels."""

    @pytest.fixture(autouse=True)
    def place(self, valkey_sentinels: tuple[str, list[str]]) -> None:
        self.url, (self.primary, _) = valkey_sentinels

    def emptied(self) -> str:
        told(self.primary, "FLUSHALL")
        return self.url


class TestValkeySentinel(Watched):
    """Threads, each with a connection."""

    def make_store(self, clock: FakeClock) -> ValkeyStore:
        return ValkeyStore(self.emptied())

    def make_unreachable_store(self, clock: FakeClock) -> ValkeyStore:
        return ValkeyStore(self.url.replace("/sessions", "/no-such-service"))


class TestAsyncValkeySentinel(Watched):
    """Tasks of one event loop."""

    def make_store(self, clock: FakeClock) -> AsyncValkeyStore:
        return AsyncValkeyStore(self.emptied())

    def make_unreachable_store(self, clock: FakeClock) -> AsyncValkeyStore:
        return AsyncValkeyStore(f"valkey+sentinel://127.0.0.1:{free_port()}/sessions")
