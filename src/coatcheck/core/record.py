"""What a store keeps of one session. Immutable; times are seconds since the epoch."""

from collections.abc import Mapping
from typing import NamedTuple

from coatcheck.wire.tokens import handle

LONGEST_USER = 255
"""Characters of a user's id: what every database can have an index on."""


class Lease(NamedTuple):
    """The right of one request to be the only writer of a session until a moment."""

    holder: str
    until: float

    def held(self, now: float) -> bool:
        """Whether the lease still counts at *now*."""
        return now < self.until


class Record(NamedTuple):
    """One session at rest: one row, one hash or one file. Field values are codec bytes.

    ``digest`` is SHA-256 of the current secret, ``previous`` of the one before it, which opens the
    session until ``grace_until`` and afterwards only marks a late request. ``version`` grows by one
    with each commit, ``epoch`` with each change of user, privilege or secret. ``commits`` are the
    ids of the last commits, so that a repeated one is recognised.
    """

    id: str
    digest: bytes
    created: float
    seen: float
    expires: float
    renewed: float
    fields: Mapping[str, bytes]
    version: int = 1
    epoch: int = 0
    user: str | None = None
    previous: bytes | None = None
    grace_until: float = 0.0
    user_agent: str = ""
    address: str = ""
    commits: tuple[str, ...] = ()
    lease: Lease | None = None

    def __repr__(self) -> str:
        # Neither id nor values: error reports show what a frame holds.
        return f"<Record {handle(self.id)}, version {self.version}>"

    def expired(self, now: float) -> bool:
        """Whether the deadline that the record carries has passed."""
        return now >= self.expires

    @property
    def size(self) -> int:
        """Bytes of all values, and characters of their names."""
        return len("".join(self.fields)) + len(b"".join(self.fields.values()))
