"""Who waits for a session, and who is next: in turn, woken at once, with nobody left behind."""

import asyncio
import threading

import pytest

from coatcheck import Sessions
from coatcheck.core import bridge
from coatcheck.core.bridge import Nap, advance, async_pause, pause, step
from coatcheck.core.errors import SessionBusy
from coatcheck.core.policy import SessionPolicy
from coatcheck.core.waiting import LONGEST, Bell, Waiting
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import CountingStore, Visitor

HOUR = 3600.0


def test_a_bell_ends_a_nap_of_a_thread_and_one_of_a_loop():
    bell = Bell()
    threading.Timer(0.001, bell.ring).start()
    step(pause(HOUR, bell))
    assert bell.quiet() is True

    async def scenario():
        threading.Timer(0.001, bell.ring).start()
        await async_pause(HOUR, bell)

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_a_bell_that_rang_before_the_nap_lets_nobody_sleep():
    bell = Bell()
    bell.ring()
    step(pause(HOUR, bell))
    assert bell.quiet() is True
    assert bell.quiet() is False, "it was answered"
    bell.ring()
    asyncio.run(asyncio.wait_for(async_pause(HOUR, bell), 10))


def test_a_bell_that_nobody_hears_ends_no_nap():
    step(pause(0.001, Bell()))
    asyncio.run(async_pause(0.001, Bell()))


def test_a_bell_whose_loop_is_gone_may_be_rung():
    bell = Bell()
    loop = asyncio.new_event_loop()
    nap = async_pause(HOUR, bell)
    task = loop.create_task(nap)
    loop.call_soon(loop.stop)
    loop.run_forever()
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()
    bell.ring()
    assert bell.quiet() is True


class Line:
    """Requests that wait for one session, each as far as the test lets it go."""

    def __init__(self, longest: float = 10.0, most: int = 64) -> None:
        self.waiting = Waiting(bridge.pause, longest, most)
        self.asked: list[str] = []

    async def look(self, name: str, looks: int = 1) -> None:
        with self.waiting.queue("id") as turn:
            for _ in range(looks):
                await turn()
                self.asked.append(name)

    def enter(self, name: str, looks: int = 1):
        """A request that joins the queue, and what it waits for."""
        phase = self.look(name, looks)
        nap = advance(phase)
        assert isinstance(nap, Nap)
        return phase, nap


def test_only_the_first_of_a_queue_looks_now_and_then_and_the_others_sleep():
    line = Line()
    _first, nap = line.enter("first")
    _second, later = line.enter("second")
    assert nap.seconds <= LONGEST * 1.5
    assert later.seconds == 10.0


def test_a_lease_that_is_given_back_wakes_the_first_only_and_then_the_next():
    line = Line()
    first, nap = line.enter("first")
    second, later = line.enter("second")
    line.waiting.wake("id")
    assert nap.bell._rung is True
    assert later.bell._rung is False
    advance(first)
    assert line.asked == ["first"]
    assert later.bell._rung is True, "its turn has come"
    assert isinstance(nap := advance(second), Nap), "but the lease is out again: it need not ask"
    assert nap.seconds <= LONGEST * 1.5
    line.waiting.wake("id")
    advance(second)
    assert line.asked == ["first", "second"]
    assert "id" not in line.waiting


def test_a_lease_that_is_given_back_while_the_next_one_s_turn_comes_is_not_missed():
    line = Line()
    first, _ = line.enter("first")
    second, _ = line.enter("second")
    line.waiting.wake("id")
    advance(first)
    line.waiting.wake("id")  # before the second has noticed that it is the first now
    advance(second)
    assert line.asked == ["first", "second"]


def test_who_gives_up_in_the_middle_lets_the_others_keep_their_order():
    line = Line()
    first, _ = line.enter("first")
    gone, _ = line.enter("gone")
    last, _ = line.enter("last")
    gone.close()
    line.waiting.wake("id")
    advance(first)
    line.waiting.wake("id")
    advance(last)
    assert line.asked == ["first", "last"]


def test_sleeping_in_the_queue_counts_as_waiting():
    clock = [0.0]

    async def instantly(seconds, bell=None):
        clock[0] += seconds

    line = Line()
    line.waiting = Waiting(instantly, 10.0, 64)

    async def crowd():
        with line.waiting.queue("id"):
            await line.look("second")

    with pytest.raises(SessionBusy, match="more than 10 s"):
        step(crowd())
    assert 10 <= clock[0] < 11
    assert line.asked == []


def test_a_commit_in_this_process_lets_the_next_request_in_without_another_look():
    store = CountingStore(MemoryStore())
    sessions = Sessions(store, policy=SessionPolicy(isolation="serializable"))
    visitor = Visitor(sessions)
    with visitor.visit() as session:
        session["count"] = 0
    holder_view = visitor.request("POST")
    holder = sessions.open(holder_view)
    sessions.step(sessions.lifecycle.load(holder, leased=True))
    store.forget()
    waiters = [sessions.open(visitor.request("POST")) for _ in range(3)]
    phases = [sessions.lifecycle.load(waiter, leased=True) for waiter in waiters]
    for phase in phases:
        assert isinstance(advance(phase), Nap)
    assert store.calls["load"] == 1, "who comes to a queue joins it, and asks nobody"

    holder["count"] = 1
    sessions.commit(holder, holder_view)
    for number, (phase, waiter) in enumerate(zip(phases, waiters, strict=True), 2):
        while not waiter.loaded:
            advance(phase)
        assert store.calls["load"] == number
        waiter["count"] += 1
        sessions.commit(waiter, visitor.request("POST"))
    with visitor.visit() as session:
        assert session["count"] == 4


def test_threads_and_event_loops_wait_in_one_queue():
    sessions = Sessions(MemoryStore(), policy=SessionPolicy(isolation="serializable"))
    visitor = Visitor(sessions)
    with visitor.visit() as session:
        session["order"] = []
    begun = threading.Event()

    def in_a_thread():
        with visitor.visit("POST", leased=True) as session:
            session["order"].append("thread")

    with visitor.visit("POST", leased=True) as session:
        thread = threading.Thread(target=in_a_thread)
        thread.start()
        while not sessions.lifecycle._waiting._queues:
            begun.wait(0.001)
        session["order"].append("first")
    thread.join(10)
    with visitor.visit() as session:
        assert session["order"] == ["first", "thread"]
