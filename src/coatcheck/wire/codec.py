"""One value to bytes and back with its type: MessagePack plus our extension types.

None, bool, int of any size, float, str, bytes, list and dict (any hashable keys) are MessagePack's
own; datetime, date, time, timedelta, Decimal, UUID, tuple, set and frozenset are extensions.
An Enum is kept as its value, a subclass of a built-in type comes back as that type, and bytearray
and memoryview as bytes.
The first byte names the format, so that a later version can tell its bytes from these.

``encode(decode(data)) == data`` holds for everything ``encode`` made: that is how a change made
inside a stored value is found.
"""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import ormsgpack

from .errors import UndecodableValue, UnsupportedValue

FORMAT: Final = b"\x01"

IMMUTABLE: Final = frozenset(
    {bool, int, float, str, bytes, type(None), datetime, date, time, timedelta, Decimal, UUID}
)
"""Types whose values cannot change in place."""

_OPTIONS: Final = (
    ormsgpack.OPT_PASSTHROUGH_BIG_INT
    | ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_SUBCLASS
    | ormsgpack.OPT_PASSTHROUGH_TUPLE
    | ormsgpack.OPT_PASSTHROUGH_UUID
)

_INT, _TUPLE, _SET, _FROZENSET, _PAIRS = 1, 2, 3, 4, 5
_DATETIME, _DATE, _TIME, _TIMEDELTA, _DECIMAL, _UUID, _ZONED = 10, 11, 12, 13, 14, 15, 16


_FOLD = "~"
_TWO, _END = b"\x92", "end"
_AND_END = ormsgpack.packb(_END)


def encode(value: object) -> bytes:
    """*value* as bytes. Raises ``UnsupportedValue`` naming the type that cannot be kept."""
    try:
        return FORMAT + _pack(value)
    except TypeError:
        pass  # a dict with other keys than strings, or something that cannot be kept: look closer
    try:
        return FORMAT + _pack(_plain(value))
    except UnsupportedValue:
        raise
    except (TypeError, RecursionError):
        raise UnsupportedValue(
            "a value contains itself or is nested too deeply: store a flat copy."
        ) from None


def decode(data: bytes) -> Any:
    """The value that ``encode`` made *data* from. Raises ``UndecodableValue`` for other bytes."""
    if data[:1] != FORMAT:
        raise UndecodableValue(
            f"a stored value starts with format byte {data[:1].hex() or 'none'}, and this version "
            f"reads {FORMAT.hex()}: another version of coatcheck wrote it, or it is damaged."
        )
    try:
        return _unpack(data[1:])
    except ValueError as error:  # which is also what ormsgpack makes of errors in _extension
        raise UndecodableValue(
            f"a stored value is damaged, or a later version of coatcheck wrote it: {error}"
        ) from error


class _Pairs(list[tuple[object, object]]):
    """The items of a dict whose keys are not all strings."""


def _pack(value: object) -> bytes:
    return ormsgpack.packb(value, default=_default, option=_OPTIONS)


def _unpack(data: bytes) -> Any:
    # As the first of two: ormsgpack would say nothing of bytes that are left over.
    value, end = ormsgpack.unpackb(_TWO + data + _AND_END, ext_hook=_extension)
    if end != _END:
        raise ValueError("bytes are left over after it")
    return value


def _plain(value: object) -> object:
    """*value* without subclasses and Enums, and each dict with other keys than text as ``_Pairs``.

    Raises ``UnsupportedValue`` for the first value inside it that cannot be kept.
    """
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, dict):
        plain = {_plain(key): _plain(item) for key, item in value.items()}
        return plain if all(type(key) is str for key in plain) else _Pairs(plain.items())
    if isinstance(value, list):
        return [_plain(item) for item in value]
    for base in (tuple, set, frozenset):
        if isinstance(value, base):
            return base(_plain(item) for item in value)
    if isinstance(value, str):
        return _encodable(str.__str__(value))
    kind = type(value)
    if kind in _PACKERS or value is None or isinstance(value, (*_BASES, bytearray, memoryview)):
        return value
    raise UnsupportedValue(
        f"a value of type {kind.__module__}.{kind.__qualname__} cannot be stored in a session: "
        "store plain data such as its id, a dict or a string."
    )


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UnsupportedValue(
            f"a text with a lone surrogate ({text[error.start]!r}) cannot be stored: it is no "
            "valid Unicode. Decode it with errors='replace'."
        ) from None
    return text


def _default(value: object) -> object:
    """What ormsgpack does not keep by itself, as an extension or as its plain base type."""
    packer = _PACKERS.get(type(value))
    if packer is not None:
        return ormsgpack.Ext(*packer(value))
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return str.__str__(value)  # str() would ask the subclass, and may be given it back
    for base in _BASES:
        if isinstance(value, base):
            return base(value)
    raise TypeError  # ormsgpack reports it; _plain finds out which value it was


def _pack_set(value: Any) -> bytes:
    # Sorted by their bytes: equal sets have equal bytes, whatever order they iterate in.
    return _pack(sorted({_pack(item) for item in value}))


def _pack_int(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def _pack_datetime(value: datetime) -> tuple[int, bytes]:
    if isinstance(value.tzinfo, ZoneInfo) and value.tzinfo.key:
        return _ZONED, _pack([_iso(value.replace(tzinfo=None)), value.tzinfo.key])
    return _DATETIME, _iso(value).encode()


def _iso(value: datetime | time) -> str:
    """ISO 8601, and a mark for the second of two equal hours, for which it has no word."""
    return value.isoformat() + _FOLD * value.fold


def _pack_timedelta(value: timedelta) -> bytes:
    return _pack([value.days, value.seconds, value.microseconds])


_PACKERS: Final[dict[type, Callable[[Any], tuple[int, bytes]]]] = {
    int: lambda value: (_INT, _pack_int(value)),
    tuple: lambda value: (_TUPLE, _pack(list(value))),
    set: lambda value: (_SET, _pack_set(value)),
    frozenset: lambda value: (_FROZENSET, _pack_set(value)),
    _Pairs: lambda value: (_PAIRS, _pack([list(pair) for pair in value])),
    datetime: _pack_datetime,
    date: lambda value: (_DATE, value.isoformat().encode()),
    time: lambda value: (_TIME, _iso(value).encode()),
    timedelta: lambda value: (_TIMEDELTA, _pack_timedelta(value)),
    Decimal: lambda value: (_DECIMAL, str(value).encode()),
    UUID: lambda value: (_UUID, value.bytes),
}

_BASES: Final[tuple[type, ...]] = (int, float, bytes, dict, list, tuple, set, frozenset)


def _read_datetime(text: str) -> datetime:
    if text.endswith(_FOLD):
        return datetime.fromisoformat(text[:-1]).replace(fold=1)
    return datetime.fromisoformat(text)


def _read_zoned(data: bytes) -> datetime:
    text, key = _unpack(data)
    return _read_datetime(text).replace(tzinfo=ZoneInfo(key))


def _read_time(text: str) -> time:
    if text.endswith(_FOLD):
        return time.fromisoformat(text[:-1]).replace(fold=1)
    return time.fromisoformat(text)


_READERS: Final[dict[int, Callable[[bytes], Any]]] = {
    _INT: lambda data: int.from_bytes(data, "big", signed=True),
    _TUPLE: lambda data: tuple(_unpack(data)),
    _SET: lambda data: {_unpack(item) for item in _unpack(data)},
    _FROZENSET: lambda data: frozenset(_unpack(item) for item in _unpack(data)),
    _PAIRS: lambda data: dict(_unpack(data)),
    _DATETIME: lambda data: _read_datetime(data.decode()),
    _DATE: lambda data: date.fromisoformat(data.decode()),
    _TIME: lambda data: _read_time(data.decode()),
    _TIMEDELTA: lambda data: timedelta(*_unpack(data)),
    _DECIMAL: lambda data: Decimal(data.decode()),
    _UUID: lambda data: UUID(bytes=data),
    _ZONED: _read_zoned,
}


def _extension(code: int, data: bytes) -> Any:
    return _READERS[code](data)
