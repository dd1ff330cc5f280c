"""What the memcached store adds to the contract: its limits are told, and no two sessions mix."""

import itertools
import os
import subprocess
import sys
import time

import pytest

from coatcheck.core.errors import (
    ConfigurationError,
    SessionTooLarge,
    StoreIncapable,
    StoreUnavailable,
    UnreadableRecord,
)
from coatcheck.core.record import Record
from coatcheck.core.store import Commit, Committed, Gone
from coatcheck.stores.memcached import SLACK, MemcachedStore
from coatcheck.wire.tokens import Token
from tests.services.memcached import running_memcached
from tests.services.valkey import free_port

DAY = 86400
_numbers = itertools.count()


def record(**attributes) -> Record:
    token, now = Token.new(), time.time()
    common = {"created": now, "seen": now, "expires": now + 3600, "renewed": now}
    fields = {"count": b"0"}
    return Record(
        **{"id": token.id, "digest": token.digest, "fields": fields, **common, **attributes}
    )


def over(base: Record, **attributes) -> Commit:
    after = base._replace(version=base.version + 1, **attributes)
    return Commit(base.version, after, frozenset(after.fields), frozenset(), None, time.time())


@pytest.fixture
def store(memcached_url):
    with_prefix = MemcachedStore(memcached_url, prefix=f"own{next(_numbers)}:")
    yield with_prefix
    with_prefix.close()


def test_a_record_above_the_servers_limit_is_refused_and_the_old_one_stays(store):
    kept = record(fields={"small": b"1"})
    store.create(kept)
    large = over(kept, fields={"small": b"1", "photo": bytes(2_000_000)})
    with pytest.raises(SessionTooLarge, match="largest key is 'photo'"):
        store.commit(large)
    with pytest.raises(SessionTooLarge):
        store.create(record(fields={"photo": bytes(2_000_000)}))
    assert store.load(kept.id) == kept
    assert store.commit(over(kept, fields={"small": b"2"})) == Committed()


@pytest.mark.parametrize("days", [1, 29, 30, 31, 90, 400])
def test_memcached_keeps_a_record_until_a_while_after_its_deadline(store, days):
    kept = record(expires=time.time() + days * DAY)
    store.create(kept)
    key = store._key(kept.id).encode()
    answer = store._ask(lambda client: client.raw_command(b"mg %s t" % key))
    left = int(answer.removeprefix(b"HD t"))
    assert abs(left - days * DAY - SLACK) < 60
    assert store.commit(over(kept)) == Committed()
    assert store.touch(kept.id, kept.seen + 1, kept.expires + 1) is True
    assert store.load(kept.id) is not None


def test_a_restart_forgets_everything_and_nothing_of_it_comes_back():
    port = free_port()
    with running_memcached(port=port) as url:
        store = MemcachedStore(url)
        kept = record()
        store.create(kept)
    with pytest.raises(StoreUnavailable, match=f"127.0.0.1:{port}"):
        store.load(kept.id)
    with running_memcached(port=port):
        assert store.load(kept.id) is None
        assert store.commit(over(kept)) == Gone()
        assert store.touch(kept.id, kept.seen + 1, kept.expires + 1) is False
        assert store.load(kept.id) is None
    store.close()


def test_connections_of_a_server_that_was_restarted_are_not_used():
    port = free_port()
    with running_memcached(port=port) as url:
        store = MemcachedStore(url)
        store.create(record())
    with running_memcached(port=port):
        assert store.create(record()) is True
    store.close()


def test_what_memcached_has_thrown_out_is_gone_and_not_an_error():
    with running_memcached("-m", "2") as url:
        store = MemcachedStore(url)
        first = record()
        store.create(first)
        for _ in range(200):
            store.create(record(fields={"large": os.urandom(100_000)}))
        # Full of large records by now; the small ones have a page of their own.
        others = [record(fields={"large": os.urandom(100_000)}) for _ in range(100)]
        for one in others:
            assert store.create(one) is True
        gone = [one for one in others if store.load(one.id) is None]
        assert gone
        assert store.commit(over(gone[0])) == Gone()
        assert store.load(gone[0].id) is None
        store.close()


def test_a_value_that_somebody_else_put_there_is_refused_and_not_overwritten(store):
    kept = record()
    key = store._key(kept.id)
    store._ask(lambda client: client.set(key, b"cached page", noreply=False))
    with pytest.raises(UnreadableRecord):
        store.load(kept.id)
    with pytest.raises(UnreadableRecord):
        store.commit(over(kept))
    assert store.create(kept) is False
    assert store._ask(lambda client: client.get(key)) == b"cached page"


def test_a_record_of_another_session_is_never_handed_out(store):
    mine, theirs = record(), record()
    for one in (mine, theirs):
        store.create(one)
    data = store._ask(lambda client: client.get(store._key(theirs.id)))
    store._ask(lambda client: client.set(store._key(mine.id), data, noreply=False))
    with pytest.raises(UnreadableRecord, match="another session"):
        store.load(mine.id)


def test_an_answer_that_nobody_read_is_not_taken_for_the_next_one(store):
    mine, theirs = record(), record()
    for one in (mine, theirs):
        store.create(one)
    client = store._pool.take(sure=True)
    client.sock.sendall(b"gets %s\r\n" % store._key(theirs.id).encode())
    while not _readable(client):
        pass
    store._pool.give(client)
    assert store.load(mine.id) == mine


def _readable(client) -> bool:
    from coatcheck.stores.memcached import _quiet

    return not _quiet(client)


def test_a_connection_whose_question_was_interrupted_is_not_used_again(store):
    used = []

    def interrupted(client):
        client.get("anything")
        used.append(client)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store._ask(interrupted)
    assert used[0].sock is None
    assert store._pool.take(sure=True) is not used[0]


FORKER = """
import os, sys
from coatcheck.stores.memcached import MemcachedStore
from tests.services.test_memcached import record

store = MemcachedStore(sys.argv[1], prefix="fork:")
records = [record() for _ in range(4)]
for one in records:
    store.create(one)
children = []
for one in records:
    child = os.fork()
    if not child:
        os._exit(0 if all(store.load(one.id) == one for _ in range(300)) else 1)
    children.append(child)
assert all(store.load(one.id) == one for _ in range(100) for one in records)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


def test_processes_forked_off_share_no_connection(memcached_url):
    run = subprocess.run([sys.executable, "-c", FORKER, memcached_url], timeout=60)
    assert run.returncode == 0


def test_a_list_of_a_users_sessions_is_refused_and_not_empty(store):
    store.create(record(user="ann"))
    with pytest.raises(StoreIncapable, match="such as sqlite"):
        store.of_user("ann")


@pytest.mark.parametrize(
    "url",
    [
        "memcached://",
        "memcached://one:11211,two:11211",
        "memcached://user:secret@host",
        "memcached://host:eleven",
        "memcached://host?prefx=a",
        "memcached://host?prefix=a%20b",
        "memcached://host?timeout=0",
        "memcached://host?timeout=soon",
        "http://host:11211",
    ],
)
def test_an_address_that_cannot_work_is_refused_at_start(url):
    with pytest.raises(ConfigurationError) as caught:
        MemcachedStore(url)
    assert "secret" not in str(caught.value)


def test_a_unix_socket_serves_too(tmp_path):
    socket = tmp_path / "memcached.sock"
    with running_memcached(path=socket) as url:
        assert url == f"memcached://{socket}"
        store = MemcachedStore(f"{url}?prefix=here:")
        kept = record()
        assert store.create(kept) is True
        assert store.load(kept.id) == kept
        store.close()
