"""A record to a row of the table, and back.

All fields of a session are one value in one column, and so are the ids of its last commits. Its
first byte names the format: what another version wrote is refused, not guessed at, and a row that
cannot be read is never handed out as a record that could be committed over it.
"""

from typing import Any, Final

import ormsgpack

from coatcheck.core.errors import UnreadableRecord, UnsupportedValue
from coatcheck.core.record import LONGEST_USER, Lease, Record

from ..packing import UnreadableFields, unreadable, whose

Row = tuple[Any, ...]

FORMAT: Final = b"\x01"

COLUMNS: Final = (
    "id",
    "digest",
    "created",
    "seen",
    "expires",
    "renewed",
    "data",
    "version",
    "epoch",
    "user_id",
    "previous",
    "grace_until",
    "user_agent",
    "address",
    "commits",
    "lease_holder",
    "lease_until",
)
"""The columns of a row, in the order in which a ``Record`` has what they hold."""

_UNLEASED: Final = (None, None)
_BYTES: Final = frozenset({bytes})


def to_row(record: Record) -> Row:
    """*record* as values for ``COLUMNS``. Raises ``UnsupportedValue`` for a user id too long."""
    user = record.user
    if user is not None and len(user) > LONGEST_USER:
        raise UnsupportedValue(
            f"a user id of {len(user)} characters cannot be kept: login() takes at most "
            f"{LONGEST_USER}. Use the user's primary key."
        )
    return (
        *record[:6],
        FORMAT + ormsgpack.packb(dict(record.fields)),
        *record[7:14],
        FORMAT + ormsgpack.packb(record.commits),
        *(record.lease or _UNLEASED),
    )


def to_record(row: Row) -> Record:
    """The record of *row*. Raises ``UnreadableRecord``."""
    # fmt: off
    (key, digest, created, seen, expires, renewed, data, version, epoch, user,
     previous, grace_until, user_agent, address, commits, holder, until) = row
    # fmt: on
    try:
        fields = _unpack(data)
        last_commits = tuple(_unpack(commits))
    except (ValueError, TypeError) as error:
        raise _unreadable(key, str(error)) from error
    if type(fields) is not dict or not _BYTES.issuperset(map(type, fields.values())):
        raise _unreadable(key, "it holds something else than fields")
    return Record(
        key,
        digest,
        created,
        seen,
        expires,
        renewed,
        fields,
        version,
        epoch,
        user,
        previous,
        grace_until,
        user_agent,
        address,
        last_commits,
        None if holder is None else Lease(holder, until),
    )


def to_listed(row: Row) -> Record:
    """The same for a list of sessions: one that is unreadable can still be seen there and ended.

    Its fields raise ``UnreadableRecord`` when they are looked at.
    """
    try:
        return to_record(row)
    except UnreadableRecord as error:
        bare = (*row[:6], _NO_FIELDS, *row[7:14], _NO_COMMITS, *row[15:])
        return to_record(bare)._replace(fields=UnreadableFields(error))


def _unpack(data: bytes) -> Any:
    if data[:1] != FORMAT:
        raise ValueError(
            f"it has format {data[:1]!r} and this version of coatcheck reads {FORMAT!r}"
        )
    return ormsgpack.unpackb(data[1:])


_NO_FIELDS: Final = FORMAT + ormsgpack.packb({})
_NO_COMMITS: Final = FORMAT + ormsgpack.packb([])


def _unreadable(id: str, why: str) -> UnreadableRecord:
    return UnreadableRecord(unreadable(whose(id), why))
