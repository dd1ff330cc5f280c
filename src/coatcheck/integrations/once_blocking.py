"""Submissions that are processed once, in a host whose views block their thread.

The same as ``once_asgi`` for a host without an event loop. Its runs are kept alive by one thread
for the whole process, which sleeps while no view takes long. What is claimed and decided stands in
``coatcheck.forms.once``.
"""

import logging
import os
import threading
from types import TracebackType
from typing import Self

from coatcheck.core.engine import Sessions
from coatcheck.core.errors import StoreUnavailable
from coatcheck.forms.answers import Answer
from coatcheck.forms.once import Once, Otherwise, Run, Submission

logger = logging.getLogger("coatcheck")


class Submissions:
    """Claims for a blocking host over *sessions*, and how its runs are kept alive."""

    def __init__(self, sessions: Sessions, once: Once) -> None:
        self.once = once
        self._sessions = sessions
        self._heartbeat = Heartbeat(sessions, once.beat)

    def claim(self, submission: Submission, *, wait: float | None = None) -> "Attempt | Otherwise":
        """Claim *submission*, waiting on this thread while another request runs it.

        An ``Attempt`` for whoever is to process it, else what to answer. *wait* as in
        ``Once.claim``. Raises ``StoreUnavailable``; then nothing is claimed.
        """
        outcome = self._sessions.step(self.once.claim(submission, wait))
        if not isinstance(outcome, Run):
            return outcome
        return Attempt(outcome, self._sessions, self._heartbeat)


class Attempt:
    """A run that is renewed for as long as its view works: a ``with`` block around it.

    What was not ended in the block has failed.
    """

    def __init__(self, run: Run, sessions: Sessions, heartbeat: "Heartbeat") -> None:
        self.run = run
        self.ended = False
        self._sessions = sessions
        self._heartbeat = heartbeat

    def finish(self, answer: Answer) -> Answer:
        """Keep *answer*; the one to send. After the session's commit, before the first byte."""
        self.ended = True
        return self._sessions.step(self.run.finish(answer))

    def free(self) -> None:
        """Give the submission back unprocessed."""
        self.ended = True
        self._sessions.step(self.run.free())

    def holds(self) -> bool:
        """Whether nobody has taken over. Asks the store only where the run's time is over."""
        return self._sessions.step(self.run.holds())

    def __enter__(self) -> Self:
        self._heartbeat.add(self.run)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._heartbeat.discard(self.run)
        if not self.ended:
            self.ended = True
            self._sessions.step(self.run.fail())


class Heartbeat:
    """Renews every run that has been on its way for *beat* seconds, from one thread."""

    def __init__(self, sessions: Sessions, beat: float) -> None:
        self._sessions = sessions
        self._beat = beat
        self._changed = threading.Condition()
        self._runs: set[Run] = set()
        self._process = 0

    def add(self, run: Run) -> None:
        """Keep *run* alive from now on."""
        with self._changed:
            self._runs.add(run)
            if self._process != os.getpid():
                # A server may have forked since; the thread stayed with the parent.
                self._process = os.getpid()
                self._runs = {run}
                threading.Thread(target=self._keep, name="coatcheck heartbeat", daemon=True).start()
            elif len(self._runs) == 1:
                self._changed.notify()

    def discard(self, run: Run) -> None:
        """Let *run* go: it has ended."""
        with self._changed:
            self._runs.discard(run)

    def _keep(self) -> None:
        while True:
            with self._changed:
                while not self._runs:
                    self._changed.wait()
                # A run that is added meanwhile is due later than this.
                self._changed.wait_for(lambda: not self._runs, self._beat / 2)
                runs = list(self._runs)
            for run in runs:
                self._renew(run)

    def _renew(self, run: Run) -> None:
        if run.until - run.once.clock() > run.once.lease - self._beat:
            return
        try:
            self._sessions.step(run.renew())
        except StoreUnavailable as error:
            logger.warning("A submission could not be kept alive, and is tried again: %s", error)
        except Exception:  # the thread is every run's, and nobody would begin it again
            logger.exception("A submission could not be kept alive, and is tried again.")
