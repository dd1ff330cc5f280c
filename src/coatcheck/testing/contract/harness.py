"""How the contract is run: each law is written once, as ``async def``, for both kinds of store.

Over a blocking store a law is stepped on the test's own thread (see ``coatcheck.core.bridge``);
over an awaitable one it runs in an event loop of its own.
"""

import asyncio
import inspect
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar, cast

import pytest

from coatcheck.core import bridge
from coatcheck.core.record import Record
from coatcheck.core.store import BlockingStore, Commit, Store
from coatcheck.testing.clock import FakeClock
from coatcheck.wire.tokens import Token

T = TypeVar("T")
C = TypeVar("C", bound="Contract")
AnyStore = BlockingStore | Store

HOUR = 3600.0


class Contract:
    """What every part of the contract stands on: a store, its clock, and records to put into it."""

    made: AnyStore
    """The store under test, as ``make_store`` gave it."""
    store: Store
    """The same with verbs that are awaited."""
    clock: FakeClock
    finish: Callable[[Coroutine[Any, Any, Any]], Any]
    """Runs a coroutine to its end, for laws that hypothesis drives."""

    def make_store(self, clock: FakeClock) -> AnyStore | Awaitable[AnyStore]:
        """A store without any records in it; ``async def`` where it has to be awaited.

        *clock* is for stores that read the time by themselves. ``close`` is called after the test.
        """
        raise NotImplementedError(f"{type(self).__name__} must define make_store(self, clock).")

    def make_unreachable_store(self, clock: FakeClock) -> AnyStore | None:
        """A store whose server does not answer; None where there is no such thing."""
        return None

    @contextmanager
    def opened(self, make: Callable[[FakeClock], AnyStore | Awaitable[AnyStore]]) -> Iterator[None]:
        """A block in which ``store``, ``clock`` and ``finish`` can be used."""
        self.clock = FakeClock()
        with asyncio.Runner() as loop:
            made = make(self.clock)
            if inspect.isawaitable(made):
                made = loop.run(_awaited(made))
            self.made = made
            self.blocking = not inspect.iscoroutinefunction(made.load)
            if self.blocking:
                self.store = bridge.Awaitable(cast(BlockingStore, made))
                self.finish = bridge.step
            else:
                self.store = cast(Store, made)
                self.finish = loop.run
            try:
                yield
            finally:
                self.finish(self.store.close())

    def requires(self, capability: str) -> None:
        """Skip the law, by name, for a store that says it cannot do this."""
        if not getattr(self.store.capabilities, capability):
            pytest.skip(f"{type(self.made).__name__} declares {capability}=False")

    async def together(self, *tasks: Coroutine[Any, Any, T]) -> list[T]:
        """The results of *tasks*, run at once: each in a thread, or as tasks of one event loop."""
        if not self.blocking:
            return await asyncio.gather(*tasks)
        start = threading.Barrier(len(tasks))

        def run(task: Coroutine[Any, Any, T]) -> T:
            start.wait()
            return bridge.step(task)

        interval = sys.getswitchinterval()
        # Threads take turns as often as they can, so that a race has its chance within one test.
        sys.setswitchinterval(1e-6)
        try:
            with ThreadPoolExecutor(len(tasks)) as threads:
                return list(threads.map(run, tasks))
        finally:
            sys.setswitchinterval(interval)

    def inside(self, request: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], Any]:
        """*request* as a ``BarrierStore`` runs it in the middle of another one's verb."""
        return (lambda: bridge.step(request())) if self.blocking else request

    # -- what laws are said with ---------------------------------------------------------------

    def new_record(self, **attributes: Any) -> Record:
        """A record with an id of its own that expires in an hour and holds two fields."""
        token = Token.new()
        now = self.clock()
        common: dict[str, Any] = {
            "id": token.id,
            "digest": token.digest,
            "created": now,
            "seen": now,
            "expires": now + HOUR,
            "renewed": now,
            "fields": {"count": b"1", "name": b"Ann"},
        }
        return Record(**{**common, **attributes})

    async def stored(self, **attributes: Any) -> Record:
        """A record that the store has taken."""
        record = self.new_record(**attributes)
        assert await self.store.create(record) is True
        return record

    def commit_over(
        self,
        base: Record,
        fields: Mapping[str, bytes] | None = None,
        *,
        holder: str | None = None,
        **attributes: Any,
    ) -> Commit:
        """A commit that gives *base* the *fields* and *attributes*, as the lifecycle makes it."""
        after = dict(base.fields if fields is None else fields)
        changed = base._replace(fields=after, version=base.version + 1, lease=None, **attributes)
        put = frozenset(name for name, data in after.items() if base.fields.get(name) != data)
        removed = frozenset(base.fields.keys() - after.keys())
        return Commit(base.version, changed, put, removed, holder, self.clock())

    async def found(self, id: str) -> Record | None:
        """What a reader is given, without a word on leases: they are asked for separately."""
        found = await self.store.load(id)
        assert found is None or isinstance(found, Record)
        return None if found is None else plain(found)


def plain(record: Record) -> Record:
    """*record* without its lease, and its fields as a dict, for comparing."""
    return record._replace(lease=None, fields=dict(record.fields))


def law(test: Callable[[C], Coroutine[Any, Any, None]]) -> Callable[[C], None]:
    """A law as a test: it gets a store of its own, and runs as the store's kind demands."""

    @wraps(test)
    def run(self: C) -> None:
        with self.opened(self.make_store):
            self.finish(test(self))

    return run


async def _awaited(made: Awaitable[AnyStore]) -> AnyStore:
    return await made
