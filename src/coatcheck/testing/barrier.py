"""Two requests, interleaved in just the order that a test wants, without sleeping.

In one thread: let a second request run in the middle of the first one's verb. ::

    store = BarrierStore(MemoryStore())
    store.run_before("commit", other_request)

In two threads: stop the first one there, do something, and let it go on. ::

    stop = store.stop_before("commit")
    thread.start()
    with stop.reached():
        ...                     # the first request waits in front of its commit
    thread.join()
"""

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from coatcheck.core.store import BlockingStore, Store

from .wrapped import WrappedStore, known

PATIENCE: Final = 30.0
"""Seconds until a test that waits for a thread which never comes fails, and says so."""


class Barrier:
    """A point at which one thread is stopped until another lets it go on."""

    def __init__(self, point: str) -> None:
        self._point = point
        self._arrived = threading.Event()
        self._released = threading.Event()

    def __call__(self) -> None:
        self._arrived.set()
        if not self._released.wait(PATIENCE):
            raise AssertionError(f"nobody let the thread go on that waits {self._point}.")

    @contextmanager
    def reached(self) -> Iterator[None]:
        """A block that begins when a thread waits here, and lets it go on when it ends."""
        if not self._arrived.wait(PATIENCE):
            raise AssertionError(f"no thread came {self._point}.")
        try:
            yield
        finally:
            self.release()

    def release(self) -> None:
        """Let the thread go on, or not even stop."""
        self._released.set()


class BarrierStore(WrappedStore):
    """Runs what a test wants just before or after a verb of *store*.

    Each wish is granted once, at the next call of that verb; several are granted in turn, one a
    call. With an awaitable store a wish may be an ``async def`` too, and is awaited.
    """

    def __init__(self, store: BlockingStore | Store) -> None:
        super().__init__(store)
        # A wish may wait for another request, which an event loop could not serve meanwhile.
        self.capabilities = replace(store.capabilities, instant=False)
        self._wishes: defaultdict[str, deque[Callable[[], Any]]] = defaultdict(deque)

    def run_before(self, verb: str, call: Callable[[], Any]) -> None:
        """Run *call* when the next *verb* is about to reach the store."""
        self._wishes[f"before {known(verb)}"].append(call)

    def run_after(self, verb: str, call: Callable[[], Any]) -> None:
        """Run *call* when the store has done the next *verb*, before its caller knows."""
        self._wishes[f"after {known(verb)}"].append(call)

    def stop_before(self, verb: str) -> Barrier:
        """Stop the next thread that comes to *verb*, before the store sees it."""
        barrier = Barrier(f"before {verb}")
        self.run_before(verb, barrier)
        return barrier

    def stop_after(self, verb: str) -> Barrier:
        """Stop the next thread that comes to *verb*, when the store has done it."""
        barrier = Barrier(f"after {verb}")
        self.run_after(verb, barrier)
        return barrier

    def before(self, verb: str, number: int) -> Any:
        return self._grant(f"before {verb}")

    def after(self, verb: str, number: int) -> Any:
        return self._grant(f"after {verb}")

    def _grant(self, point: str) -> Any:
        wishes = self._wishes[point]
        # Taken out first: what is run may use the same verb, and must not meet itself.
        return wishes.popleft()() if wishes else None
