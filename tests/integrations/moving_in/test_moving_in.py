"""What is taken over from the engine before, when, and what never is."""

from collections.abc import Mapping
from typing import Any

import pytest

from coatcheck import Event, EventName, SessionCookie, SessionPolicy, Sessions, StoreUnavailable
from coatcheck.core import bridge
from coatcheck.core.engine import Visit
from coatcheck.core.http import RequestView, ResponseEdits
from coatcheck.core.session import Session
from coatcheck.integrations.moving_in import moving_in, shown
from coatcheck.stores.cookie import CookieStore
from coatcheck.stores.encrypted import EncryptedStore
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import CountingStore, FakeClock, FaultyStore
from coatcheck.wire.cookies import CookieAttributes


class Ledger:
    """An engine that keeps its sessions under the plain value of its cookie, and counts looks."""

    inline = True

    def __init__(self, name: str = "old", **kept: Mapping[str, object]) -> None:
        self.cookie = CookieAttributes(name, secure=False)
        self.kept = kept
        self.looks = 0
        self.down = False

    def read(self, view: RequestView) -> Mapping[str, object] | None:
        self.looks += 1
        if self.down:
            raise StoreUnavailable("the old store does not answer.")
        return self.kept.get(shown(view, self.cookie.name) or "")


class Site:
    """An application that moves in, as a browser with *cookies* meets it."""

    def __init__(self, incumbent: Any, *, store: Any = None, **options: Any) -> None:
        self.events: list[Event] = []
        self.store = CountingStore(MemoryStore() if store is None else store)
        self.before = Sessions(self.store, listener=self.events.append, **options)
        self.sessions = moving_in(self.before, incumbent)
        self.cookies: dict[str, str] = {}
        self.answer = ResponseEdits()

    def view(self, *, https: bool = True) -> RequestView:
        header = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return RequestView("GET", https, [header.encode()])

    def visit(self, *touch: Any, https: bool = True) -> Session:
        """One request, whose view does what *touch* says."""
        view = self.view(https=https)
        session = self.sessions.open(view)
        for act in touch:
            act(session)
        self.answer = self.sessions.commit(session, view)
        for line in self.answer.cookies:
            pair, *attributes = line.split("; ")
            name, _, value = pair.partition("=")
            if "Max-Age=0" in attributes:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return session

    def happened(self) -> list[EventName]:
        return [event.name for event in self.events]


def arriving(**held: object) -> tuple[Ledger, Site]:
    """A site that moves in, and a browser with a session of the engine before."""
    ledger = Ledger(abc=held or {"cart": ["hat"], "_user_id": "7"})
    site = Site(ledger)
    site.cookies["old"] = "abc"
    return ledger, site


def test_the_first_touch_takes_over_what_the_old_engine_kept() -> None:
    ledger, site = arriving()
    session = site.visit(dict)
    assert dict(session) == {"cart": ["hat"], "_user_id": "7"}
    assert list(site.cookies) == ["__Host-session"]
    assert site.answer.forget == "old=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
    assert site.happened() == [EventName.LOGGED_IN, EventName.MOVED_IN]
    assert site.visit(dict)["cart"] == ["hat"]
    assert ledger.looks == 1
    assert site.answer.cookies == ()


def test_a_page_that_does_not_touch_the_session_reads_nothing_and_changes_nothing() -> None:
    ledger, site = arriving()
    site.visit()
    assert ledger.looks == 0
    assert site.store.calls == {}
    assert site.answer.cookies == ()


def test_a_view_changes_what_it_takes_over_like_any_session() -> None:
    _, site = arriving()
    site.visit(
        lambda session: session["cart"].append("coat"), lambda session: session.pop("_user_id")
    )
    assert dict(site.visit(dict)) == {"cart": ["hat", "coat"]}


@pytest.mark.parametrize("field", ["_auth_user_id", "_user_id", "user_id"])
def test_the_new_session_belongs_to_the_user_whom_the_old_one_names(field: str) -> None:
    _, site = arriving(**{field: 7})
    session = site.visit(len)
    assert session.user == "7"
    (record,) = site.before.of(7)
    site.before.revoke(record.id)
    assert dict(site.visit(dict)) == {}


def test_a_session_without_a_user_is_taken_over_as_that_of_somebody_unknown() -> None:
    _, site = arriving(cart=["hat"], user_id=None, _user_id=True)
    assert site.visit(len).user is None
    assert site.happened() == [EventName.CREATED, EventName.MOVED_IN]


def test_where_a_cookie_of_ours_is_shown_the_old_one_is_not_read() -> None:
    ledger, site = arriving()
    site.visit(len)
    site.cookies["old"] = "abc"  # somebody puts it back
    assert site.visit(dict)["cart"] == ["hat"]
    (record,) = site.before.of("7")
    site.before.revoke(record.id)
    assert dict(site.visit(dict)) == {}
    assert ledger.looks == 1


def test_a_cookie_that_the_old_engine_does_not_believe_is_ignored_and_left_alone() -> None:
    ledger, site = arriving()
    site.cookies["old"] = "forged"
    assert dict(site.visit(dict)) == {}
    assert (ledger.looks, site.store.calls, site.answer.cookies) == (1, {}, ())
    assert site.happened() == []


def test_two_old_cookies_that_differ_are_both_ignored() -> None:
    ledger, site = arriving()
    site.cookies = {"old": "abc; old=abd"}
    assert dict(site.visit(dict)) == {}
    assert site.answer.cookies == ()
    assert ledger.looks == 1


def test_logging_out_with_the_first_request_begins_no_session_and_ends_the_old_one() -> None:
    _, site = arriving()
    site.visit(lambda session: session.logout())
    assert site.cookies == {}
    assert dict(site.visit(dict)) == {}
    site.cookies["old"] = "abc"
    assert dict(site.visit(dict)) == {}
    assert site.happened() == [EventName.MOVED_IN, EventName.REJECTED]


def test_an_old_cookie_whose_session_has_ended_here_opens_nothing_any_more() -> None:
    ledger, site = arriving()
    site.visit(len)
    site.visit(lambda session: session.logout())
    site.cookies["old"] = "abc"  # a copy of it, shown without ours
    assert dict(site.visit(dict)) == {}
    assert site.answer.cookies == ()
    assert ledger.looks == 2


def test_an_old_cookie_that_is_shown_again_while_its_session_lives_is_taken_over_again() -> None:
    """The answer with the new cookie may have got lost, or another request was on its way."""
    _, site = arriving()
    site.visit(len)
    first = dict(site.cookies)
    site.cookies = {"old": "abc"}
    assert site.visit(dict)["cart"] == ["hat"]
    assert len(site.before.of("7")) == 2
    second, site.cookies = site.cookies, first
    site.visit(lambda session: session.logout())
    site.cookies = second
    assert site.visit(dict)["cart"] == ["hat"]
    site.cookies = {"old": "abc"}
    assert dict(site.visit(dict)) == {}


def test_what_an_old_cookie_has_become_is_swept_with_the_sessions_and_holds_no_cookie() -> None:
    clock = FakeClock()
    store = MemoryStore()
    ledger = Ledger(abc={"n": 1})
    site = Site(ledger, store=store, clock=clock)
    site.cookies["old"] = "abc"
    site.visit(len)
    assert "'abc'" not in repr([tuple(record) for record in store._records.values()])
    clock.advance(91 * 86400)
    assert site.before.delete_expired() == 2


def test_when_the_mark_cannot_be_kept_the_visitor_has_the_session_all_the_same() -> None:
    ledger = Ledger(abc={"n": 1})
    faults = FaultyStore(MemoryStore())
    site = Site(ledger, store=faults)
    site.cookies["old"] = "abc"
    faults.lose_request("create", 2)
    assert dict(site.visit(dict)) == {"n": 1}
    assert list(site.cookies) == ["__Host-session"]


def test_sessions_in_cookies_are_moved_into_too() -> None:
    site = Site(Ledger(abc={"n": 1}), store=CookieStore(["a key that nobody has " * 2]))
    site.cookies["old"] = "abc"
    assert dict(site.visit(dict)) == {"n": 1}
    assert list(site.cookies) == ["__Host-session"]
    assert dict(site.visit(dict)) == {"n": 1}


def test_ours_takes_the_place_of_an_old_cookie_of_the_same_name() -> None:
    site = Site(Ledger("session", abc={"n": 1}))
    site.cookies["session"] = "abc"
    assert dict(site.visit(dict, https=False)) == {"n": 1}
    assert site.answer.forget is None
    assert len(site.answer.cookies) == 1
    assert dict(site.visit(dict, https=False)) == {"n": 1}
    site.cookies = {"session": "abc"}
    site.visit(lambda session: session.logout(), https=False)
    assert site.cookies == {}


def test_an_old_cookie_with_another_path_is_expired_though_it_has_the_same_name() -> None:
    ledger = Ledger("session", abc={"n": 1})
    ledger.cookie = CookieAttributes("session", path="/app", secure=False)
    site = Site(ledger)
    site.cookies["session"] = "abc"
    site.visit(len, https=False)
    assert site.answer.forget is not None
    assert "Path=/app" in site.answer.forget


def test_values_that_no_session_keeps_are_left_behind_and_reported() -> None:
    _, site = arriving(good=1, bad=object())
    assert dict(site.visit(dict)) == {"good": 1}
    (event,) = [event for event in site.events if event.name is EventName.DROPPED]
    assert event.keys == {"bad"}


def test_while_the_old_store_is_down_the_visitor_is_not_taken_for_somebody_new() -> None:
    ledger, site = arriving()
    ledger.down = True
    for _ in range(2):
        session = site.sessions.open(site.view())
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                session.get("cart")
    ledger.down = False
    assert site.visit(dict)["cart"] == ["hat"]


def test_a_request_under_a_lease_takes_over_too() -> None:
    _, site = arriving()
    view = site.view()
    session = site.sessions.open(view)
    site.sessions.step(site.sessions.lifecycle.load(session, leased=True))
    assert session["cart"] == ["hat"]


def test_a_session_that_was_loaded_and_never_touched_is_not_taken_over_yet() -> None:
    _, site = arriving()
    view = site.view()
    session = site.sessions.open(view)
    site.sessions.step(site.sessions.lifecycle.load(session))
    assert site.sessions.commit(session, view) == ResponseEdits()
    assert site.store.calls == {"load": 1}  # whether that session has ended here


def test_the_times_and_the_store_stay_those_of_the_sessions_that_were_given() -> None:
    clock = FakeClock()
    site = Site(
        Ledger(abc={"n": 1}),
        store=EncryptedStore(MemoryStore()),
        policy=SessionPolicy(idle_timeout=60),
        cookie=SessionCookie(name="ours"),
        clock=clock,
    )
    site.cookies["old"] = "abc"
    site.visit(len)
    assert list(site.cookies) == ["__Host-ours"]
    clock.advance(61)
    assert dict(site.visit(dict)) == {}


def test_an_awaited_reader_serves_a_store_that_is_awaited() -> None:
    import asyncio

    class Awaited(Ledger):
        async def read(self, view: RequestView) -> Mapping[str, object] | None:  # type: ignore[override]
            await asyncio.sleep(0)
            return super().read(view)

    site = Site(Awaited(abc={"n": 1}), store=bridge.Awaitable(MemoryStore()))
    site.cookies["old"] = "abc"

    async def scenario() -> None:
        view = site.view()
        session = site.sessions.lifecycle.open(view, Visit(site.sessions, view))
        await session.load()
        assert dict(session) == {"n": 1}
        edits = await site.sessions.lifecycle.commit(session, view)
        assert len(edits.cookies) == 2

    asyncio.run(scenario())
