"""Login, logout, renewal: whose session it is, and which cookie opens it (promises P3 and P4)."""

import pytest

from coatcheck.core.errors import SessionConflict
from coatcheck.core.events import EventName
from coatcheck.core.http import ResponseEdits
from coatcheck.testing import Visitor
from coatcheck.wire.tokens import Token

READ = ResponseEdits(vary=True)


def names(events):
    return [event.name for event in events]


def with_cookie(visitor, cookie):
    other = Visitor(visitor.sessions)
    other.cookie = cookie
    return other


def values_of(visitor):
    with visitor.visit() as session:
        return dict(session)


def user_of(visitor):
    with visitor.visit() as session:
        return session.user


def login(visitor, user="ann"):
    with visitor.visit("POST") as session:
        session.login(user)


# -- login -----------------------------------------------------------------------------------------


def test_a_login_replaces_the_secret_and_keeps_the_record_and_its_data(visitor, stored, events):
    old, before = visitor.cookie, stored(visitor)
    login(visitor)
    record = stored(visitor)
    assert visitor.cookie != old
    assert record.id == before.id
    assert record.user == "ann"
    assert record.epoch == before.epoch + 1
    assert record.digest != before.digest
    assert values_of(visitor) == {"count": 1}
    assert names(events) == [EventName.LOGGED_IN]
    assert events[0].user == "ann"


def test_the_cookie_from_before_a_login_opens_nothing_not_even_for_a_moment(visitor):
    old = visitor.cookie
    login(visitor)
    late = with_cookie(visitor, old)
    assert values_of(late) == {}
    assert user_of(late) is None


def test_a_first_request_can_log_in(engine, stored):
    visitor = Visitor(engine())
    login(visitor, 42)
    assert user_of(visitor) == "42"
    assert stored(visitor).user == "42"
    assert stored(visitor).fields == {}


def test_who_logs_in_again_gets_another_secret(visitor):
    login(visitor)
    old = visitor.cookie
    login(visitor)
    assert visitor.cookie != old
    assert user_of(with_cookie(visitor, old)) is None
    assert user_of(visitor) == "ann"


def test_another_user_finds_nothing_of_the_first_one(visitor, store, events):
    login(visitor)
    with visitor.visit("POST") as session:
        session["secret"] = "ann's"
    first, record_id = visitor.cookie, visitor.cookie.partition("=")[2].partition(".")[0]
    login(visitor, "bob")
    assert user_of(visitor) == "bob"
    assert values_of(visitor) == {}
    assert values_of(with_cookie(visitor, first)) == {}
    assert store.wrapped.load(record_id) is None
    assert EventName.DESTROYED in names(events)


def test_what_was_set_in_the_same_request_before_another_users_login_is_gone_too(visitor):
    login(visitor)
    with visitor.visit("POST") as session:
        session["draft"] = "ann's"
        session.login("bob")
        session["own"] = "bob's"
    assert values_of(visitor) == {"own": "bob's"}


def test_a_login_after_a_logout_in_one_request_begins_empty(visitor):
    with visitor.visit("POST") as session:
        session.logout()
        session.login("ann")
        assert dict(session) == {}
    assert user_of(visitor) == "ann"
    assert values_of(visitor) == {}


def test_a_logout_after_a_login_in_one_request_leaves_nobody(visitor):
    with visitor.visit("POST") as session:
        session.login("ann")
        session.logout()
        assert session.user is None
    assert visitor.cookie is None


def test_a_login_on_a_session_that_was_ended_meanwhile_begins_a_new_one(visitor, stored):
    with visitor.visit("POST") as slow:
        slow["mine"] = 1
        slow.login("ann")
        with visitor.visit("POST") as quick:
            quick.logout()
    assert user_of(visitor) == "ann"
    assert values_of(visitor) == {"mine": 1}, "nothing of the ended session may come back"


def test_two_logins_at_once_get_a_session_each(visitor, stored):
    other = with_cookie(visitor, visitor.cookie)
    with visitor.visit("POST") as slow:
        slow.login("ann")
        login(other, "bob")
    assert user_of(visitor) == "ann"
    assert user_of(other) == "bob"
    assert stored(visitor).id != stored(other).id
    assert values_of(visitor) == values_of(other) == {"count": 1}


def test_the_same_login_sent_twice_leaves_the_visitor_logged_in_whichever_answer_comes_last(
    visitor,
):
    other = with_cookie(visitor, visitor.cookie)
    with visitor.visit("POST") as slow:
        slow.login("ann")
        login(other)
    assert user_of(visitor) == user_of(other) == "ann"


def test_a_slow_anonymous_write_does_not_land_in_the_session_that_has_logged_in_meanwhile(
    visitor, events
):
    with visitor.visit("POST") as slow:
        slow["mine"] = 1
        slow.increment("count")
        login(visitor)
    assert visitor.answer == READ
    assert user_of(visitor) == "ann"
    assert values_of(visitor) == {"count": 1}
    assert [event.name for event in events][:2] == [EventName.LOGGED_IN, EventName.DROPPED]
    assert events[1].keys == {"mine", "count"}
    assert "logged in" in events[1].detail


def test_a_slow_write_does_not_land_in_the_session_that_was_renewed_meanwhile(visitor, events):
    login(visitor)
    events.clear()
    with visitor.visit("POST") as slow:
        slow["mine"] = 1
        with visitor.visit("POST") as quick:
            quick.renew()
    assert values_of(visitor) == {"count": 1}
    assert names(events) == [EventName.RENEWED, EventName.DROPPED]


def test_a_slow_anonymous_read_that_meets_a_login_is_nothing_to_report(visitor, events):
    with visitor.visit() as slow:
        assert slow["count"] == 1
        login(visitor)
    assert names(events) == [EventName.LOGGED_IN]


@pytest.mark.parametrize("length", [255, 256])
def test_a_user_s_id_has_at_most_255_characters_wherever_it_is_kept(visitor, length):
    with visitor.visit("POST") as session:
        if length == 255:
            session.login("u" * length)
        else:
            with pytest.raises(ValueError, match="256 characters"):
                session.login("u" * length)


def test_a_slow_anonymous_write_is_refused_when_it_meets_a_login_where_the_policy_says_raise(
    engine, returning
):
    visitor = returning(engine(on_conflict="raise"))

    def race():
        with visitor.visit("POST") as slow:
            slow["mine"] = 1
            login(visitor)

    with pytest.raises(SessionConflict, match="identity"):
        race()
    assert values_of(visitor) == {"count": 1}


# -- logout and destroy ----------------------------------------------------------------------------


def test_a_logout_ends_the_record_and_then_the_cookie(visitor, store, events):
    login(visitor)
    old = visitor.cookie
    events.clear()
    with visitor.visit("POST") as session:
        session.logout()
        assert dict(session) == {}
        assert session.user is None
        assert session.is_new
    assert visitor.answer is not None
    assert visitor.answer.set_cookie == (
        "__Host-session=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax"
    )
    assert values_of(with_cookie(visitor, old)) == {}
    assert store.wrapped.sweep(10**12, 100) == 0, "a record was left behind"
    assert names(events) == [EventName.DESTROYED, EventName.REJECTED]


def test_what_is_set_after_a_logout_begins_another_session(visitor, stored):
    before = stored(visitor)
    with visitor.visit("POST") as session:
        session.logout()
        session["bye"] = True
    assert stored(visitor).id != before.id
    assert stored(visitor).user is None
    assert values_of(visitor) == {"bye": True}


def test_ending_twice_is_ending_once(visitor, store):
    with visitor.visit("POST") as session:
        session.logout()
        session.destroy()
    assert store.calls == {"load": 1, "end": 1}


def test_clearing_keeps_the_session_and_its_user(visitor, stored):
    login(visitor)
    with visitor.visit("POST") as session:
        session.clear()
    assert user_of(visitor) == "ann"
    assert values_of(visitor) == {}


@pytest.mark.parametrize(
    "slow_does",
    [
        lambda s: s.update(a=1),
        lambda s: s.increment("count"),
        lambda s: s.append("log", 1),
        lambda s: s.clear(),
        lambda s: s.renew(),
        lambda s: s.set_expiry(10**6),
    ],
    ids=["set", "increment", "append", "clear", "renew", "set_expiry"],
)
def test_no_slow_request_brings_a_session_back_or_sets_a_cookie(visitor, store, events, slow_does):
    with visitor.visit("POST") as slow:
        slow_does(slow)
        with visitor.visit("POST") as quick:
            quick.logout()
    assert visitor.answer == READ
    assert visitor.cookie is None
    assert store.calls["commit"] == 1
    assert "create" not in store.calls
    assert store.wrapped.sweep(10**12, 100) == 0
    assert names(events) == [EventName.DESTROYED, EventName.DROPPED]
    assert "ended" in events[1].detail


def test_a_slow_logout_after_another_logout_is_no_error(visitor, events):
    with visitor.visit("POST") as slow:
        slow.logout()
        with visitor.visit("POST") as quick:
            quick.logout()
    assert names(events) == [EventName.DESTROYED]
    assert visitor.cookie is None


def test_revoking_ends_a_session_from_outside(visitor, stored, events):
    record = stored(visitor)
    assert visitor.sessions.revoke(record.id) is True
    assert visitor.sessions.revoke(record.id) is False
    assert values_of(visitor) == {}
    assert names(events) == [EventName.DESTROYED, EventName.REJECTED]


class Account:
    def __init__(self, pk):
        self.pk = pk


def test_a_users_sessions_are_found_by_what_was_given_to_login(engine, stored, clock):
    sessions = engine(idle_timeout=100)
    visitors = []
    for _ in range(3):
        visitor = Visitor(sessions)
        login(visitor, Account(7))
        visitors.append(visitor)
        clock.advance(1)
    login(Visitor(sessions), Account(8))
    expected = [stored(visitor).id for visitor in reversed(visitors)]
    for asked in (7, "7", Account(7)):
        assert [record.id for record in sessions.of(asked)] == expected
    clock.advance(97)
    assert [record.id for record in sessions.of(7)] == expected[:2], "one has expired"


@pytest.mark.parametrize("asked", [7, "7", Account(7)], ids=["number", "text", "object"])
def test_all_sessions_of_a_user_end_but_one(engine, stored, asked):
    sessions = engine()
    visitors = [Visitor(sessions) for _ in range(3)]
    for visitor in visitors:
        login(visitor, Account(7))
    bob = Visitor(sessions)
    login(bob, Account(8))
    assert sessions.revoke_user(asked, except_=stored(visitors[1]).id) == 2
    assert [user_of(visitor) for visitor in visitors] == [None, "7", None]
    assert user_of(bob) == "8"
    assert sessions.revoke_user(asked) == 1


# -- renewal ---------------------------------------------------------------------------------------


def test_a_renewal_keeps_everything_but_the_secret(visitor, stored, events):
    old, before = visitor.cookie, stored(visitor)
    with visitor.visit("POST") as session:
        session.renew()
    after = stored(visitor)
    assert visitor.cookie != old
    assert after.id == before.id
    assert after.user == before.user
    assert after.epoch == before.epoch + 1
    assert after.fields == before.fields
    assert after.created == before.created
    assert names(events) == [EventName.RENEWED]


def test_after_a_renewal_that_was_asked_for_the_old_cookie_has_no_grace(visitor, events):
    old = visitor.cookie
    with visitor.visit("POST") as session:
        session.renew()
    events.clear()
    assert values_of(with_cookie(visitor, old)) == {}
    assert names(events) == [EventName.LATE]


def test_two_renewals_at_once_leave_one_that_works_and_refuse_the_other(visitor):
    def race():
        with visitor.visit("POST") as slow:
            slow.renew()
            with visitor.visit("POST") as quick:
                quick.renew()

    with pytest.raises(SessionConflict):
        race()
    assert values_of(visitor) == {"count": 1}


def test_a_late_request_gets_no_cookie_that_would_replace_the_newer_one(visitor, store, events):
    old = visitor.cookie
    login(visitor)
    for act in (
        lambda s: s.update(a=1),
        lambda s: (s.destroy(), s.update(a=1)),
        lambda s: s.logout(),
        lambda s: s.renew(),
    ):
        late = with_cookie(visitor, old)
        with late.visit("POST") as session:
            act(session)
        assert late.answer == READ
        assert late.cookie == old
    assert "create" not in store.calls
    assert "end" not in store.calls
    assert user_of(visitor) == "ann"


def test_a_late_request_may_log_in(visitor):
    old = visitor.cookie
    login(visitor)
    late = with_cookie(visitor, old)
    login(late, "bob")
    assert user_of(late) == "bob"
    assert user_of(visitor) == "ann"


def test_a_visitor_whose_new_cookie_got_lost_is_not_shut_out_for_good(visitor, clock):
    old = visitor.cookie
    login(visitor)
    lost = with_cookie(visitor, old)
    clock.advance(119)
    with lost.visit() as session:
        session["again"] = True
    assert lost.cookie == old
    clock.advance(1)
    with lost.visit() as session:
        session["again"] = True
    assert values_of(lost) == {"again": True}
    assert user_of(visitor) == "ann"


def test_a_secret_from_two_renewals_ago_opens_nothing(visitor):
    oldest = visitor.cookie
    login(visitor)
    login(visitor)
    assert values_of(with_cookie(visitor, oldest)) == {}


# -- periodic renewal ------------------------------------------------------------------------------


@pytest.fixture
def periodic(engine, returning):
    return returning(engine(renew_every=3600, grace=60))


def test_a_secret_is_replaced_when_it_is_old_enough_even_by_a_reader(
    periodic, clock, stored, events
):
    first, before = periodic.cookie, stored(periodic)
    clock.advance(3599)
    assert values_of(periodic) == {"count": 1}
    assert periodic.cookie == first
    clock.advance(1)
    assert values_of(periodic) == {"count": 1}
    assert periodic.cookie != first
    assert stored(periodic).epoch == before.epoch, "nobody's rights have changed"
    assert names(events) == [EventName.RENEWED]


def test_a_request_that_leaves_the_session_alone_does_not_renew(periodic, clock, store):
    clock.advance(4000)
    with periodic.visit():
        pass
    assert store.calls == {}


def test_the_old_secret_opens_for_the_grace_and_not_a_moment_longer(periodic, clock, events):
    late = with_cookie(periodic, periodic.cookie)
    clock.advance(3600)
    values_of(periodic)
    clock.advance(59)
    with late.visit("POST") as session:
        session.increment("count")
    assert late.answer == READ, "the newer cookie is on its way to this browser already"
    assert values_of(periodic) == {"count": 2}
    clock.advance(1)
    events.clear()
    assert values_of(late) == {}
    assert names(events) == [EventName.LATE]


def test_a_request_in_its_grace_renews_nothing(periodic, clock):
    late = with_cookie(periodic, periodic.cookie)
    clock.advance(3600)
    values_of(periodic)
    clock.advance(10)
    values_of(late)
    assert late.answer == READ


def test_two_requests_that_would_renew_at_once_leave_one_secret(periodic, clock):
    other = with_cookie(periodic, periodic.cookie)
    clock.advance(3600)
    with periodic.visit() as slow:
        slow.increment("count")
        assert values_of(other) == {"count": 1}
    assert periodic.answer == READ
    assert values_of(other) == {"count": 2}


def test_a_login_ends_the_grace_of_a_renewal_before_it(periodic, clock):
    before = with_cookie(periodic, periodic.cookie)
    clock.advance(3600)
    values_of(periodic)
    between = with_cookie(periodic, periodic.cookie)
    login(periodic)
    assert user_of(periodic) == "ann"
    assert values_of(before) == {}
    assert values_of(between) == {}


# -- what a stolen store is worth ------------------------------------------------------------------


def test_a_dump_of_the_store_holds_no_cookie_that_opens_anything(visitor, store):
    """Promise P4."""
    cookies = [visitor.cookie]
    for act in (lambda s: s.login("ann"), lambda s: s.renew(), lambda s: s.update(a=1)):
        with visitor.visit("POST") as session:
            act(session)
        cookies.append(visitor.cookie)
    record = store.wrapped.load(cookies[-1].partition("=")[2].partition(".")[0])
    dump = "\n".join(str(part) for part in tuple(record))
    raw = b"".join(part for part in record if isinstance(part, bytes))
    for cookie in cookies:
        secret = cookie.partition(".")[2]
        assert secret not in dump
        assert secret.encode() not in raw
    # Nor does what is there serve as a secret.
    for stolen in (record.digest, record.previous):
        for spelled in (stolen.hex()[:43], stolen.decode("latin-1")):
            assert Token.parse(f"{record.id}.{spelled}") is None or (
                values_of(with_cookie(visitor, f"__Host-session={record.id}.{spelled}")) == {}
            )


def test_two_visitors_never_share_a_session(engine):
    sessions = engine()
    visitors = [Visitor(sessions) for _ in range(20)]
    for n, visitor in enumerate(visitors):
        with visitor.visit() as session:
            assert dict(session) == {}
            session["mine"] = n
    assert [values_of(visitor)["mine"] for visitor in visitors] == list(range(20))
