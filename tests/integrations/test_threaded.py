"""How an event loop runs a session's phases over a blocking store: hops, naps and cancellation."""

import asyncio
import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from coatcheck import SessionPolicy, Sessions
from coatcheck.core.bridge import pause
from coatcheck.core.http import RequestView
from coatcheck.core.session import Session
from coatcheck.integrations.threaded import THREADS, Phases
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import BarrierStore, Visitor
from tests.integrations.clients import run


async def until(reached: Callable[[], bool]) -> None:
    """Let the loop and the threads go on until that is so."""
    while not reached():  # noqa: ASYNC110 (what happens in threads rings no bell here)
        await asyncio.sleep(0)


class WaitingStore(MemoryStore):
    """A store of which it is said that each verb may wait, as of one across the network."""

    capabilities = replace(MemoryStore.capabilities, inline=False, instant=False)


class Hops:
    """How often a thread was asked for, and how many are in one now."""

    def __init__(self) -> None:
        self.count = 0
        self.now = 0

    def entered(self) -> None:
        self.count += 1
        self.now += 1

    def left(self, _: object) -> None:
        self.now -= 1


@pytest.fixture
def hops(monkeypatch: pytest.MonkeyPatch) -> Hops:
    counted, submit = Hops(), ThreadPoolExecutor.submit

    def counting(self: Any, *arguments: Any) -> Any:
        counted.entered()
        future = submit(self, *arguments)
        future.add_done_callback(counted.left)
        return future

    monkeypatch.setattr(ThreadPoolExecutor, "submit", counting)
    return counted


class Host:
    """An asynchronous host with one visitor, who was here once."""

    def __init__(self, store: Any = None, **policy: Any) -> None:
        self.store = store or WaitingStore()
        self.sessions = Sessions(
            self.store, policy=SessionPolicy(**policy), listener=lambda event: None
        )
        self.phases = Phases(self.sessions)
        self.visitor = Visitor(self.sessions)
        with self.visitor.visit() as session:
            session["count"] = 1

    def request(self) -> tuple[Session, RequestView]:
        view = self.visitor.request("POST")
        return self.sessions.open(view), view

    async def load(self, *, leased: bool = False) -> tuple[Session, RequestView]:
        session, view = self.request()
        await self.phases.load(session, leased=leased)
        return session, view

    async def commit(self, session: Session, view: RequestView) -> None:
        await self.phases.finish(self.sessions.lifecycle.commit(session, view))

    async def waited_for(self) -> None:
        """Until a request waits for another one's lease."""
        await until(lambda: bool(self.sessions.lifecycle._waiting._queues))

    def stored(self) -> Any:
        (record,) = self.store._records.values()
        return record


def test_a_load_is_one_hop_and_a_commit_another(hops: Hops) -> None:
    host = Host()

    async def scenario() -> None:
        session, view = await host.load(leased=True)
        assert hops.count == 1
        session["count"] += 1
        await host.commit(session, view)
        assert hops.count == 2

    run(scenario)
    assert host.visitor.visit().__enter__()["count"] == 2


def test_a_commit_that_meets_a_conflict_and_is_tried_again_is_still_one_hop(hops: Hops) -> None:
    store = BarrierStore(WaitingStore())
    host = Host(store)

    async def scenario() -> None:
        session, view = await host.load()
        session.increment("count")

        def rival() -> None:
            with host.visitor.visit() as other:
                other.increment("count")

        store.run_before("commit", rival)
        begun = store.begun["commit"], hops.count
        await host.commit(session, view)
        assert store.begun["commit"] - begun[0] == 3, "the rival's, the lost one and the last"
        assert hops.count - begun[1] == 1

    run(scenario)


def test_a_store_in_which_nothing_waits_needs_no_thread_at_all(hops: Hops) -> None:
    host = Host(MemoryStore())

    async def scenario() -> None:
        session, view = await host.load(leased=True)
        session["count"] += 1
        await host.commit(session, view)

    run(scenario)
    assert hops.count == 0
    assert host.stored().version == 2


def test_more_requests_than_threads_may_wait_for_one_that_has_the_lease(hops: Hops) -> None:
    host = Host(waiters=1000)

    async def scenario() -> None:
        holder, view = await host.load(leased=True)

        async def turn() -> None:
            session, view = await host.load(leased=True)
            session["count"] += 1
            await host.commit(session, view)

        turns = [asyncio.ensure_future(turn()) for _ in range(3 * THREADS)]
        await until(lambda: hops.count >= 3 * THREADS and not hops.now)
        # All have asked, all wait, and no thread is taken by it.
        holder["count"] += 1
        await host.commit(holder, view)
        await asyncio.gather(*turns)
        session, _ = await host.load()
        assert session["count"] == 2 + 3 * THREADS

    run(scenario)


def test_a_phase_of_other_code_runs_and_pauses_likewise(hops: Hops) -> None:
    host = Host()
    threads: list[int] = []

    async def phase() -> str:
        threads.append(threading.get_ident())
        await pause(0.001)
        threads.append(threading.get_ident())
        return "done"

    async def scenario() -> None:
        assert await host.phases.run(phase()) == "done"

    run(scenario)
    assert hops.count == 2
    assert threading.get_ident() not in threads


def test_what_a_phase_raises_reaches_who_awaits_it() -> None:
    async def phase() -> None:
        raise LookupError("on purpose")

    async def scenario() -> None:
        with pytest.raises(LookupError, match="on purpose"):
            await Host().phases.run(phase())

    run(scenario)


def test_code_that_awaits_the_loop_is_no_phase_and_is_told_so() -> None:
    async def scenario() -> None:
        with pytest.raises(RuntimeError, match="awaits an event loop"):
            await Host().phases.run(asyncio.sleep(0))

    run(scenario)


def test_a_commit_is_finished_although_its_task_is_cancelled() -> None:
    store = BarrierStore(WaitingStore())
    host = Host(store)

    async def scenario() -> None:
        session, view = await host.load()
        session["count"] = 2
        stop = store.stop_before("commit")
        commit = asyncio.ensure_future(host.commit(session, view))
        await asyncio.to_thread(stop._arrived.wait)
        commit.cancel()
        await asyncio.sleep(0)
        assert not commit.done()
        stop.release()
        with pytest.raises(asyncio.CancelledError):
            await commit

    run(scenario)
    with host.visitor.visit() as session:
        assert session["count"] == 2


def test_a_commit_is_finished_although_its_task_is_cancelled_while_it_waits_for_a_lease() -> None:
    host = Host()

    async def scenario() -> None:
        holder, view = await host.load(leased=True)
        session, late = await host.load()
        session["late"] = True
        commit = asyncio.ensure_future(host.commit(session, late))
        await host.waited_for()
        commit.cancel()
        holder["count"] = 2
        await host.commit(holder, view)
        with pytest.raises(asyncio.CancelledError):
            await commit

    run(scenario)
    with host.visitor.visit() as session:
        assert dict(session) == {"count": 2, "late": True}


def test_a_load_that_is_cancelled_while_it_takes_the_lease_has_it_to_give_back() -> None:
    store = BarrierStore(WaitingStore())
    host = Host(store)

    async def scenario() -> None:
        session, _ = host.request()
        stop = store.stop_after("load")
        load = asyncio.ensure_future(host.phases.load(session, leased=True))
        await asyncio.to_thread(stop._arrived.wait)
        load.cancel()
        await asyncio.sleep(0)
        stop.release()
        with pytest.raises(asyncio.CancelledError):
            await load
        assert session.holder is not None
        await host.phases.finish(host.sessions.lifecycle.give_back(session))
        other, _ = await host.load(leased=True)
        assert other.holder is not None

    run(scenario)


def test_a_load_that_is_cancelled_while_it_waits_for_the_lease_leaves_the_queue() -> None:
    host = Host(waiters=1)

    async def scenario() -> None:
        holder, _ = await host.load(leased=True)
        session, _ = host.request()
        load = asyncio.ensure_future(host.phases.load(session, leased=True))
        await host.waited_for()
        load.cancel()
        with pytest.raises(asyncio.CancelledError):
            await load
        next_one = asyncio.ensure_future(host.load(leased=True))
        await host.waited_for()
        await host.phases.finish(host.sessions.lifecycle.give_back(holder))
        session, _ = await next_one
        assert session.holder is not None

    run(scenario)


def test_a_process_that_was_forked_off_has_threads_of_its_own() -> None:
    host = Host()

    async def scenario() -> None:
        session, _ = await host.load()
        assert session["count"] == 1

    run(scenario)
    child = multiprocessing.get_context("fork").Process(target=run, args=(scenario, 10))
    child.start()
    child.join(20)
    assert child.exitcode == 0
