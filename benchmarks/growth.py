"""Whether sessions cost more the more of them there are, and whom sweeping them holds up.

Stores of each size stand side by side and take turns. Read, and read and write, are the verbs of a
store on sessions at random, without the engine, whose cost has nothing to do with the size; bare
read is the driver's call alone. List is one user's four sessions. Half of the sessions have
expired: while they are swept, another process loads and commits a session of its own every few
milliseconds, and notes how long it waits.

``python benchmarks/growth.py --full`` goes up to a million stored sessions.
"""

import argparse
import gc
import itertools
import multiprocessing
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import Any

from measure.crowd import fill
from measure.places import Place, servers
from measure.tables import machine, show
from measure.turns import Work, in_turns
from measure.visitors import shop_fields, used_session

from coatcheck.core.engine import Sessions
from coatcheck.core.record import Record
from coatcheck.core.store import BlockingStore, Commit, Committed
from coatcheck.stores.sql import SQLStore
from coatcheck.stores.valkey import ValkeyStore

SIZES, FULL = (1_000, 100_000), 1_000_000
TURNS, CALLS = 61, 50
BATCH = 500
ALONE = 1.5
"""Seconds for which the other writer is watched before the sweep."""

nothing: frozenset[str] = frozenset()


def opened(url: str) -> BlockingStore:
    """A store of one's own, for another process."""
    return SQLStore(url) if "sql" in url.partition(":")[0] else ValkeyStore(url)


def change(store: BlockingStore, id: str) -> None:
    """Load a session and commit one changed field."""
    found = store.load(id)
    assert isinstance(found, Record)
    after = found._replace(
        version=found.version + 1, fields={**found.fields, "visits": b"\x01\x12"}
    )
    commit = Commit(found.version, after, frozenset({"visits"}), nothing, None, found.seen + 1)
    assert isinstance(store.commit(commit), Committed)


def verbs(place: Place, records: list[Record]) -> dict[str, Work]:
    """What is measured at every size."""
    assert place.calls is not None
    store, around = place.store, itertools.cycle(records)
    bare = itertools.cycle([place.calls(record)[0] for record in records])

    def read_bare() -> object:
        read = next(bare)
        return read()

    return {
        "bare read": read_bare,
        "read": lambda: store.load(next(around).id),
        "read + write": lambda: change(store, next(around).id),
        "list": lambda: store.of_user(next(around).user or ""),
    }


class Noted:
    """A store that notes how long each batch of a sweep takes."""

    def __init__(self, store: BlockingStore) -> None:
        self._store = store
        self.batches: list[float] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def sweep(self, now: float, limit: int) -> int:
        begun = time.perf_counter()
        swept = self._store.sweep(now, limit)
        self.batches.append(time.perf_counter() - begun)
        return swept


def write_on(url: str, id: str, stop: Event, answer: Connection) -> None:
    """The other writer: commits until *stop*, and answers with when each began and how long."""
    store = opened(url)
    waits = []
    while not stop.is_set():
        begun = time.perf_counter()
        change(store, id)
        waits.append((begun, time.perf_counter() - begun))
        if len(waits) == 1:
            answer.send("ready")
        time.sleep(0.002)
    answer.send(waits)
    store.close()


def beside_a_writer(place: Place, work: Callable[[], None]) -> tuple[list[float], list[float]]:
    """Do *work*; how long the other writer's commits took before, and meanwhile."""
    record, _ = used_session(shop_fields())
    assert place.store.create(record)
    context = multiprocessing.get_context("spawn")
    stop, (mine, theirs) = context.Event(), context.Pipe()
    writer = context.Process(target=write_on, args=(place.url, record.id, stop, theirs))
    writer.start()
    try:
        assert mine.recv() == "ready"
        watched = time.perf_counter()
        time.sleep(ALONE)
        begun = time.perf_counter()
        work()
        ended = time.perf_counter()
    finally:
        stop.set()
    waits = mine.recv()
    writer.join()
    before = [wait for at, wait in waits if watched < at < begun]
    meanwhile = [wait for at, wait in waits if at < ended and at + wait > begun]
    return before, meanwhile


def swept(place: Place, size: int) -> list[object]:
    """A row of the table of sweeps."""
    noted = Noted(place.store)
    removed = 0

    def sweep() -> None:
        nonlocal removed
        begun = time.perf_counter()
        removed = Sessions(noted).delete_expired(BATCH)
        took.append(time.perf_counter() - begun)

    took: list[float] = []
    before, meanwhile = beside_a_writer(place, sweep)
    assert removed == size // 2, (removed, size)
    batches = noted.batches
    return [
        place.name,
        f"{size:,}",
        f"{took[0]:.2f}",
        len(batches),
        f"{statistics.median(batches) * 1e3:.1f}",
        f"{max(batches) * 1e3:.1f}",
        f"{statistics.median(before) * 1e3:.1f}",
        f"{max(before) * 1e3:.1f}",
        f"{statistics.median(meanwhile) * 1e3:.1f}",
        f"{max(meanwhile) * 1e3:.1f}",
    ]


def grown(make: Callable[[], Place], sizes: list[int]) -> tuple[list[Any], list[Any]]:
    """The rows of both tables for one kind of store."""
    places, ways = [make() for _ in sizes], {}
    for place, size in zip(places, sizes, strict=True):
        ways[size] = verbs(place, fill(place, size))
    gc.collect()
    costs = {
        verb: in_turns({str(size): ways[size][verb] for size in sizes}, turns=TURNS, calls=CALLS)
        for verb in ways[sizes[0]]
    }
    rows = []
    for verb, cost in costs.items():
        measured = [f"{cost.median(str(size)):.1f}" for size in sizes]
        ratios = [f"{cost.ratio(str(size), str(sizes[0])):.2f}" for size in sizes[1:]]
        rows.append([places[0].name, verb, *measured, *ratios])
    sweeps = [swept(place, size) for place, size in zip(places, sizes, strict=True)]
    return rows, sweeps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="go up to a million sessions")
    sizes = [*SIZES, *([FULL] if parser.parse_args().full else [])]
    print(machine())
    costs, sweeps = [], []
    with servers() as made:
        for make in (made.sqlite, made.postgresql, made.valkey):
            measured, cleared = grown(make, sizes)
            costs += measured
            sweeps += cleared
    show(
        f"Cost by stored sessions: µs, medians of {TURNS} turns of {CALLS} calls.",
        [
            *("store", "verb"),
            *(f"{size:,}" for size in sizes),
            *(f"{size:,} / {sizes[0]:,}" for size in sizes[1:]),
        ],
        costs,
    )
    show(
        f"Sweep of the expired half, {BATCH} at a time, and another writer's commits in ms.",
        [
            *("store", "stored", "sweep s", "batches", "batch ms", "worst batch"),
            *("alone", "worst alone", "meanwhile", "worst meanwhile"),
        ],
        sweeps,
    )


if __name__ == "__main__":
    main()
