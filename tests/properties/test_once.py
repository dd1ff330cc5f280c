"""Promise P5 under any interleaving: one execution for each ticket, and equal answers."""

import random
from collections.abc import Coroutine
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from coatcheck.core import bridge
from coatcheck.core.record import Lease, Record
from coatcheck.core.store import Busy, Commit, Committed, Conflict, Gone
from coatcheck.forms.answers import Answer
from coatcheck.forms.once import CannotTell, Edited, Once, Replay, Run, StillRunning, Submission
from coatcheck.forms.tickets import ClaimKey
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import FakeClock
from coatcheck.wire.signing import Keyring

KEYS = Keyring(["a key for tests, of no use to anybody"])
NO_TIME = bridge.Nap(0.0)


class Interrupted(bridge.Awaitable):
    """A store whose callers can be passed by others before and after each verb."""

    async def load(
        self, id: str, lease: Lease | None = None, now: float = 0.0
    ) -> Record | Busy | None:
        await bridge.pause(0.0)
        found = await super().load(id, lease, now)
        await bridge.pause(0.0)
        return found

    async def create(self, record: Record) -> bool:
        await bridge.pause(0.0)
        done = await super().create(record)
        await bridge.pause(0.0)
        return done

    async def commit(self, commit: Commit) -> Committed | Conflict | Busy | Gone:
        await bridge.pause(0.0)
        outcome = await super().commit(commit)
        await bridge.pause(0.0)
        return outcome


class Shop:
    """Who submits what, in whatever order, and what came of it."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self.clock = FakeClock()
        self.once = Once(Interrupted(MemoryStore()), KEYS, self.clock, bridge.pause)
        self.executions: dict[tuple[int, str], int] = {}
        self.answers: dict[tuple[int, str], set[tuple[tuple[str, str], ...]]] = {}
        self.others: list[object] = []
        self._places = 0

    async def submit(self, ticket: int, payload: str, *, dies: bool) -> None:
        key = ClaimKey.of("ticket", ticket.to_bytes(2))
        outcome = await self.once.claim(Submission(key, payload.encode()))
        if isinstance(outcome, Run):
            await bridge.pause(0.0)
            if dies:
                return  # in the middle of its view: no effect, and no word
            self._places += 1
            place = f"/orders/{self._places}"
            # The effect and its answer in one step, as in one transaction.
            self.executions[ticket, payload] = self.executions.get((ticket, payload), 0) + 1
            answer = await outcome.finish(Answer.of(303, [("Location", place)], b""))
            self.answers.setdefault((ticket, payload), set()).add(answer.headers)
        elif isinstance(outcome, Replay):
            self.answers.setdefault((ticket, payload), set()).add(outcome.answer.headers)
        else:
            self.others.append(outcome)

    def run(self, submissions: list[Coroutine[Any, Any, None]]) -> None:
        """Let everybody go on in any order, one step at a time, until all are done."""
        waiting = dict.fromkeys(submissions, 0.0)
        while waiting:
            ready = [phase for phase, until in waiting.items() if until <= self.clock()]
            if not ready:
                # All wait: time passes until the first wakes.
                self.clock.advance(min(waiting.values()) - self.clock())
                continue
            phase = self._dice.choice(ready)
            reached = bridge.advance(phase)
            if isinstance(reached, bridge.Nap):
                waiting[phase] = self.clock() + reached.seconds
            else:
                del waiting[phase]


orders = st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=8)


@given(orders, st.integers(0, 2**32))
def test_every_ticket_is_executed_once_and_all_its_answers_are_equal(sent, seed):
    shop = Shop(seed)
    shop.run([shop.submit(ticket, "apple", dies=False) for ticket, _ in sent])
    tickets = {ticket for ticket, _ in sent}
    assert shop.executions == {(ticket, "apple"): 1 for ticket in tickets}
    assert all(len(answers) == 1 for answers in shop.answers.values())
    assert shop.others == []


@given(orders, st.integers(0, 2**32))
def test_other_values_are_never_executed_and_never_lost_in_silence(sent, seed):
    shop = Shop(seed)
    shop.run(
        [shop.submit(ticket, "pear" if edited else "apple", dies=False) for ticket, edited in sent]
    )
    for ticket in {ticket for ticket, _ in sent}:
        executed = [payload for (number, payload) in shop.executions if number == ticket]
        assert len(executed) == 1
        assert shop.executions[ticket, executed[0]] == 1
    answered = sum(
        1 for ticket, edited in sent if (ticket, "pear" if edited else "apple") in shop.executions
    )
    assert len(shop.others) == len(sent) - answered
    assert all(isinstance(other, Edited) for other in shop.others)


@given(orders, st.integers(0, 2**32))
def test_workers_that_die_are_replaced_by_exactly_one(sent, seed):
    shop = Shop(seed)
    shop.run([shop.submit(ticket, "apple", dies=dies) for ticket, dies in sent])
    assert all(count == 1 for count in shop.executions.values())
    # Whoever gave up waiting comes again, when those who died have lapsed.
    shop.clock.advance(shop.once.lease)
    shop.others.clear()
    tickets = {ticket for ticket, _ in sent}
    shop.run([shop.submit(ticket, "apple", dies=False) for ticket in sorted(tickets) * 2])
    assert shop.executions == {(ticket, "apple"): 1 for ticket in tickets}
    assert all(len(answers) == 1 for answers in shop.answers.values())
    assert not any(isinstance(other, StillRunning | CannotTell) for other in shop.others)
