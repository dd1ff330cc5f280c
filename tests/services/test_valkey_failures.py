"""Servers that die, come back, fill up or change places, and what they keep of a session then."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import valkey

from coatcheck.core.engine import Sessions
from coatcheck.core.errors import StoreUnavailable
from coatcheck.core.http import RequestView
from coatcheck.core.record import Lease, Record
from coatcheck.core.store import BlockingStore, Commit, Committed, Conflict, Gone
from coatcheck.stores.valkey import ValkeyStore
from tests.services.valkey import free_port, kill_valkey, running_valkey, until
from tests.services.valkey_groups import (
    port_of,
    running_cluster,
    running_sentinels,
    told,
)
from tests.services.valkey_records import Opener, a_record, key_of, open_store, over

__all__ = ["open_store"]

DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


def loaded(store: BlockingStore, id: str) -> Record:
    found = store.load(id)
    assert isinstance(found, Record)
    return found


def answers(call: Callable[[], object]) -> Callable[[], bool]:
    """Whether the store answers by now."""

    def asked() -> bool:
        try:
            call()
        except StoreUnavailable:
            return False
        return True

    return asked


# -- restart ---------------------------------------------------------------------------------------


def test_what_was_acknowledged_survives_kill_9_and_what_ended_does_not_come_back(
    tmp_path: Path, open_store: Opener
) -> None:
    port = free_port()
    with running_valkey(tmp_path, *DURABLE, port=port) as url:
        store = open_store(url)
        base, ended = a_record(user="ann"), a_record(user="ann")
        store.create(base)
        store.create(ended)
        store.load(base.id, Lease("me", base.seen + 30), base.seen)
        commit = over(base, {"count": b"\x01\x01"}, holder="me")
        assert store.commit(commit) == Committed()
        store.end(ended.id)
        kill_valkey(url)
        with pytest.raises(StoreUnavailable, match=f"127.0.0.1:{port} cannot be reached"):
            store.load(base.id)
        with pytest.raises(StoreUnavailable):
            store.commit(over(commit.record))
    with running_valkey(tmp_path, *DURABLE, port=port):
        assert loaded(store, base.id) == commit.record
        assert store.load(ended.id) is None
        assert store.commit(over(ended)) == Gone()
        assert [record.id for record in store.of_user("ann")] == [base.id]
        assert store.commit(over(commit.record, {"count": b"\x01\x02"})) == Committed()
        assert told(f"valkey://127.0.0.1:{port}/0", "PTTL", key_of(base)) > 0


def test_a_restart_between_two_requests_is_not_noticed(tmp_path: Path, open_store: Opener) -> None:
    port = free_port()
    record = a_record()
    with running_valkey(tmp_path, *DURABLE, port=port) as url:
        store = open_store(url)
        store.create(record)
        kill_valkey(url)
    with running_valkey(tmp_path, *DURABLE, port=port):
        commit = over(record, {"count": b"\x01\x01"})
        assert store.commit(commit) == Committed()
        assert loaded(store, record.id) == commit.record


# -- writers that die ------------------------------------------------------------------------------


def twin_writer(url: str, base: Record) -> None:
    """Write the same number into two fields, on and on, until somebody kills this process."""
    store = ValkeyStore(url)
    record = loaded(store, base.id)
    n = int(record.fields["left"] or b"0")
    while True:
        n += 1
        value = b"%d" % n + b" " * (n * 7919 % 20_000)
        commit = over(record, {"left": value, "right": value}, commits=(str(n),))
        assert store.commit(commit) == Committed()
        record = commit.record


def test_a_writer_killed_at_any_moment_leaves_no_half_record(valkey_database: str) -> None:
    store = ValkeyStore(valkey_database)
    base = a_record(fields={"left": b"", "right": b""})
    store.create(base)
    spawn = multiprocessing.get_context("spawn")
    versions = [base.version]
    for n in range(6):
        writer = spawn.Process(target=twin_writer, args=(valkey_database, base))
        writer.start()
        until(lambda: loaded(store, base.id).version > versions[-1] + 20)
        for _ in range(n * 37):
            found = loaded(store, base.id)
            assert found.fields["left"] == found.fields["right"]
        writer.kill()
        writer.join()
        found = loaded(store, base.id)
        assert found.fields["left"] == found.fields["right"]
        assert int(found.fields["left"]) == int(found.commits[0])
        assert told(valkey_database, "PTTL", key_of(base)) > 0
        versions.append(found.version)
    store.close()


def login_forever(url: str) -> None:
    store = ValkeyStore(url)
    while True:
        store.create(a_record(user="ann"))
        record = a_record()
        store.create(record)
        store.commit(over(record, user="ann", renewed=record.seen + 1))


def test_a_login_killed_at_any_moment_is_listed_or_has_not_happened(valkey_database: str) -> None:
    told(valkey_database, "FLUSHALL")
    store = ValkeyStore(valkey_database)
    spawn = multiprocessing.get_context("spawn")
    for turn in range(4):
        writers = [spawn.Process(target=login_forever, args=(valkey_database,)) for _ in range(2)]
        for writer in writers:
            writer.start()
        enough = 50 * (turn + 1)
        until(lambda enough=enough: len(store.of_user("ann")) > enough)  # type: ignore[misc]
        for writer in writers:
            writer.kill()
            writer.join()
        listed = {record.id for record in store.of_user("ann")}
        with valkey.from_url(valkey_database) as server:
            bound = [key for key in server.scan_iter("coatcheck:{*") if server.hget(key, b"\xffu")]
        assert {key.decode()[11:-1] for key in bound} == listed
    store.close()


# -- many writers ----------------------------------------------------------------------------------

PROCESSES, THREADS, VISITS = 2, 8, 50


def visit_often(url: str, cookie: bytes) -> None:
    """What one process does: its threads count visits, each in requests of its own."""
    sessions = Sessions(ValkeyStore(url), listener=lambda event: None)
    view = RequestView("POST", https=False, cookies=[cookie])

    def visits() -> None:
        for n in range(VISITS):
            session = sessions.open(view)
            session.increment("visits")
            session.append("items", f"{os.getpid()} {threading.get_ident()} {n}")
            sessions.commit(session, view)

    threads = [threading.Thread(target=visits) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sessions.close()


@pytest.mark.parametrize("place", ["one server", "a cluster"])
def test_two_processes_with_eight_threads_each_lose_nothing(
    request: pytest.FixtureRequest, place: str
) -> None:
    if place == "one server":
        url = str(request.getfixturevalue("valkey_database"))
    else:
        nodes = request.getfixturevalue("valkey_cluster")
        url = f"valkey+cluster://127.0.0.1:{port_of(nodes[1])}"
    sessions = Sessions(ValkeyStore(url))
    view = RequestView("GET", https=False, cookies=[])
    session = sessions.open(view)
    session["made"] = True
    set_cookie = sessions.commit(session, view).set_cookie
    assert set_cookie is not None
    cookie = set_cookie.partition(";")[0].encode()
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=visit_often, args=(url, cookie)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    session = sessions.open(RequestView("GET", https=False, cookies=[cookie]))
    assert session["visits"] == PROCESSES * THREADS * VISITS
    assert len(set(session["items"])) == PROCESSES * THREADS * VISITS
    assert session.record is not None
    assert session.record.version == PROCESSES * THREADS * VISITS + 1
    sessions.close()


# -- servers that refuse ---------------------------------------------------------------------------


def test_a_full_server_refuses_what_is_new_and_changes_nothing(
    tmp_path: Path, open_store: Opener
) -> None:
    with running_valkey(tmp_path, "--maxmemory", "4mb") as url:
        store = open_store(url)
        first = a_record(user="ann")
        store.create(first)
        others = [a_record(fields={"large": bytes(50_000)}) for _ in range(100)]
        taken = sum(answers(lambda other=other: store.create(other))() for other in others)  # type: ignore[misc]
        assert 10 < taken < 100
        assert [store.load(other.id) is not None for other in others].count(True) == taken
        assert store.load(first.id) == first
        with pytest.raises(StoreUnavailable, match="is full: raise its maxmemory"):
            store.commit(over(first, {"large": bytes(50_000)}))
        assert store.load(first.id) == first
        assert store.end(first.id) is True


def test_a_replica_is_no_place_to_write(tmp_path: Path, open_store: Opener) -> None:
    with running_sentinels(tmp_path) as (_, (primary, replica)):
        record = a_record()
        open_store(primary).create(record)
        until(lambda: told(replica, "EXISTS", key_of(record)))
        store = open_store(replica)
        assert store.load(record.id) == record
        for call in (
            lambda: store.commit(over(record)),
            lambda: store.create(a_record()),
            lambda: store.touch(record.id, record.seen + 9, record.expires + 9),
            lambda: store.end(record.id),
        ):
            with pytest.raises(StoreUnavailable, match="is a replica and takes no writes"):
                call()


def test_a_wrong_password_is_named_and_not_shown(tmp_path: Path, open_store: Opener) -> None:
    with running_valkey(tmp_path) as url:
        told(url, "ACL", "SETUSER", "site", "on", ">right", "~coatcheck:*", "+@all")
        host = f"127.0.0.1:{port_of(url)}"
        record = a_record()
        assert open_store(f"valkey://site:right@{host}/0").create(record) is True
        with pytest.raises(StoreUnavailable) as caught:
            open_store(f"valkey://site:wrong@{host}/0").load(record.id)
        assert "refuses the store's user or password" in str(caught.value)
        assert "wrong" not in str(caught.value)
        told(url, "CONFIG", "SET", "requirepass", "another")
        with pytest.raises(StoreUnavailable, match="refuses the store's user or password"):
            open_store(f"valkey://{host}/0").load(record.id)


def test_a_user_needs_no_more_rights_than_the_error_says(
    tmp_path: Path, open_store: Opener
) -> None:
    with running_valkey(tmp_path) as url:
        rights = ["+@read", "+@write", "+@scripting", "+@connection", "+time"]
        told(url, "ACL", "SETUSER", "site", "on", ">right", "~coatcheck:*", *rights)
        told(url, "ACL", "SETUSER", "reader", "on", ">right", "~coatcheck:*", "+@connection")
        host = f"127.0.0.1:{port_of(url)}"
        with pytest.raises(StoreUnavailable) as caught:
            open_store(f"valkey://reader:right@{host}/0").load(a_record().id)
        assert all(right in str(caught.value) for right in rights)
        store = open_store(f"valkey://site:right@{host}/0")
        record = a_record(user="ann")
        store.create(record)
        store.load(record.id, Lease("me", record.seen + 9), record.seen)
        commit = over(record, {}, holder="me", user="bob")
        assert store.commit(commit) == Committed()
        assert store.touch(record.id, record.seen + 60, record.expires + 60) is True
        store.release(record.id, "me")
        assert len(store.of_user("bob")) == 1
        assert store.sweep(record.seen, 10) == 0
        assert store.end(record.id) is True


def test_one_server_is_no_cluster_and_says_so(valkey_database: str, open_store: Opener) -> None:
    store = open_store(f"valkey+cluster://127.0.0.1:{port_of(valkey_database)}")
    with pytest.raises(StoreUnavailable, match="is no cluster"):
        store.load(a_record().id)


def test_a_node_of_a_cluster_by_itself_is_not_all_of_it(
    valkey_cluster: list[str], open_store: Opener
) -> None:
    store = open_store(valkey_cluster[0])
    ids = [a_record().id for _ in range(60)]
    elsewhere = [id for id in ids if not answers(lambda id=id: store.load(id))()]  # type: ignore[misc]
    assert 0 < len(elsewhere) < 60
    with pytest.raises(StoreUnavailable, match=r"write valkey\+cluster://"):
        store.load(elsewhere[0])


def test_connections_that_broke_everywhere_at_once_are_not_noticed(
    valkey_cluster: list[str], valkey_sentinels: tuple[str, list[str]], open_store: Opener
) -> None:
    url, members = valkey_sentinels
    sentinels = url.partition("//")[2].partition("/")[0].split(",")
    for address, servers in (
        (url, [*members, *(f"valkey://{sentinel}" for sentinel in sentinels)]),
        (f"valkey+cluster://127.0.0.1:{port_of(valkey_cluster[0])}", valkey_cluster),
    ):
        store = open_store(address)
        records = [a_record(user="ann") for _ in range(10)]
        for record in records:
            store.create(record)
        for call in (
            lambda records=records, store=store: store.load(records[0].id),
            lambda records=records, store=store: store.commit(over(records[0])),
            lambda store=store: store.create(a_record()),
            lambda records=records, store=store: store.end(records[0].id),
        ):
            for server in servers:
                told(server, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            assert call()


# -- servers that change places --------------------------------------------------------------------


def test_when_the_sentinels_name_another_primary_the_store_goes_there(
    tmp_path: Path, open_store: Opener
) -> None:
    with running_sentinels(tmp_path) as (url, (primary, replica)):
        store = open_store(url, timeout=1.0)
        base = a_record(user="ann")
        store.create(base)
        commit = over(base, {"count": b"\x01\x01"}, commits=("mine",))
        assert store.commit(commit) == Committed()
        with valkey.from_url(primary) as client:
            assert client.wait(1, 5000) == 1
        kill_valkey(primary)
        with pytest.raises(StoreUnavailable):
            store.load(base.id)
        until(answers(lambda: store.commit(over(commit.record, {}, commits=("after",)))))
        assert told(replica, "ROLE")[0] in (b"master", "master")
        found = loaded(store, base.id)
        assert found.version == base.version + 2
        assert found.commits == ("after",)
        assert [record.id for record in store.of_user("ann")] == [base.id]


def test_a_planned_failover_is_followed_without_a_lost_commit(
    tmp_path: Path, open_store: Opener
) -> None:
    with running_sentinels(tmp_path) as (url, (primary, replica)):
        store = open_store(url, timeout=1.0)
        base = a_record(fields={"count": b"0"})
        store.create(base)
        sentinel = f"valkey://{url.partition('//')[2].partition(',')[0]}"
        told(sentinel, "SENTINEL", "FAILOVER", "sessions")
        record, count = base, 0
        deadline = time.monotonic() + 60
        name = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "sessions")
        while int(told(sentinel, *name)[1]) == port_of(primary) or count < 50:
            assert time.monotonic() < deadline
            commit = over(record, {"count": b"%d" % (count + 1)}, commits=(str(count + 1),))
            try:
                answer = store.commit(commit)
            except StoreUnavailable:
                continue
            if isinstance(answer, Conflict):
                record = answer.fresh
                count = int(record.fields["count"])
                continue
            assert answer == Committed()
            record, count = commit.record, count + 1
        until(answers(lambda: store.commit(over(record))))
        found = loaded(store, base.id)
        assert found.fields["count"] == b"%d" % count
        assert told(replica, "EXISTS", key_of(base)) == 1


def test_a_cluster_goes_on_when_a_replica_takes_over(tmp_path: Path, open_store: Opener) -> None:
    with running_cluster(tmp_path, replicas=1) as nodes:
        hosts = ",".join(f"127.0.0.1:{port_of(node)}" for node in nodes)
        store = open_store(f"valkey+cluster://{hosts}", timeout=1.0)
        records = [a_record() for _ in range(30)]
        for record in records:
            store.create(record)
        held = [record for record in records if told_or_moved(nodes[0], key_of(record))]
        with valkey.from_url(nodes[0]) as client:
            assert client.wait(1, 5000) == 1
        kill_valkey(nodes[0])
        with pytest.raises(StoreUnavailable):
            store.commit(over(held[0]))
        for record in held:
            until(answers(lambda record=record: store.commit(over(record))))  # type: ignore[misc]
        for record in records:
            assert loaded(store, record.id).version == record.version + (record in held)


def move_slot(slot: int, giver: str, taker: str, meanwhile: Callable[[], None]) -> None:
    """Give *slot* to another node as an administrator does, key by key."""
    names = [told(node, "CLUSTER", "MYID").decode() for node in (giver, taker)]
    told(taker, "CLUSTER", "SETSLOT", slot, "IMPORTING", names[0])
    told(giver, "CLUSTER", "SETSLOT", slot, "MIGRATING", names[1])
    meanwhile()
    while keys := told(giver, "CLUSTER", "GETKEYSINSLOT", slot, 10):
        for key in keys:
            with valkey.from_url(giver) as client:
                client.migrate("127.0.0.1", port_of(taker), key, 0, 5000)
        meanwhile()
    for node in (taker, giver):
        told(node, "CLUSTER", "SETSLOT", slot, "NODE", names[1])
    meanwhile()


def test_a_session_is_followed_while_its_slot_moves_to_another_node(
    tmp_path: Path, open_store: Opener
) -> None:
    with running_cluster(tmp_path) as nodes:
        store = open_store(f"valkey+cluster://127.0.0.1:{port_of(nodes[2])}")
        base = a_record(user="ann")
        store.create(base)
        slot = told(nodes[0], "CLUSTER", "KEYSLOT", key_of(base))
        giver = next(node for node in nodes if told_or_moved(node, key_of(base)))
        taker = next(node for node in nodes if node != giver)
        record = base
        moments = 0

        def visit() -> None:
            nonlocal record, moments
            moments += 1
            assert loaded(store, base.id) == record
            commit: Commit = over(record, {"count": b"%d" % moments})
            assert store.commit(commit) == Committed()
            record = commit.record
            assert [found.id for found in store.of_user("ann")] == [base.id]

        move_slot(slot, giver, taker, visit)
        assert moments >= 3
        assert told(taker, "EXISTS", key_of(base)) == 1
        assert store.end(base.id) is True
        assert store.load(base.id) is None


def told_or_moved(node: str, key: str) -> Any:
    """Whether *node* has *key*; a node that has not its slot sends us on, which means no."""
    try:
        return told(node, "EXISTS", key)
    except valkey.ResponseError:
        return 0
