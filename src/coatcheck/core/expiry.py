"""A session's own time, kept in one of its fields and read by the lifecycle."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from coatcheck.wire.codec import decode
from coatcheck.wire.errors import UndecodableValue

EXPIRY = "_expiry"
"""The field: seconds without use, 0 for a browser-length cookie, or a fixed moment."""


class Expiry(NamedTuple):
    """What a session says of its own time; None and True where it says nothing."""

    idle: float | None = None
    moment: float | None = None
    persistent: bool = True


def expiry_value(value: int | timedelta | datetime) -> int | datetime:
    """*value* as the field keeps it. Raises ValueError for a negative time."""
    if isinstance(value, timedelta):
        value = int(value.total_seconds())
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if value < 0:
        raise ValueError(f"a session cannot expire {-value} seconds ago: use destroy() to end it.")
    return int(value)


def expiry_of(fields: Mapping[str, bytes]) -> Expiry:
    """What *fields* say; nothing where they cannot be read, so that the policy's times hold."""
    data = fields.get(EXPIRY)
    if data is None:
        return Expiry()
    try:
        value = decode(data)
    except UndecodableValue:
        return Expiry()
    if isinstance(value, datetime):
        return Expiry(moment=value.timestamp())
    return Expiry(persistent=False) if value == 0 else Expiry(idle=float(value))
