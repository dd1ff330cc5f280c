"""Sessions under attack, a section for each class of advisory. Attackers know all but secrets."""

import pickle
import random

import pytest

from coatcheck.core.engine import Sessions
from coatcheck.core.errors import StoreUnavailable, UndecodableValue, UnsupportedValue
from coatcheck.core.policy import SessionPolicy
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import CountingStore, FakeClock, FaultyStore, Visitor
from coatcheck.wire.tokens import Token

COOKIE = "__Host-session="


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store():
    return CountingStore(MemoryStore())


@pytest.fixture
def sessions(store, clock):
    policy = SessionPolicy(idle_timeout=1800, lifetime=8 * 3600)
    return Sessions(store, policy=policy, clock=clock, listener=lambda event: None)


@pytest.fixture
def browser(sessions):
    """Makes a browser, with a cookie or without one."""

    def made(cookie=None):
        visitor = Visitor(sessions)
        visitor.cookie = cookie
        return visitor

    return made


def act(visitor, do, method="POST"):
    with visitor.visit(method) as session:
        return do(session)


def login(visitor, user="victim"):
    act(visitor, lambda s: s.login(user))


def user_of(visitor):
    return act(visitor, lambda s: s.user, "GET")


def values_of(visitor):
    return act(visitor, dict, "GET")


def id_of(visitor):
    return visitor.cookie.removeprefix(COOKIE).partition(".")[0]


def records(store):
    return list(store.wrapped._records.values())


# -- fixation: CVE-2018-1000519, CVE-2022-25896, CVE-2023-29019, CVE-2026-41839, Rails 2039 --------


def test_an_attackers_own_session_planted_before_login_is_not_the_victims_afterwards(browser):
    attacker = browser()
    act(attacker, lambda s: s.update(cart=["bait"]))
    victim = browser(attacker.cookie)
    login(victim)
    assert user_of(victim) == "victim"
    assert user_of(attacker) is None
    assert values_of(attacker) == {}


def test_a_token_invented_by_the_attacker_is_never_taken_over(browser, store):
    planted = COOKIE + str(Token.new())
    victim = browser(planted)
    login(victim)
    assert victim.cookie != planted
    assert id_of(victim) != planted.removeprefix(COOKIE).partition(".")[0]
    assert user_of(browser(planted)) is None


def test_the_token_of_an_ended_session_cannot_be_planted_again(browser):
    attacker = browser()
    act(attacker, lambda s: s.update(a=1))
    ended = attacker.cookie
    act(attacker, lambda s: s.logout())
    victim = browser(ended)
    login(victim)
    assert user_of(browser(ended)) is None


def test_stepping_up_and_logging_in_again_also_lock_the_old_cookie_out(browser):
    for step_up in (lambda s: s.renew(), lambda s: s.login("victim")):
        victim = browser()
        login(victim)
        stolen = victim.cookie
        act(victim, step_up)
        assert user_of(browser(stolen)) is None
        assert user_of(victim) == "victim"


def test_who_logs_in_over_another_users_session_finds_nothing_of_it(browser, store):
    shared = browser()
    login(shared, "first")
    act(shared, lambda s: s.update(card="4111", cart=["book"]))
    first = shared.cookie
    login(shared, "second")
    assert values_of(shared) == {}
    assert user_of(shared) == "second"
    assert user_of(browser(first)) is None
    assert [record.user for record in records(store)] == ["second"]


def test_an_attackers_slow_request_from_before_the_login_gets_no_way_in(browser):
    attacker = browser()
    act(attacker, lambda s: s.update(a=1))
    victim = browser(attacker.cookie)
    with attacker.visit("POST") as slow:
        slow["return_to"] = "https://evil.example"
        login(victim)
    assert user_of(attacker) is None
    assert attacker.answer is not None
    assert attacker.answer.set_cookie is None


# -- ended sessions that come back: CVE-2025-46336, CVE-2025-32441, Django 21608, vertx-web 2771 ---


@pytest.mark.parametrize(
    "slow_does",
    [
        lambda s: s.update(n=1),
        lambda s: s.setdefault("list", []).append(1),
        lambda s: s.increment("n"),
        lambda s: s.renew(),
        lambda s: s.get("n"),
        lambda s: s.set_expiry(10**6),
        lambda s: s.clear(),
    ],
    ids=["set", "in place", "increment", "renew", "read", "set_expiry", "clear"],
)
@pytest.mark.parametrize("ends", ["logout", "revoke", "revoke_user", "expiry"])
def test_no_request_that_was_under_way_revives_an_ended_session(
    browser, sessions, store, clock, slow_does, ends
):
    victim = browser()
    login(victim)
    stolen = browser(victim.cookie)
    with stolen.visit("POST") as slow:
        slow_does(slow)
        if ends == "logout":
            act(victim, lambda s: s.logout())
        elif ends == "revoke":
            assert sessions.revoke(id_of(victim))
        elif ends == "revoke_user":
            assert sessions.revoke_user("victim") == 1
        else:
            clock.advance(1800)
            sessions.delete_expired()
    assert stolen.answer is not None
    assert stolen.answer.set_cookie is None
    assert user_of(stolen) is None
    assert records(store) == []


def test_a_cookie_replayed_after_logout_opens_nothing_ever(browser, clock):
    victim = browser()
    login(victim)
    kept = victim.cookie
    act(victim, lambda s: s.logout())
    for _ in range(3):
        assert user_of(browser(kept)) is None
        clock.advance(600)


# -- one empty key for all: CVE-2015-3982 ----------------------------------------------------------


def test_two_visitors_after_logout_do_not_share_what_they_set_next(browser):
    one, two = browser(), browser()
    for visitor in (one, two):
        login(visitor)
        act(visitor, lambda s: (s.logout(), s.update(n=0)))
    act(one, lambda s: s.increment("n"))
    assert values_of(one) == {"n": 1}
    assert values_of(two) == {"n": 0}


# -- floods of records: CVE-2015-5143, CVE-2015-5963, CVE-2015-5964 --------------------------------


def test_unknown_forged_and_ended_cookies_make_no_records(browser, store):
    known = browser()
    act(known, lambda s: s.update(a=1))
    act(known, lambda s: s.logout())
    for _ in range(100):
        for cookie in (None, COOKIE + str(Token.new()), COOKIE + "junk", known.cookie):
            visitor = browser(cookie)
            act(visitor, lambda s: (s.get("a"), s.clear(), s.logout()))
    assert records(store) == []
    assert store.calls["create"] == 1


# -- expiry that only the cookie knows: CVE-2018-1000814 -------------------------------------------


def test_a_cookie_that_the_browser_should_have_dropped_opens_nothing(browser, clock):
    victim = browser()
    login(victim)
    stolen = victim.cookie
    clock.advance(1800)
    assert user_of(browser(stolen)) is None


def test_constant_use_does_not_keep_a_stolen_cookie_alive_for_ever(browser, clock):
    thief = browser()
    login(thief)
    hours = 0.0
    while user_of(thief) is not None:
        clock.advance(1200)
        hours += 1 / 3
        assert hours <= 8
    assert hours > 7.6


# -- deserialization: CVE-2021-33026, CVE-2018-15133, CVE-2025-24813 -------------------------------


class Exploit:
    ran = False

    def __reduce__(self):
        return (setattr, (Exploit, "ran", True))


def test_a_pickle_written_into_the_store_is_not_run(browser, store):
    visitor = browser()
    act(visitor, lambda s: s.update(a=1))
    (record,) = records(store)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        payload = pickle.dumps(Exploit(), protocol)
        for data in (payload, b"\x01" + payload):
            store.wrapped._records[record.id] = record._replace(fields={"a": data})
            try:
                assert not isinstance(values_of(visitor)["a"], Exploit)
            except UndecodableValue:
                pass  # or it is refused
    assert not Exploit.ran


def test_nothing_but_plain_data_can_be_put_in(browser):
    for value in (Exploit(), Exploit, print, random.Random(1), [Exploit()], {"a": {1: Exploit()}}):
        with pytest.raises(UnsupportedValue):
            act(browser(), lambda s, value=value: s.update(a=value))


# -- a store that fails is no logout: requirement 36 -----------------------------------------------


@pytest.mark.parametrize("verb", ["load", "commit", "end"])
def test_an_outage_neither_logs_out_nor_replaces_the_cookie(browser, store, clock, verb):
    victim = browser()
    login(victim)
    faulty = FaultyStore(store)
    during = Visitor(Sessions(faulty, clock=clock))
    during.cookie = victim.cookie
    faulty.lose_request(verb, 1)
    faulty.lose_request(verb, 2)
    with pytest.raises(StoreUnavailable):
        act(during, lambda s: s.logout() if verb == "end" else s.update(a=1))
    assert during.cookie == victim.cookie
    assert during.answer is None
    assert user_of(victim) == "victim"


# -- look-up by a part of an id, or by another spelling of it: requirement 1 -----------------------


@pytest.mark.parametrize(
    "spelled",
    [
        lambda id, secret: f"{id.swapcase()}.{secret}",
        lambda id, secret: f"{id}.{secret.swapcase()}",
        lambda id, secret: f"{id[:-1]}.{secret}",
        lambda id, secret: f"{id}.{secret[:-1]}",
        lambda id, secret: f"{id}A.{secret}",
        lambda id, secret: f"{id}.{secret}A",
        lambda id, secret: f" {id}.{secret} x",
        lambda id, secret: f"{secret}.{id}",
        lambda id, secret: f"{id}.{id}{id[:21]}",
        lambda id, secret: f"{id}.{'%' * 43}",
        lambda id, secret: f"{id}.{'_' * 43}",
    ],
    ids=range(11),
)
def test_anything_but_the_exact_token_is_nobody(browser, spelled):
    victim = browser()
    login(victim)
    id, _, secret = victim.cookie.removeprefix(COOKIE).partition(".")
    assert user_of(browser(COOKIE + spelled(id, secret))) is None
    assert user_of(victim) == "victim"


# -- logging out everywhere ------------------------------------------------------------------------


def test_after_a_password_change_other_devices_are_out_and_this_one_has_a_new_cookie(
    browser, sessions
):
    here, phone, thief = browser(), browser(), browser()
    for visitor in (here, phone):
        login(visitor)
    thief.cookie = here.cookie

    def change_password(session):
        session.renew()
        assert sessions.revoke_user(session.user, except_=session.record.id) == 1

    act(here, change_password)
    assert user_of(here) == "victim"
    assert user_of(phone) is None
    assert user_of(thief) is None
