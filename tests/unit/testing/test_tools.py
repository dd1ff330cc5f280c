"""The tools that tests are made of: clock, browser, counter, faults and races."""

import asyncio
import threading
import time

import pytest

from coatcheck.core import bridge
from coatcheck.core.engine import Sessions
from coatcheck.core.errors import SessionTooLarge, StoreUnavailable
from coatcheck.core.store import VERBS, Capabilities
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import BarrierStore, CountingStore, FakeClock, FaultyStore, Visitor
from coatcheck.testing.wrapped import WrappedStore

WRAPPERS = [CountingStore, FaultyStore, BarrierStore]


# -- FakeClock -------------------------------------------------------------------------------------


def test_a_fake_clock_stands_still_until_it_is_moved():
    clock = FakeClock(1000.0)
    assert clock() == clock() == 1000.0
    clock.advance(2.5)
    assert clock() == 1002.5
    clock.advance(-3)
    assert clock() == 999.5


def test_a_fake_clock_begins_at_the_present():
    assert abs(FakeClock()() - time.time()) < 60


def test_its_pause_advances_it_instead_of_sleeping():
    clock = FakeClock(0.0)
    bridge.step(clock.pause(3600))
    assert clock() == 3600


# -- wrapping --------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_wrapper_has_all_verbs_and_the_capabilities_of_its_store(wrapper):
    class Limited(MemoryStore):
        capabilities = Capabilities(lease=False)

    store = wrapper(Limited())
    assert store.capabilities == Capabilities(lease=False)
    assert store.load("nobody") is None
    assert store.touch("nobody", 0.0, 0.0) is False
    assert store.of_user("ann") == []
    assert type(store.wrapped) is Limited


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_wrapper_is_of_the_kind_of_its_store(wrapper):
    assert Sessions(wrapper(MemoryStore())).blocking
    awaitable = wrapper(bridge.Awaitable(MemoryStore()))
    assert not Sessions(awaitable).blocking
    assert asyncio.run(awaitable.end("nobody")) is False


def test_the_verbs_are_those_of_the_store_protocol():
    public = {name for name in vars(bridge.Awaitable) if not name.startswith("_")}
    assert set(VERBS) == public


def test_wrappers_can_be_stacked():
    outer = CountingStore(FaultyStore(MemoryStore()))
    outer.load("nobody")
    assert outer.calls == {"load": 1}
    assert isinstance(outer.wrapped, WrappedStore)
    assert repr(outer) == "<CountingStore around FaultyStore>"


# -- CountingStore ---------------------------------------------------------------------------------


def test_it_counts_by_verb_until_it_is_told_to_forget():
    store = CountingStore(MemoryStore())
    assert store.calls == {}
    store.load("nobody")
    store.load("nobody")
    store.end("nobody")
    assert store.calls == {"load": 2, "end": 1}
    store.forget()
    assert store.calls == {}


def test_it_counts_calls_that_raise():
    store = FaultyStore(MemoryStore())
    counting = CountingStore(store)
    store.down = True
    with pytest.raises(StoreUnavailable):
        counting.load("nobody")
    assert counting.calls == {"load": 1}


def test_it_counts_calls_of_many_threads():
    store = CountingStore(MemoryStore())
    threads = [
        threading.Thread(target=lambda: [store.load("nobody") for _ in range(200)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.calls == {"load": 800}


# -- FaultyStore -----------------------------------------------------------------------------------


def visited(store):
    visitor = Visitor(Sessions(store, listener=lambda event: None))
    with visitor.visit() as session:
        session["n"] = 1
    return visitor.cookie


def test_a_lost_request_never_reaches_the_store():
    inner = CountingStore(MemoryStore())
    store = FaultyStore(inner)
    store.lose_request("end")
    with pytest.raises(StoreUnavailable, match="request of end was lost"):
        store.end("x")
    assert inner.calls == {}
    assert store.end("x") is False


def test_a_lost_acknowledgement_is_done_and_not_told():
    inner = CountingStore(MemoryStore())
    store = FaultyStore(inner)
    store.lose_acknowledgement("end")
    with pytest.raises(StoreUnavailable, match="acknowledgement of end was lost"):
        store.end("x")
    assert inner.calls == {"end": 1}
    assert store.end("x") is False


def test_the_call_that_gets_lost_is_counted_from_the_moment_of_the_wish():
    store = FaultyStore(MemoryStore())
    store.load("a")
    store.lose_request("load", 2)
    store.load("b")
    store.end("b")
    with pytest.raises(StoreUnavailable):
        store.load("c")
    store.load("d")


def test_a_store_that_is_down_answers_nothing_until_it_is_up():
    store = FaultyStore(MemoryStore())
    store.down = True
    for call in (lambda: store.load("a"), lambda: store.sweep(0.0, 1)):
        with pytest.raises(StoreUnavailable):
            call()
    store.down = False
    assert store.load("a") is None


def test_faults_reach_awaitable_stores_too():
    store = FaultyStore(bridge.Awaitable(MemoryStore()))
    store.lose_acknowledgement("load")
    with pytest.raises(StoreUnavailable):
        asyncio.run(store.load("a"))
    assert asyncio.run(store.load("a")) is None


@pytest.mark.parametrize("wish", ["lose_request", "lose_acknowledgement"])
def test_a_misspelt_verb_or_a_call_before_the_first_is_refused(wish):
    store = FaultyStore(MemoryStore())
    with pytest.raises(ValueError, match="no verb 'comit'"):
        getattr(store, wish)("comit")
    with pytest.raises(ValueError, match="counted from 1"):
        getattr(store, wish)("commit", 0)


# -- BarrierStore ----------------------------------------------------------------------------------


def test_what_is_to_run_before_and_after_a_verb_runs_once_and_in_turn():
    store = BarrierStore(MemoryStore())
    told: list[str] = []
    store.run_before("load", lambda: told.append("before one"))
    store.run_before("load", lambda: told.append("before two"))
    store.run_after("load", lambda: told.append("after one"))
    for _ in range(3):
        store.load("nobody")
        told.append("-")
    assert told == ["before one", "after one", "-", "before two", "-", "-"]


def test_what_runs_in_the_middle_may_use_the_same_verb():
    store = BarrierStore(CountingStore(MemoryStore()))
    store.run_before("load", lambda: store.load("inner"))
    store.load("outer")
    assert isinstance(store.wrapped, CountingStore)
    assert store.wrapped.calls == {"load": 2}


def test_with_an_awaitable_store_it_may_be_awaited():
    store = BarrierStore(bridge.Awaitable(MemoryStore()))
    told = []

    async def tells():
        await asyncio.sleep(0)
        told.append(True)

    store.run_before("load", tells)
    assert asyncio.run(store.load("nobody")) is None
    assert told == [True]


@pytest.mark.parametrize("stop", ["stop_before", "stop_after"])
def test_a_thread_waits_at_a_barrier_until_it_is_let_go(stop):
    inner = CountingStore(MemoryStore())
    store = BarrierStore(inner)
    barrier = getattr(store, stop)("end")
    done: list[bool] = []
    thread = threading.Thread(target=lambda: done.append(store.end("x")))
    thread.start()
    with barrier.reached():
        assert inner.calls == ({} if stop == "stop_before" else {"end": 1})
        assert done == []
        assert inner.load("x") is None
    thread.join()
    assert done == [False]


def test_a_barrier_that_was_released_beforehand_stops_nobody():
    store = BarrierStore(MemoryStore())
    store.stop_before("load").release()
    assert store.load("nobody") is None


def test_a_test_that_waits_for_a_thread_which_never_comes_fails_and_says_so(monkeypatch):
    monkeypatch.setattr("coatcheck.testing.barrier.PATIENCE", 0.0)
    store = BarrierStore(MemoryStore())
    barrier = store.stop_before("commit")
    with pytest.raises(AssertionError, match="no thread came before commit"), barrier.reached():
        pass
    store.stop_before("load")
    with pytest.raises(AssertionError, match="nobody let the thread go on that waits before load"):
        store.load("nobody")


@pytest.mark.parametrize("wish", ["run_before", "run_after", "stop_before", "stop_after"])
def test_a_misspelt_verb_is_refused(wish):
    arguments = ["comit", print][: 2 if wish.startswith("run") else 1]
    with pytest.raises(ValueError, match="no verb 'comit'"):
        getattr(BarrierStore(MemoryStore()), wish)(*arguments)


# -- Visitor ---------------------------------------------------------------------------------------


def test_a_visitor_keeps_the_cookie_it_is_given_and_forgets_the_one_that_expires():
    visitor = Visitor(Sessions(MemoryStore(), listener=lambda event: None))
    assert visitor.request().cookies == []
    with visitor.visit() as session:
        session["n"] = 1
    assert visitor.cookie is not None
    assert visitor.request("POST").cookies == [visitor.cookie.encode()]
    assert visitor.request("POST").method == "POST"
    with visitor.visit() as session:
        assert session["n"] == 1
    with visitor.visit() as session:
        session.logout()
    assert visitor.cookie is None


def test_visits_within_one_another_are_requests_at_once():
    visitor = Visitor(Sessions(MemoryStore(), listener=lambda event: None))
    with visitor.visit() as session:
        session.update(n=0)
    with visitor.visit() as slow:
        slow.increment("n")
        with visitor.visit() as quick:
            quick.increment("n", 10)
        assert slow["n"] == 1
    with visitor.visit() as session:
        assert session["n"] == 11


@pytest.mark.parametrize("leased", [False, True])
def test_a_visit_that_raises_saves_nothing_and_holds_nothing(leased):
    store = MemoryStore()
    visitor = Visitor(Sessions(store, listener=lambda event: None))
    visitor.cookie = visited(store)

    def view():
        with visitor.visit("POST", leased=leased) as session:
            session["n"] = 2
            raise ValueError("the view failed")

    with pytest.raises(ValueError, match="the view failed"):
        view()
    with visitor.visit() as session:
        assert session["n"] == 1
        assert session.record is not None
        assert session.record.lease is None


def test_a_visit_whose_commit_is_refused_holds_no_lease():
    store = FaultyStore(MemoryStore())
    visitor = Visitor(Sessions(store, listener=lambda event: None))
    visitor.cookie = visited(store)

    def view():
        with visitor.visit("POST", leased=True) as session:
            session["n"] = "x" * 2_000_000

    with pytest.raises(SessionTooLarge):
        view()
    with visitor.visit() as session:
        assert session["n"] == 1
        assert session.record is not None
        assert session.record.lease is None


def test_a_visit_is_awaited_where_the_store_is():
    async def visits():
        visitor = Visitor(Sessions(bridge.Awaitable(MemoryStore()), listener=lambda event: None))
        async with visitor.visit() as session:
            session["n"] = 1
        async with visitor.visit("POST", leased=True) as session:
            session["n"] += 1
        async with visitor.visit() as session:
            return session["n"]

    assert asyncio.run(visits()) == 2
