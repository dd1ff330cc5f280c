"""MariaDB as a store: what goes over the wire, what it compares, and outages that are outlived."""

import datetime
import math
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pymysql
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from pymysql.cursors import Cursor
from sqlalchemy.engine import make_url

from coatcheck.core.engine import Sessions
from coatcheck.core.errors import (
    ConfigurationError,
    SessionTooLarge,
    StoreUnavailable,
    UnreadableRecord,
    UnsupportedValue,
)
from coatcheck.core.record import Lease
from coatcheck.core.store import Busy, Committed, Conflict, Gone
from coatcheck.stores.sql import MissingTable, SQLStore
from tests.services.mariadb import PASSWORD, QUOTED, USER, MariaDB, running_mariadb
from tests.services.sql_records import a_record, commit_over
from tests.services.valkey import free_port


@pytest.fixture(scope="module")
def url(mariadb_database: str) -> str:
    store = SQLStore(mariadb_database)
    store.create_tables()
    store.close()
    return mariadb_database


@pytest.fixture
def admin(mariadb_server: MariaDB, url: str) -> "Iterator[Cursor]":
    """Another program's connection to the same database."""
    with mariadb_server.connect(make_url(url).database) as connection:
        cursor = connection.cursor()
        yield cursor
        cursor.execute("ROLLBACK")
        cursor.execute("DELETE FROM coatcheck_sessions")


@pytest.fixture
def make_store(url: str, admin: object) -> Iterator[Callable[..., SQLStore]]:
    stores = []

    def make(options: str = "", **limits: Any) -> SQLStore:
        stores.append(SQLStore(url + options, **limits))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def store(make_store: Callable[..., SQLStore]) -> SQLStore:
    return make_store()


@contextmanager
def transaction(cursor: Cursor) -> Iterator[None]:
    """What the block does holds its locks until its end, and is undone."""
    cursor.execute("BEGIN")
    yield
    cursor.execute("ROLLBACK")


class Observer:
    """Sees the connections of stores to the server, and can end them."""

    def __init__(self, server: MariaDB) -> None:
        self.connection = server.connect()
        self.cursor = self.connection.cursor()

    def _stores(self) -> list[tuple[Any, ...]]:
        self.cursor.execute(
            "SELECT id, state, info FROM information_schema.processlist WHERE user = %s", (USER,)
        )
        return list(self.cursor.fetchall())

    def hang_up(self) -> int:
        """End the server's side of every connection of a store; how many there were."""
        found = self._stores()
        for id, *_ in found:
            self.cursor.execute(f"KILL {id}")
        until(lambda: not {id for id, *_ in found} & {id for id, *_ in self._stores()})
        return len(found)

    def waits_for_a_lock(self) -> bool:
        """Whether a statement is waiting for somebody else's transaction."""
        return self._status("Innodb_row_lock_current_waits") == 1

    def connections(self) -> int:
        return len(self._stores())

    def deadlocks(self) -> int:
        return self._status("Innodb_deadlocks")

    def _status(self, name: str) -> int:
        self.cursor.execute("SHOW GLOBAL STATUS LIKE %s", (name,))
        return int(self.cursor.fetchall()[0][1])


@pytest.fixture
def observer(mariadb_server: MariaDB) -> Iterator[Observer]:
    observer = Observer(mariadb_server)
    yield observer
    observer.connection.close()


def until(happened: Callable[[], bool], seconds: float = 10.0) -> None:
    """Look again and again for what another process does in its own time."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"


# -- what goes over the wire ----------------------------------------------------------------------


def questions(store: SQLStore) -> int:
    """How many questions the one connection of *store* has asked the server, this one included."""
    cursor = store._verbs.pool.take(sure=False)
    cursor.execute("SHOW SESSION STATUS LIKE 'Questions'")
    (_, count), *_ = cursor.fetchall()
    store._verbs.pool.give(cursor)
    return int(count)


def test_each_verb_is_one_round_trip_and_a_load_with_a_lease_two(make_store):
    store = make_store(connections=1)
    record = a_record(user="ann")
    first, second = commit_over(record), commit_over(record._replace(version=2))
    verbs = {
        "create": (1, lambda: store.create(record)),
        "create again": (1, lambda: store.create(record)),
        "load": (1, lambda: store.load(record.id)),
        "load of nobody": (1, lambda: store.load("nobody")),
        "load with a lease": (2, lambda: store.load(record.id, Lease("me", 300.0), 200.0)),
        "commit of the holder": (1, lambda: store.commit(first._replace(holder="me"))),
        "commit": (1, lambda: store.commit(second)),
        "commit that comes late": (2, lambda: store.commit(second)),
        "touch": (1, lambda: store.touch(record.id, 250.0, 1100.0)),
        "release": (1, lambda: store.release(record.id, "me")),
        "of_user": (1, lambda: store.of_user("ann")),
        "sweep": (1, lambda: store.sweep(10.0, 5)),
        "end": (1, lambda: store.end(record.id)),
    }
    store.load(record.id)
    for name, (round_trips, verb) in verbs.items():
        before = questions(store)
        verb()
        assert questions(store) - before - 1 == round_trips, name


def test_a_moment_comes_back_to_the_last_bit(store):
    @given(st.floats(0, 1e17))
    def comes_back(moment: float) -> None:
        record = a_record(seen=moment, expires=math.nextafter(moment, math.inf))
        store.create(record)
        assert store.load(record.id) == record

    comes_back()


# -- what it compares -----------------------------------------------------------------------------


def test_ids_that_differ_in_case_accent_or_blanks_never_meet(store):
    ids = ["abcABC-_", "ABCabc-_", "abcabc-_", "abcABC-_ ", "ábcABC-_", "abcABC-"]
    records = [a_record(id=id, fields={"who": id.encode()}) for id in ids]
    for record in records:
        assert store.create(record) is True
    for record in records:
        assert store.load(record.id) == record
    assert store.load("AbcABC-_") is None
    assert store.touch("AbcABC-_", 300.0, 1300.0) is False
    assert store.end("AbcABC-_") is False
    assert store.commit(commit_over(a_record(id="AbcABC-_"))) == Gone()
    assert store.end("abcABC-_") is True
    assert [store.load(id) is not None for id in ids] == [False, *[True] * 5]


def test_holders_that_differ_in_case_are_not_the_same(store):
    record = a_record()
    store.create(record)
    store.load(record.id, Lease("holder", 300.0), 200.0)
    assert store.load(record.id, Lease("HOLDER", 300.0), 200.0) == Busy(300.0)
    assert store.commit(commit_over(record, holder="Holder")) == Busy(300.0)
    store.release(record.id, "holder ")
    assert store.load(record.id, Lease("Holder", 300.0), 200.0) == Busy(300.0)
    assert store.commit(commit_over(record, holder="holder")) == Committed()


@pytest.mark.parametrize("verb", ["of_user", "sweep", "load"])
@pytest.mark.parametrize("size", [3, 2000])
def test_every_search_goes_by_an_index_in_a_small_table_too(admin, store, verb, size):
    admin.executemany(
        "INSERT INTO coatcheck_sessions VALUES "
        "(%s, '', NULL, 0, 1, 1, %s, 0, 0, %s, 0, '', '', '', NULL, NULL, '')",
        [(f"id {n}", f"user {n}", float(n)) for n in range(size)],
    )
    admin.execute("ANALYZE TABLE coatcheck_sessions")
    statement = getattr(store._verbs.statements, verb)
    values = {"of_user": ("user 2",), "sweep": (2000.0, 500), "load": ("id 2",)}[verb]
    admin.execute("EXPLAIN " + statement.text, statement.arrange(values))
    names = [name for name, *_ in admin.description]
    plan = [dict(zip(names, row, strict=True)) for row in admin.fetchall()]
    # Every row that a sweep looked at beside its batch it would wait for.
    assert [(step["table"], step["type"], step["key"]) for step in plan] == {
        "of_user": [("coatcheck_sessions", "ref", "ix_coatcheck_sessions_user_id")],
        "load": [("coatcheck_sessions", "const", "PRIMARY")],
        "sweep": [
            ("<derived2>", "ALL", None),
            ("coatcheck_sessions", "eq_ref", "PRIMARY"),
            ("coatcheck_sessions", "range", "ix_coatcheck_sessions_expires"),
        ],
    }[verb]


# -- laws of the server ---------------------------------------------------------------------------


def test_a_sweep_passes_over_a_row_that_somebody_holds(admin, store):
    held, free = a_record(expires=150.0), a_record(expires=160.0)
    store.create(held)
    store.create(free)
    with transaction(admin):
        admin.execute("SELECT 1 FROM coatcheck_sessions WHERE id = %s FOR UPDATE", (held.id,))
        assert store.sweep(200.0, 10) == 1
    assert store.load(free.id) is None
    assert store.load(held.id) == held
    assert store.sweep(200.0, 10) == 1


def test_readers_wait_for_no_lock_and_writers_as_long_as_they_were_told(admin, make_store):
    store = make_store(timeout=0.2)
    record = a_record(user="ann")
    store.create(record)
    with transaction(admin):
        admin.execute("UPDATE coatcheck_sessions SET version = 9")
        assert store.load(record.id) == record
        assert store.of_user("ann") == [record]
        with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.2 s"):
            store.commit(commit_over(record))
    assert store.load(record.id) == record
    assert store.commit(commit_over(record)) == Committed()


def test_a_table_that_is_being_altered_makes_nobody_wait_longer_than_told(
    mariadb_server, admin, url, make_store
):
    store = make_store(timeout=1)
    store.load("id")
    admin.execute("LOCK TABLES coatcheck_sessions WRITE")
    try:
        with pytest.raises(StoreUnavailable, match="did not answer within 1 s"):
            store.load("id")
    finally:
        admin.execute("UNLOCK TABLES")
    assert store.load("id") is None


def test_a_statement_that_loses_a_deadlock_is_sent_again(admin, observer, store):
    record = a_record()
    store.create(record)
    for _ in range(5):
        store.create(a_record(user="bob"))
    before = observer.deadlocks()
    answers: list[object] = []
    # The admin has the index of deadlines, the store takes the row and wants the index, the admin
    # then wants the row. InnoDB undoes the one that has changed less: the store.
    admin.execute("BEGIN")
    admin.execute(
        "UPDATE coatcheck_sessions FORCE INDEX (ix_coatcheck_sessions_user_id) "
        "SET version = 5 WHERE user_id = 'bob'"
    )
    admin.execute(
        "SELECT expires FROM coatcheck_sessions FORCE INDEX (ix_coatcheck_sessions_expires) "
        "WHERE expires = 1000 LOCK IN SHARE MODE"
    )
    writer = threading.Thread(
        target=lambda: answers.append(store.commit(commit_over(record, expires=1500.0)))
    )
    writer.start()
    until(observer.waits_for_a_lock)
    admin.execute("UPDATE coatcheck_sessions SET user_agent = 'x' WHERE id = %s", (record.id,))
    admin.execute("COMMIT")
    writer.join()
    assert observer.deadlocks() == before + 1
    assert answers == [Committed()]
    stored = store.load(record.id)
    assert (stored.version, stored.expires) == (2, 1500.0)


def test_a_server_set_up_for_stricter_isolation_and_lax_values_changes_nothing():
    options = (
        "--transaction-isolation=SERIALIZABLE",
        "--sql-mode=ANSI,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT",
        "--default-storage-engine=Aria",
        "--autocommit=0",
        "--character-set-server=latin1",
    )
    with running_mariadb(*options) as server:
        store = SQLStore(server.database("strange"))
        store.create_tables()
        with server.connect("strange") as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT engine FROM information_schema.tables WHERE table_schema = 'strange'"
            )
            assert cursor.fetchall() == (("InnoDB",),)
        base = a_record(user="o'hara\\", user_agent="\U0001f9e5 \\' \"")
        store.create(base)
        assert store.load(base.id) == base
        assert store.of_user("o'hara\\") == [base]
        with pytest.raises(UnsupportedValue, match="address"):
            store.create(a_record(address="x" * 65))
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


def test_a_server_that_logs_statements_is_told_what_to_change():
    with running_mariadb("--log-bin", "--binlog-format=STATEMENT", "--server-id=1") as server:
        store = SQLStore(server.database("logged"))
        store.create_tables()
        with pytest.raises(StoreUnavailable, match="Set binlog_format to ROW or MIXED"):
            store.create(a_record())
        store.close()


def test_makers_of_the_table_do_not_get_into_each_others_way(mariadb_server):
    url = mariadb_server.database("together")
    stores = [SQLStore(url) for _ in range(6)]
    start = threading.Barrier(len(stores))
    errors: list[BaseException] = []

    def make(store: SQLStore) -> None:
        start.wait()
        try:
            store.create_tables()
        except BaseException as error:  # noqa: BLE001 (told to the test)
            errors.append(error)

    threads = [threading.Thread(target=make, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with mariadb_server.connect("together") as connection, connection.cursor() as cursor:
        cursor.execute("SHOW INDEX FROM coatcheck_sessions")
        assert sorted(row[2] for row in cursor.fetchall()) == [
            "PRIMARY",
            "ix_coatcheck_sessions_expires",
            "ix_coatcheck_sessions_user_id",
        ]
    for store in stores:
        store.close()
    mariadb_server.execute("DROP DATABASE together")


def test_pymysql_in_the_place_of_djangos_own_driver_changes_nothing(store, mariadb_database):
    # The alias makes Python load pymysql's modules a second time, with other classes of errors.
    program = """
import sys
import pymysql
from coatcheck.core.record import Record
from coatcheck.stores.sql import SQLStore
pymysql.install_as_MySQLdb()
import MySQLdb.converters
store = SQLStore(sys.argv[1])
record = Record("an id", bytes(32), 1.0, 1.0, 2e9, 1.0, {})
print(store.create(record), store.create(record))
store.close()
"""
    run = subprocess.run(
        [sys.executable, "-c", program, mariadb_database], capture_output=True, text=True
    )
    assert (run.stdout, run.stderr) == ("True False\n", "")
    store.end("an id")


def test_only_a_taken_id_is_a_refusal_to_create_and_all_else_an_error(admin, store):
    record = a_record()
    assert store.create(record) is True
    assert store.create(record._replace(user="mallory")) is False
    assert store.load(record.id) == record
    for unfit in ({"address": "x" * 65}, {"user_agent": "x" * 513}, {"epoch": 2**40}):
        with pytest.raises(UnsupportedValue):
            store.create(a_record(**unfit))
    with pytest.raises(pymysql.IntegrityError):
        store.create(a_record(digest=None))
    admin.execute("SELECT COUNT(*) FROM coatcheck_sessions")
    assert admin.fetchall() == ((1,),)


def test_a_session_larger_than_the_server_takes_is_refused_and_disturbs_nobody(admin, make_store):
    store = make_store(connections=1)
    record = a_record()
    store.create(record)
    admin.execute("SELECT @@max_allowed_packet")
    ((limit,),) = admin.fetchall()
    with pytest.raises(
        SessionTooLarge, match=r"no session of 16\d{6} bytes.* raise max_allowed_packet"
    ):
        store.commit(commit_over(record, fields={"large": bytes(limit)}))
    assert store.load(record.id) == record
    large = bytes(limit // 2 - 10_000)  # its hexadecimal digits just fit
    assert store.commit(commit_over(record, fields={"large": large})) == Committed()
    assert store.load(record.id).fields == {"large": large}


def test_an_unreadable_record_is_an_error_and_stays_as_it_is(admin, store):
    record = a_record(user="ann")
    store.create(record)
    admin.execute("UPDATE coatcheck_sessions SET data = X'02aabb', version = 7")
    with pytest.raises(UnreadableRecord):
        store.load(record.id)
    with pytest.raises(UnreadableRecord):
        store.commit(commit_over(record))
    admin.execute("SELECT data, version FROM coatcheck_sessions")
    assert admin.fetchall() == ((b"\x02\xaa\xbb", 7),)
    assert [listed.id for listed in store.of_user("ann")] == [record.id]
    assert store.end(record.id) is True
    assert store.commit(commit_over(record)) == Gone()


# -- connections ----------------------------------------------------------------------------------


def test_no_more_connections_than_allowed_are_opened_and_they_are_kept(observer, make_store):
    store = make_store(connections=3)
    records = [a_record() for _ in range(30)]
    threads = [threading.Thread(target=store.create, args=(record,)) for record in records]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(store.load(record.id) == record for record in records)
    assert 1 <= observer.connections() <= 3


def test_connections_that_the_server_has_closed_are_not_noticed(observer, make_store):
    store = make_store(connections=1)
    record = a_record()
    store.create(record)
    assert observer.hang_up() == 1
    assert store.load(record.id) == record
    assert observer.hang_up() == 1
    assert store.commit(commit_over(record)) == Committed()
    assert observer.hang_up() == 1
    assert store.create(a_record()) is True


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

    with transaction(admin):
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
    with transaction(admin):
        admin.execute("SELECT 1 FROM coatcheck_sessions FOR UPDATE")
        toucher = threading.Thread(target=store.touch, args=(record.id, 300.0, 1300.0))
        toucher.start()
        until(observer.waits_for_a_lock)
        observer.hang_up()
        until(observer.waits_for_a_lock)
    toucher.join()
    assert store.load(record.id) == record._replace(seen=300.0, expires=1300.0)


def test_an_interrupted_verb_leaves_no_answer_to_the_next(admin, observer, make_store):
    store = make_store(connections=1)
    record = a_record()
    store.create(record)

    class Interrupt(BaseException):
        pass

    cursor = store._verbs.pool.take(sure=False)
    execute = cursor.execute

    def interrupted(*arguments: Any) -> None:
        execute(*arguments)
        raise Interrupt

    cursor.execute = interrupted
    store._verbs.pool.give(cursor)
    with pytest.raises(Interrupt):
        store.load("nobody")
    assert store.load(record.id) == record
    assert store._verbs.pool.take(sure=False) is not cursor


@pytest.fixture
def own_server() -> Iterator[MariaDB]:
    """A server for one test, which stops and starts it."""
    with running_mariadb("--innodb-flush-log-at-trx-commit=1") as server:
        yield server


def test_a_stopped_server_is_an_outage_and_a_started_one_is_used_again(own_server):
    store = SQLStore(own_server.database("shop"), timeout=2)
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
    own_server.start()
    assert store.load(record.id) == record
    assert store.commit(commit_over(record)) == Committed()
    store.close()


def test_a_restart_between_two_requests_is_not_noticed(own_server):
    store = SQLStore(own_server.database("shop"))
    store.create_tables()
    record = a_record()
    store.create(record)
    own_server.stop()
    own_server.start()
    assert store.commit(commit_over(record)) == Committed()
    own_server.stop()
    own_server.start()
    assert store.create(a_record()) is True
    store.close()


def test_what_was_acknowledged_survives_a_crash_of_the_server(own_server):
    store = SQLStore(own_server.database("shop"))
    store.create_tables()
    records = [a_record(fields={"n": b"%d" % n}) for n in range(50)]
    for record in records:
        store.create(record)
        assert store.commit(commit_over(record)) == Committed()
    ended = records.pop()
    store.end(ended.id)
    own_server.kill()
    own_server.start()
    assert [getattr(store.load(record.id), "version", None) for record in records] == [2] * 49
    assert store.load(ended.id) is None
    store.close()


# -- encrypted ------------------------------------------------------------------------------------


def test_an_encrypted_connection_checks_who_answers_and_outlives_a_restart(tmp_path):
    own, other = (self_signed(tmp_path / name) for name in ("own", "other"))
    with running_mariadb(f"--ssl-cert={own}", f"--ssl-key={own}") as server:
        url = server.database("shop")
        server.execute(f"ALTER USER {USER}@'%' REQUIRE SSL")
        for options in ("", f"?ssl_ca={own}"):
            store = SQLStore(url + options, connections=1)
            store.create_tables()
            record = a_record()
            assert store.create(record) is True
            assert is_encrypted(store)
            server.stop()
            server.start()
            assert store.commit(commit_over(record)) == Committed()
            store.close()
        with pytest.raises(StoreUnavailable, match="certificate verify failed"):
            SQLStore(f"{url}?ssl_ca={other}").load("id")
        by_name = url.replace("127.0.0.1", "localhost")
        with pytest.raises(StoreUnavailable, match="not valid for 'localhost'"):
            SQLStore(f"{by_name}?ssl_ca={own}").load("id")


def is_encrypted(store: SQLStore) -> bool:
    cursor = store._verbs.pool.take(sure=False)
    cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    ((_, cipher),) = cursor.fetchall()
    store._verbs.pool.give(cursor)
    return bool(cipher)


def self_signed(file: Path) -> Path:
    """A key and a certificate for 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, file.name)])
    today = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(pem)
    )
    return file


# -- what is wrong is said ------------------------------------------------------------------------


def test_an_address_where_nobody_listens_is_an_outage_without_the_password():
    port = free_port()
    store = SQLStore(f"mysql://site:s3cr3t@127.0.0.1:{port}/shop")
    with pytest.raises(StoreUnavailable, match=f"shop at 127.0.0.1:{port} cannot be reached") as e:
        store.load("id")
    assert "s3cr3t" not in str(e.value)
    assert "s3cr3t" not in str(e.value.__cause__)


def test_a_server_that_takes_the_call_and_says_nothing_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = SQLStore(f"mysql://127.0.0.1:{silent.getsockname()[1]}/shop", timeout=1)
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            store.load("id")
    assert time.monotonic() - begun < 10


def test_a_wrong_password_is_told_and_not_shown(url):
    store = SQLStore(url.replace(QUOTED, "s3cr3t"))
    with pytest.raises(StoreUnavailable, match=f"Access denied for user '{USER}'") as caught:
        store.load("id")
    assert "Correct user and password" in str(caught.value)
    assert "s3cr3t" not in str(caught.value) + str(caught.value.__cause__)


def test_a_password_may_be_any_text(mariadb_server, url):
    mariadb_server.execute(
        "CREATE USER ann@'%' IDENTIFIED BY 'ünlösbar €'",
        f"GRANT ALL ON {make_url(url).database}.* TO ann@'%'",
    )
    try:
        store = SQLStore(
            make_url(url)
            .set(username="ann", password="ünlösbar €")
            .render_as_string(hide_password=False)
        )
        assert store.load("id") is None
        store.close()
    finally:
        mariadb_server.execute("DROP USER ann@'%'")


def test_a_login_that_needs_one_more_library_says_so(mariadb_server, url):
    mariadb_server.execute(
        "INSTALL SONAME 'auth_ed25519'",
        f"CREATE USER ed@'%' IDENTIFIED VIA ed25519 USING PASSWORD('{PASSWORD}')",
    )
    try:
        store = SQLStore(url.replace(USER, "ed"))
        with pytest.raises(StoreUnavailable, match=r"needs one more library .*ed25519"):
            store.load("id")
    finally:
        mariadb_server.execute("DROP USER ed@'%'", "UNINSTALL SONAME 'auth_ed25519'")


def test_a_user_without_rights_is_told_which_to_grant(mariadb_server, url):
    database = make_url(url).database
    mariadb_server.execute(
        "CREATE USER visitor@'%' IDENTIFIED BY 'v'",
        f"GRANT SELECT ON {database}.* TO visitor@'%'",
    )
    try:
        store = SQLStore(url.replace(f"{USER}:{QUOTED}", "visitor:v"))
        assert store.load("id") is None
        with pytest.raises(StoreUnavailable, match="Grant SELECT, INSERT, UPDATE and DELETE"):
            store.create(a_record())
        store.close()
        elsewhere = SQLStore(
            url.replace(f"{USER}:{QUOTED}", "visitor:v").replace(f"/{database}", "/mysql")
        )
        with pytest.raises(StoreUnavailable, match="grant that user the database"):
            elsewhere.load("id")
    finally:
        mariadb_server.execute("DROP USER visitor@'%'")


def test_a_standby_is_an_outage_for_writers_and_serves_readers(mariadb_server, store):
    record = a_record()
    store.create(record)
    mariadb_server.execute("SET GLOBAL read_only = 1")
    try:
        assert store.load(record.id) == record
        with pytest.raises(StoreUnavailable, match="read-only"):
            store.commit(commit_over(record))
        # The connection that said so was given up.
        assert store._verbs.pool._idle == []
    finally:
        mariadb_server.execute("SET GLOBAL read_only = 0")
    assert store.commit(commit_over(record)) == Committed()


def test_a_missing_table_names_the_command_that_makes_it(mariadb_server):
    store = SQLStore(mariadb_server.database("empty"))
    with pytest.raises(MissingTable, match=r"Run `python manage\.py migrate`") as caught:
        store.load("id")
    assert caught.value.status == 503
    store.close()
    mariadb_server.execute("DROP DATABASE empty")


def test_a_missing_database_names_the_statement_that_makes_it(mariadb_server):
    mariadb_server.execute(f"GRANT ALL ON nowhere.* TO {USER}@'%'")
    store = SQLStore(f"mysql://{USER}:{QUOTED}@127.0.0.1:{mariadb_server.port}/nowhere")
    with pytest.raises(StoreUnavailable, match="CREATE DATABASE … CHARACTER SET utf8mb4"):
        store.load("id")
    mariadb_server.execute(f"REVOKE ALL ON nowhere.* FROM {USER}@'%'")


def test_a_socket_of_the_system_serves_too(mariadb_server, url):
    there = make_url(url)
    store = SQLStore(
        f"mysql://{USER}:{QUOTED}@/{there.database}?unix_socket={mariadb_server.socket}"
    )
    assert store.load("id") is None
    assert repr(store).endswith(f"at {mariadb_server.socket}>")
    store.close()


def test_options_for_the_driver_of_the_sites_own_tables_are_let_be(make_store):
    store = make_store("?charset=latin1&local_infile=1&init_command=SET+autocommit%3D0")
    record = a_record(user_agent="\U0001f9e5")
    store.create(record)
    assert store.load(record.id) == record
    with pytest.raises(ConfigurationError, match="no option 'compress'"):
        make_store("?compress=1")


def test_values_that_only_the_encoding_refuses_are_an_error_that_harms_nothing(store):
    with pytest.raises(UnicodeEncodeError):
        store.create(a_record(user="\ud800"))
    assert store.create(a_record(user="a\x00b")) is True
    assert len(store.of_user("a\x00b")) == 1
