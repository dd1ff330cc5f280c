"""A session's own time, kept in one of its fields and read by the lifecycle."""

import math
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


NO_EXPIRY = Expiry()


def expiry_value(value: int | timedelta | datetime) -> int | datetime:
    """*value* as the field keeps it. Raises ValueError for a negative time."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if seconds < 0:
        raise ValueError(
            f"a session cannot expire {-seconds:g} seconds ago: use destroy() to end it."
        )
    return math.ceil(seconds)  # half a second must not become 0, which means something else


def expiry_of(fields: Mapping[str, bytes]) -> Expiry:
    """What *fields* say; nothing where they cannot be read, so that the policy's times hold."""
    data = fields.get(EXPIRY)
    if data is None:
        return NO_EXPIRY
    try:
        value = decode(data)
    except UndecodableValue:
        return NO_EXPIRY
    if isinstance(value, datetime):
        return Expiry(moment=value.timestamp())
    if type(value) is not int or value < 0:
        return NO_EXPIRY
    return Expiry(persistent=False) if value == 0 else Expiry(idle=float(value))
