"""``Sessions``: one store, one policy, one cookie, for blocking and asynchronous hosts alike."""

import asyncio

import pytest

from coatcheck.core import bridge
from coatcheck.core.bridge import step
from coatcheck.core.engine import Sessions
from coatcheck.core.errors import ConfigurationError
from coatcheck.core.http import NO_EDITS, SAFE_METHODS, RequestView
from coatcheck.core.policy import SessionCookie, SessionPolicy
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import CountingStore, Visitor


@pytest.fixture
def asynchronous(clock):
    """An engine over an awaitable store."""
    return Sessions(CountingStore(bridge.Awaitable(MemoryStore())), clock=clock)


def test_the_kind_of_a_store_is_seen_from_its_verbs(asynchronous, engine):
    assert engine().blocking
    assert not asynchronous.blocking


BLOCKING_CALLS = {
    "touch": lambda s, v: s.open(v).get("a"),
    "set": lambda s, v: s.open(v).update(a=1),
    "commit": lambda s, v: s.commit(s.open(v), v),
    "of": lambda s, v: s.of("ann"),
    "revoke": lambda s, v: s.revoke("id"),
    "revoke_user": lambda s, v: s.revoke_user("ann"),
    "delete_expired": lambda s, v: s.delete_expired(),
    "close": lambda s, v: s.close(),
}


@pytest.mark.parametrize("call", BLOCKING_CALLS.values(), ids=BLOCKING_CALLS)
def test_a_blocking_host_with_an_asynchronous_store_is_refused_with_the_remedy(asynchronous, call):
    view = RequestView("GET", True, [b"__Host-session=" + b"A" * 22 + b"." + b"b" * 43])
    with pytest.raises(ConfigurationError, match="await the same method of"):
        call(asynchronous, view)
    assert asynchronous.store.calls == {}


def test_an_asynchronous_host_awaits_the_same_verbs(asynchronous):
    async def visits():
        visitor = Visitor(asynchronous)
        async with visitor.visit() as session:
            session["count"] = 1
        async with visitor.visit() as session:
            session["count"] += 1
            async with session.exclusive():
                session["count"] += 1
        async with visitor.visit() as session:
            session.login("ann")
            found = dict(session)
        assert len(await asynchronous.lifecycle.of("ann")) == 1
        assert await asynchronous.lifecycle.revoke_user("ann") == 1
        await asynchronous.lifecycle.store.close()
        return found

    assert asyncio.run(visits()) == {"count": 3}


def test_an_asynchronous_host_reads_with_one_call_and_touches_nothing_with_none(asynchronous):
    async def visits():
        visitor = Visitor(asynchronous)
        async with visitor.visit() as session:
            session["count"] = 1
        asynchronous.store.forget()
        view = visitor.request()
        session = asynchronous.open(view)
        assert await asynchronous.lifecycle.commit(session, view) == NO_EDITS
        assert asynchronous.store.calls == {}
        await session.load()
        await session.load()
        assert session["count"] == 1

    asyncio.run(visits())
    assert asynchronous.store.calls == {"load": 1}


def test_opening_asks_nothing(visitor, store):
    visitor.sessions.open(visitor.request())
    assert store.calls == {}


def test_without_options_it_has_the_default_policy_and_cookie():
    sessions = Sessions(MemoryStore())
    assert sessions.policy == SessionPolicy()
    assert sessions.lifecycle.cookie == SessionCookie()


def test_over_plain_http_the_cookie_is_a_plain_one(engine):
    visitor = Visitor(engine(), https=False)
    with visitor.visit() as session:
        session["a"] = 1
    assert visitor.cookie is not None
    assert visitor.cookie.startswith("session=")
    assert visitor.answer is not None
    assert visitor.answer.set_cookie is not None
    assert "Secure" not in visitor.answer.set_cookie
    assert "HttpOnly; SameSite=Lax" in visitor.answer.set_cookie
    with visitor.visit() as session:
        assert session["a"] == 1


def test_a_cookie_with_a_domain_and_a_path_keeps_them_when_it_is_expired(engine):
    cookie = SessionCookie("id", domain="shop.example", path="/shop", partitioned=True)
    visitor = Visitor(engine(cookie=cookie))
    with visitor.visit() as session:
        session["a"] = 1
    with visitor.visit() as session:
        session.logout()
    assert visitor.answer is not None
    assert visitor.answer.set_cookie == (
        "__Secure-id=; Max-Age=0; Path=/shop; Domain=shop.example; Secure; HttpOnly; "
        "SameSite=Lax; Partitioned"
    )


def test_closing_closes_the_store(engine, store):
    engine().close()
    assert store.calls == {"close": 1}


# -- bridge ----------------------------------------------------------------------------------------


def test_a_coroutine_that_never_suspends_is_run_here_and_now():
    async def answer():
        await nothing()
        return 42

    async def nothing():
        pass

    assert step(answer()) == 42


def test_what_it_raises_comes_out():
    async def fails():
        raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"):
        step(fails())


def test_a_coroutine_that_suspends_is_refused_and_ended():
    ended = []

    async def waits():
        try:
            await asyncio.sleep(0)
        finally:
            ended.append(True)

    with pytest.raises(RuntimeError, match="Use a blocking store"):
        step(waits())
    assert ended == [True]


def test_a_blocking_stores_verbs_become_awaitable_ones_of_the_same_name():
    store = MemoryStore()
    awaitable = bridge.Awaitable(store)
    assert awaitable.blocking is store
    assert awaitable.capabilities is store.capabilities
    assert step(awaitable.load("nobody")) is None
    assert step(awaitable.end("nobody")) is False


# -- RequestView -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", sorted(SAFE_METHODS))
def test_a_method_that_promises_to_change_nothing_is_safe(method):
    assert RequestView(method, True, []).safe


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "get", "QUERY", ""])
def test_every_other_method_is_not(method):
    assert not RequestView(method, True, []).safe
