"""A record to a hash, and back.

``h`` is the header: a fixed part that the scripts look into, then MessagePack. ``u`` is the user
and ``l`` the lease, both absent when there is none. Each session field is a hash field of its own,
its name after a full stop, so that a commit sends what changed and leaves the rest as it lies.

A header of another format is refused, not guessed at, and never written over: the scripts compare
its first byte too.
"""

from collections.abc import Mapping, Sequence
from struct import Struct
from typing import Any, Final

import ormsgpack

from coatcheck.core.errors import UnreadableRecord
from coatcheck.core.record import Lease, Record
from coatcheck.stores.packing import UnreadableFields, unreadable, whose

FORMAT: Final = 1

_FIXED: Final = Struct(">BQdd")
"""Format, version, seen, expires: what ``scripts`` reads at the offsets 1, 2, 10 and 18."""

_BASE: Final = Struct(">BQ")
_MOMENT: Final = Struct(">d")

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


def name(field: str) -> bytes:
    """The hash field of a session field."""
    return b"." + field.encode()


def lease(given: Lease) -> bytes:
    """A lease as one value: its end, then its holder."""
    return _MOMENT.pack(given.until) + text(given.holder)


def until(leased: bytes) -> float:
    """When the lease ends that *leased* begins with."""
    (moment,) = _MOMENT.unpack_from(leased)
    return float(moment)


def record(id: str, reply: Sequence[bytes]) -> Record:
    """The record in *reply*, names and values in turn. Raises ``UnreadableRecord``."""
    found = dict(zip(reply[::2], reply[1::2], strict=True))
    try:
        return _record(id, found)
    except (LookupError, ValueError, TypeError, ArithmeticError) as error:
        raise _unreadable(id, found, error) from error


def listed(id: str, reply: Sequence[bytes]) -> Record:
    """The same for a list of sessions: one that is unreadable can still be ended from there.

    It looks like one that has expired long ago, and its fields raise ``UnreadableRecord``.
    """
    try:
        return record(id, reply)
    except UnreadableRecord as error:
        user = dict(zip(reply[::2], reply[1::2], strict=True)).get(b"u")
        return Record(
            id, b"", 0.0, 0.0, 0.0, 0.0, UnreadableFields(error), user=_read_text(user, "replace")
        )


def expires(head: bytes | None) -> float | None:
    """The deadline in a header, or None if it cannot be read."""
    if head is None or len(head) < _FIXED.size or head[0] != FORMAT:
        return None
    *_, deadline = _FIXED.unpack_from(head)
    return float(deadline)


def _record(id: str, found: Mapping[bytes, bytes]) -> Record:
    head = found[b"h"]
    format, version, seen, expires = _FIXED.unpack_from(head)
    if format != FORMAT:
        raise ValueError
    digest, created, renewed, epoch, previous, grace, agent, address, commits, names = _unpack(
        head[_FIXED.size :]
    )
    leased = found.get(b"l")
    return Record(
        id,
        digest,
        created,
        seen,
        expires,
        renewed,
        {field: found[b"." + field.encode()] for field in names},
        version,
        epoch,
        _read_text(found.get(b"u")),
        previous,
        grace,
        agent,
        address,
        tuple(commits),
        None if leased is None else Lease(_read_text(leased[8:]) or "", until(leased)),
    )


_unpack: Any = ormsgpack.unpackb


def _read_text(value: bytes | None, errors: str = "strict") -> str | None:
    return value[1:].decode(errors=errors) if value else None


def _unreadable(id: str, found: Mapping[bytes, bytes], reason: Exception) -> UnreadableRecord:
    head = found.get(b"h")
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
