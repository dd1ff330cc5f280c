"""How one piece of asynchronous logic serves blocking and asynchronous hosts alike.

The order of store calls is written once, as ``async def`` in ``lifecycle``. Such a *phase* (a load,
or a commit with all its retries) awaits nothing but the verbs of a store and a pause. Four pairs
are possible:

- **asynchronous host, asynchronous store**: it is awaited, as usual.
- **blocking host, blocking store**: ``Awaitable`` gives the blocking store async verbs that return
  without ever suspending. So a phase suspends at its pauses only, where it says how long, and can
  be *stepped*: ``step`` runs it on this very thread, sleeping there, with no event loop.
- **asynchronous host, blocking store**: a worker thread ``advance``s the phase to its next pause or
  to its end, and the event loop sleeps meanwhile (``coatcheck.integrations.threaded``).
- **blocking host, asynchronous store**: impossible without a loop in another thread. It is refused
  at start, naming the blocking store of the same kind.

Nothing is generated and no method exists twice. If an accidental real ``await`` slips into the
logic, ``advance`` sees the coroutine suspend and says so at once, in the first test that runs it.
"""

import time
from collections.abc import Coroutine, Generator, Sequence
from types import coroutine
from typing import Any, Generic, NamedTuple, TypeVar

from .record import Lease, Record
from .store import BlockingStore, Busy, Commit, Committed, Conflict, Gone

T = TypeVar("T")


class Nap(NamedTuple):
    """What a phase waits for at a pause: *seconds* to pass."""

    seconds: float


class Done(NamedTuple, Generic[T]):
    """What a phase returned."""

    value: T


def advance(phase: Coroutine[Any, Any, T]) -> Nap | Done[T]:
    """Run *phase* on this thread to its next pause, or to its end.

    Raises what it raises, and RuntimeError if it suspends elsewhere: then something in it awaits an
    event loop.
    """
    try:
        nap = phase.send(None)
    except StopIteration as done:
        return Done(done.value)
    if isinstance(nap, Nap):
        return nap
    phase.close()
    raise RuntimeError(
        "a blocking host met code that awaits an event loop. Use a blocking store, such as "
        "sqlite:/// or postgresql://, or an asynchronous host."
    )


def step(phase: Coroutine[Any, Any, T]) -> T:
    """Run *phase* here and now, sleeping on this thread where it pauses, and return its result.

    Raises RuntimeError if it awaits an event loop.
    """
    while True:
        reached = advance(phase)
        if not isinstance(reached, Nap):
            return reached.value
        time.sleep(reached.seconds)


@coroutine
def pause(seconds: float) -> Generator[Nap, None, None]:
    """Suspend a phase that is stepped, for whoever steps it to sleep: the pause over a blocking
    store."""
    yield Nap(seconds)


async def async_pause(seconds: float) -> None:
    """Wait on the event loop of asyncio: the pause of an asynchronous store."""
    import asyncio  # here, as it takes longer to import than the whole engine

    await asyncio.sleep(seconds)


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
