"""Idle timeout, lifetime, touches, and a session's own time."""

from datetime import UTC, datetime, timedelta

import pytest

from coatcheck.core.events import EventName
from coatcheck.core.http import ResponseEdits
from coatcheck.core.policy import SessionCookie
from coatcheck.testing import Visitor

READ = ResponseEdits(vary=True)


def values_of(visitor):
    with visitor.visit() as session:
        return dict(session)


def max_age(visitor):
    attributes = visitor.answer.set_cookie.split("; ")
    return next((int(a[8:]) for a in attributes if a.startswith("Max-Age=")), None)


@pytest.fixture
def short(engine, returning):
    """A visitor whose session ends after 100 s without use and 1000 s in all."""
    return returning(engine(idle_timeout=100, lifetime=1000))


def test_a_session_that_nobody_used_for_the_idle_timeout_is_over(short, clock, events):
    clock.advance(99.9)
    with short.visit():
        pass  # not used
    clock.advance(0.1)
    assert values_of(short) == {}
    assert [event.name for event in events] == [EventName.EXPIRED]


def test_use_keeps_it_alive_even_if_it_only_reads(short, clock):
    for _ in range(5):
        clock.advance(60)
        assert values_of(short) == {"count": 1}


def test_no_use_keeps_it_alive_beyond_its_lifetime(short, clock):
    for _ in range(19):
        clock.advance(50)
        with short.visit() as session:
            session.increment("count")
    clock.advance(49)
    assert values_of(short)["count"] == 20
    clock.advance(1)
    assert values_of(short) == {}


def test_neither_renewal_nor_login_lengthens_the_lifetime(short, clock, stored):
    created = stored(short).created
    for act in (lambda s: s.renew(), lambda s: s.login("ann")):
        clock.advance(50)
        with short.visit("POST") as session:
            act(session)
    assert stored(short).created == created
    for _ in range(17):
        clock.advance(50)
        values_of(short)
    assert values_of(short) == {"count": 1}
    clock.advance(50)
    assert values_of(short) == {}


def test_an_expired_session_is_not_brought_back_by_its_own_visitor(short, clock, stored, store):
    old = stored(short).id
    clock.advance(100)
    with short.visit() as session:
        session["new"] = True
    assert stored(short).id != old
    assert values_of(short) == {"new": True}


def test_a_request_that_began_in_time_and_ended_late_saves_nothing(short, clock, events):
    with short.visit("POST") as slow:
        slow["late"] = True
        clock.advance(100)
    assert short.answer == READ
    assert [event.name for event in events] == [EventName.DROPPED]


def test_unless_others_kept_the_session_alive_meanwhile(short, clock, events):
    with short.visit("POST") as slow:
        slow["late"] = True
        clock.advance(60)
        values_of(short)
        clock.advance(60)
    assert values_of(short) == {"count": 1, "late": True}
    assert events == []


def test_a_reader_that_ended_late_does_not_lengthen_what_has_expired(short, clock, store):
    with short.visit() as slow:
        slow.get("count")
        clock.advance(100)
    assert "touch" not in store.calls


# -- touches ---------------------------------------------------------------------------------------


def test_reading_touches_at_most_every_tenth_of_the_idle_timeout(short, clock, store):
    for _ in range(100):
        clock.advance(1)
        values_of(short)
    assert store.calls == {"load": 100, "touch": 10}


def test_a_touch_moves_the_deadline_and_not_the_version(short, clock, stored):
    before = stored(short)
    clock.advance(10)
    values_of(short)
    after = stored(short)
    assert (after.seen, after.expires) == (before.seen + 10, before.expires + 10)
    assert after.version == before.version


def test_a_touch_sets_no_cookie(short, clock):
    clock.advance(50)
    values_of(short)
    assert short.answer == READ


def test_a_write_moves_the_deadline_in_the_same_call(short, clock, store, stored):
    clock.advance(50)
    with short.visit("POST") as session:
        session["count"] = 2
    assert store.calls == {"load": 1, "commit": 1}
    assert stored(short).seen == clock()
    assert stored(short).expires == clock() + 100


def test_a_reader_beside_a_writer_is_no_conflict(short, clock, events, stored):
    with short.visit("POST") as slow:
        slow["count"] += 1
        clock.advance(50)
        assert values_of(short) == {"count": 1}
    assert events == []
    assert values_of(short) == {"count": 2}
    assert stored(short).expires == clock() + 100


def test_touches_do_not_crowd_before_the_end_of_the_lifetime(short, clock, store):
    for _ in range(19):
        clock.advance(50)
        values_of(short)
    store.forget()
    for _ in range(49):
        clock.advance(1)
        values_of(short)
    assert store.calls["touch"] <= 5


def test_a_clock_that_was_set_back_ends_nothing_and_touches_nothing(short, clock, store, stored):
    before = stored(short)
    clock.advance(-3600)
    assert values_of(short) == {"count": 1}
    assert "touch" not in store.calls
    with short.visit("POST") as session:
        session["count"] = 2
    assert stored(short).seen == before.seen
    assert stored(short).expires == before.expires


# -- a session's own time --------------------------------------------------------------------------


def test_a_session_may_have_an_idle_timeout_of_its_own(short, clock):
    with short.visit("POST") as session:
        session.set_expiry(500)
    clock.advance(499)
    assert values_of(short)["count"] == 1
    clock.advance(499)
    assert values_of(short)["count"] == 1
    clock.advance(2)
    assert values_of(short) == {}, "1000 s are its lifetime"


def test_a_shorter_time_of_its_own_holds_at_once_and_use_keeps_it_alive(engine, returning, clock):
    visitor = returning(engine())
    with visitor.visit("POST") as session:
        session.set_expiry(timedelta(minutes=1))
    for _ in range(5):
        clock.advance(59)
        assert values_of(visitor)["count"] == 1
    clock.advance(60)
    assert values_of(visitor) == {}


def test_a_shorter_time_of_its_own_survives_a_touch_that_knows_nothing_of_it(
    engine, returning, clock, stored
):
    visitor = returning(engine(idle_timeout=10_000))
    clock.advance(1000)
    with visitor.visit() as slow_reader:
        slow_reader.get("count")
        with visitor.visit("POST") as session:
            session.set_expiry(60)
        clock.advance(1)
    assert stored(visitor).expires > clock() + 9000, "the touch has moved the record's deadline"
    clock.advance(58)
    assert values_of(visitor)["count"] == 1
    clock.advance(60)
    assert values_of(visitor) == {}


def test_a_time_of_its_own_set_where_the_clock_is_behind_still_holds(engine, returning, clock):
    visitor = returning(engine())
    clock.advance(-5)
    with visitor.visit("POST") as session:
        session.set_expiry(60)
    clock.advance(64)
    assert values_of(visitor)["count"] == 1
    clock.advance(60)
    assert values_of(visitor) == {}


def test_a_fixed_moment_ends_it_whatever_the_use(engine, returning, clock):
    visitor = returning(engine())
    end = datetime.fromtimestamp(clock() + 100, UTC)
    with visitor.visit("POST") as session:
        session.set_expiry(end)
    for _ in range(9):
        clock.advance(11)
        assert values_of(visitor)["count"] == 1
    clock.advance(1)
    assert values_of(visitor) == {}


def test_a_fixed_moment_beyond_the_lifetime_does_not_lengthen_it(short, clock):
    with short.visit("POST") as session:
        session.set_expiry(datetime.fromtimestamp(clock() + 10_000, UTC))
    clock.advance(999)
    assert values_of(short)["count"] == 1
    clock.advance(1)
    assert values_of(short) == {}


def test_none_returns_to_the_policys_time(short, clock, stored):
    with short.visit("POST") as session:
        session.set_expiry(900)
    with short.visit("POST") as session:
        session.set_expiry(None)
    assert stored(short).expires == clock() + 100
    with short.visit("POST") as session:
        session.set_expiry(None)
    assert stored(short).version == 3, "there was nothing to do"


def test_a_time_of_its_own_can_be_set_with_the_first_write(engine, clock):
    visitor = Visitor(engine())
    with visitor.visit("POST") as session:
        session["a"] = 1
        session.set_expiry(60)
    clock.advance(60)
    assert values_of(visitor) == {}


def test_a_touch_that_knew_nothing_of_a_shorter_time_does_not_lengthen_it(engine, clock, stored):
    visitor = Visitor(engine(idle_timeout=1000))
    with visitor.visit() as session:
        session["a"] = 1
    clock.advance(200)
    with visitor.visit() as slow:
        assert slow["a"] == 1
        with visitor.visit("POST") as quick:
            quick.set_expiry(60)
        clock.advance(1)
    assert stored(visitor).expires > clock() + 60, "the touch itself could not know"
    clock.advance(58)
    assert values_of(visitor)["a"] == 1
    clock.advance(62)
    assert values_of(visitor) == {}


def test_what_has_ended_by_its_own_time_is_in_no_list_of_sessions(engine, clock):
    sessions = engine(idle_timeout=1000)
    visitor = Visitor(sessions)
    with visitor.visit("POST") as session:
        session.login("ann")
    clock.advance(200)
    with visitor.visit() as slow:
        assert slow.user == "ann"
        with visitor.visit("POST") as quick:
            quick.set_expiry(60)
        clock.advance(1)
    assert len(sessions.of("ann")) == 1
    clock.advance(60)
    assert sessions.of("ann") == []


def test_a_policy_that_became_shorter_holds_though_touches_never_shorten(engine, clock, stored):
    visitor = Visitor(engine(idle_timeout=1000))
    with visitor.visit() as session:
        session["a"] = 1
    visitor.sessions = engine(idle_timeout=100)
    clock.advance(90)
    assert values_of(visitor) == {"a": 1}
    assert stored(visitor).expires > clock() + 100
    clock.advance(99)
    assert values_of(visitor) == {"a": 1}
    clock.advance(100)
    assert values_of(visitor) == {}


# -- the cookie's time -----------------------------------------------------------------------------


def test_a_cookie_lasts_as_long_as_the_session_can_last_at_most(engine, clock):
    visitor = Visitor(engine(idle_timeout=100, lifetime=1000))
    with visitor.visit() as session:
        session["a"] = 1
    assert max_age(visitor) == 1000
    clock.advance(90)
    with visitor.visit("POST") as session:
        session.renew()
    assert max_age(visitor) == 910


def test_a_cookie_that_is_not_persistent_ends_with_the_browser(engine):
    visitor = Visitor(engine(cookie=SessionCookie(persistent=False)))
    with visitor.visit() as session:
        session["a"] = 1
    assert max_age(visitor) is None


def test_expiry_zero_makes_this_cookie_end_with_the_browser_and_none_undoes_it(visitor, clock):
    cookie = visitor.cookie
    with visitor.visit("POST") as session:
        session.set_expiry(0)
    assert max_age(visitor) is None
    assert visitor.cookie == cookie, "the same secret, shown another way"
    clock.advance(10)
    with visitor.visit("POST") as session:
        session["count"] = 2
    assert visitor.answer == READ
    with visitor.visit("POST") as session:
        session.set_expiry(None)
    assert max_age(visitor) == 90 * 86400 - 10
    assert visitor.cookie == cookie


# -- sweeping --------------------------------------------------------------------------------------


def test_delete_expired_removes_all_that_has_ended_batch_by_batch(engine, clock, store):
    sessions = engine(idle_timeout=100)
    for _ in range(7):
        with Visitor(sessions).visit() as session:
            session["a"] = 1
    clock.advance(50)
    alive = Visitor(sessions)
    with alive.visit() as session:
        session["a"] = 1
    clock.advance(50)
    store.forget()
    assert sessions.delete_expired(batch=3) == 7
    assert store.calls == {"sweep": 3}
    assert values_of(alive) == {"a": 1}


@pytest.mark.parametrize(("took", "rest"), [(0.25, 0.25), (-3600, 0), (3600, 1)])
def test_a_sweep_rests_as_long_as_a_batch_took_whatever_the_clock_says(engine, clock, took, rest):
    sessions = engine(idle_timeout=100)
    for _ in range(3):
        with Visitor(sessions).visit() as session:
            session["a"] = 1
    clock.advance(100 + 2 * 3600)
    lifecycle = sessions.lifecycle
    sweep, rests = lifecycle.store.sweep, []

    async def slow(now, limit):
        swept = await sweep(now, limit)
        clock.advance(took)
        return swept

    async def pause(seconds):
        rests.append(seconds)

    lifecycle.store.sweep = slow
    sessions.lifecycle = lifecycle.over(lifecycle.store, pause)
    assert sessions.delete_expired(batch=2) == 3
    assert rests == pytest.approx([rest])
