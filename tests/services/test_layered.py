"""Memcached in front of SQLite: the contract, a restart of the cache, many processes at once."""

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from coatcheck.core.record import Record
from coatcheck.core.store import BlockingStore
from coatcheck.stores.layered import LayeredStore
from coatcheck.stores.memcached import MemcachedStore
from coatcheck.stores.sql import SQLStore
from coatcheck.testing import FakeClock, StoreContract
from tests.services.memcached import running_memcached
from tests.services.test_memcached import over, record
from tests.services.valkey import free_port

_numbers = itertools.count()


def database(folder: Path) -> SQLStore:
    store = SQLStore(f"sqlite:///{folder}/sessions-{next(_numbers)}.sqlite3")
    store.create_tables()
    return store


class TestMemcachedBeforeSQLite(StoreContract):
    @pytest.fixture(autouse=True)
    def _on_server(self, memcached_url: str, tmp_path: Path) -> None:
        self.url = memcached_url
        self.folder = tmp_path

    def make_store(self, clock: FakeClock) -> BlockingStore:
        cache = MemcachedStore(self.url, prefix=f"layered{next(_numbers)}:")
        return LayeredStore(cache, database(self.folder), clock=clock)

    def make_unreachable_store(self, clock: FakeClock) -> BlockingStore:
        return LayeredStore(
            MemcachedStore(self.url), SQLStore(f"sqlite:///{self.folder}/nowhere/file"), clock=clock
        )


def test_a_restart_of_the_cache_costs_no_session_and_brings_none_back(tmp_path):
    clock, port = FakeClock(), free_port()
    with running_memcached(port=port) as url:
        store = LayeredStore(MemcachedStore(url), database(tmp_path), clock=clock)
        kept, ended = record(user="ann"), record(user="ann")
        for one in (kept, ended):
            store.create(one)
    second = over(kept, fields={"count": b"2"})
    store.commit(second)
    assert store.end(ended.id) is True
    clock.advance(60)
    with running_memcached(port=port):
        for _ in range(2):
            assert store.load(kept.id) == second.record
            assert store.load(ended.id) is None
        assert [one.id for one in store.of_user("ann")] == [kept.id]
    store.close()


def test_a_record_too_large_for_memcached_is_served_by_the_database(memcached_url, tmp_path):
    cache = MemcachedStore(memcached_url, prefix="large:")
    store = LayeredStore(cache, database(tmp_path))
    kept = record()
    store.create(kept)
    large = over(kept, fields={"photo": bytes(1_500_000)})
    store.commit(large)
    assert store.load(kept.id) == large.record
    small = over(large.record, fields={"count": b"3"})
    store.commit(small)
    assert store.load(kept.id) == small.record
    store.close()


COUNTER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from coatcheck.stores.layered import LayeredStore
from coatcheck.stores.memcached import MemcachedStore
from coatcheck.stores.sql import SQLStore
from tests.services.test_file import count_up

store = LayeredStore(MemcachedStore(sys.argv[1], prefix="count:"), SQLStore(sys.argv[2]))
with ThreadPoolExecutor(4) as threads:
    print(sum(threads.map(lambda _: count_up(store, sys.argv[3], 25), range(4))))
"""


def test_two_processes_lose_no_increment_and_both_see_the_last_one(memcached_url, tmp_path):
    url = f"sqlite:///{tmp_path}/sessions.sqlite3"
    durable = SQLStore(url)
    durable.create_tables()
    store = LayeredStore(MemcachedStore(memcached_url, prefix="count:"), durable)
    kept = record()
    store.create(kept)
    command = [sys.executable, "-c", COUNTER, memcached_url, url, kept.id]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum(map(int, outputs)) > 0, "they never met, so nothing was shown"
    for one in (store, durable):
        found = one.load(kept.id)
        assert isinstance(found, Record)
        assert found.version == kept.version + 200
        assert found.fields == {"count": b"200"}
    store.close()
