"""Whatever value the codec takes, it gives back; whatever bytes it is given, it stays calm."""

import math
from datetime import timedelta, timezone
from zoneinfo import ZoneInfo

import ormsgpack
from hypothesis import example, given
from hypothesis import strategies as st

from coatcheck.wire.codec import FORMAT, decode, encode
from coatcheck.wire.errors import UndecodableValue

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ZONES = (
    st.none()
    | st.sampled_from([ZoneInfo("Europe/Berlin"), ZoneInfo("America/St_Johns"), ZoneInfo("UTC")])
    | st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
)
# Equal to itself, so that whole values can be compared; NaN has tests of its own.
FLAT = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | TEXT
    | st.binary()
    | st.datetimes(timezones=ZONES, allow_imaginary=False)
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.uuids()
)
HASHABLE = st.recursive(
    FLAT, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4
)
VALUES = st.recursive(
    FLAT,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(TEXT, inner, max_size=4)
        | st.dictionaries(HASHABLE, inner, max_size=4)
        | st.sets(HASHABLE, max_size=4)
        | st.frozensets(HASHABLE, max_size=4)
    ),
    max_leaves=12,
)


def shape(value):
    """*value* as text that tells apart what Python calls equal: 1, 1.0, True and Decimal(1)."""
    kind = type(value).__name__
    if isinstance(value, dict):
        return f"{kind}{[(shape(key), shape(item)) for key, item in value.items()]}"
    if isinstance(value, list | tuple):
        return f"{kind}{[shape(item) for item in value]}"
    if isinstance(value, set | frozenset):
        return f"{kind}{sorted(shape(item) for item in value)}"
    return f"{kind} {value!r}"


@given(VALUES)
@example([True, 1, 1.0, (1,), {1: True}])
@example({(): frozenset(), frozenset({()}): {()}})
def test_a_value_comes_back_as_it_was_with_all_its_types(value):
    assert shape(decode(encode(value))) == shape(value)


@given(VALUES)
def test_what_came_back_has_the_same_bytes(value):
    # This is how a change inside a value is found: reading alone must never look like one.
    data = encode(value)
    assert encode(decode(data)) == data


@given(VALUES, VALUES)
def test_only_equal_values_have_equal_bytes(one, other):
    if encode(one) == encode(other):
        assert shape(one) == shape(other)


@given(st.binary())
@example(b"")
@example(b"\xc1")
def test_any_bytes_are_a_value_or_undecodable(data):
    try:
        decode(FORMAT + data)
    except UndecodableValue:
        pass  # the other of the two


@given(st.binary(max_size=40), st.integers(0, 127))
def test_any_extension_is_a_value_or_undecodable(data, code):
    try:
        decode(FORMAT + ormsgpack.packb(ormsgpack.Ext(code, data)))
    except UndecodableValue:
        pass  # the other of the two


@given(VALUES, st.data())
def test_a_damaged_value_is_a_value_or_undecodable(value, data):
    damaged = bytearray(encode(value))
    place = data.draw(st.integers(0, len(damaged) - 1))
    damaged[place] ^= data.draw(st.integers(1, 255))
    try:
        decode(bytes(damaged))
    except UndecodableValue:
        pass  # the other of the two


@given(st.lists(st.just(math.nan) | st.integers(), max_size=5))
def test_not_a_number_is_kept_among_others(value):
    assert shape(decode(encode(value))) == shape(value)
    assert encode(decode(encode(value))) == encode(value)
