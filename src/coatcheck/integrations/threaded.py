"""How an event loop runs the phases of a session: ``Phases(sessions)``.

Over an awaitable store a phase is awaited. Over a blocking one it runs in a worker thread, whole,
in one hop; where it pauses, it leaves the thread, and the loop sleeps. So a request that waits for
another one holds no thread, and the other finds one to finish in. See ``coatcheck.core.bridge``.
For asyncio, which Starlette, Django and Quart run on.
"""

import asyncio
import contextvars
import os
from collections.abc import Awaitable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from coatcheck.core import bridge
from coatcheck.core.engine import Sessions
from coatcheck.core.session import Session

T = TypeVar("T")

THREADS = 20
"""Phases in threads at once; more wait their turn."""


class Phases:
    """Runs coroutines of ``sessions.lifecycle``, and any other that awaits only the store behind it
    and its pause, for a host with an event loop.

    The threads are its own, so that a commit finds one even when every thread of the application
    is taken by views that wait for that very commit.
    """

    def __init__(self, sessions: Sessions) -> None:
        self.lifecycle = sessions.lifecycle
        able = sessions.store.capabilities
        self.inline = sessions.blocking and able.inline
        """Whether a load may be done in place, by code that cannot await."""
        self._instant = able.instant
        self._blocking = sessions.blocking
        self._threads: ThreadPoolExecutor | None = None
        self._process = 0

    async def run(self, phase: Coroutine[Any, Any, T]) -> T:
        """Run *phase* and return its result.

        Cancelled, it ends at its next pause, or at any await of an awaitable store; what a thread
        has begun is waited for.
        """
        if not self._blocking:
            return await phase
        return await self._stepped(phase, in_place=self._instant, to_its_end=False)

    async def finish(self, phase: Coroutine[Any, Any, T]) -> T:
        """Run *phase* to its end, also when this task is cancelled, which takes effect then.

        For a phase that commits: a visitor who leaves must not leave half a commit behind.
        """
        if self._blocking:
            return await self._stepped(phase, in_place=self._instant, to_its_end=True)
        task = asyncio.ensure_future(phase)
        cancelled = await _end_of(task)
        return _result(task, cancelled)

    async def load(self, session: Session, *, leased: bool = False) -> None:
        """Load *session*, as ``Lifecycle.load`` does; in place where that waits for nothing."""
        phase = self.lifecycle.load(session, leased=leased)
        if not self._blocking:
            await phase
        else:
            in_place = self._instant or (self.inline and not leased)
            await self._stepped(phase, in_place=in_place, to_its_end=False)

    async def _stepped(
        self, phase: Coroutine[Any, Any, T], *, in_place: bool, to_its_end: bool
    ) -> T:
        cancelled = None
        try:
            while True:
                if in_place:
                    reached = bridge.advance(phase)
                else:
                    hop = asyncio.ensure_future(self._hop(phase))
                    # A thread cannot be stopped, and its phase must not be closed while it runs.
                    cancelled = await _end_of(hop) or cancelled
                    reached = _result(hop, None if to_its_end else cancelled)
                if not isinstance(reached, bridge.Nap):
                    if cancelled is not None:
                        raise cancelled
                    return reached.value
                if to_its_end:
                    nap = asyncio.ensure_future(bridge.async_pause(*reached))
                    cancelled = await _end_of(nap) or cancelled
                else:
                    await bridge.async_pause(*reached)
        finally:
            phase.close()  # where it was cancelled at a pause; it is over in all other cases

    def _hop(self, phase: Coroutine[Any, Any, T]) -> "Awaitable[bridge.Nap | bridge.Done[T]]":
        """Advance *phase* in a thread."""
        if self._threads is None or self._process != os.getpid():
            # A process that was forked off has none of its parent's threads.
            self._threads, self._process = ThreadPoolExecutor(THREADS, "coatcheck"), os.getpid()
        loop, context = asyncio.get_running_loop(), contextvars.copy_context()
        return loop.run_in_executor(self._threads, context.run, bridge.advance, phase)


async def _end_of(future: "asyncio.Future[Any]") -> asyncio.CancelledError | None:
    """Wait until *future* is done, also when this task is cancelled; how it was, if it was."""
    cancelled = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled


def _result(future: "asyncio.Future[T]", cancelled: asyncio.CancelledError | None) -> T:
    """The result of *future*, which is done, unless this task was *cancelled* meanwhile."""
    if cancelled is not None:
        future.exception()  # asked for, so that nobody is told it was not
        raise cancelled
    return future.result()
