"""A clock that a test sets: nothing in a test waits for real time to pass."""

import time

from coatcheck.core.waiting import Bell


class FakeClock:
    """Seconds since the epoch, as ``Sessions(clock=…)`` asks for them; only ``advance`` moves it.

    It starts at the present, in whole seconds, so that a store whose server has a clock of its own
    does not take every record for long expired. Safe to share between threads.
    """

    def __init__(self, now: float | None = None) -> None:
        self._now = float(int(time.time())) if now is None else now

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass. Less than 0 is a clock that was set back."""
        self._now += seconds

    async def pause(self, seconds: float, bell: Bell | None = None) -> None:
        """Let *seconds* pass where code would sleep: give it to ``Lifecycle.over``."""
        self.advance(seconds)

    def __repr__(self) -> str:
        return f"<FakeClock at {self._now:.3f}>"
