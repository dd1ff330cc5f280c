"""Several ways to do the same work, measured in turns.

A machine is never quiet. One batch of each way after the other, again and again, slows all alike;
a ratio is the median over the turns of the two batches that stood side by side.
"""

import statistics
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

W = TypeVar("W")

Work = Callable[[], object]
AsyncWork = Callable[[], Awaitable[object]]
Clock = Callable[[], float]


class Costs:
    """Microseconds that one call of each way took, turn by turn."""

    def __init__(self, names: Mapping[str, object]) -> None:
        self._batches: dict[str, list[float]] = {name: [] for name in names}

    def add(self, name: str, seconds: float, calls: int) -> None:
        """Note a batch of *calls*."""
        self._batches[name].append(seconds / calls * 1e6)

    def median(self, name: str) -> float:
        """Microseconds of one call."""
        return statistics.median(self._batches[name])

    def ratio(self, name: str, floor: str) -> float:
        """How many times *floor* one call costs."""
        pairs = zip(self._batches[name], self._batches[floor], strict=True)
        return statistics.median(mine / other for mine, other in pairs)

    def difference(self, name: str, floor: str) -> float:
        """Microseconds that one call costs beyond *floor*."""
        pairs = zip(self._batches[name], self._batches[floor], strict=True)
        return statistics.median(mine - other for mine, other in pairs)


def in_order(ways: Mapping[str, W], turn: int) -> Iterable[tuple[str, W]]:
    """*ways* forth and back: on a busy machine it matters who comes first."""
    return ways.items() if turn % 2 else reversed(ways.items())


def in_turns(
    ways: Mapping[str, Work], *, turns: int, calls: int, clock: Clock = time.perf_counter
) -> Costs:
    """What each of *ways* costs, in *turns* of *calls* each. The first turn warms up."""
    costs = Costs(ways)
    for turn in range(turns + 1):
        for name, work in in_order(ways, turn):
            begun = clock()
            for _ in range(calls):
                work()
            if turn:
                costs.add(name, clock() - begun, calls)
    return costs


async def in_turns_awaited(
    ways: Mapping[str, AsyncWork], *, turns: int, calls: int, clock: Clock = time.perf_counter
) -> Costs:
    """The same on the running event loop."""
    costs = Costs(ways)
    for turn in range(turns + 1):
        for name, work in in_order(ways, turn):
            begun = clock()
            for _ in range(calls):
                await work()
            if turn:
                costs.add(name, clock() - begun, calls)
    return costs
