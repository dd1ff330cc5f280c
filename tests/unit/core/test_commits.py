"""What becomes of a request's changes when others have written meanwhile (promise P1)."""

from datetime import UTC, datetime

import pytest

from coatcheck.core.errors import (
    SessionBusy,
    SessionConflict,
    SessionReadOnly,
    SessionTooLarge,
    StoreUnavailable,
    UnsupportedValue,
)
from coatcheck.core.events import EventName
from coatcheck.core.lifecycle import COMMITS_KEPT
from coatcheck.core.store import Commit
from coatcheck.core.waiting import LONGEST
from coatcheck.testing import BarrierStore, FaultyStore, Visitor


def values_of(visitor):
    with visitor.visit() as session:
        return dict(session)


def names(events):
    return [event.name for event in events]


def attempt(visitor, act, method="POST"):
    with visitor.visit(method) as session:
        act(session)


def race(visitor, slow_does, quick_does, **options):
    """One request around another: the quick one is answered first."""
    with visitor.visit("POST", **options) as slow:
        slow_does(slow)
        with visitor.visit("POST") as quick:
            quick_does(quick)


def reads_and_adds(key, by=1):
    def act(session):
        session[key] = session[key] + by

    return act


def sets(**values):
    return lambda session: session.update(values)


def deletes(key):
    return lambda session: session.__delitem__(key)


# -- a session begins ------------------------------------------------------------------------------


def test_a_first_write_makes_a_session_with_what_was_set(engine, stored, clock, events):
    visitor = Visitor(engine())
    with visitor.visit() as session:
        session["when"] = datetime(2026, 1, 2, tzinfo=UTC)
    record = stored(visitor)
    assert record.version == 1
    assert record.user is None
    assert record.created == record.seen == record.renewed == clock()
    assert record.user_agent == "a test's browser"
    assert record.address == "192.0.2.7"
    assert names(events) == [EventName.CREATED]
    assert values_of(visitor) == {"when": datetime(2026, 1, 2, tzinfo=UTC)}


def test_device_data_is_kept_only_where_the_policy_says_so(engine, stored):
    visitor = Visitor(engine(device=False))
    with visitor.visit() as session:
        session["a"] = 1
    assert stored(visitor).user_agent == ""
    assert stored(visitor).address == ""


def test_each_commit_moves_the_version_by_one_and_keeps_the_last_commit_ids(visitor, stored):
    for _ in range(COMMITS_KEPT + 3):
        with visitor.visit() as session:
            session.increment("count")
    record = stored(visitor)
    assert record.version == COMMITS_KEPT + 4
    assert len(set(record.commits)) == len(record.commits) == COMMITS_KEPT


# -- settled without loss --------------------------------------------------------------------------

HARMLESS = {
    "different keys": (sets(mine=1), sets(theirs=2), {"mine": 1, "theirs": 2}),
    "two increments": (
        lambda s: s.increment("n"),
        lambda s: s.increment("n", 10),
        {"n": 11},
    ),
    "two appends": (
        lambda s: s.append("log", "late"),
        lambda s: s.append("log", "early"),
        {"log": ["early", "late"]},
    ),
    "appends of few": (
        lambda s: s.append("log", "late", maxlen=1),
        lambda s: s.append("log", "early", maxlen=1),
        {"log": ["late"]},
    ),
    "add and discard": (
        lambda s: s.add("tags", 1),
        lambda s: (s.add("tags", 2), s.discard("tags", 1)),
        {"tags": {1, 2}},
    ),
    "two onces": (
        lambda s: s.once("secret", lambda: "late"),
        lambda s: s.once("secret", lambda: "early"),
        {"secret": "early"},
    ),
    "a set and a delete of another": (sets(mine=1), deletes("count"), {"mine": 1, "count": None}),
    "two blind sets": (sets(a="late"), sets(a="early"), {"a": "late"}),
    "a blind set over a delete": (sets(count=5), deletes("count"), {"count": 5}),
    "a delete over a blind set": (deletes("count"), sets(count=5), {"count": None}),
    "two deletes": (deletes("count"), deletes("count"), {"count": None}),
    "clear over a set": (lambda s: s.clear(), sets(theirs=1), {"theirs": None, "count": None}),
    "a set over a clear": (sets(mine=1), lambda s: s.clear(), {"mine": 1, "count": None}),
    "a reader of another key": (
        lambda s: (s["count"], s.update(mine=1)),
        sets(count=9),
        {"mine": 1, "count": 9},
    ),
    "an update function": (
        lambda s: s.update_atomically("cart", lambda c: [*c, "late"], default=[]),
        lambda s: s.update_atomically("cart", lambda c: [*c, "early"], default=[]),
        {"cart": ["early", "late"]},
    ),
}


@pytest.mark.parametrize(("slow", "quick", "after"), HARMLESS.values(), ids=HARMLESS)
@pytest.mark.parametrize("on_conflict", ["last", "raise"])
def test_both_stand_where_neither_depended_on_the_other(
    engine, returning, events, slow, quick, after, on_conflict
):
    visitor = returning(engine(on_conflict=on_conflict))
    race(visitor, slow, quick)
    values = values_of(visitor)
    assert {key: values.get(key) for key in after} == after
    assert names(events) == [EventName.MERGED]
    assert events[0].handle


def test_a_message_that_was_taken_is_not_shown_again_and_a_new_one_is_kept(engine, returning):
    visitor = returning(engine(), {"flashes": ["one", "two"]})
    race(visitor, lambda s: s.take("flashes"), lambda s: s.append("flashes", "three"))
    assert values_of(visitor) == {"flashes": ["three"]}


def test_two_who_take_at_once_leave_nothing(engine, returning):
    visitor = returning(engine(), {"flashes": ["one"], "n": 0})
    race(visitor, lambda s: s.take("flashes"), lambda s: s.take("flashes"))
    assert values_of(visitor) == {"n": 0}


# -- conflicts -------------------------------------------------------------------------------------

CLASHES = {
    "read and set": (reads_and_adds("count"), reads_and_adds("count", 10)),
    "read and set over a blind set": (reads_and_adds("count"), sets(count=50)),
    "read and set over a delete": (reads_and_adds("count"), deletes("count")),
    "read and set over an increment": (reads_and_adds("count"), lambda s: s.increment("count")),
    "read and delete": (lambda s: s.pop("count"), sets(count=50)),
    "changed in place": (
        lambda s: s["log"].append("late"),
        lambda s: s["log"].append("early"),
    ),
    "made in place": (
        lambda s: s.setdefault("new", []).append("late"),
        lambda s: s.setdefault("new", []).append("early"),
    ),
    "made once and changed": (
        lambda s: s.once("new", list).append("late"),
        lambda s: s.once("new", list).append("early"),
    ),
    "seen to be missing": (
        lambda s: s.update(new="late") if "new" not in s else None,
        sets(new="early"),
    ),
    "an updated value changed in place": (
        lambda s: s.update_atomically("log", lambda log: [*log, 1]).append("late"),
        lambda s: s.append("log", "early"),
    ),
}


@pytest.mark.parametrize(("slow", "quick"), CLASHES.values(), ids=CLASHES)
def test_a_key_that_was_read_written_and_changed_meanwhile_is_reported(
    engine, returning, events, slow, quick
):
    visitor = returning(engine(), {"count": 1, "log": []})
    race(visitor, slow, quick)
    (event,) = events
    assert event.name is EventName.CONFLICT
    assert len(event.keys) == 1


@pytest.mark.parametrize(("slow", "quick"), CLASHES.values(), ids=CLASHES)
def test_or_is_refused_where_the_policy_says_raise_and_nothing_of_it_is_saved(
    engine, returning, events, slow, quick
):
    visitor = returning(engine(on_conflict="raise"), {"count": 1, "log": []})

    def slow_and_more(session):
        slow(session)
        session["more"] = True

    with pytest.raises(SessionConflict) as caught:
        race(visitor, slow_and_more, quick)
    assert len(caught.value.keys) == 1
    after = values_of(visitor)
    assert "more" not in after
    assert "late" not in str(after)
    assert events == []


def test_the_later_write_stands_where_the_policy_says_last(engine, returning):
    visitor = returning(engine())
    race(visitor, reads_and_adds("count"), reads_and_adds("count", 10))
    assert values_of(visitor)["count"] == 2


def test_a_conflict_names_the_keys_and_the_remedy():
    error = SessionConflict(["cart", "count"])
    assert error.status == 409
    assert "'cart', 'count'" in str(error)
    assert "session.increment()" in str(error)
    assert "the visitor's identity" in str(SessionConflict())


def test_an_operation_that_meets_another_type_is_a_conflict_and_saves_nothing(visitor):
    with pytest.raises(SessionConflict):
        race(visitor, lambda s: s.increment("count"), sets(count="text"))
    assert values_of(visitor) == {"count": "text"}


SKEWS = {
    "a value it only read": lambda s: (s["count"], s.update(mine=1)),
    "a presence it only saw": lambda s: ("new" in s, s.update(mine=1)),
    "a listing it only saw": lambda s: (list(s), s.update(mine=1)),
    "a size it only saw": lambda s: (len(s), s.update(mine=1)),
    "a value it read before it renewed": lambda s: (s["count"], s.renew()),
}


@pytest.mark.parametrize("slow", SKEWS.values(), ids=SKEWS)
def test_under_serializable_isolation_everything_that_was_read_must_still_be_so(
    engine, returning, slow
):
    visitor = returning(engine(isolation="serializable"))
    with pytest.raises(SessionConflict):
        race(visitor, slow, sets(count=50, new=1))
    assert values_of(visitor) == {"count": 50, "new": 1}


def test_a_route_may_ask_for_another_isolation_than_the_policy(engine, returning, visitor):
    with pytest.raises(SessionConflict):
        race(visitor, SKEWS["a value it only read"], sets(count=5), isolation="serializable")
    strict = returning(engine(isolation="serializable"))
    race(strict, SKEWS["a value it only read"], sets(count=5), isolation="merge")
    assert values_of(strict) == {"count": 5, "mine": 1}


def test_a_reader_never_conflicts_even_under_serializable_isolation(engine, returning, store):
    visitor = returning(engine(isolation="serializable"))
    race(visitor, dict, sets(count=50))
    assert store.calls == {"load": 2, "commit": 1}


def test_a_commit_is_tried_until_it_stands(store, clock, returning, engine):
    barrier = BarrierStore(store)
    sessions = engine()
    sessions.lifecycle = sessions.lifecycle.over(sessions.lifecycle.store, clock.pause)
    visitor = returning(sessions)
    others = Visitor(sessions)
    others.cookie = visitor.cookie
    mine = Visitor(type(sessions)(barrier, clock=clock, listener=lambda event: None))
    mine.cookie = visitor.cookie

    def other_writes():
        with others.visit() as session:
            session.increment("count", 10)

    for _ in range(3):
        barrier.run_before("commit", other_writes)
    with mine.visit() as session:
        session.increment("count")
    assert barrier.begun["commit"] == 4
    assert values_of(visitor) == {"count": 32}


# -- refusals --------------------------------------------------------------------------------------


def test_a_session_that_outgrew_its_limit_is_refused_by_its_largest_key(engine, returning):
    visitor = returning(engine(max_bytes=1000))
    with pytest.raises(SessionTooLarge, match=r"1\d\d\d bytes and max_bytes is 1000.*'large'"):
        attempt(visitor, sets(small=1, large="x" * 1000, middle="x" * 100))
    assert values_of(visitor) == {"count": 1}


def test_a_first_write_beyond_the_limit_makes_no_record(engine, store):
    visitor = Visitor(engine(max_bytes=1000))
    with pytest.raises(SessionTooLarge):
        attempt(visitor, sets(large="x" * 1000))
    assert store.calls == {}


def test_the_limit_is_judged_after_the_changes_of_others(engine, returning):
    visitor = returning(engine(max_bytes=1000))
    with pytest.raises(SessionTooLarge):
        race(visitor, sets(mine="x" * 600), sets(theirs="x" * 600))
    assert values_of(visitor) == {"count": 1, "theirs": "x" * 600}


def test_a_value_that_became_impossible_in_place_saves_nothing_of_the_request(visitor, store):
    with pytest.raises(UnsupportedValue, match=r"session\['log'\]"):
        attempt(visitor, lambda s: (s.update(count=2, log=[]), s["log"].append(object())))
    assert store.calls == {"load": 1}


def test_a_change_after_the_commit_is_refused_where_the_host_closed_the_session(visitor):
    # Promise P7, the engine's part: what comes after the first byte cannot be saved, and says so.
    sessions, view = visitor.sessions, visitor.request()
    session = sessions.open(view)
    session["count"] = 2
    sessions.commit(session, view)
    session.close("the response has started")
    with pytest.raises(SessionReadOnly, match="the response has started"):
        session["count"] = 3
    assert session["count"] == 2


def test_what_was_committed_is_seen_by_the_very_next_request(visitor):
    # Promise P7: when commit() has returned, the record is stored; no later step is needed.
    sessions, view = visitor.sessions, visitor.request()
    session = sessions.open(view)
    session["count"] = 2
    sessions.commit(session, view)
    assert values_of(visitor) == {"count": 2}


# -- a store that fails ----------------------------------------------------------------------------


def faulty(visitor):
    """The visitor over a store that fails when told to."""
    sessions = visitor.sessions
    store = FaultyStore(sessions.store)
    engine = type(sessions)(store, policy=sessions.policy, clock=sessions.lifecycle.clock)
    again = Visitor(engine)
    again.cookie = visitor.cookie
    return again, store


@pytest.mark.parametrize("lost", ["lose_request", "lose_acknowledgement"])
def test_a_commit_whose_call_got_lost_is_done_once(visitor, lost):
    mine, store = faulty(visitor)
    getattr(store, lost)("commit")
    with mine.visit() as session:
        session.increment("count")
    assert store.begun["commit"] == 2
    assert values_of(visitor) == {"count": 2}


def test_a_commit_is_asked_for_twice_and_no_more(visitor):
    mine, store = faulty(visitor)
    store.lose_request("commit", 1)
    store.lose_request("commit", 2)
    with pytest.raises(StoreUnavailable) as caught:
        attempt(mine, lambda s: s.increment("count"))
    assert caught.value.status == 503
    assert caught.value.retry_after > 0
    assert store.begun["commit"] == 2
    assert values_of(visitor) == {"count": 1}


def test_a_store_that_is_down_costs_pages_nothing_that_leave_the_session_alone(visitor):
    mine, store = faulty(visitor)
    store.down = True
    with mine.visit():
        pass
    assert store.begun == {}


@pytest.mark.parametrize(
    ("verb", "act"),
    [
        ("load", lambda s: s.get("count")),
        ("touch", lambda s: s.get("count")),
        ("end", lambda s: s.logout()),
        ("create", lambda s: (s.logout(), s.update(a=1))),
    ],
)
def test_a_failure_of_any_verb_is_an_error_and_never_an_empty_session(
    engine, returning, clock, verb, act
):
    mine, store = faulty(returning(engine(idle_timeout=100)))
    clock.advance(50)
    cookie = mine.cookie
    store.lose_request(verb)
    with pytest.raises(StoreUnavailable):
        attempt(mine, act)
    assert mine.cookie == cookie


# -- leases ----------------------------------------------------------------------------------------


def test_a_writer_waits_for_the_holder_and_goes_on_when_the_lease_lapses(
    engine, returning, clock, events
):
    visitor = returning(engine(lease=5, wait=10))
    began = clock()
    race(visitor, sets(mine=1), sets(theirs=2), leased=True)
    assert 5 <= clock() - began < 6
    assert values_of(visitor) == {"count": 1, "mine": 1, "theirs": 2}
    assert names(events) == [EventName.MERGED]


def test_a_writer_waits_no_longer_than_the_policy_says(engine, returning, clock, store):
    visitor = returning(engine(lease=600, wait=10))
    with visitor.visit("POST", leased=True) as holder:
        holder["mine"] = 1
        began = clock()
        with pytest.raises(SessionBusy) as caught:
            attempt(visitor, sets(theirs=2))
        assert 10 <= clock() - began < 10.2
    assert caught.value.status == 503
    assert values_of(visitor) == {"count": 1, "mine": 1}
    assert store.calls["commit"] < 500, "it must not ask without a pause"


def test_who_asks_for_the_lease_waits_in_the_load_and_sees_what_the_holder_wrote(
    engine, returning, clock
):
    visitor = returning(engine(lease=600, wait=10))
    sessions = visitor.sessions
    holder_view = visitor.request("POST")
    holder = sessions.open(holder_view)
    sessions.step(sessions.lifecycle.load(holder, leased=True))
    holder["count"] += 10

    async def pause(seconds, bell=None):
        clock.advance(seconds)
        if not holder.loaded or holder.holder is not None:
            await sessions.lifecycle.commit(holder, holder_view)

    waiting = sessions.lifecycle.over(sessions.lifecycle.store, pause)
    view = visitor.request("POST")
    session = sessions.open(view)
    sessions.step(waiting.load(session, leased=True))
    assert session["count"] == 11


def test_only_so_many_wait_at_a_time_in_one_process(engine, returning, clock):
    visitor = returning(engine(lease=600, wait=10, waiters=1))
    sessions = visitor.sessions
    outcomes: list[str] = []

    async def pause(seconds, bell=None):
        clock.advance(seconds)
        if not outcomes:
            outcomes.append("asked")
            late = sessions.open(visitor.request("POST"))
            with pytest.raises(SessionBusy, match="waiters"):
                await waiting.load(late, leased=True)
            outcomes.append("refused")

    waiting = sessions.lifecycle.over(sessions.lifecycle.store, pause)
    with visitor.visit("POST", leased=True):
        with pytest.raises(SessionBusy, match="more than 10 s"):
            sessions.step(waiting.load(sessions.open(visitor.request("POST")), leased=True))
        assert outcomes == ["asked", "refused"]


@pytest.mark.parametrize(("lost", "rests"), [(1, 0), (5, 2)])
def test_a_commit_that_loses_again_and_again_rests_after_every_second_try(
    engine, returning, clock, lost, rests
):
    visitor = returning(engine())
    lifecycle = visitor.sessions.lifecycle
    commit = lifecycle.store.commit
    rivals, rested = lost, []

    async def beaten(offered):
        nonlocal rivals
        if rivals:
            rivals -= 1
            found = await lifecycle.store.load(offered.record.id)
            faster = found._replace(version=found.version + 1)
            await commit(Commit(found.version, faster, frozenset(), frozenset(), None, clock()))
        return await commit(offered)

    async def pause(seconds, bell=None):
        rested.append(seconds)

    lifecycle.store.commit = beaten
    visitor.sessions.lifecycle = lifecycle.over(lifecycle.store, pause)
    with visitor.visit("POST") as session:
        session.increment("count")
    assert values_of(visitor) == {"count": 2}
    assert len(rested) == rests
    assert all(0 <= seconds <= LONGEST for seconds in rested)


def test_a_late_or_forged_secret_takes_no_lease(engine, returning, stored):
    visitor = returning(engine())
    stranger = Visitor(visitor.sessions)
    stranger.cookie = visitor.cookie[:-1] + ("A" if visitor.cookie[-1] != "A" else "B")
    with stranger.visit("POST", leased=True) as session:
        assert dict(session) == {}
        assert stored(visitor).lease is None


# -- exclusive blocks ------------------------------------------------------------------------------


def test_an_exclusive_block_begins_with_what_is_stored_by_then(visitor):
    with visitor.visit("POST") as slow:
        slow["mine"] = 1
        with visitor.visit("POST") as quick:
            quick["count"] = 50
        with slow.exclusive():
            slow["count"] = slow["count"] + 1
    assert values_of(visitor) == {"count": 51, "mine": 1}


def test_an_exclusive_block_is_saved_when_it_ends_and_what_follows_too(visitor, stored):
    with visitor.visit("POST") as session:
        with session.exclusive():
            session["count"] += 1
            assert stored(visitor).lease is not None
        assert stored(visitor).lease is None
        assert stored(visitor).version == 2
        session["after"] = True
    assert values_of(visitor) == {"count": 2, "after": True}


def test_what_was_read_before_an_exclusive_block_must_still_be_so(visitor, stored):
    def reads_first():
        with visitor.visit("POST") as slow:
            assert slow["count"] == 1
            attempt(visitor, sets(count=50))
            with slow.exclusive():
                slow["count"] = slow["count"] + 1

    with pytest.raises(SessionConflict) as caught:
        reads_first()
    assert caught.value.keys == {"count"}
    assert values_of(visitor) == {"count": 50}
    assert stored(visitor).lease is None


def test_others_wait_for_an_exclusive_block(engine, returning):
    visitor = returning(engine(lease=600, wait=10))
    with visitor.visit("POST") as holder, holder.exclusive():
        holder["count"] += 1
        with pytest.raises(SessionBusy):
            attempt(visitor, sets(theirs=2))
    assert values_of(visitor) == {"count": 2}


def test_an_exception_in_an_exclusive_block_gives_the_lease_back(visitor, stored):
    with visitor.visit("POST") as session:
        with pytest.raises(ValueError, match="inside"), session.exclusive():
            raise ValueError("inside")
        assert stored(visitor).lease is None


def test_an_exclusive_block_of_a_new_visitor_makes_the_session_and_owes_the_cookie(engine):
    visitor = Visitor(engine())
    with visitor.visit("POST") as session, session.exclusive():
        session["count"] = 1
    assert values_of(visitor) == {"count": 1}


def test_a_login_in_an_exclusive_block_owes_its_cookie_to_the_response(visitor, stored):
    old = visitor.cookie
    with visitor.visit("POST") as session:
        with session.exclusive():
            session.login("ann")
        session["after"] = True
    assert visitor.cookie != old
    assert stored(visitor).user == "ann"
    assert values_of(visitor) == {"count": 1, "after": True}
