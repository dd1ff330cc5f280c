"""Sessions in cookies: what they give, and what they plainly cannot do."""

from datetime import timedelta

import pytest

from coatcheck.core.engine import Sessions
from coatcheck.core.errors import (
    ConfigurationError,
    SessionTooLarge,
    StoreIncapable,
    UnreadableRecord,
)
from coatcheck.core.events import Event, EventName
from coatcheck.core.http import ResponseEdits
from coatcheck.core.policy import SessionCookie, SessionPolicy
from coatcheck.stores.cookie import CookieStore
from coatcheck.testing import FakeClock, Visitor
from coatcheck.wire.cookies import LONGEST

KEY = "a key that nobody has " * 2
HOUR = 3600


class Site:
    def __init__(self, *, policy: SessionPolicy | None = None, **cookie) -> None:
        self.clock = FakeClock()
        self.events: list[Event] = []
        self.sessions = Sessions(
            CookieStore([KEY]),
            policy=policy,
            cookie=SessionCookie(**cookie),
            clock=self.clock,
            listener=self.events.append,
        )

    def visitor(self) -> Visitor:
        return Visitor(self.sessions)

    @property
    def told(self) -> list[EventName]:
        return [event.name for event in self.events]


def answered(visitor: Visitor) -> str | None:
    assert visitor.answer is not None
    return visitor.answer.set_cookie


def test_what_a_request_puts_in_the_next_one_finds():
    visitor = Site().visitor()
    with visitor.visit() as session:
        session["cart"] = ["apple"]
    with visitor.visit() as session:
        session["cart"].append("pear")
    with visitor.visit() as session:
        assert dict(session) == {"cart": ["apple", "pear"]}
        assert not session.is_new


def test_a_request_that_only_reads_sends_no_cookie():
    visitor = Site().visitor()
    with visitor.visit() as session:
        session["name"] = "Ann"
    with visitor.visit() as session:
        assert session["name"] == "Ann"
    assert answered(visitor) is None


def test_a_request_that_does_not_touch_the_session_sends_nothing():
    visitor = Site().visitor()
    with visitor.visit() as session:
        session["name"] = "Ann"
    with visitor.visit():
        pass
    assert visitor.answer == ResponseEdits()


def test_a_session_in_use_lives_on_and_an_unused_one_ends():
    site = Site(policy=SessionPolicy(idle_timeout=10 * HOUR))
    visitor = site.visitor()
    with visitor.visit() as session:
        session["name"] = "Ann"
    for _ in range(5):
        site.clock.advance(9 * HOUR)
        with visitor.visit() as session:
            assert session["name"] == "Ann"
        assert answered(visitor) is not None, "the deadline is in the cookie, so it was sent again"
    site.clock.advance(11 * HOUR)
    with visitor.visit() as session:
        assert session.is_new
    assert site.told == [EventName.CREATED, EventName.EXPIRED]


def test_a_session_ends_with_its_lifetime_however_much_it_is_used():
    site = Site(policy=SessionPolicy(idle_timeout=10 * HOUR, lifetime=24 * HOUR))
    visitor = site.visitor()
    with visitor.visit() as session:
        session["name"] = "Ann"
    for _ in range(3):
        site.clock.advance(7.9 * HOUR)
        with visitor.visit() as session:
            assert not session.is_new
    site.clock.advance(HOUR)
    with visitor.visit() as session:
        assert session.is_new


def test_a_time_of_its_own_and_a_browsers_length_are_kept():
    site = Site()
    visitor = site.visitor()
    with visitor.visit() as session:
        session.set_expiry(timedelta(hours=1))
    site.clock.advance(2 * HOUR)
    with visitor.visit() as session:
        assert session.is_new
        session.set_expiry(0)
    assert "Max-Age" not in (answered(visitor) or "")


def test_a_login_binds_the_session_and_a_cookie_from_before_is_not_logged_in():
    site = Site()
    visitor, attacker = site.visitor(), site.visitor()
    with attacker.visit() as session:
        session["planted"] = True
    visitor.cookie = attacker.cookie
    with visitor.visit() as session:
        session.login("ann")
    with visitor.visit() as session:
        assert session.user == "ann"
        assert session["planted"] is True
    with attacker.visit() as session:
        assert session.user is None
    assert site.told == [EventName.CREATED, EventName.LOGGED_IN]


def test_a_forms_binding_stays_the_same_until_the_login():
    visitor = Site().visitor()
    tokens = []
    for number in range(3):
        with visitor.visit() as session:
            session["number"] = number
        tokens.append(visitor.sessions.open(visitor.request()).token)
    assert tokens[0] == tokens[1] == tokens[2] is not None
    with visitor.visit() as session:
        session.login("ann")
    assert visitor.sessions.open(visitor.request()).token not in tokens


def test_a_logout_makes_the_browser_forget_and_cannot_do_more():
    site = Site()
    visitor, thief = site.visitor(), site.visitor()
    with visitor.visit() as session:
        session.login("ann")
    thief.cookie = visitor.cookie
    with visitor.visit() as session:
        session.logout()
    assert visitor.cookie is None
    assert site.told[-1] == EventName.DESTROYED
    # What a store on the server would have refused: said in CookieStore's docstring.
    with thief.visit() as session:
        assert session.user == "ann"


def test_a_forged_cookie_is_nobody():
    site = Site()
    visitor = site.visitor()
    with visitor.visit() as session:
        session.login("ann")
    assert visitor.cookie is not None
    visitor.cookie = visitor.cookie[:-4] + "AAAA"
    with visitor.visit() as session:
        assert session.user is None
        assert session.is_new
    assert site.told[-1] == EventName.REJECTED
    assert answered(visitor) is None


def test_two_cookies_of_the_name_are_both_refused():
    site = Site()
    visitor = site.visitor()
    with visitor.visit() as session:
        session.login("ann")
    visitor.cookie = f"{visitor.cookie}; __Host-session=planted"
    with visitor.visit() as session:
        assert session.is_new
    assert EventName.TOSSED in site.told


def test_a_session_that_outgrows_a_cookie_is_refused_with_its_largest_key():
    visitor = Site().visitor()
    with visitor.visit() as session:
        session["small"] = "x"
    before = visitor.cookie
    with pytest.raises(SessionTooLarge, match="largest key is 'photo'"), visitor.visit() as session:
        session["photo"] = bytes(4000)
    assert visitor.cookie == before
    with pytest.raises(SessionTooLarge), Site().visitor().visit() as session:
        session["photo"] = bytes(4000)


@pytest.mark.parametrize("https", [True, False])
@pytest.mark.parametrize("attributes", [{}, {"domain": "shop.example.org", "path": "/a/path"}])
def test_no_cookie_header_is_longer_than_browsers_keep(https, attributes):
    site = Site(**attributes)
    longest = 0
    for size in range(2500, 3100, 7):
        visitor = Visitor(site.sessions, https=https)
        try:
            with visitor.visit() as session:
                session["data"] = bytes(size)
        except SessionTooLarge:
            break
        longest = len(answered(visitor) or "")
        assert longest <= LONGEST
    else:
        pytest.fail("nothing was refused")
    assert longest > LONGEST - 60, "and what fits is not refused"


def test_of_two_requests_at_once_the_later_answer_wins():
    visitor = Site().visitor()
    with visitor.visit() as session:
        session["first"] = 1
    with visitor.visit() as slow:
        with visitor.visit() as quick:
            quick["quick"] = True
        slow["slow"] = True
    with visitor.visit() as session:
        assert dict(session) == {"first": 1, "slow": True}


def test_what_needs_a_server_is_refused_and_not_pretended():
    site = Site()
    visitor = site.visitor()
    with visitor.visit() as session:
        session.login("ann")
    with pytest.raises(StoreIncapable, match="cannot be listed"):
        site.sessions.of("ann")
    with pytest.raises(StoreIncapable):
        site.sessions.revoke_user("ann")
    with pytest.raises(StoreIncapable, match="cannot be revoked"):
        site.sessions.revoke("any")
    with visitor.visit() as session, pytest.raises(StoreIncapable), session.exclusive():
        pytest.fail("the block ran")
    assert site.sessions.delete_expired() == 0


def test_taking_turns_is_refused_at_start_and_on_a_route():
    with pytest.raises(ConfigurationError, match="cannot take turns"):
        Site(policy=SessionPolicy(isolation="serializable"))
    visitor = Site().visitor()
    with pytest.raises(ConfigurationError), visitor.visit(isolation="serializable") as session:
        session["name"] = "Ann"


def test_a_cookie_of_another_version_breaks_only_what_touches_the_session(monkeypatch):
    visitor = Site().visitor()
    with visitor.visit() as session:
        session["name"] = "Ann"
    monkeypatch.setattr("coatcheck.stores.cookie._CONTENT", b"\x02")
    with visitor.visit():
        pass
    with pytest.raises(UnreadableRecord), visitor.visit() as session:
        session["name"] = "Bob"
    monkeypatch.undo()
    with visitor.visit() as session:
        assert session["name"] == "Ann"


async def _view(scope, receive, send):
    scope["session"]["visits"] = scope["session"].get("visits", 0) + 1
    await send({"type": "http.response.start", "status": 200, "headers": []})
    body = str(scope["session"]["visits"]).encode()
    await send({"type": "http.response.body", "body": body})


def test_an_async_view_uses_it_without_awaiting_and_without_a_thread(monkeypatch):
    import asyncio

    import httpx2

    from coatcheck.integrations.asgi import SessionMiddleware
    from coatcheck.integrations.threaded import Phases

    async def no_thread(self, phase):
        raise AssertionError("a thread was asked to do what needs none")

    monkeypatch.setattr(Phases, "_hop", no_thread)
    app = SessionMiddleware(_view, Site().sessions)

    async def visits() -> list[str]:
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="https://test") as client:
            return [(await client.get("/")).text for _ in range(3)]

    assert asyncio.run(visits()) == ["1", "2", "3"]
