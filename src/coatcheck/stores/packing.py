"""A whole record as one piece of bytes, for stores that keep it so, and back.

One byte names the format, four are a checksum of the rest. Every format keeps both in their place,
so that a record of another version can be told from a damaged one. Databases have columns instead.
"""

import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import ormsgpack

from coatcheck.core.errors import UnreadableRecord
from coatcheck.core.record import Lease, Record
from coatcheck.wire.tokens import handle

FORMAT: Final = b"\x01"

_HEAD: Final = 5
_FIELDS: Final = Record._fields.index("fields")
_BYTES: Final = frozenset({bytes})


class DamagedRecord(UnreadableRecord):
    """Bytes that no version of coatcheck has written as they are."""


def pack(record: Record) -> bytes:
    """*record* as bytes, lease included."""
    before, after = record[:_FIELDS], record[_FIELDS + 1 : -1]
    lease = record.lease and tuple(record.lease)
    body = ormsgpack.packb([*before, dict(record.fields), *after, lease])
    return FORMAT + zlib.crc32(body).to_bytes(4) + body


def unpack(data: bytes, whose: str) -> Record:
    """The record that ``pack`` made *data* from. *whose* names it in errors.

    Raises ``UnreadableRecord`` for what another version wrote, ``DamagedRecord`` for anything else.
    """
    if len(data) <= _HEAD or zlib.crc32(data[_HEAD:]) != int.from_bytes(data[1:_HEAD]):
        raise DamagedRecord(unreadable(whose, "it is damaged: its checksum does not match"))
    if data[:1] != FORMAT:
        raise UnreadableRecord(
            unreadable(
                whose,
                f"it has format {data[0]}, which another version of coatcheck wrote, and this one "
                f"reads {FORMAT[0]}",
            )
        )
    try:
        *parts, commits, lease = ormsgpack.unpackb(data[_HEAD:])
        record = Record._make([*parts, tuple(commits), lease and Lease(*lease)])
        _checked(record.fields)
    except (ValueError, TypeError) as error:
        raise DamagedRecord(unreadable(whose, f"it is damaged: {error}")) from error
    return record


def unreadable(whose: str, why: str) -> str:
    """What an ``UnreadableRecord`` of *whose* says."""
    return f"{whose} cannot be read and is kept as it is: {why}."


def whose(id: str) -> str:
    """How errors name the record *id*."""
    return f"the stored session {handle(id)}"


def _checked(fields: Any) -> None:
    if type(fields) is not dict or not _BYTES.issuperset(map(type, fields.values())):
        raise ValueError("it holds something else than fields")


class UnreadableFields(Mapping[str, bytes]):
    """Fields that nobody can read, in a list of sessions: looking at them raises *error*.

    So no code takes them for an empty session and saves that.
    """

    def __init__(self, error: UnreadableRecord) -> None:
        self._error = error

    def __getitem__(self, key: str) -> bytes:
        raise self._error

    def __iter__(self) -> Iterator[str]:
        raise self._error

    def __len__(self) -> int:
        raise self._error
