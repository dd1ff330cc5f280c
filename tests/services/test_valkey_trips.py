"""How often each verb goes to the server, and what becomes of it when the way breaks."""

import asyncio
import gc
import threading
import time
from collections.abc import Iterator

import pytest
import valkey

from coatcheck.core.engine import Sessions
from coatcheck.core.errors import StoreUnavailable
from coatcheck.core.record import Lease, Record
from coatcheck.core.store import Committed, Conflict
from coatcheck.stores.valkey import AsyncValkeyStore, ValkeyStore
from coatcheck.testing import Visitor
from coatcheck.wire.tokens import Token
from tests.services.valkey import free_port, until
from tests.services.valkey_groups import told
from tests.services.valkey_records import Opener, a_record, key_of, open_store, over
from tests.services.valkey_wire import Wire, wire_to

__all__ = ["open_store"]


@pytest.fixture
def taught(valkey_database: str) -> str:
    """The URL of a server that knows the scripts."""
    store = ValkeyStore(valkey_database)
    record = a_record(user="first")
    store.create(record)
    store.load(record.id, Lease("me", record.seen + 9), record.seen)
    store.commit(over(record, {}, holder="me"))
    store.touch(record.id, record.seen + 2, record.expires + 2)
    store.release(record.id, "me")
    store.of_user("first")
    store.end(record.id)
    store.close()
    return valkey_database


@pytest.fixture
def wire(taught: str) -> Iterator[Wire]:
    """A wire to a server that knows the scripts."""
    with wire_to(taught) as wire:
        yield wire


# -- counted ---------------------------------------------------------------------------------------


def test_each_verb_is_one_round_trip(wire: Wire, open_store: Opener) -> None:
    store = open_store(wire.url)
    record = a_record()
    now = record.seen
    trips = []
    for call in (
        lambda: store.create(record),
        lambda: store.load(record.id),
        lambda: store.load(record.id, Lease("me", now + 9), now),
        lambda: store.commit(over(record, {"count": b"\x01\x01"}, holder="me")),
        lambda: store.touch(record.id, now + 60, now + 4000),
        lambda: store.release(record.id, "me"),
        lambda: store.end(record.id),
        lambda: store.load(record.id),
    ):
        call()
        trips.append(wire.trips[:])
        wire.trips.clear()
    assert trips == [[("EVALSHA",)], [("HGETALL",)], *[[("EVALSHA",)]] * 5, [("HGETALL",)]]


def test_a_visit_of_a_known_user_is_one_load_and_one_commit(wire: Wire) -> None:
    visitor = Visitor(Sessions(ValkeyStore(wire.url)))
    with visitor.visit("POST") as session:
        session.login("ann")
    wire.trips.clear()
    with visitor.visit() as session:
        assert session.user == "ann"
    assert wire.trips == [("HGETALL",)]
    wire.trips.clear()
    with visitor.visit() as session:
        session["count"] = session.get("count", 0) + 1
    assert wire.trips == [("HGETALL",), ("EVALSHA",)]
    wire.trips.clear()
    with visitor.visit():
        pass
    assert wire.trips == []


def test_a_login_costs_one_round_trip_more(wire: Wire, open_store: Opener) -> None:
    store = open_store(wire.url)
    base = a_record()
    store.create(base)
    wire.trips.clear()
    login = over(base, user="ann", renewed=base.seen + 1)
    assert store.commit(login) == Committed()
    assert wire.trips == [("EVALSHA",)] * 2
    wire.trips.clear()
    assert store.commit(over(login.record, {"count": b"\x01\x01"}, later=9)) == Committed()
    assert wire.trips == [("EVALSHA",)]


def test_listing_a_users_sessions_takes_two_round_trips_however_many(
    wire: Wire, open_store: Opener
) -> None:
    store = open_store(wire.url)
    user = Token.new().id
    for _ in range(20):
        store.create(a_record(user=user))
    wire.trips.clear()
    assert len(store.of_user(user)) == 20
    assert wire.trips == [("EVALSHA",), ("HGETALL",) * 20]


def test_a_commit_sends_only_what_changed(taught: str) -> None:
    store = ValkeyStore(taught)
    large = b"\x01" + bytes(100_000)
    base = a_record(fields={"large": large, "count": b"\x01\x00"})
    store.create(base)
    before = told(taught, "INFO", "stats")["total_net_input_bytes"]
    store.commit(over(base, {"large": large, "count": b"\x01\x01"}))
    after = told(taught, "INFO", "stats")["total_net_input_bytes"]
    assert after - before < 2000
    found = store.load(base.id)
    assert isinstance(found, Record)
    assert found.fields == {"large": large, "count": b"\x01\x01"}
    store.close()


# -- lost ------------------------------------------------------------------------------------------


def test_a_commit_whose_acknowledgement_was_lost_is_recognised(
    wire: Wire, open_store: Opener
) -> None:
    store = open_store(wire.url)
    base = a_record()
    store.create(base)
    wire.lose("acknowledgement", "EVALSHA")
    answer = store.commit(over(base, {"count": b"\x01\x01"}, commits=("mine",)))
    assert isinstance(answer, Conflict)
    assert answer.fresh.commits == ("mine",)
    assert answer.fresh.version == base.version + 1


def test_a_visit_is_counted_once_however_its_commit_was_lost(wire: Wire) -> None:
    visitor = Visitor(Sessions(ValkeyStore(wire.url)))
    with visitor.visit() as session:
        session["count"] = 0
    for times, loss in enumerate(("request", "acknowledgement"), start=1):
        wire.lose(loss, "EVALSHA")  # type: ignore[arg-type]
        with visitor.visit() as session:
            session.increment("count")
        with visitor.visit() as session:
            assert session["count"] == times


@pytest.mark.parametrize("loss", ["request", "acknowledgement"])
def test_a_new_record_is_made_once_however_its_creation_was_lost(
    wire: Wire, open_store: Opener, loss: str
) -> None:
    store = open_store(wire.url)
    record = a_record()
    wire.lose(loss, "EVALSHA")  # type: ignore[arg-type]
    assert store.create(record) is True
    assert store.load(record.id) == record
    assert store.create(record) is False


@pytest.mark.parametrize("loss", ["request", "acknowledgement"])
def test_an_ended_session_is_gone_however_its_end_was_lost(
    wire: Wire, open_store: Opener, loss: str
) -> None:
    store = open_store(wire.url)
    record = a_record(user="ann")
    store.create(record)
    wire.lose(loss, "EVALSHA")  # type: ignore[arg-type]
    store.end(record.id)
    assert store.load(record.id) is None


def test_connections_that_broke_while_idle_are_not_noticed(wire: Wire, open_store: Opener) -> None:
    store = open_store(wire.url)
    record = a_record()
    store.create(record)
    wire.cut()
    assert store.load(record.id) == record
    wire.cut()
    assert store.commit(over(record)) == Committed()


def test_a_server_that_stays_away_is_an_error_that_names_it(open_store: Opener) -> None:
    port = free_port()
    store = open_store(f"valkey://zoe:secret@127.0.0.1:{port}/0")
    with pytest.raises(StoreUnavailable) as caught:
        store.load(a_record().id)
    assert f"the Valkey server at 127.0.0.1:{port} cannot be reached" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "zoe" not in str(caught.value)


# -- too late --------------------------------------------------------------------------------------


def test_an_answer_that_came_too_late_is_given_to_nobody(wire: Wire, open_store: Opener) -> None:
    store = open_store(wire.url, timeout=0.2)
    mine, other = a_record(), a_record()
    store.create(mine)
    store.create(other)
    wire.lose("answer for a while", "HGETALL")
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.2 s"):
        store.load(mine.id)
    assert time.monotonic() - begun < 5
    wire.released.set()
    for _ in range(3):
        assert store.load(other.id) == other
    assert store.load(mine.id) == mine


def test_the_answer_to_a_cancelled_task_is_given_to_nobody(wire: Wire) -> None:
    mine, other = a_record(), a_record()

    async def scenario() -> None:
        store = AsyncValkeyStore(wire.url, connections=1)
        await store.create(mine)
        await store.create(other)
        wire.lose("answer for a while", "HGETALL")
        asked = len(wire.trips)
        task = asyncio.create_task(store.load(mine.id))
        await asyncio.to_thread(until, lambda: len(wire.trips) > asked)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        wire.released.set()
        for _ in range(3):
            assert await store.load(other.id) == other
        await store.close()

    asyncio.run(scenario())


def test_more_tasks_than_connections_take_turns(wire: Wire) -> None:
    record = a_record()

    async def scenario() -> None:
        store = AsyncValkeyStore(wire.url, connections=2)
        await store.create(record)
        assert await asyncio.gather(*(store.load(record.id) for _ in range(40))) == [record] * 40
        await store.close()

    asyncio.run(scenario())


def test_a_task_does_not_wait_for_a_connection_for_ever(wire: Wire) -> None:
    async def scenario() -> None:
        store = AsyncValkeyStore(wire.url, connections=1, timeout=0.2)
        await store.create(a_record())
        wire.lose("answer for a while", "HGETALL", times=9)
        loads = await asyncio.gather(
            *(store.load(a_record().id) for _ in range(9)), return_exceptions=True
        )
        assert {type(load) for load in loads} == {StoreUnavailable}
        assert any("all 1 connections" in str(load) for load in loads)
        await store.close()

    asyncio.run(scenario())


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_an_awaitable_store_serves_one_loop_after_another(valkey_database: str) -> None:
    record = a_record()
    store = AsyncValkeyStore(valkey_database)

    async def last() -> object:
        found = await store.load(record.id)
        await store.close()
        return found

    assert asyncio.run(store.create(record)) is True
    for _ in range(3):
        assert asyncio.run(store.load(record.id)) == record
    assert asyncio.run(last()) == record
    gc.collect()  # a loop that ends before its connections leaves them to the collector


# -- scripts ---------------------------------------------------------------------------------------


def test_a_server_that_forgot_the_scripts_is_told_them_again(
    valkey_database: str, open_store: Opener
) -> None:
    store = open_store(valkey_database)
    record = a_record(user="ann")
    now = record.seen
    told(valkey_database, "SCRIPT", "FLUSH")
    assert store.create(record) is True
    told(valkey_database, "SCRIPT", "FLUSH")
    assert isinstance(store.load(record.id, Lease("me", now + 9), now), Record)
    told(valkey_database, "SCRIPT", "FLUSH")
    login = over(record, {"count": b"\x01\x01"}, holder="me", user="bob")
    assert store.commit(login) == Committed()
    told(valkey_database, "SCRIPT", "FLUSH")
    assert store.touch(record.id, now + 60, now + 9000) is True
    told(valkey_database, "SCRIPT", "FLUSH")
    assert [found.id for found in store.of_user("bob")] == [record.id]
    told(valkey_database, "SCRIPT", "FLUSH")
    assert store.end(record.id) is True


def test_scripts_flushed_all_the_time_lose_no_commit(valkey_database: str) -> None:
    store = ValkeyStore(valkey_database)
    base = a_record(fields={})
    store.create(base)
    done = threading.Event()

    def flushes() -> None:
        with valkey.from_url(valkey_database) as client:
            while not done.is_set():
                client.script_flush()

    flusher = threading.Thread(target=flushes)
    flusher.start()
    record = base
    for n in range(200):
        commit = over(record, {**record.fields, f"key {n}": b"\x01"})
        try:
            assert store.commit(commit) == Committed()
        except valkey.exceptions.NoScriptError:
            raise AssertionError("EVAL was asked to know a script by its name") from None
        record = commit.record
    done.set()
    flusher.join()
    found = store.load(base.id)
    assert isinstance(found, Record)
    assert found.fields == record.fields
    assert told(valkey_database, "PTTL", key_of(base)) > 0
    store.close()
