import enum
import time
from collections import Counter, OrderedDict, defaultdict, namedtuple
from datetime import UTC, date, datetime, timedelta, timezone
from datetime import time as clock_time
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import ormsgpack
import pytest

from coatcheck.wire.codec import FORMAT, IMMUTABLE, decode, encode
from coatcheck.wire.errors import UndecodableValue, UnsupportedValue

Point = namedtuple("Point", "x y")


class Colour(enum.Enum):
    RED = "red"
    FIRST = 1


class Word(enum.StrEnum):
    TEA = "tea"


class Size(enum.IntEnum):
    SMALL = 3


class Text(str):
    pass


class Safe(str):
    """As marked-safe text is in some frameworks: asked for its text, it gives itself."""

    def __str__(self):
        return self


class Plain:
    pass


KEPT = [
    None,
    True,
    False,
    0,
    -1,
    2**63 - 1,
    -(2**63),
    2**63,
    2**64,
    -(2**63) - 1,
    10**400,
    -(10**400),
    0.0,
    1.5,
    float("inf"),
    "",
    "caf\u00e9 \U0001f9e5 \x00",
    b"",
    bytes(range(256)),
    [],
    [1, [2, [3, "x", None]]],
    {},
    {"a": {"b": [1, {"c": 2}]}},
    {1: "one", "1": "text", None: 0, 1.5: [], b"x": {}, (1, 2): "pair"},
    {date(2026, 1, 2): {Decimal("1.10"): {3}}},
    {frozenset({1}): 1, UUID(int=7): 2},
    {True: 1, "True": 2},
    (),
    (1,),
    (1, (2, [3], {4: 5})),
    [({1: 2},)],
    set(),
    {1, "a", None, (2, 3)},
    {frozenset({1, 2}), frozenset()},
    frozenset({b"x", 1.5}),
    datetime(2026, 1, 2, 3, 4, 5, 678901),  # noqa: DTZ001 (without a zone it must stay so)
    datetime(2026, 1, 2, tzinfo=UTC),
    datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=-5, minutes=-30))),
    datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")),
    datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
    date(2026, 1, 2),
    clock_time(23, 59, 59, 999999),
    clock_time(1, 2, tzinfo=UTC),
    timedelta(days=-1, seconds=5, microseconds=7),
    timedelta.max,
    timedelta.min,
    Decimal("1.10"),
    Decimal("-Infinity"),
    UUID("550e8400-e29b-41d4-a716-446655440000"),
]


def same(one, other):
    """Equal, of the same types all through, and in the same order."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        pairs = zip(one.items(), other.items(), strict=True)
        return len(one) == len(other) and all(same(list(a), list(b)) for a, b in pairs)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.parametrize("value", KEPT, ids=repr)
def test_a_value_comes_back_with_its_type(value):
    data = encode(value)
    assert same(decode(data), value)
    assert encode(decode(data)) == data


def test_a_whole_number_of_any_size_comes_back():
    # Decimal text would stop at 4300 digits.
    assert decode(encode(10**10_000)) == 10**10_000


def test_not_a_number_comes_back_as_such():
    assert decode(encode(float("nan"))) != decode(encode(float("nan")))
    assert str(decode(encode(Decimal("sNaN")))) == "sNaN"


def test_minus_zero_keeps_its_sign():
    assert str(decode(encode(-0.0))) == "-0.0"


def test_a_zone_comes_back_by_its_name():
    zoned = decode(encode(datetime(2026, 7, 1, tzinfo=ZoneInfo("Europe/Berlin"))))
    assert zoned.tzinfo.key == "Europe/Berlin"


def test_the_second_of_two_equal_hours_is_told_from_the_first():
    second = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin"))
    assert decode(encode(second)).utcoffset() == second.utcoffset()
    for value in (second, second.replace(tzinfo=None), second.time(), second.replace(tzinfo=UTC)):
        assert decode(encode(value)).fold == 1
        assert decode(encode(value.replace(fold=0))).fold == 0


@pytest.mark.parametrize(
    ("value", "back"),
    [
        (Colour.RED, "red"),
        (Colour.FIRST, 1),
        (Word.TEA, "tea"),
        (Size.SMALL, 3),
        (Text("x"), "x"),
        (Safe("<b>"), "<b>"),
        ({Safe("<b>"): Safe("</b>")}, {"<b>": "</b>"}),
        (Point(1, 2), (1, 2)),
        (Point({1: 2}, [3]), ({1: 2}, [3])),
        (Counter("aab"), {"a": 2, "b": 1}),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (defaultdict(list, {1: [2]}), {1: [2]}),
        (bytearray(b"x"), b"x"),
        (memoryview(b"x"), b"x"),
        ([Colour.RED, {"k": Size.SMALL}], ["red", {"k": 3}]),
    ],
    ids=repr,
)
def test_an_enum_or_a_subclass_comes_back_as_what_it_is_made_of(value, back):
    assert same(decode(encode(value)), back)


@pytest.mark.parametrize(
    "value",
    [
        {Word.TEA: 1},
        {Text("a"): 1},
        {Colour.RED: 1},
        {Colour.FIRST: 1},
        {Colour.RED: 1, "blue": 2},
        {Colour.RED, "red"},
        {(Colour.RED, 1): 1},
        {Size.SMALL: {Word.TEA: [1]}},
        [{Text("a"): {1: 2}}],
    ],
    ids=repr,
)
def test_keys_that_come_back_as_plain_text_are_stored_as_such(value):
    # Otherwise the next request, which has the plain text, would look as if it had changed it.
    data = encode(value)
    assert encode(decode(data)) == data


def test_equal_sets_have_equal_bytes_in_whatever_order_they_were_filled():
    upwards, downwards = set(range(0, 800, 8)), set(range(792, -8, -8))
    assert list(upwards) != list(downwards)
    assert encode(upwards) == encode(downwards)
    assert encode(frozenset(upwards)) == encode(frozenset(downwards))


def test_values_of_different_types_have_different_bytes():
    alike = [1, True, 1.0, Decimal(1), "1", b"1", [1], (1,), {1}, frozenset({1})]
    assert len({encode(value) for value in alike}) == len(alike)


def test_the_first_byte_names_the_format():
    assert encode(None)[:1] == FORMAT


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (Plain(), "Plain"),
        ([Plain()], "Plain"),
        ({"a": {"b": [Plain()]}}, "Plain"),
        ({1: Plain()}, "Plain"),
        ({Plain(): 1}, "Plain"),
        ((1, (Plain(),)), "Plain"),
        (Point(1, Plain()), "Plain"),
        (Plain, "type"),
        (print, "builtin_function_or_method"),
        (range(3), "range"),
        (1 + 2j, "complex"),
        ((n for n in "a"), "generator"),
    ],
)
def test_a_value_that_cannot_be_kept_is_refused_by_its_type(value, named):
    with pytest.raises(UnsupportedValue, match=named):
        encode(value)


def test_a_refusal_is_a_type_error_and_tells_no_value():
    class Secret:
        def __repr__(self):
            return "hunter2"

    with pytest.raises(TypeError) as caught:
        encode({"password": Secret()})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("value", ["\ud800", {"\ud800": 1}, [{1: "a\udfff"}], ("\ud800",)])
def test_a_lone_surrogate_is_refused_with_the_way_out(value):
    with pytest.raises(UnsupportedValue, match="errors='replace'"):
        encode(value)


def loop(kind):
    value = kind()
    if kind is dict:
        value[1] = value
    else:
        value.append(value)
    return value


def nested(depth, wrap):
    value = 1
    for _ in range(depth):
        value = wrap(value)
    return value


@pytest.mark.parametrize("value", [loop(list), loop(dict)], ids=["list", "dict"])
def test_a_value_that_contains_itself_is_refused(value):
    with pytest.raises(UnsupportedValue, match="contains itself"):
        encode(value)


@pytest.mark.parametrize(
    "wrap",
    [lambda v: [v], lambda v: (v,), lambda v: {1: v}, lambda v: {"k": v}],
    ids=["list", "tuple", "dict", "dict of text"],
)
def test_nesting_is_deep_enough_for_people_and_refused_in_no_time_beyond(wrap):
    shallow = nested(50, wrap)
    assert decode(encode(shallow)) == shallow
    began = time.process_time()
    with pytest.raises(UnsupportedValue, match="nested too deeply"):
        encode(nested(5000, wrap))
    assert time.process_time() - began < 1


def test_what_cannot_be_kept_deep_inside_is_found_in_no_time():
    # Trying anew at each level of tuples would take 2 to the power of their depth.
    began = time.process_time()
    for bottom in ("\ud800", Plain()):
        value: object = bottom
        for _ in range(60):
            value = (value,)
        with pytest.raises(UnsupportedValue):
            encode(value)
    assert time.process_time() - began < 1


def extension(code, data):
    return FORMAT + ormsgpack.packb(ormsgpack.Ext(code, data))


INT, TUPLE, SET, PAIRS, DATETIME, TIMEDELTA, DECIMAL, UUID_, ZONED = 1, 2, 3, 5, 10, 13, 14, 15, 16


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        b"\x02\xc0",
        b"\x00",
        b"\xff" * 20,
        b"gASVCwAAAAAAAACMB3N5c3RlbZSTlC4=",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        FORMAT + b"\xc1",
        FORMAT + b"\xdd\xff\xff\xff\xff",
        FORMAT + b"\xdf\xff\xff\xff\xff",
        FORMAT + b"\xc6\xff\xff\xff\xff",
        FORMAT + b"\xa4a\xffbc",
        FORMAT + b"\x81\x01\x01",
        FORMAT + b"\x91" * 5000,
        FORMAT + b"\x81\xa1a" * 5000,
        extension(0, b""),
        extension(99, b"x"),
        extension(TUPLE, b""),
        extension(TUPLE, b"\x01"),
        extension(SET, b"\x91\x01"),
        extension(PAIRS, b"\x91\x01"),
        extension(PAIRS, b"\x91\x92\x90\x01"),
        extension(DATETIME, b"yesterday"),
        extension(DATETIME, b"\xff"),
        extension(TIMEDELTA, b"\x93\xcf" + b"\xff" * 8 + b"\x00\x00"),
        extension(DECIMAL, b"one"),
        extension(UUID_, b"short"),
        extension(ZONED, ormsgpack.packb(["2026-01-01", "../../etc/passwd"])),
        extension(ZONED, ormsgpack.packb(["2026-01-01", "No/Where"])),
        extension(ZONED, ormsgpack.packb(["2026-01-01~~", "Europe/Berlin"])),
        extension(ZONED, ormsgpack.packb(["2026-01-01", "Europe/Berlin", 0])),
        extension(ZONED, ormsgpack.packb([None, None])),
        extension(ZONED, ormsgpack.packb("abc")),
    ],
    ids=lambda data: data[:12].hex(),
)
def test_foreign_or_damaged_bytes_are_refused_and_nothing_else_happens(data):
    with pytest.raises(UndecodableValue):
        decode(data)


@pytest.mark.parametrize("left_over", [b"\x00", b"\xc0", b"\x01\xc0", b"\xa3", b"garbage"])
@pytest.mark.parametrize("value", [1, "text", [1, 2], {"a": (1, {2})}, None])
def test_bytes_that_are_left_over_after_a_value_are_not_passed_over(value, left_over):
    with pytest.raises(UndecodableValue):
        decode(encode(value) + left_over)


def test_nor_inside_an_extension():
    with pytest.raises(UndecodableValue):
        decode(extension(TUPLE, ormsgpack.packb([1]) + b"\x00"))


def test_bytes_of_another_version_are_called_so():
    with pytest.raises(UndecodableValue, match=r"format byte 02.*another version"):
        decode(b"\x02\xc0")


def test_a_cut_value_is_refused_wherever_it_is_cut():
    data = encode({"a": [1, (2, {3}), date(2026, 1, 2)], "b": b"xyz"})
    for end in range(len(data)):
        with pytest.raises(UndecodableValue):
            decode(data[:end])


def test_tuples_nested_by_an_attacker_are_refused():
    data = ormsgpack.packb(1)
    for _ in range(3000):
        data = ormsgpack.packb(ormsgpack.Ext(TUPLE, b"\x91" + data))
    with pytest.raises(UndecodableValue):
        decode(FORMAT + data)


@pytest.mark.parametrize("value", [value for value in KEPT if type(value) in IMMUTABLE], ids=repr)
def test_types_called_immutable_are_hashable(value):
    hash(value)


@pytest.mark.parametrize("kind", [list, dict, set, tuple, frozenset])
def test_a_container_is_not_called_immutable(kind):
    # A tuple can hold a list, so what is inside it must be looked at.
    assert kind not in IMMUTABLE
