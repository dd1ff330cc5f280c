"""SQLite as a store: readers wait for nobody, and whatever is wrong with a file is said."""

import multiprocessing
import os
import sqlite3
import threading
import time
from typing import Any

import pytest

from coatcheck.core.engine import Sessions
from coatcheck.core.errors import StoreUnavailable, UnreadableRecord
from coatcheck.core.record import Lease
from coatcheck.core.store import Committed, Conflict, Gone
from coatcheck.stores.sql import MissingTable, SQLStore
from tests.services.sql_records import a_record, commit_over


@pytest.fixture
def path(tmp_path):
    return tmp_path / "site.sqlite3"


@pytest.fixture
def make_store(path):
    stores = []

    def make(query: str = "", **limits: Any) -> SQLStore:
        store = SQLStore(f"sqlite:///{path}{query}", **limits)
        store.create_tables()
        stores.append(store)
        return store

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def store(make_store):
    return make_store()


@pytest.fixture
def other(path, store):
    """Another program's connection to the same file, in a transaction of its own making."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=0)
    yield connection
    connection.close()


def pragma(store: SQLStore, name: str) -> object:
    cursor = store._verbs.pool.take(sure=False)
    (value,) = cursor.execute(f"PRAGMA {name}").fetchone()
    store._verbs.pool.give(cursor)
    return value


# -- how a file is used ---------------------------------------------------------------------------


def test_nothing_is_opened_before_the_first_verb(path):
    SQLStore(f"sqlite:///{path}")
    assert not path.exists()


def test_a_relative_path_is_where_the_process_was_when_the_store_was_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = SQLStore("sqlite:///relative.sqlite3")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.create_tables()
    store.close()
    assert (tmp_path / "relative.sqlite3").exists()


def test_a_file_keeps_a_write_ahead_log_and_leaves_the_disk_its_time(store):
    assert pragma(store, "journal_mode") == "wal"
    assert pragma(store, "synchronous") == 1  # NORMAL


def test_the_url_can_ask_to_wait_for_the_disk(make_store):
    assert pragma(make_store("?synchronous=full"), "synchronous") == 2


def test_the_url_can_say_how_long_to_wait_for_a_writer(make_store):
    assert pragma(make_store("?timeout=0.25"), "busy_timeout") == 250
    assert pragma(make_store(timeout=1.5), "busy_timeout") == 1500


def test_making_the_tables_again_changes_nothing(store):
    record = a_record()
    store.create(record)
    store.create_tables()
    assert store.load(record.id) == record


def test_records_outlive_the_store(make_store):
    record = a_record()
    first = make_store()
    first.create(record)
    first.close()
    assert make_store().load(record.id) == record


def test_a_database_in_memory_needs_no_tables_made_and_serves_threads():
    store = SQLStore("sqlite://")
    record = a_record()
    store.create(record)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(store.load(record.id))) for _ in "1234"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [record] * 4
    store.close()


def test_two_databases_in_memory_are_two():
    one, two = SQLStore("sqlite://"), SQLStore("sqlite:///:memory:")
    record = a_record()
    one.create(record)
    assert two.load(record.id) is None
    one.close()
    two.close()


@pytest.mark.parametrize("verb", ["of_user", "sweep"])
def test_listing_and_sweeping_go_by_an_index(other, store, verb):
    statement = getattr(store._verbs.statements, verb)
    values = ("ann",) if verb == "of_user" else (1.0, 500)
    rows = other.execute("EXPLAIN QUERY PLAN " + statement.text, statement.arrange(values))
    plan = "; ".join(row[-1] for row in rows.fetchall())
    assert {"of_user": "ix_coatcheck_sessions_user_id", "sweep": "ix_coatcheck_sessions_expires"}[
        verb
    ] in plan
    assert "SCAN coatcheck_sessions;" not in plan


def test_a_sweep_goes_in_batches_and_leaves_what_lives(store):
    live = a_record(expires=2000.0)
    store.create(live)
    for _ in range(120):
        store.create(a_record(expires=500.0))
    assert [store.sweep(600.0, 50) for _ in range(4)] == [50, 50, 20, 0]
    assert store.load(live.id) == live


def test_a_commit_moves_a_deadline_that_others_left_where_it_was(store):
    base = a_record(user="ann")
    store.create(base)
    plain = commit_over(base, fields={"n": b"\x01\x02"})
    assert store.commit(plain) == Committed()
    later = commit_over(plain.record, seen=200.0, expires=1100.0)
    assert store.commit(later) == Committed()
    assert store.load(base.id) == later.record


def test_a_commit_that_only_changes_the_user_is_found_under_the_new_one(store):
    base = a_record(user="ann")
    store.create(base)
    assert store.commit(commit_over(base, user=None)) == Committed()
    assert store.of_user("ann") == []


# -- other processes ------------------------------------------------------------------------------


def test_a_reader_does_not_wait_for_a_writer(make_store, other):
    store = make_store(timeout=0.05)
    record = a_record(user="ann")
    store.create(record)
    other.execute("BEGIN IMMEDIATE")
    other.execute("UPDATE coatcheck_sessions SET version = 9")
    assert store.load(record.id) == record
    assert store.of_user("ann") == [record]
    other.execute("COMMIT")
    assert store.load(record.id) == record._replace(version=9)


def test_a_writer_waits_for_another_as_long_as_it_was_told_and_says_so(make_store, other):
    store = make_store(timeout=0.05)
    record = a_record()
    store.create(record)
    other.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable, match=r"locked by another writer for more than 0\.05 s"):
        store.commit(commit_over(record))
    assert 0.05 <= time.monotonic() - begun < 2
    with pytest.raises(StoreUnavailable, match="locked by another writer"):
        store.load(record.id, Lease("me", 300.0), 200.0)
    other.execute("ROLLBACK")
    assert store.commit(commit_over(record)) == Committed()


def test_readers_do_not_wait_for_a_place_among_waiting_writers(make_store, other):
    store = make_store(timeout=30, connections=2)
    record = a_record()
    store.create(record)
    other.execute("BEGIN IMMEDIATE")
    writers = [
        threading.Thread(target=store.touch, args=(record.id, 101.0 + n, 1001.0)) for n in range(6)
    ]
    for writer in writers:
        writer.start()
    assert store.load(record.id) == record
    other.execute("ROLLBACK")
    for writer in writers:
        writer.join()
    assert store.load(record.id) == record._replace(seen=106.0, expires=1001.0)


def _open_and_write(url: str, start: object, done: object) -> None:
    start.wait()  # type: ignore[attr-defined]
    store = SQLStore(url)
    store.create_tables()
    created = [store.create(a_record()) for _ in range(5)]
    store.close()
    done.put(all(created))  # type: ignore[attr-defined]


def test_processes_that_open_a_new_file_at_once_all_can(path):
    spawn = multiprocessing.get_context("spawn")
    start, done = spawn.Event(), spawn.Queue()
    processes = [
        spawn.Process(target=_open_and_write, args=(f"sqlite:///{path}", start, done))
        for _ in range(4)
    ]
    for process in processes:
        process.start()
    start.set()
    assert [done.get(timeout=60) for _ in processes] == [True] * 4
    for process in processes:
        process.join()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM coatcheck_sessions").fetchone() == (20,)
    connection.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # it has other threads
def test_a_forked_process_and_its_parent_write_to_the_same_file(store):
    record = a_record()
    store.create(record)
    child = os.fork()
    if child == 0:
        commit = commit_over(record, fields={"by": b"child"})
        os._exit(0 if store.commit(commit) == Committed() else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    late = store.commit(commit_over(record, fields={"by": b"parent"}))
    assert isinstance(late, Conflict)
    assert late.fresh.fields == {"by": b"child"}
    assert store.commit(commit_over(late.fresh)) == Committed()


# -- what can be wrong ----------------------------------------------------------------------------


def test_a_missing_folder_is_named(tmp_path):
    store = SQLStore(f"sqlite:///{tmp_path}/no/such/site.sqlite3")
    with pytest.raises(StoreUnavailable, match=f"there is no folder {tmp_path}/no/such; make it"):
        store.load("id")


def test_a_folder_in_place_of_the_file_is_named(tmp_path):
    with pytest.raises(StoreUnavailable, match="it is a folder"):
        SQLStore(f"sqlite:///{tmp_path}").load("id")


def test_a_file_that_is_no_database_is_left_as_it_is(path):
    path.write_text("These are the holiday pictures.\n" * 100)
    with pytest.raises(StoreUnavailable, match="is no SQLite database"):
        SQLStore(f"sqlite:///{path}").create(a_record())
    assert path.read_text().startswith("These are the holiday pictures.")


def test_a_missing_table_names_the_command_that_makes_it(path):
    store = SQLStore(f"sqlite:///{path}")
    with pytest.raises(MissingTable, match=r"Run `python manage\.py migrate`") as caught:
        store.load("id")
    assert caught.value.status == 503
    assert "no such table: coatcheck_sessions" in str(caught.value)
    store.close()


def test_a_table_of_an_older_version_names_the_command_that_changes_it(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE coatcheck_sessions (id TEXT PRIMARY KEY, data BLOB)")
    connection.close()
    store = SQLStore(f"sqlite:///{path}")
    with pytest.raises(MissingTable, match="no such column"):
        store.load("id")
    store.close()


def test_the_table_may_be_made_while_the_store_is_in_use(path):
    store, record = SQLStore(f"sqlite:///{path}"), a_record()
    with pytest.raises(MissingTable):
        store.load(record.id)
    migrating = SQLStore(f"sqlite:///{path}")
    migrating.create_tables()
    migrating.close()
    assert store.create(record)
    store.close()


def test_a_full_disk_is_an_outage_and_nothing_is_half_written(make_store):
    store = make_store(connections=1)
    record = a_record()
    store.create(record)
    pragma(store, f"max_page_count = {pragma(store, 'page_count')}")
    with pytest.raises(StoreUnavailable, match="its disk is full"):
        store.commit(commit_over(record, fields={"large": bytes(100_000)}))
    assert store.load(record.id) == record


def test_what_cannot_be_written_is_an_outage_and_the_connection_is_given_up(make_store):
    store = make_store(connections=1)
    record = a_record()
    store.create(record)
    cursor = store._verbs.pool.take(sure=False)
    cursor.execute("PRAGMA query_only = ON")
    store._verbs.pool.give(cursor)
    with pytest.raises(StoreUnavailable, match="cannot be written: check who owns"):
        store.commit(commit_over(record))
    assert store.commit(commit_over(record)) == Committed()


# -- rows that cannot be read ---------------------------------------------------------------------


@pytest.fixture
def unreadable(store, other):
    """A record whose row a later version has written."""
    record = a_record(user="ann")
    store.create(record)
    other.execute("UPDATE coatcheck_sessions SET data = x'02aabb'")
    return record


def row(other: sqlite3.Connection) -> tuple[object, ...]:
    return tuple(other.execute("SELECT * FROM coatcheck_sessions").fetchone())


def test_an_unreadable_record_is_an_error_and_not_a_new_session(store, other, unreadable):
    before = row(other)
    with pytest.raises(UnreadableRecord, match="is kept as it is") as caught:
        store.load(unreadable.id)
    assert unreadable.id not in str(caught.value)
    assert row(other) == before


def test_a_late_commit_does_not_overwrite_an_unreadable_record(store, other, unreadable):
    other.execute("UPDATE coatcheck_sessions SET version = 7")
    before = row(other)
    with pytest.raises(UnreadableRecord):
        store.commit(commit_over(unreadable))
    assert row(other) == before


def test_an_unreadable_record_of_a_user_is_listed_and_can_be_ended(store, unreadable):
    readable = a_record(user="ann")
    store.create(readable)
    sessions = Sessions(store, clock=lambda: 200.0)
    assert {record.id for record in sessions.of("ann")} == {unreadable.id, readable.id}
    assert sessions.revoke_user("ann") == 2
    assert store.of_user("ann") == []


def test_an_unreadable_record_expires_like_any_other(store, unreadable):
    assert store.sweep(1000.0, 10) == 1
    assert store.commit(commit_over(unreadable)) == Gone()
