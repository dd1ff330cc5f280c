"""A blocking store for an event loop: each verb runs in a worker thread.

The threads have a limiter of their own, so that a commit finds one even when every thread of the
application is taken by views that wait for that very commit.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import anyio
import anyio.to_thread

from coatcheck.core.record import Lease, Record
from coatcheck.core.store import BlockingStore, Busy, Commit, Committed, Conflict, Gone

T = TypeVar("T")

THREADS = 20
"""Store calls at once; more wait their turn."""


class ThreadedStore:
    """The awaitable verbs of a blocking *store*. A read that cannot wait runs in place."""

    def __init__(self, store: BlockingStore) -> None:
        self.blocking = store
        self.capabilities = store.capabilities
        self._limiter: anyio.CapacityLimiter | None = None

    async def load(
        self, id: str, lease: Lease | None = None, now: float = 0.0
    ) -> Record | Busy | None:
        if lease is None and self.capabilities.inline:
            return self.blocking.load(id)
        return await self._run(lambda: self.blocking.load(id, lease, now))

    async def create(self, record: Record) -> bool:
        return await self._run(lambda: self.blocking.create(record))

    async def commit(self, commit: Commit) -> Committed | Conflict | Busy | Gone:
        return await self._run(lambda: self.blocking.commit(commit))

    async def end(self, id: str) -> bool:
        return await self._run(lambda: self.blocking.end(id))

    async def touch(self, id: str, seen: float, expires: float) -> bool:
        return await self._run(lambda: self.blocking.touch(id, seen, expires))

    async def release(self, id: str, holder: str) -> None:
        await self._run(lambda: self.blocking.release(id, holder))

    async def sweep(self, now: float, limit: int) -> int:
        return await self._run(lambda: self.blocking.sweep(now, limit))

    async def of_user(self, user: str) -> Sequence[Record]:
        return await self._run(lambda: self.blocking.of_user(user))

    async def close(self) -> None:
        await self._run(self.blocking.close)

    async def _run(self, call: Callable[[], T]) -> T:
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(THREADS)
        return await anyio.to_thread.run_sync(call, limiter=self._limiter)
