"""A session is a dict: what one request sees of it, and what it notes for the commit."""

from collections import UserDict
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from coatcheck.core.errors import SessionReadOnly, UndecodableValue, UnsupportedValue
from coatcheck.core.record import Record
from coatcheck.core.session import Session
from coatcheck.wire.codec import decode, encode
from coatcheck.wire.tokens import Token


class NoOpener:
    """A session that is loaded already asks nobody."""

    def load_now(self, session):
        raise AssertionError("the session was loaded a second time")

    run_now = run = load = load_now


def record_with(**values):
    token = Token.new()
    return Record(
        id=token.id,
        digest=token.digest,
        created=0.0,
        seen=0.0,
        expires=100.0,
        renewed=0.0,
        fields={key: encode(value) for key, value in values.items()},
    )


def session_with(**values):
    session = Session(NoOpener())
    session.begin(record_with(**values))
    return session


def saved(session):
    """What a commit would store, decoded."""
    fields = session.record.fields if session.record is not None else {}
    return {key: decode(data) for key, data in session.changes().on(fields).items()}


# -- the mapping -----------------------------------------------------------------------------------


def test_it_shows_what_is_stored():
    session = session_with(name="Ann", when=datetime(2026, 1, 2, tzinfo=UTC), price=Decimal("1.10"))
    assert session["name"] == "Ann"
    assert session["when"] == datetime(2026, 1, 2, tzinfo=UTC)
    assert str(session["price"]) == "1.10"
    assert dict(session) == {
        "name": "Ann",
        "when": datetime(2026, 1, 2, tzinfo=UTC),
        "price": Decimal("1.10"),
    }


def test_a_missing_key_raises_key_error_as_in_a_dict():
    session = session_with()
    with pytest.raises(KeyError, match="'name'"):
        session["name"]
    with pytest.raises(KeyError, match="'name'"):
        del session["name"]
    with pytest.raises(KeyError, match="'name'"):
        session.pop("name")
    assert session.get("name") is None
    assert session.pop("name", "nobody") == "nobody"
    assert not session.changes()


def test_a_deleted_key_is_gone_at_once_and_from_what_is_saved():
    session = session_with(a=1, b=2)
    del session["a"]
    assert "a" not in session
    assert list(session) == ["b"]
    assert saved(session) == {"b": 2}


def test_reading_is_no_change():
    session = session_with(a=1, items=[1, {"k": [2]}], tags={1, 2}, nested={"x": (1, [2])})
    session["a"]
    session.get("items")
    list(session.items())
    "a" in session  # noqa: B015
    len(session)
    bool(session)
    session == {}  # noqa: B015
    assert not session.changes()
    assert not session.modified


def test_the_same_object_is_given_each_time_so_that_changes_in_it_add_up():
    session = session_with(items=[1])
    assert session["items"] is session["items"]
    first = session["items"]
    first.append(2)
    session["items"].append(3)
    assert saved(session) == {"items": [1, 2, 3]}


@pytest.mark.parametrize(
    ("value", "change", "after"),
    [
        ([1], lambda v: v.append(2), [1, 2]),
        ([3, 1], lambda v: v.sort(), [1, 3]),
        ({"a": 1}, lambda v: v.update(b=2), {"a": 1, "b": 2}),
        ({"a": {"b": [1]}}, lambda v: v["a"]["b"].append(2), {"a": {"b": [1, 2]}}),
        ({1: [1]}, lambda v: v[1].append(2), {1: [1, 2]}),
        ({1, 2}, lambda v: v.discard(1), {2}),
        (([1], 2), lambda v: v[0].append(3), ([1, 3], 2)),
        ([{"qty": 1}], lambda v: v[0].update(qty=2), [{"qty": 2}]),
        ([1], lambda v: v.clear(), []),
        ({"a": 1, "b": 2}, lambda v: v.update(a=v.pop("a")), {"b": 2, "a": 1}),
    ],
    ids=["append", "sort", "update", "deep", "keys", "set", "tuple", "items", "clear", "order"],
)
def test_a_change_inside_a_value_is_saved_without_a_word(value, change, after):
    session = session_with(it=value)
    change(session["it"])
    assert session.modified
    assert saved(session) == {"it": after}
    assert list(session.changes().steps) == ["it"]


def test_a_change_that_was_taken_back_is_no_change():
    session = session_with(items=[1], n=1)
    session["items"].append(2)
    session["items"].pop()
    assert not session.changes()


@pytest.mark.parametrize(
    "act",
    [
        lambda s: (s.update(new=1), s.pop("new")),
        lambda s: (s.update(new=1), s.popitem()),
        lambda s: (s.append("new", "a line"), s.take("new")),
        lambda s: (s.setdefault("new", []).append(1), s.__delitem__("new")),
        lambda s: (s.add("new", 1), s.take("new")),
    ],
    ids=["pop", "popitem", "take", "del", "add"],
)
def test_a_key_that_came_and_went_within_the_request_is_no_change(act):
    session = session_with(a=1)
    act(session)
    assert not session.changes()
    assert not session.modified


def test_a_value_that_was_never_looked_at_is_not_written_again():
    session = session_with(large=["x"] * 1000, n=1)
    session["n"] = 2
    assert set(session.changes().steps) == {"n"}


def test_a_value_changed_after_it_was_set_is_saved_as_it_is_in_the_end():
    session = session_with()
    cart: list[int] = []
    session["cart"] = cart
    cart.append(1)
    session["cart"].append(2)
    assert saved(session) == {"cart": [1, 2]}


def test_setdefault_gives_an_object_whose_changes_are_saved():
    session = session_with()
    session.setdefault("cart", []).append("tea")
    session.setdefault("cart", []).append("milk")
    assert saved(session) == {"cart": ["tea", "milk"]}


def test_update_takes_what_a_dict_takes():
    session = session_with()
    session.update({"a": 1}, b=2)
    session.update([("c", 3)])
    session.update(UserDict(d=4))
    session |= {"e": 5}
    assert saved(session) == {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}


def test_popitem_takes_the_key_that_came_last():
    session = session_with(a=1, b=2)
    session["c"] = 3
    assert [session.popitem() for _ in range(3)] == [("c", 3), ("b", 2), ("a", 1)]
    with pytest.raises(KeyError):
        session.popitem()
    assert saved(session) == {}


def test_clear_empties_it_and_what_is_set_afterwards_stays():
    session = session_with(a=1, b=2)
    session["c"] = 3
    session.clear()
    assert dict(session) == {}
    session["d"] = 4
    assert saved(session) == {"d": 4}
    assert session.record is not None


def test_keys_keep_their_order_as_in_a_dict():
    session = session_with(a=1, b=2, c=3)
    session["b"] = 20  # stays where it is
    del session["a"]
    session["a"] = 10  # goes to the end
    session.increment("c")  # stays where it is
    assert list(session) == ["b", "c", "a"]
    assert list(saved(session)) == ["b", "c", "a"]


def test_it_can_change_while_it_is_looped_over():
    session = session_with(a=1, b=2)
    for key in session:
        del session[key]
    assert saved(session) == {}


def test_it_equals_a_dict_with_the_same_items():
    assert session_with(a=1, b=[2]) == {"a": 1, "b": [2]}
    assert session_with(a=1) != {"a": 2}


# -- what is refused -------------------------------------------------------------------------------


class Cart:
    pass


def test_a_value_that_cannot_be_kept_is_refused_at_the_line_that_sets_it():
    session = session_with()
    with pytest.raises(UnsupportedValue, match=r"session\['cart'\].*Cart") as caught:
        session["cart"] = Cart()
    assert "cart" not in session
    assert not session.changes()
    assert isinstance(caught.value, TypeError)


def test_a_value_that_became_impossible_is_named_when_it_is_saved():
    session = session_with(cart=[1])
    session["cart"].append(Cart())
    with pytest.raises(UnsupportedValue, match=r"session\['cart'\].*Cart"):
        session.changes()


@pytest.mark.parametrize(
    "act",
    [
        lambda s: s.setdefault("k", Cart()),
        lambda s: s.update(k=Cart()),
        lambda s: s.append("k", Cart()),
        lambda s: s.add("k", frozenset({Cart()})),
        lambda s: s.once("k", Cart),
        lambda s: s.update_atomically("k", lambda _: Cart()),
    ],
    ids=["setdefault", "update", "append", "add", "once", "update_atomically"],
)
def test_every_way_of_setting_refuses_it_and_leaves_nothing_behind(act):
    session = session_with()
    with pytest.raises(UnsupportedValue, match=r"session\['k'\]"):
        act(session)
    assert "k" not in session
    assert saved(session) == {}


WAYS = {
    "set": lambda s, key: s.__setitem__(key, 1),
    "setdefault": lambda s, key: s.setdefault(key, 1),
    "update": lambda s, key: s.update({key: 1}),
    "increment": lambda s, key: s.increment(key),
    "append": lambda s, key: s.append(key, 1),
    "add": lambda s, key: s.add(key, 1),
    "once": lambda s, key: s.once(key, lambda: 1),
    "update_atomically": lambda s, key: s.update_atomically(key, lambda _: 1),
}


@pytest.mark.parametrize("act", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("key", [1, None, b"k", ("a",)], ids=repr)
def test_a_key_that_is_no_text_is_refused(act, key):
    session = session_with()
    with pytest.raises(TypeError, match="session keys are text"):
        act(session, key)
    assert saved(session) == {}


@pytest.mark.parametrize("act", WAYS.values(), ids=WAYS)
def test_a_key_that_no_store_could_keep_is_refused(act):
    session = session_with()
    with pytest.raises(UnsupportedValue, match="surrogate"):
        act(session, "a\ud800")
    assert saved(session) == {}


def test_looking_for_a_key_that_is_no_text_finds_nothing():
    session = session_with(a=1)
    assert 1 not in session
    with pytest.raises(KeyError):
        session[1]
    session["a"] = 2
    assert saved(session) == {"a": 2}


def test_a_closed_session_can_be_read_and_says_why_it_cannot_be_changed():
    session = session_with(a=1, items=[1], tags={1})
    session.close("the response has started")
    assert session["a"] == 1
    assert "a" in session
    changing = [
        lambda s: s.__setitem__("a", 2),
        lambda s: s.__delitem__("a"),
        lambda s: s.pop("a"),
        lambda s: s.clear(),
        lambda s: s.setdefault("b", 1),
        lambda s: s.increment("a"),
        lambda s: s.append("items", 2),
        lambda s: s.add("tags", 2),
        lambda s: s.discard("tags", 1),
        lambda s: s.take("items"),
        lambda s: s.once("b", list),
        lambda s: s.update_atomically("a", lambda v: v),
        lambda s: s.login("ann"),
        lambda s: s.logout(),
        lambda s: s.renew(),
        lambda s: s.destroy(),
        lambda s: s.set_expiry(60),
        lambda s: s.exclusive(),
    ]
    for act in changing:
        with pytest.raises(SessionReadOnly, match="the response has started"):
            act(session)
    assert not session.modified


def test_a_field_that_cannot_be_decoded_is_named_and_kept_and_others_are_readable():
    session = Session(NoOpener())
    record = record_with(a=1)
    broken = b"\x09from the future"
    fields = {**record.fields, "odd": broken}
    session.begin(record._replace(fields=fields))
    with pytest.raises(UndecodableValue, match=r"session\['odd'\] cannot be read and is kept"):
        session["odd"]
    assert session["a"] == 1
    assert "odd" in session
    session["a"] = 2
    assert session.changes().on(fields)["odd"] == broken


def test_a_field_that_cannot_be_decoded_can_be_removed_or_replaced():
    for act in (lambda s: s.__delitem__("odd"), lambda s: s.__setitem__("odd", 1)):
        session = Session(NoOpener())
        session.begin(record_with()._replace(fields={"odd": b"\x09"}))
        act(session)
        assert b"\x09" not in session.changes().on({"odd": b"\x09"}).values()


# -- what shows ------------------------------------------------------------------------------------


def test_its_repr_names_keys_and_no_value_and_no_id():
    session = session_with(password="hunter2")
    assert "password" in repr(session)
    assert "hunter2" not in repr(session)
    assert session.record.id not in repr(session)
    assert repr(Session(NoOpener(), Token.new())) == "<Session, not loaded>"


def test_a_record_and_its_changes_show_no_value_no_id_and_no_digest():
    session = session_with(password="hunter2")
    session["pin"] = "1234"
    session.append("log", "secret line")
    record = session.record
    shown = f"{record!r} {session.changes()!r}"
    for secret in ("hunter2", "1234", "secret line", record.id, repr(record.digest)):
        assert secret not in shown


# -- operations ------------------------------------------------------------------------------------


def test_increment_counts_from_nothing_and_shows_the_number():
    session = session_with(n=5)
    assert session.increment("n") == 6
    assert session.increment("n", 10) == 16
    assert session.increment("new") == 1
    assert session.increment("price", Decimal("0.10")) == Decimal("0.10")
    assert session["n"] == 16
    assert saved(session) == {"n": 16, "new": 1, "price": Decimal("0.10")}


def test_append_keeps_the_last_items():
    session = session_with(log=[1, 2])
    session.append("log", 3, maxlen=3)
    session.append("log", 4, maxlen=3)
    session.append("new", "first")
    assert saved(session) == {"log": [2, 3, 4], "new": ["first"]}


def test_append_with_room_for_nothing_keeps_nothing():
    session = session_with(log=[1, 2])
    session.append("log", 3, maxlen=0)
    assert saved(session) == {"log": []}


def test_add_and_discard_make_and_change_a_set():
    session = session_with(tags={1, 2})
    session.add("tags", 3)
    session.discard("tags", 1)
    session.discard("tags", 99)
    session.add("new", "x")
    session.discard("missing", 1)
    assert saved(session) == {"tags": {2, 3}, "new": {"x"}}


def test_take_removes_and_returns():
    session = session_with(flashes=["a", "b"], name="Ann")
    assert session.take("flashes") == ["a", "b"]
    assert session.take("flashes") is None
    assert session.take("name", "nobody") == "Ann"
    assert session.take("missing", []) == []
    assert saved(session) == {}


def test_taking_what_this_request_set_itself_leaves_nothing():
    session = session_with()
    session["a"] = [1]
    assert session.take("a") == [1]
    session.append("b", 1)
    assert session.take("b") == [1]
    assert saved(session) == {}


def test_once_makes_a_value_only_where_there_is_none():
    session = session_with(secret="first")
    assert session.once("secret", lambda: pytest.fail("it was there")) == "first"
    assert session.once("new", lambda: "made") == "made"
    assert session.once("new", lambda: pytest.fail("it was made")) == "made"
    assert saved(session) == {"secret": "first", "new": "made"}


def test_update_atomically_gives_the_value_to_a_function():
    session = session_with(cart={"tea": 1})
    assert session.update_atomically("cart", lambda c: {**c, "milk": 2}) == {"tea": 1, "milk": 2}
    assert session.update_atomically("new", lambda n: n + 1, default=41) == 42
    assert saved(session) == {"cart": {"tea": 1, "milk": 2}, "new": 42}


@pytest.mark.parametrize(
    ("value", "act"),
    [
        ("text", lambda s: s.increment("it")),
        ("text", lambda s: s.append("it", 1)),
        ([1], lambda s: s.add("it", 1)),
        ({1: 1}, lambda s: s.discard("it", 1)),
    ],
    ids=["increment", "append", "add", "discard"],
)
def test_an_operation_on_another_type_raises_at_its_line_and_changes_nothing(value, act):
    session = session_with(it=value)
    with pytest.raises(TypeError):
        act(session)
    assert saved(session) == {"it": value}


def test_operations_and_plain_changes_of_one_key_add_up_in_order():
    session = session_with(log=[1], n=1)
    session.append("log", 2)
    session["log"].append(3)
    session.append("log", 4)
    session["n"] = 10
    session.increment("n", 5)
    session["n"] += 1
    assert saved(session) == {"log": [1, 2, 3, 4], "n": 16}


def test_an_item_is_appended_as_it_is_at_that_moment():
    # What happens to it later must not turn the operation into a blind overwrite of the list.
    session = session_with(log=[])
    line = {"n": 1}
    session.append("log", line)
    line["n"] = 2
    assert session.changes().steps["log"][0].apply(["theirs"]) == ["theirs", {"n": 1}]
    assert saved(session) == {"log": [{"n": 1}]}


def test_a_value_that_an_operation_returned_counts_as_read_once_it_is_changed():
    # A later write of it must not overwrite what others did to it meanwhile, unseen.
    session = session_with(cart=["tea"])
    cart = session.update_atomically("cart", lambda cart: [*cart, "milk"])
    assert session.changes().reads.values == frozenset()
    cart.append("bread")
    assert saved(session) == {"cart": ["tea", "milk", "bread"]}
    assert session.changes().reads.values == {"cart"}
    assert session.changes().dependent == {"cart"}


def test_the_same_holds_when_another_operation_follows_the_change():
    session = session_with(cart=["tea"])
    session.update_atomically("cart", lambda cart: [*cart, "milk"]).append("bread")
    session.append("cart", "salt")
    assert saved(session) == {"cart": ["tea", "milk", "bread", "salt"]}
    assert session.changes().reads.values == {"cart"}
    assert session.changes().dependent == {"cart"}


# -- the visitor -----------------------------------------------------------------------------------


class User:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


@pytest.mark.parametrize(
    ("user", "key"),
    [
        ("ann", "ann"),
        (42, "42"),
        (0, "0"),
        (User(pk=7), "7"),
        (User(id="x"), "x"),
        (User(pk=None, id=3), "3"),
        (User(pk=1, id=2), "1"),
    ],
    ids=["text", "number", "zero", "pk", "id", "unsaved pk", "pk first"],
)
def test_login_takes_an_id_or_an_object_with_one(user, key):
    session = session_with()
    session.login(user)
    assert session.user == key


@pytest.mark.parametrize(
    "user", [None, "", True, 1.5, b"ann", User(), User(pk=None), User(id="")], ids=repr
)
def test_login_refuses_what_has_no_id(user):
    session = session_with(a=1)
    with pytest.raises(TypeError, match=r"login\(\) needs a user's id"):
        session.login(user)
    assert session.user is None
    assert not session.modified


@pytest.mark.parametrize("user", ["a\0b", "a\ud800", User(pk="\0")], ids=range(3))
def test_login_refuses_an_id_that_no_database_keeps(user):
    session = session_with(a=1)
    with pytest.raises((ValueError, UnsupportedValue), match=r"NUL|surrogate"):
        session.login(user)
    assert not session.modified


def test_a_session_without_a_record_is_new():
    session = Session(NoOpener())
    session.begin(None)
    assert session.is_new
    assert session.handle == ""
    assert not session_with().is_new
    assert len(session_with().handle) == 12


def test_modified_may_be_set_as_elsewhere_and_there_is_no_need_to():
    session = session_with(a=1)
    session.modified = True
    assert not session.modified
    session["a"] = 2
    assert session.modified


@pytest.mark.parametrize(
    "look",
    [
        lambda s: s.get("a"),
        lambda s: "a" in s,
        len,
        list,
        bool,
        lambda s: s.user,
        lambda s: s.is_new,
        lambda s: dict(s.items()),
        lambda s: s == {},
    ],
    ids=["get", "in", "len", "list", "bool", "user", "is_new", "items", "equal"],
)
def test_every_look_at_it_counts_as_access(look):
    # CVE-2026-27205: "in" and len() did not, so that a cache could hand the page to others.
    session = session_with(a=1)
    assert not session.accessed
    look(session)
    assert session.accessed


@pytest.mark.parametrize(
    "look", [repr, lambda s: s.handle, lambda s: s.modified], ids=["repr", "handle", "modified"]
)
def test_what_a_log_asks_is_no_access(look):
    session = session_with(a=1)
    look(session)
    assert not session.accessed
