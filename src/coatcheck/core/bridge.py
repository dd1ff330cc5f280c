"""How one piece of asynchronous logic serves blocking and asynchronous hosts alike.

The order of store calls is written once, as ``async def`` in ``lifecycle``. Such a *phase* (a load,
or a commit with all its retries) awaits nothing but the verbs of a store and a pause. Four pairs
are possible:

- **asynchronous host, asynchronous store**: it is awaited, as usual.
- **blocking host, blocking store**: ``awaitable`` gives the blocking store async verbs that return
  without ever suspending. So a phase suspends at its pauses only, where it says how long, and can
  be *stepped*: ``step`` runs it on this very thread, sleeping there, with no event loop.
- **asynchronous host, blocking store**: a worker thread ``advance``s the phase to its next pause or
  to its end, and the event loop sleeps meanwhile (``coatcheck.integrations.threaded``).
- **blocking host, asynchronous store**: impossible without a loop in another thread. It is refused
  at start, naming the blocking store of the same kind.

Nothing is generated and no method exists twice. If an accidental real ``await`` slips into the
logic, ``advance`` sees the coroutine suspend and says so at once, in the first test that runs it.
"""

import threading
import time
from collections.abc import Coroutine, Generator, Sequence
from types import coroutine
from typing import Any, Generic, NamedTuple, TypeVar

from .record import Lease, Record
from .store import VERBS, BlockingStore, Busy, Commit, Committed, Conflict, Gone, Store
from .waiting import Bell

T = TypeVar("T")


class Nap(NamedTuple):
    """What a phase waits for at a pause: *seconds* to pass, or *bell* to ring."""

    seconds: float
    bell: Bell | None = None


class Done(NamedTuple, Generic[T]):
    """What a phase returned."""

    value: T


def advance(phase: Coroutine[Any, Any, T]) -> Nap | Done[T]:
    """Run *phase* on this thread to its next pause, or to its end.

    Raises what it raises, and RuntimeError if it suspends elsewhere: then something in it awaits an
    event loop.
    """
    try:
        return _nap(phase, phase.send(None))
    except StopIteration as done:
        return Done(done.value)


def step(phase: Coroutine[Any, Any, T]) -> T:
    """Run *phase* here and now, sleeping on this thread where it pauses, and return its result.

    Raises RuntimeError if it awaits an event loop.
    """
    try:
        while True:
            _sleep(*_nap(phase, phase.send(None)))
    except StopIteration as done:
        result: T = done.value
        return result


def _nap(phase: Coroutine[Any, Any, object], found: object) -> Nap:
    """*found*, where *phase* has suspended, if it is a pause."""
    if isinstance(found, Nap):
        return found
    phase.close()
    raise RuntimeError(
        "a blocking host met code that awaits an event loop. Use a blocking store, such as "
        "sqlite:/// or postgresql://, or an asynchronous host."
    )


def _sleep(seconds: float, bell: Bell | None) -> None:
    if bell is None:
        time.sleep(seconds)
        return
    rung = threading.Event()
    bell.listen(rung.set)
    rung.wait(seconds)


@coroutine
def pause(seconds: float, bell: Bell | None = None) -> Generator[Nap, None, None]:
    """Suspend a phase that is stepped, for whoever steps it to sleep: the pause over a blocking
    store."""
    yield Nap(seconds, bell)


async def async_pause(seconds: float, bell: Bell | None = None) -> None:
    """Wait on the event loop of asyncio: the pause of an asynchronous store."""
    import asyncio  # here, as it takes longer to import than the whole engine

    if bell is None:
        await asyncio.sleep(seconds)
        return
    loop, rung = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(rung.set)

    bell.listen(wake)
    try:
        async with asyncio.timeout(seconds):
            await rung.wait()
    except TimeoutError:
        pass


class Awaitable:
    """A blocking store with awaitable verbs that never suspend; ``blocking`` is that store."""

    def __init__(self, store: BlockingStore) -> None:
        self.blocking = store
        self.capabilities = store.capabilities

    async def load(
        self, id: str, lease: Lease | None = None, now: float = 0.0
    ) -> Record | Busy | None:
        return self.blocking.load(id, lease, now)

    async def create(self, record: Record) -> bool:
        return self.blocking.create(record)

    async def commit(self, commit: Commit) -> Committed | Conflict | Busy | Gone:
        return self.blocking.commit(commit)

    async def end(self, id: str) -> bool:
        return self.blocking.end(id)

    async def touch(self, id: str, seen: float, expires: float) -> bool:
        return self.blocking.touch(id, seen, expires)

    async def release(self, id: str, holder: str) -> None:
        self.blocking.release(id, holder)

    async def sweep(self, now: float, limit: int) -> int:
        return self.blocking.sweep(now, limit)

    async def of_user(self, user: str) -> Sequence[Record]:
        return self.blocking.of_user(user)

    async def close(self) -> None:
        self.blocking.close()


class Stepped:
    """The verbs of a blocking store, over the awaitable ones of *verbs*, which never suspend.

    For a store whose verbs are written once, for a driver that blocks and one that is awaited.
    """

    def __init__(self, verbs: Store) -> None:
        self.verbs = verbs
        self.capabilities = verbs.capabilities

    def load(self, id: str, lease: Lease | None = None, now: float = 0.0) -> Record | Busy | None:
        return step(self.verbs.load(id, lease, now))

    def create(self, record: Record) -> bool:
        return step(self.verbs.create(record))

    def commit(self, commit: Commit) -> Committed | Conflict | Busy | Gone:
        return step(self.verbs.commit(commit))

    def end(self, id: str) -> bool:
        return step(self.verbs.end(id))

    def touch(self, id: str, seen: float, expires: float) -> bool:
        return step(self.verbs.touch(id, seen, expires))

    def release(self, id: str, holder: str) -> None:
        step(self.verbs.release(id, holder))

    def sweep(self, now: float, limit: int) -> int:
        return step(self.verbs.sweep(now, limit))

    def of_user(self, user: str) -> Sequence[Record]:
        return step(self.verbs.of_user(user))

    def close(self) -> None:
        """Close the connections. The store is not used afterwards."""
        step(self.verbs.close())


def awaitable(store: BlockingStore) -> Store:
    """*store* with awaitable verbs that never suspend."""
    if isinstance(store, Stepped) and not any(
        # A verb that a subclass or a test has put in its place is the one to use.
        verb in vars(store) or getattr(type(store), verb) is not getattr(Stepped, verb)
        for verb in VERBS
    ):
        return store.verbs
    return Awaitable(store)
