"""A record to a hash, and back.

A session field is a hash field of the same name, so that a commit sends what changed and leaves the
rest as it lies. Ours begin with a byte that no text has: the header, which is a fixed part that the
scripts look into and then MessagePack, the user, and the lease. The last two are absent when there
is none.

A header of another format is refused, not guessed at, and never written over: the scripts compare
its first byte too.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import ormsgpack

from coatcheck.core.errors import UnreadableRecord
from coatcheck.core.record import Lease, Record
from coatcheck.stores.packing import UnreadableFields, unreadable, whose

FORMAT: Final = 1

HEADER: Final = b"\xffh"
USER: Final = b"\xffu"
LEASE: Final = b"\xffl"

_FIXED: Final = struct.Struct(">BQdd")
"""Format, version, seen, expires: what ``scripts`` reads at the offsets 1, 2, 10 and 18."""

_SIZE: Final = _FIXED.size
_fixed = _FIXED.unpack_from

_BASE: Final = struct.Struct(">BQ")
_MOMENT: Final = struct.Struct(">d")
_unpack: Any = ormsgpack.unpackb

moment = _MOMENT.pack
"""A moment as the scripts read it: exactly, where text would round."""


def base(version: int) -> bytes:
    """How the header of a record of *version* begins."""
    return _BASE.pack(FORMAT, version)


def text(value: str | None) -> bytes:
    """A text that may be missing, which is not the same as empty."""
    return b"" if value is None else b"=" + value.encode()


def header(record: Record) -> bytes:
    """What is kept of *record* beside its user, its lease and the values of its fields.

    The names are in it for their order, which a hash does not keep.
    """
    return _FIXED.pack(FORMAT, record.version, record.seen, record.expires) + ormsgpack.packb(
        (
            record.digest,
            record.created,
            record.renewed,
            record.epoch,
            record.previous,
            record.grace_until,
            record.user_agent,
            record.address,
            record.commits,
            list(record.fields),
        )
    )


def pairs(record: Record, fields: Iterable[str]) -> list[bytes]:
    """The header, then *fields*: names and values in turn."""
    found = [HEADER, header(record)]
    for field in fields:
        found += field.encode(), record.fields[field]
    return found


def lease(given: Lease) -> bytes:
    """A lease as one value: its end, then its holder."""
    return _MOMENT.pack(given.until) + text(given.holder)


def until(leased: bytes) -> float:
    """When the lease ends that *leased* begins with."""
    (moment,) = _MOMENT.unpack_from(leased)
    return float(moment)


def record(id: str, reply: Sequence[bytes]) -> Record:
    """The record in *reply*, names and values in turn. Raises ``UnreadableRecord``."""
    found = _mapping(reply)
    try:
        head = found[HEADER]
        format, version, seen, expires = _fixed(head)
        if format != FORMAT:
            raise ValueError
        digest, created, renewed, epoch, previous, grace, agent, address, commits, names = _unpack(
            head[_SIZE:]
        )
        user, leased = found.get(USER), found.get(LEASE)
        return Record._make(
            (
                id,
                digest,
                created,
                seen,
                expires,
                renewed,
                {name: found[name.encode()] for name in names},
                version,
                epoch,
                None if user is None else user[1:].decode(),
                previous,
                grace,
                agent,
                address,
                tuple(commits),
                None if leased is None else Lease(leased[9:].decode(), until(leased)),
            )
        )
    except (LookupError, ValueError, TypeError, struct.error) as error:
        raise _unreadable(id, found, error) from error


def listed(id: str, reply: Sequence[bytes]) -> Record:
    """The same for a list of sessions: one that is unreadable can still be ended from there.

    It looks like one that has expired long ago, and its fields raise ``UnreadableRecord``.
    """
    try:
        return record(id, reply)
    except UnreadableRecord as error:
        user = _mapping(reply).get(USER)
        whose = None if user is None else user[1:].decode(errors="replace")
        return Record(id, b"", 0.0, 0.0, 0.0, 0.0, UnreadableFields(error), user=whose)


def expires(head: bytes | None) -> float | None:
    """The deadline in a header, or None if it cannot be read."""
    if head is None or len(head) < _SIZE or head[0] != FORMAT:
        return None
    *_, deadline = _fixed(head)
    return float(deadline)


def _mapping(reply: Sequence[bytes]) -> dict[bytes, bytes]:
    parts = iter(reply)
    return dict(zip(parts, parts))  # noqa: B905 (a hash has no odd number of them)


def _unreadable(id: str, found: Mapping[bytes, bytes], reason: Exception) -> UnreadableRecord:
    head = found.get(HEADER)
    if head is None:
        what = "it is damaged: it has no header"
    elif head[:1] != bytes([FORMAT]):
        what = (
            f"it has format {head[0] if head else 'nothing'}, which another version of coatcheck "
            f"wrote, and this one reads {FORMAT}"
        )
    elif isinstance(reason, KeyError):
        what = "it is damaged: a field is missing"
    else:
        what = f"it is damaged: {reason}"
    return UnreadableRecord(unreadable(whose(id), what))
