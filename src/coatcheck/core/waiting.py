"""Waiting for a lease that another request holds: in turn, bounded in time and in number.

Who waits queues by session, in this process. Only the head of a queue asks the store: at once when
the lease is given back here, now and then for what other processes do. The others sleep. Safety
does not rest on it (compare-and-put does); it only decides how long a writer is patient, and who is
next.
"""

import random
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from coatcheck.wire.tokens import handle

from .errors import SessionBusy

FIRST, LONGEST = 0.004, 0.05
"""Seconds between two looks at a lease: short at first, then longer, each with jitter."""

_REMEDY = (
    "Find the slow view, and let it only read the session (session='read' on its route) or do its "
    "slow work elsewhere."
)


class Bell:
    """Ends a nap early. Any thread may ring it, also before anybody listens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rung = False
        self._call: Callable[[], object] | None = None

    def ring(self) -> None:
        with self._lock:
            self._rung = True
            if self._call is not None:
                self._call()

    def listen(self, call: Callable[[], object]) -> None:
        """Have *call* called, from any thread and quickly done, when it rings or if it has rung."""
        with self._lock:
            self._call = call
            if self._rung:
                call()

    def quiet(self) -> bool:
        """Whether it has rung. From now on nobody listens, and it can ring again."""
        with self._lock:
            rung, self._rung, self._call = self._rung, False, None
            return rung


class Pause(Protocol):
    """How a phase waits: for *seconds*, or until *bell* rings."""

    def __call__(self, seconds: float, bell: Bell | None = None, /) -> Awaitable[None]: ...


def rest(lost: int) -> float:
    """Seconds to rest after *lost* races for a commit.

    At random, so that of a crowd that merges into one record not all try again at once: the tries
    of sixteen would be a dozen for each that stands.
    """
    return random.uniform(0, min(FIRST * lost, LONGEST))  # noqa: S311 (spreads requests)


class _Turn:
    """One request's place in a queue."""

    def __init__(self) -> None:
        self.bell = Bell()
        self.free = False
        """Whether the lease was given back since this turn came."""


class Waiting:
    """The requests of this process that wait, by session. *longest* in seconds."""

    def __init__(self, pause: Pause, longest: float, most: int) -> None:
        self._pause = pause
        self._longest = longest
        self._most = most
        self._queues: dict[str, deque[_Turn]] = {}
        self._lock = threading.Lock()

    def __contains__(self, id: str) -> bool:
        """Whether anybody waits for the session *id*."""
        return id in self._queues

    def wake(self, id: str) -> None:
        """Let whoever is next ask the store now: the lease of *id* was given back."""
        if id not in self._queues:
            return
        with self._lock:
            queue = self._queues.get(id)
            if queue:
                queue[0].free = True
                queue[0].bell.ring()

    @contextmanager
    def queue(self, id: str) -> Iterator[Callable[[], Awaitable[None]]]:
        """A pause to await before each look. Raises ``SessionBusy`` when it waits too long."""
        turn = _Turn()
        with self._lock:
            queue = self._queues.setdefault(id, deque())
            if len(queue) >= self._most:
                raise SessionBusy(
                    f"{self._most} requests of session {handle(id)} wait for one that writes, so "
                    f"this one was not run. {_REMEDY} The bound is waiters of SessionPolicy."
                )
            queue.append(turn)
        waited = 0.0

        async def pause() -> None:
            nonlocal waited
            while True:
                if waited >= self._longest:
                    raise SessionBusy(
                        f"another request of session {handle(id)} has been writing for more than "
                        f"{self._longest:g} s, so this one was not run. {_REMEDY} The bound is "
                        "wait of SessionPolicy."
                    )
                first = queue[0] is turn
                seconds = self._longest - waited
                if first:
                    jitter = random.uniform(0.5, 1.5)  # noqa: S311 (spreads requests)
                    seconds = min(FIRST + waited / 4, LONGEST) * jitter
                begun = time.monotonic()
                await self._pause(seconds, turn.bell)
                woken = turn.bell.quiet()
                waited += max(time.monotonic() - begun, 0.0 if woken else seconds)
                if turn.free or (first and not woken):
                    turn.free = False
                    return

        try:
            yield pause
        finally:
            with self._lock:
                first = queue[0] is turn
                queue.remove(turn)
                if not queue:
                    del self._queues[id]
                elif first:
                    queue[0].bell.ring()  # its turn has come: from now on it looks now and then
