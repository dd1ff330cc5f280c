"""The decision: may changes stand on a record that has moved on since it was read?"""

import pytest

from coatcheck.core.changes import (
    Add,
    Append,
    Assign,
    Changes,
    Discard,
    Increment,
    Once,
    Reads,
    Remove,
    Take,
    Update,
)
from coatcheck.core.conflict import clashing, stale
from coatcheck.core.errors import SessionConflict
from coatcheck.wire.codec import decode, encode

BASE = {"a": b"1", "b": b"2"}
MOVED = {"a": b"9", "b": b"2", "new": b"3"}
K = frozenset

READS = [
    # what was read                          what of it is no longer so
    (Reads(), K()),
    (Reads(values=K("b")), K()),
    (Reads(values=K("a")), K("a")),
    (Reads(values=K({"a", "b", "x"})), K("a")),
    (Reads(values=K({"new"})), K({"new"})),
    (Reads(presence=K("a")), K()),
    (Reads(presence=K({"new"})), K({"new"})),
    (Reads(presence=K({"x"})), K()),
    (Reads(listing=True), K({"new"})),
    (Reads(values=K("a"), listing=True), K({"a", "new"})),
]


@pytest.mark.parametrize(("reads", "expected"), READS)
def test_what_was_read_is_stale_where_its_bytes_its_presence_or_the_list_changed(reads, expected):
    assert stale(reads, BASE, MOVED) == expected


def test_a_key_that_went_away_is_stale_however_it_was_seen():
    for reads in (Reads(values=K("a")), Reads(presence=K("a")), Reads(listing=True)):
        assert stale(reads, BASE, {"b": b"2"}) == K("a")


WRITES = [
    # what was done to the key "a", read before   does it clash in "merge"?
    ([Assign(encode(1))], True),
    ([Remove()], True),
    ([Remove(), Assign(encode(1))], True),
    ([Assign(encode(1)), Increment(1)], True),
    ([Increment(1)], False),
    ([Append(1, None)], False),
    ([Add(1)], False),
    ([Discard(1)], False),
    ([Take(encode([1]))], False),
    ([Once(encode(1))], False),
    ([Update(lambda value: value, None)], False),
    ([Increment(1), Increment(2)], False),
]


@pytest.mark.parametrize(("steps", "expected"), WRITES, ids=lambda value: str(value)[:30])
def test_only_a_value_that_replaces_what_was_read_depends_on_it(steps, expected):
    changes = Changes({"a": steps}, reads=Reads(values=K("a")))
    assert clashing(changes, BASE, MOVED, strict=False) == (K("a") if expected else K())
    assert clashing(changes, BASE, MOVED, strict=True) == K("a")


@pytest.mark.parametrize("strict", [False, True])
def test_what_was_not_read_never_clashes(strict):
    changes = Changes({"a": [Assign(encode(1))], "new": [Remove()]}, cleared=True)
    assert clashing(changes, BASE, MOVED, strict=strict) == K()


def test_what_was_read_but_not_written_clashes_only_where_isolation_is_strict():
    changes = Changes({"b": [Assign(encode(1))]}, reads=Reads(values=K("a")))
    assert clashing(changes, BASE, MOVED, strict=False) == K()
    assert clashing(changes, BASE, MOVED, strict=True) == K("a")


# -- what steps make of a value --------------------------------------------------------------------


def after(steps, **fields):
    stored = {key: encode(value) for key, value in fields.items()}
    changed = Changes({"k": steps}).on(stored)
    return {key: decode(data) for key, data in changed.items()}


REPLAYED = [
    ([Assign(encode([1]))], {}, {"k": [1]}),
    ([Assign(encode(1))], {"k": 9}, {"k": 1}),
    ([Remove()], {"k": 9, "x": 1}, {"x": 1}),
    ([Remove()], {"x": 1}, {"x": 1}),
    ([Increment(2)], {"k": 3}, {"k": 5}),
    ([Increment(-2)], {}, {"k": -2}),
    ([Increment(1), Increment(1)], {"k": 1}, {"k": 3}),
    ([Append("b", None)], {"k": ["a"]}, {"k": ["a", "b"]}),
    ([Append("c", 2)], {"k": ["a", "b"]}, {"k": ["b", "c"]}),
    ([Append("c", 0)], {"k": ["a", "b"]}, {"k": []}),
    ([Add(1), Add(2), Discard(1)], {"k": {5}}, {"k": {2, 5}}),
    ([Discard(1)], {}, {}),
    ([Take(encode(["a", "b"]))], {"k": ["a", "b"]}, {}),
    ([Take(encode(["a", "b"]))], {"k": ["a", "b", "new"]}, {"k": ["new"]}),
    ([Take(encode(["a", "b"]))], {"k": ["b", "new"]}, {"k": ["new"]}),
    ([Take(encode(["a"]))], {"k": ["a", "a"]}, {"k": ["a"]}),
    ([Take(encode("text"))], {"k": "text"}, {}),
    ([Take(encode("text"))], {"k": "newer"}, {"k": "newer"}),
    ([Take(encode(["a"]))], {}, {}),
    ([Once(encode("mine"))], {}, {"k": "mine"}),
    ([Once(encode("mine"))], {"k": "theirs"}, {"k": "theirs"}),
    ([Update(lambda n: n * 2, 1)], {"k": 5}, {"k": 10}),
    ([Update(lambda n: n * 2, 1)], {}, {"k": 2}),
    ([Remove(), Append("a", None)], {"k": ["old"]}, {"k": ["a"]}),
]


@pytest.mark.parametrize(
    ("steps", "fields", "expected"), REPLAYED, ids=[str(n) for n in range(len(REPLAYED))]
)
def test_steps_are_replayed_on_what_is_there(steps, fields, expected):
    assert after(steps, **fields) == expected


def test_clearing_comes_before_the_steps():
    changes = Changes({"k": [Increment(1)]}, cleared=True)
    assert changes.on({"k": encode(5), "x": encode(1)}) == {"k": encode(1)}


def test_fields_that_were_not_changed_keep_their_bytes_even_if_nobody_can_read_them():
    fields = {"odd": b"\x09from the future", "k": encode(1)}
    assert Changes({"k": [Increment(1)]}).on(fields) == {**fields, "k": encode(2)}


def test_the_fields_that_were_given_are_not_changed_themselves():
    fields = {"k": encode(1)}
    Changes({"k": [Remove()]}, cleared=True).on(fields)
    assert fields == {"k": encode(1)}


@pytest.mark.parametrize("step", [Increment(1), Append(1, None), Add(1), Discard(1)], ids=repr)
def test_an_operation_on_another_type_is_a_conflict_of_that_key(step):
    with pytest.raises(SessionConflict) as caught:
        after([step], k="text")
    assert caught.value.keys == {"k"}
