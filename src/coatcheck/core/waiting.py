"""Waiting for a lease that another request holds: bounded in time and in number, never a busy loop.

Safety does not rest on it (compare-and-put does); it only decides how long a writer is patient.
"""

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from coatcheck.wire.tokens import handle

from .errors import SessionBusy

FIRST, LONGEST = 0.004, 0.05
"""Seconds between two looks at a lease: short at first, then longer, each with jitter."""


def rest(lost: int) -> float:
    """Seconds to rest after *lost* races for a commit.

    At random, so that of a crowd that merges into one record not all try again at once: the tries
    of sixteen would be a dozen for each that stands.
    """
    return random.uniform(0, min(FIRST * lost, LONGEST))  # noqa: S311 (spreads requests)


class Waiting:
    """Counts the requests of this process that wait, by session. *longest* in seconds."""

    def __init__(
        self, pause: Callable[[float], Awaitable[None]], longest: float, most: int
    ) -> None:
        self._pause = pause
        self._longest = longest
        self._most = most
        self._queued: Counter[str] = Counter()

    @contextmanager
    def queue(self, id: str) -> Iterator[Callable[[], Awaitable[None]]]:
        """A pause to await before each new look. Raises ``SessionBusy`` when it waits too long."""
        if self._queued[id] >= self._most:
            raise SessionBusy(
                f"{self._most} requests of session {handle(id)} wait for one that writes, so this "
                "one was not run. Raise waiters in SessionPolicy(...), or find the slow view."
            )
        waited = 0.0

        async def pause() -> None:
            nonlocal waited
            if waited >= self._longest:
                raise SessionBusy(
                    f"another request of session {handle(id)} has been writing for more than "
                    f"{self._longest:g} s, so this one was not run. Give slow views "
                    "session='read', or raise wait in SessionPolicy(...)."
                )
            jitter = random.uniform(0.5, 1.5)  # noqa: S311 (spreads requests, guards nothing)
            seconds = min(FIRST + waited / 4, LONGEST) * jitter
            waited += seconds
            await self._pause(seconds)

        self._queued[id] += 1
        try:
            yield pause
        finally:
            self._queued[id] -= 1
            if not self._queued[id]:
                del self._queued[id]
