"""The token in the visitor's cookie, ``id.secret``, and the digest of it that a store sees.

The id (128 random bits) addresses the record and never changes; the secret (256 random bits)
proves that the visitor owns it and is replaced when the session is renewed. A stolen store holds
only SHA-256 digests of secrets, which open nothing (design promise P4; CVE-2019-16782).
"""

import re
import secrets
from hashlib import sha256
from hmac import compare_digest
from typing import NamedTuple, Self

_SHAPE = re.compile(r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}")


class Token(NamedTuple):
    """An id with the secret that proves its ownership. Its repr shows neither."""

    id: str
    secret: str

    @classmethod
    def new(cls, id: str | None = None) -> Self:
        """A token with a fresh secret, for a fresh id or for the record *id*."""
        return cls(id or secrets.token_urlsafe(16), secrets.token_urlsafe(32))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The token that *text* spells, or None for anything of another shape."""
        return cls(text[:22], text[23:]) if _SHAPE.fullmatch(text) else None

    @property
    def digest(self) -> bytes:
        """SHA-256 of the secret: what a store keeps."""
        return sha256(self.secret.encode("ascii")).digest()

    def proves(self, digest: bytes) -> bool:
        """Whether the secret is the one behind *digest*, compared in constant time."""
        return compare_digest(self.digest, digest)

    def __str__(self) -> str:
        return f"{self.id}.{self.secret}"

    def __repr__(self) -> str:
        return f"<Token {handle(self.id)}>"


def handle(id: str) -> str:
    """A short, one-way name for the record *id*, fit for logs and pages."""
    return sha256(id.encode()).hexdigest()[:12]
