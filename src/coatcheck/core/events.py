"""What happened to a session, for logs, counters and audit.

Events name sessions by a one-way handle, never by id or token. The default listener writes them to
the logger ``coatcheck``: losses and refusals as warnings, the rest as debug lines.
"""

import logging
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

logger = logging.getLogger("coatcheck")


class EventName(StrEnum):
    """The kinds of events. The value is the word that stands in logs."""

    CREATED = "created"
    RENEWED = "renewed"
    LOGGED_IN = "logged_in"
    DESTROYED = "destroyed"
    EXPIRED = "expired"
    REJECTED = "rejected"
    """A token that opens nothing: unknown, ended or forged."""
    LATE = "late"
    """A token whose secret was replaced: the request was sent before the new cookie arrived."""
    MERGED = "merged"
    """The record had moved on and the changes were replayed on it without loss."""
    CONFLICT = "conflict"
    """Another request had changed a key that this one read and wrote; the later write stood."""
    RERUN = "rerun"
    """A safe request that lost a race was run once more, under the session's lease."""
    DROPPED = "dropped"
    """Changes of a request whose session had ended, or whose visitor had logged in, meanwhile;
    they were not saved."""
    MOVED_IN = "moved_in"
    """A session was taken over from the engine that the application had before."""
    UNREADABLE = "unreadable"
    """A record that this version cannot read: it stays as it is, and the visitor begins anew."""
    TOSSED = "tossed"
    """Two cookies of the session's name with different values; neither was taken."""


class Event(NamedTuple):
    """One thing that happened. ``handle`` is empty when no record was addressed."""

    name: EventName
    handle: str = ""
    user: str | None = None
    keys: frozenset[str] = frozenset()
    detail: str = ""


Listener = Callable[[Event], None]

_WARN = frozenset(
    {
        EventName.CONFLICT,
        EventName.DROPPED,
        EventName.LATE,
        EventName.TOSSED,
        EventName.UNREADABLE,
    }
)


def log(event: Event) -> None:
    """Write *event* to the logger ``coatcheck``."""
    level = logging.WARNING if event.name in _WARN else logging.DEBUG
    if logger.isEnabledFor(level):
        keys = ",".join(sorted(event.keys))
        # %r: names and details can hold what a visitor sent (CVE-2025-48432).
        logger.log(
            level,
            "session %s: %s user=%r keys=%r %s",
            event.handle or "-",
            event.name.value,
            event.user,
            keys,
            event.detail,
        )
