"""Message authentication with a list of keys: the first signs, every one verifies.

Rotation is a list: put the new key first and drop the old one when nothing signed with it is left.
Each purpose has a key of its own, derived with HKDF's extract-and-expand idea (RFC 5869), so a
value signed for one purpose never passes for another (CVE-2026-6873).
"""

import hmac
from collections.abc import Sequence
from functools import lru_cache

from .errors import InvalidKeyring

SHORTEST = 8


class Keyring:
    """Signing keys, newest first. Raises ``InvalidKeyring`` for no key or one under 8 characters.

    Short keys are let in because course notes use them; ``check --deploy`` refuses weak ones.
    """

    def __init__(self, keys: Sequence[str | bytes]) -> None:
        if isinstance(keys, str | bytes) or not keys:
            raise InvalidKeyring(
                "a keyring needs a list with at least one key: [SECRET_KEY, *SECRET_KEY_FALLBACKS]."
            )
        if not all(isinstance(key, str | bytes) for key in keys):
            # bytes(12345678) would be twelve million zeros, and known to everybody.
            raise InvalidKeyring("a signing key is neither text nor bytes: write it in quotes.")
        self._keys = tuple(key.encode() if isinstance(key, str) else key for key in keys)
        if any(len(key) < SHORTEST for key in self._keys):
            raise InvalidKeyring(f"a signing key is shorter than {SHORTEST} characters: use 50.")

    def mac(self, purpose: str, payload: bytes) -> bytes:
        """32 bytes that authenticate *payload* for *purpose* under the newest key."""
        return hmac.digest(_derived(self._keys[0], purpose), payload, "sha256")

    def verify(self, purpose: str, payload: bytes, mac: bytes) -> bool:
        """Whether any key made *mac* for just this purpose and payload, in constant time each."""
        return any(
            hmac.compare_digest(hmac.digest(_derived(key, purpose), payload, "sha256"), mac)
            for key in self._keys
        )

    def derived(self, purpose: str) -> tuple[bytes, ...]:
        """32 bytes for *purpose* from each key, newest first: to encrypt with, say."""
        return tuple(_derived(key, purpose) for key in self._keys)

    def __repr__(self) -> str:
        return f"<Keyring of {len(self._keys)}>"


@lru_cache(maxsize=64)
def _derived(key: bytes, purpose: str) -> bytes:
    return hmac.digest(
        hmac.digest(b"coatcheck", key, "sha256"), purpose.encode() + b"\x01", "sha256"
    )
