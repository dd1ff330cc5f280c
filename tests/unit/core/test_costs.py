"""What a request costs in store calls, and which responses carry a cookie (promise P2)."""

import pytest

from coatcheck.core.http import NO_EDITS, ResponseEdits
from coatcheck.testing import Visitor

READ = ResponseEdits(vary=True)


def test_a_request_that_leaves_the_session_alone_asks_no_store(visitor, store):
    with visitor.visit():
        pass
    assert store.calls == {}
    assert visitor.answer == NO_EDITS


def test_a_visitor_without_a_cookie_costs_nothing_until_something_is_set(engine, store):
    visitor = Visitor(engine())
    with visitor.visit() as session:
        assert session.get("count") is None
        assert "count" not in session
        assert len(session) == 0
        assert session.user is None
        assert session.is_new
    assert store.calls == {}
    assert visitor.answer == READ


def test_reading_costs_one_load_and_sets_no_cookie(visitor, store):
    with visitor.visit() as session:
        assert session["count"] == 1
        assert "count" in session
        assert dict(session) == {"count": 1}
        assert session.user is None
    assert store.calls == {"load": 1}
    assert visitor.answer == READ


@pytest.mark.parametrize(
    "write",
    [
        lambda s: s.update(count=2),
        lambda s: s.__delitem__("count"),
        lambda s: s.clear(),
        lambda s: s.increment("count"),
        lambda s: s.setdefault("log", []).append(1),
        lambda s: s.renew(),
        lambda s: s.login("ann"),
    ],
    ids=["set", "del", "clear", "increment", "in place", "renew", "login"],
)
def test_writing_costs_one_load_and_one_commit(visitor, store, write):
    with visitor.visit("POST") as session:
        write(session)
    assert store.calls == {"load": 1, "commit": 1}


def test_writing_sets_no_cookie_as_the_visitor_has_it_already(visitor):
    with visitor.visit("POST") as session:
        session["count"] = 2
    assert visitor.answer == READ


def test_a_first_write_costs_one_create_and_sets_the_cookie(engine, store):
    visitor = Visitor(engine())
    with visitor.visit() as session:
        session["count"] = 1
    assert store.calls == {"create": 1}
    assert visitor.answer is not None
    assert visitor.answer.vary
    assert (visitor.answer.set_cookie or "").startswith("__Host-session=")


def test_setting_what_is_there_already_still_writes(visitor, store):
    # A blind set is a wish of its own: another request may be about to change the value.
    with visitor.visit() as session:
        session["count"] = 1
    assert store.calls == {"load": 1, "commit": 1}


def test_reading_values_that_could_change_in_place_writes_nothing(engine, returning, store):
    values = {"cart": [{"id": 1}], "tags": {"a", "b"}, "names": {1: ("x", [2])}, 3: 4}
    visitor = returning(engine(), {"all": values})
    with visitor.visit() as session:
        assert session["all"] == values
    assert store.calls == {"load": 1}


def test_what_came_and_went_within_a_request_makes_no_record(engine, store):
    visitor = Visitor(engine())
    with visitor.visit() as session:
        session["a"] = 1
        del session["a"]
        session.append("lines", "x")
        session.take("lines")
    assert store.calls == {}
    assert visitor.answer == READ


@pytest.mark.parametrize(
    "act",
    [
        lambda s: s.renew(),
        lambda s: s.clear(),
        lambda s: s.logout(),
        lambda s: s.set_expiry(None),
        lambda s: s.discard("tags", 1),
        lambda s: s.take("flashes"),
        lambda s: s.pop("a", None),
        lambda s: s.update({}),
    ],
    ids=["renew", "clear", "logout", "set_expiry", "discard", "take", "pop", "update"],
)
def test_what_leaves_nothing_to_keep_makes_no_record(engine, store, act):
    visitor = Visitor(engine())
    with visitor.visit("POST") as session:
        act(session)
    assert store.calls == {}
    assert visitor.cookie is None


def test_clearing_what_is_empty_writes_nothing(engine, returning, store):
    visitor = returning(engine())
    for _ in range(2):
        with visitor.visit("POST") as session:
            session.clear()
    assert store.calls == {"load": 2, "commit": 1}


def test_an_unknown_token_costs_one_load_and_makes_no_record(engine, store, visitor):
    with visitor.visit("POST") as session:
        session.logout()
    store.forget()
    stranger = Visitor(visitor.sessions)
    stranger.cookie = "__Host-session=" + "A" * 22 + "." + "b" * 43
    with stranger.visit() as session:
        session.get("count")
    assert store.calls == {"load": 1}
    assert stranger.answer == READ


def test_logging_out_costs_one_load_and_one_end(visitor, store):
    with visitor.visit("POST") as session:
        session.logout()
    assert store.calls == {"load": 1, "end": 1}


def test_the_session_is_loaded_once_however_often_it_is_touched(visitor, store):
    with visitor.visit() as session:
        for _ in range(5):
            session.get("count")
            session.get("missing")
    assert store.calls == {"load": 1}


def test_a_request_that_raises_saves_nothing(visitor, store):
    def view():
        with visitor.visit("POST") as session:
            session["count"] = 99
            raise ValueError("the view failed")

    with pytest.raises(ValueError, match="the view failed"):
        view()
    assert store.calls == {"load": 1}


def test_a_lease_comes_with_the_load_and_goes_with_the_commit(visitor, store):
    with visitor.visit("POST", leased=True) as session:
        session["count"] = 2
    assert store.calls == {"load": 1, "commit": 1}


def test_a_lease_that_was_not_needed_is_given_back(visitor, store, stored):
    with visitor.visit("POST", leased=True) as session:
        session.get("count")
    assert store.calls == {"load": 1, "release": 1}
    assert stored(visitor).lease is None
