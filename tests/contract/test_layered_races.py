"""Nodes that share a cache and a database never serve what is older than an answer already given.

Every verb of both stores is a point where another request may run; hypothesis picks the order.
"""

from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from coatcheck.core import bridge
from coatcheck.core.errors import SessionTooLarge
from coatcheck.core.record import Record
from coatcheck.core.store import Commit, Committed, Conflict
from coatcheck.stores.layered import ENDED, REST, AsyncLayeredStore
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import CountingStore, FakeClock, FaultyStore

HOUR = 3600.0


class Turn:
    """Suspends once, for the scheduler to decide who goes on."""

    def __await__(self):
        yield


class Suspending(bridge.Awaitable):
    """A store at each of whose verbs another request may come between, before and after it."""

    async def load(self, *arguments: Any) -> Any:
        return await self._between(super().load, *arguments)

    async def create(self, *arguments: Any) -> Any:
        return await self._between(super().create, *arguments)

    async def commit(self, *arguments: Any) -> Any:
        return await self._between(super().commit, *arguments)

    async def end(self, *arguments: Any) -> Any:
        return await self._between(super().end, *arguments)

    async def touch(self, *arguments: Any) -> Any:
        return await self._between(super().touch, *arguments)

    async def _between(self, verb: Callable[..., Any], *arguments: Any) -> Any:
        await Turn()
        answer = await verb(*arguments)
        await Turn()
        return answer


class Nodes:
    """Three processes over one cache and one database, and what their visitors were told."""

    def __init__(self, cache: MemoryStore) -> None:
        self.clock = FakeClock()
        self.durable = MemoryStore()
        self.record = record(self.clock)
        self.durable.create(self.record)
        stores = Suspending(cache), Suspending(self.durable)
        self.nodes = [AsyncLayeredStore(*stores, clock=self.clock) for _ in range(3)]
        self.told: float = 1
        """The version that some visitor has heard of; infinity when the session's end."""

    async def read(self, node: int) -> None:
        known = self.told
        found = await self.nodes[node].load(self.record.id)
        assert found is None or isinstance(found, Record)
        version = ENDED if found is None else found.version
        assert version >= known, f"version {version} after somebody was told of {known}"
        if found is not None:
            assert found.fields == {"version": b"%d" % found.version}
            assert found.user == "ann"

    async def write(self, node: int) -> None:
        base = await self.nodes[node].load(self.record.id)
        while isinstance(base, Record):
            version = base.version + 1
            after = base._replace(version=version, fields={"version": b"%d" % version})
            commit = Commit(
                base.version, after, frozenset({"version"}), frozenset(), None, self.clock()
            )
            outcome = await self.nodes[node].commit(commit)
            if isinstance(outcome, Committed):
                self.told = max(self.told, version)
            base = outcome.fresh if isinstance(outcome, Conflict) else None

    async def end(self, node: int) -> None:
        # Who was told that there was none before is not who ended it: that one may be on its way.
        if await self.nodes[node].end(self.record.id):
            self.told = ENDED

    async def touch(self, node: int) -> None:
        await self.nodes[node].touch(self.record.id, self.clock() + 1, self.clock() + HOUR)


def record(clock: FakeClock, **attributes: Any) -> Record:
    now = clock()
    common = {"created": now, "seen": now, "expires": now + HOUR, "renewed": now, "user": "ann"}
    fields = {"version": b"1"}
    return Record(**{"id": "id", "digest": bytes(32), "fields": fields, **common, **attributes})


def run(tasks: list[Coroutine[Any, Any, None]], choose: Callable[[int], int]) -> None:
    """Run *tasks* to their end, a step at a time; *choose* says which of so many goes on."""
    left = list(tasks)
    try:
        while left:
            number = choose(len(left))
            try:
                left[number].send(None)
            except StopIteration:
                del left[number]
    finally:
        for task in tasks:
            task.close()


steps = st.tuples(st.sampled_from(["read", "read", "write", "touch", "end"]), st.integers(0, 2))


@given(st.lists(steps, min_size=2, max_size=7), st.data())
def test_no_order_of_requests_shows_a_visitor_what_is_older_than_they_know(steps, data):
    nodes = Nodes(MemoryStore())
    tasks = [getattr(nodes, verb)(node) for verb, node in steps]
    run(tasks, lambda many: data.draw(st.integers(0, many - 1)))
    for node in range(3):
        run([nodes.read(node)], lambda many: 0)


class Small(MemoryStore):
    """A cache that takes only even versions, as if the others were too large for it."""

    def create(self, record: Record) -> bool:
        self._check(record)
        return super().create(record)

    def commit(self, commit: Commit) -> Any:
        self._check(commit.record)
        return super().commit(commit)

    def _check(self, record: Record) -> None:
        if record.version % 2 and "version" in record.fields:
            raise SessionTooLarge("this cache takes less.")


@given(st.lists(steps, min_size=2, max_size=7), st.data())
def test_a_session_too_large_for_the_cache_is_not_read_from_it_in_an_older_state(steps, data):
    nodes = Nodes(Small())
    tasks = [getattr(nodes, verb)(node) for verb, node in steps]
    run(tasks, lambda many: data.draw(st.integers(0, many - 1)))
    for node in range(3):
        run([nodes.read(node)], lambda many: 0)


# -- what it costs, and what happens without the cache ---------------------------------------------


class Layers:
    """One node whose two stores count and can be made to fail."""

    def __init__(self, **options: Any) -> None:
        self.clock = FakeClock()
        self.cache, self.durable = FaultyStore(MemoryStore()), CountingStore(MemoryStore())
        self.store = AsyncLayeredStore(
            bridge.Awaitable(self.cache),
            bridge.Awaitable(self.durable),
            clock=self.clock,
            **options,
        )
        self.record = record(self.clock)

    def ask(self, verb: str, *arguments: Any) -> Any:
        return bridge.step(getattr(self.store, verb)(*arguments))

    def cost(self, verb: str, *arguments: Any) -> tuple[dict[str, int], dict[str, int]]:
        """What the cache and the database were asked for one verb."""
        self.cache.begun.clear()
        self.durable.forget()
        self.ask(verb, *arguments)
        return dict(self.cache.begun), self.durable.calls

    def over(self, base: Record, **attributes: Any) -> Commit:
        after = base._replace(version=base.version + 1, **attributes)
        return Commit(base.version, after, frozenset(after.fields), frozenset(), None, self.clock())


def test_a_read_that_the_cache_can_answer_asks_the_database_nothing():
    layers = Layers()
    layers.ask("create", layers.record)
    assert layers.cost("load", "id") == ({"load": 1}, {})


def test_a_commit_asks_the_database_once_and_the_cache_once():
    layers = Layers()
    layers.ask("create", layers.record)
    commit = layers.over(layers.record, fields={"version": b"2"})
    assert layers.cost("commit", commit) == ({"commit": 1}, {"commit": 1})
    assert layers.cost("load", "id") == ({"load": 1}, {})
    assert layers.ask("load", "id") == commit.record


def test_an_ended_session_costs_the_database_nothing_and_an_unknown_one_leaves_nothing():
    layers = Layers()
    layers.ask("create", layers.record)
    layers.ask("end", "id")
    assert layers.cost("load", "id") == ({"load": 1}, {})
    assert layers.ask("load", "id") is None
    layers.ask("load", "unknown")
    layers.ask("end", "unknown")
    layers.ask("touch", "unknown", layers.clock(), layers.clock() + 1)
    layers.ask("commit", layers.over(record(layers.clock, id="unknown")))
    assert layers.cache.wrapped.load("unknown") is None


def test_a_copy_is_asked_about_when_its_trust_runs_out():
    layers = Layers(trust=30)
    layers.ask("create", layers.record)
    layers.durable.wrapped.end("id")  # past the store, or by a node that could not tell the cache
    layers.clock.advance(29)
    assert layers.ask("load", "id") == layers.record
    layers.clock.advance(2)
    assert layers.ask("load", "id") is None
    assert layers.cost("load", "id") == ({"load": 1}, {})


def test_a_copy_whose_deadline_has_passed_is_asked_about():
    layers = Layers()
    layers.record = record(layers.clock, expires=layers.clock() + 10)
    layers.ask("create", layers.record)
    layers.durable.wrapped.touch("id", layers.clock() + 5, layers.clock() + 100)
    layers.clock.advance(11)
    assert layers.ask("load", "id").expires == layers.clock() - 11 + 100


def test_without_the_cache_everything_works_and_the_log_says_so_once(caplog):
    layers = Layers()
    layers.ask("create", layers.record)
    layers.cache.down = True
    for _ in range(3):
        assert layers.ask("load", "id") == layers.record
    second = layers.over(layers.record, fields={"version": b"2"})
    assert layers.ask("commit", second) == Committed()
    assert layers.ask("load", "id") == second.record
    assert [entry.levelname for entry in caplog.records] == ["WARNING"]
    assert layers.cost("load", "id") == ({}, {"load": 1}), "a cache at rest is not asked"


def test_what_was_written_while_the_cache_was_away_is_not_read_from_it_in_its_older_state(caplog):
    layers = Layers()
    layers.ask("create", layers.record)
    layers.cache.down = True
    second = layers.over(layers.record, fields={"version": b"2"})
    layers.ask("commit", second)
    layers.cache.down = False
    stale: Any = layers.cache.wrapped.load("id")
    assert stale.version == 1
    layers.clock.advance(REST + 1)
    assert layers.ask("load", "id") == second.record
    assert layers.cost("load", "id") == ({"load": 1}, {})
    assert caplog.records[-1].getMessage() == "the session cache answers again"


def test_a_session_ended_while_the_cache_was_away_stays_ended_when_it_is_back():
    layers = Layers()
    layers.ask("create", layers.record)
    layers.cache.down = True
    assert layers.ask("end", "id") is True
    layers.cache.down = False
    layers.clock.advance(REST + 1)
    assert layers.ask("load", "id") is None
    assert layers.ask("load", "id") is None


def test_no_slow_node_puts_an_ended_session_back_into_the_cache():
    layers = Layers()
    layers.durable.create(layers.record)
    answers = count()

    class Slow(bridge.Awaitable):
        async def load(self, *arguments: Any) -> Any:
            found = await super().load(*arguments)
            if not next(answers):
                layers.ask("end", "id")  # while this answer is on its way
            return found

    slow = AsyncLayeredStore(
        bridge.Awaitable(layers.cache), Slow(layers.durable), clock=layers.clock
    )
    assert bridge.step(slow.load("id")) == layers.record
    assert layers.ask("load", "id") is None
    assert bridge.step(slow.load("id")) is None
