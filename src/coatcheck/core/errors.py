"""The error tree of sessions. Its root and the wire's errors stand in ``coatcheck.wire.errors``."""

from collections.abc import Iterable

from coatcheck.wire.errors import (
    CoatcheckError,
    ConfigurationError,
    CookieTooLarge,
    InvalidCookie,
    InvalidKeyring,
    UndecodableValue,
    UnsupportedValue,
)

__all__ = [
    "BadRequest",
    "CoatcheckError",
    "ConfigurationError",
    "CookieTooLarge",
    "InvalidCookie",
    "InvalidKeyring",
    "InvalidPolicy",
    "SessionBusy",
    "SessionConflict",
    "SessionNotLoaded",
    "SessionTooLarge",
    "SessionReadOnly",
    "StoreIncapable",
    "StoreUnavailable",
    "UndecodableValue",
    "UnreadableRecord",
    "UnsupportedValue",
]


class InvalidPolicy(ConfigurationError):
    """Times or modes of a ``SessionPolicy`` that contradict each other."""


class BadRequest(CoatcheckError):
    """What the visitor sent cannot be used; nothing was changed."""

    status = 400


class SessionConflict(CoatcheckError):
    """A commit that would have overwritten what another request just wrote. Nothing was changed.

    ``keys`` are the session keys both requests touched; empty when the visitor's identity moved.
    """

    status = 409

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self.keys = frozenset(keys)
        what = ", ".join(repr(key) for key in sorted(self.keys)) or "the visitor's identity"
        super().__init__(
            f"another request of this session changed {what} after this one had read it, so "
            "nothing was saved. Send the request again; for counters and lists use "
            "session.increment() and session.append(), which never conflict."
        )


class SessionNotLoaded(CoatcheckError):
    """The session was touched on the event loop before it was loaded across the network."""


class SessionReadOnly(CoatcheckError):
    """The session was changed where nothing can be saved: after the response had started, or on a
    route that only reads it."""


class SessionTooLarge(CoatcheckError):
    """A session that outgrew ``SessionPolicy.max_bytes``. Nothing was changed."""


class StoreUnavailable(CoatcheckError):
    """The store did not answer. ``retry_after`` in seconds goes into the response's header."""

    status = 503

    def __init__(self, message: str, retry_after: int = 2) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class StoreIncapable(CoatcheckError):
    """The store lacks the capability for what was asked. Nothing was changed."""


class UnreadableRecord(CoatcheckError):
    """A stored record that this version cannot read. It is kept as it is, and never overwritten."""


class SessionBusy(StoreUnavailable):
    """Another request held the session's lease for longer than a writer waits; nothing changed."""
