"""How one piece of asynchronous logic serves blocking and asynchronous hosts alike.

The order of store calls is written once, as ``async def`` in ``lifecycle``. It awaits nothing but
the verbs of a store and a pause. Four pairs are possible:

- **asynchronous host, asynchronous store**: it is awaited, as usual.
- **blocking host, blocking store**: ``Awaitable`` gives the blocking store async verbs that return
  without ever suspending. A coroutine that never suspends can be *stepped*: one ``send(None)`` runs
  it from start to finish, on this very thread, with no event loop. That is ``step``.
- **asynchronous host, blocking store**: the host steps the whole phase (a load, or a commit with
  all its retries) in one worker thread, so that its event loop never waits for a driver.
- **blocking host, asynchronous store**: impossible without a loop in another thread. It is refused
  at start, naming the blocking store of the same kind.

Nothing is generated and no method exists twice. If an accidental real ``await`` slips into the
logic, ``step`` sees the coroutine suspend and says so at once, in the first test that runs it.
"""

import time
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from .record import Lease, Record
from .store import BlockingStore, Busy, Commit, Committed, Conflict, Gone

T = TypeVar("T")


def step(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, here and now, and return its result.

    Raises RuntimeError if it does suspend: then something in it awaits an event loop.
    """
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise RuntimeError(
        "a blocking host met code that awaits an event loop. Use a blocking store, such as "
        "sqlite:/// or postgresql://, or an asynchronous host."
    )


async def pause(seconds: float) -> None:
    """Wait on this thread: the pause of a blocking host."""
    time.sleep(seconds)  # noqa: ASYNC251 (stepped, never awaited on a loop)


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
