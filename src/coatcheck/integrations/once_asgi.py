"""Submissions that are processed once, on an event loop.

``Submissions`` claims them before the session is loaded, in one phase with that; an ``Attempt`` is
a run that an event loop keeps alive while its view works. What is claimed and decided stands in
``coatcheck.forms.once``.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import anyio.from_thread

from coatcheck.core.errors import StoreUnavailable
from coatcheck.forms.answers import Answer
from coatcheck.forms.once import Once, Otherwise, Run, Submission

from .threaded import Phases

Loading = Callable[[], Coroutine[Any, Any, None]]


class Submissions:
    """Claims for a host with an event loop: *once*, through *phases*."""

    def __init__(self, once: Once, phases: Phases) -> None:
        self.once = once
        self.phases = phases

    async def claim(
        self, submission: Submission, then: Loading | None = None, *, wait: float | None = None
    ) -> "Attempt | Otherwise":
        """Claim *submission*; whoever is to process it does *then* in the same phase.

        That is the load of the session: its lease is not waited for by who only waits for an
        answer. *wait* as in ``Once.claim``. Raises ``StoreUnavailable`` and what *then* raises; in
        both cases nothing is claimed.
        """
        outcome = await self.phases.run(self._claimed(submission, then, wait))
        return Attempt(outcome, self.phases) if isinstance(outcome, Run) else outcome

    async def _claimed(
        self, submission: Submission, then: Loading | None, wait: float | None
    ) -> Run | Otherwise:
        outcome = await self.once.claim(submission, wait)
        if isinstance(outcome, Run) and then is not None:
            try:
                await then()
            except Exception:
                await outcome.free()
                raise
        return outcome


class TakenOver(Exception):
    """A run that took so long without a word that another has taken over."""


class Attempt:
    """A run that is renewed for as long as its view works. It has to be closed, whatever comes."""

    def __init__(self, run: Run, phases: Phases) -> None:
        self.run = run
        self.ended = False
        self.joined = False
        """Whether the answer was kept in the application's own transaction already."""
        self._phases = phases
        self._loop = asyncio.get_running_loop()
        self._renewing: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(run.once.beat, self._beat)

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
        self._timer.cancel()
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

    def _beat(self) -> None:
        if not self.ended:
            self._renewing = self._loop.create_task(self._renew())

    async def _renew(self) -> None:
        pause = self.run.once.beat
        try:
            if not await self._phases.run(self.run.renew()):
                return
        except StoreUnavailable:
            pause = 1.0  # it may be back before the run lapses
        if not self.ended:
            self._timer = self._loop.call_later(pause, self._beat)
