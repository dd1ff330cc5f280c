"""Submissions that are processed once, on an event loop.

``Submissions`` claims them before the session is loaded, in one phase with that; an ``Attempt`` is
a run that an event loop keeps alive while its view works. What is claimed and decided stands in
``coatcheck.forms.once``.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import anyio.from_thread

from coatcheck.core.errors import StoreUnavailable
from coatcheck.forms.answers import Answer
from coatcheck.forms.once import Once, Otherwise, Run, Submission

from .threaded import Phases

logger = logging.getLogger("coatcheck")

Loading = Callable[[], Coroutine[Any, Any, None]]


class Submissions:
    """Claims for a host with an event loop: *once*, through *phases*."""

    def __init__(self, once: Once, phases: Phases) -> None:
        self.once = once
        self.phases = phases
        self._heartbeat = Heartbeat(once.beat, phases)

    async def claim(
        self, submission: Submission, then: Loading | None = None, *, wait: float | None = None
    ) -> "Attempt | Otherwise":
        """Claim *submission*; whoever is to process it does *then* in the same phase.

        That is the load of the session: its lease is not waited for by who only waits for an
        answer. *wait* as in ``Once.claim``. Raises ``StoreUnavailable`` and what *then* raises; in
        both cases nothing is claimed.
        """
        taken: list[Run] = []
        try:
            outcome = await self.phases.run(self._claimed(submission, then, wait, taken))
        except BaseException:  # also a visitor who left while a thread claimed it
            for run in taken:
                with anyio.CancelScope(shield=True):
                    await self.phases.finish(run.free())
            raise
        if not isinstance(outcome, Run):
            return outcome
        return Attempt(outcome, self.phases, self._heartbeat)

    async def _claimed(
        self, submission: Submission, then: Loading | None, wait: float | None, taken: list[Run]
    ) -> Run | Otherwise:
        outcome = await self.once.claim(submission, wait)
        if isinstance(outcome, Run):
            taken.append(outcome)
            if then is not None:
                await then()
        return outcome


class TakenOver(Exception):
    """A run that took so long without a word that another has taken over."""


class Attempt:
    """A run that is renewed for as long as its view works. It has to be closed, whatever comes."""

    def __init__(self, run: Run, phases: Phases, heartbeat: "Heartbeat") -> None:
        self.run = run
        self.ended = False
        self.joined = False
        """Whether the answer was kept in the application's own transaction already."""
        self._phases = phases
        self._heartbeat = heartbeat
        heartbeat.add(self)

    async def finish(self, answer: Answer) -> None:
        """Keep *answer*: for the phase that commits the session, in whatever thread that runs."""
        self.ended = True
        await self.run.finish(answer)

    async def free(self) -> None:
        """Give the submission back unprocessed: for that phase too."""
        self.ended = True
        await self.run.free()

    async def close(self) -> None:
        """Stop renewing; what was not ended has failed. To be awaited, even when cancelled."""
        self._heartbeat.discard(self)
        if not self.ended:
            self.ended = True
            with anyio.CancelScope(shield=True):
                await self._phases.finish(self.run.fail())

    async def require(self) -> None:
        """Raise ``TakenOver`` where another runs this by now: what was done must not stand.

        To be awaited before the application commits. The store is asked only where the run's time
        is over, as it is when a process was stopped for long.
        """
        if self.run.due and not await self._phases.run(self.run.holds()):
            raise TakenOver

    def require_in_thread(self) -> None:
        """The same from a worker thread of the event loop."""
        if self.run.due:
            anyio.from_thread.run(self.require)


class Heartbeat:
    """Renews every attempt that has been on its way for *beat* seconds.

    One timer for all of them, as most end long before it: it is set with the first and goes on for
    as long as there are any.
    """

    def __init__(self, beat: float, phases: Phases) -> None:
        self._beat = beat
        self._phases = phases
        self._attempts: set[Attempt] = set()
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def add(self, attempt: Attempt) -> None:
        """Keep *attempt* alive from now on."""
        self._attempts.add(attempt)
        self._set()

    def discard(self, attempt: Attempt) -> None:
        """Let *attempt* go: it has ended."""
        self._attempts.discard(attempt)

    def _set(self) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is None or self._loop is not loop:
            self._loop = loop
            self._timer = loop.call_later(self._beat / 2, self._due)

    def _due(self) -> None:
        self._timer = None
        self._attempts = {attempt for attempt in self._attempts if not attempt.ended}
        if self._attempts:
            self._task = asyncio.get_running_loop().create_task(self._renew())
            self._set()

    async def _renew(self) -> None:
        # All at once: with a slow store, the last in a row would lapse before its turn.
        await asyncio.gather(*[self._renew_one(attempt) for attempt in self._attempts])

    async def _renew_one(self, attempt: Attempt) -> None:
        run = attempt.run
        if attempt.ended or run.until - run.once.clock() > run.once.lease - self._beat:
            return
        try:
            await self._phases.run(run.renew())
        except StoreUnavailable as error:
            logger.warning("A submission could not be kept alive, and is tried again: %s", error)
