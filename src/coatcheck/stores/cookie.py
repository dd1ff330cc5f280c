"""Sessions kept in the visitor's own cookie, encrypted and authenticated: no state on the server.

The cookie is the record, sealed with AES-256-GCM::

    base64url( format | deadline | salt | ciphertext and tag )

Each seal has a key of its own, derived from a site key, the purpose and a random salt, so that no
nonce is ever used twice. Format, purpose and deadline are authenticated with it. A cookie that no
key of the list opens is nobody's: there is no second, weaker way to read one.
"""

import base64
import hmac
import os
import re
import struct
from collections.abc import Sequence
from typing import Final

import ormsgpack
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from coatcheck.core.errors import InvalidKeyring, StoreIncapable, UnreadableRecord
from coatcheck.core.record import Lease, Record
from coatcheck.core.store import Busy, Capabilities, Commit, Committed, Conflict, Gone
from coatcheck.wire.cookies import LONGEST
from coatcheck.wire.signing import Keyring
from coatcheck.wire.tokens import Token

FORMAT: Final = b"\x01"
"""How it is sealed: the first byte of the cookie."""

SHORTEST_KEY: Final = 32
"""Characters: whoever guesses a key can make sessions of any user."""

_CONTENT: Final = b"\x01"  # how what is sealed is laid out: the first byte inside
_SALT: Final = 24
_NONCE: Final = bytes(12)  # the key is used for one message, so the nonce need not differ
_DEADLINE: Final = struct.Struct(">d")
_HEAD: Final = len(FORMAT) + _DEADLINE.size
_TEXT: Final = re.compile(r"[A-Za-z0-9_-]+")


class CookieStore:
    """Keeps nothing: each record travels in its visitor's cookie, sealed under *keys*.

    The first key seals, every one opens; to rotate, put a new one first and drop the old one after
    the sessions' lifetime. Keys are texts or bytes of at least 32. *purpose* keeps sites apart that
    share keys: none opens the other's cookies.

    What such a store cannot do, whoever makes it:

    - **End a session.** Logging out makes the browser forget the cookie. A copy of it, wherever
      it is, works until its deadline, and no one can revoke it or list a user's sessions.
    - **Merge.** Of two requests at once the later answer wins, and the other's changes are lost
      without a word. An answer that comes late also brings back what a logout has just ended.
    - **Hold much.** Name, value and attributes together are at most 4096 bytes, and more raises
      ``SessionTooLarge``.

    Raises ``InvalidKeyring`` for keys that are missing or too short.
    """

    def __init__(self, keys: Sequence[str | bytes], *, purpose: str = "session") -> None:
        ring = Keyring(keys)
        if any(len(key) < SHORTEST_KEY for key in keys):
            raise InvalidKeyring(
                f"a key for sessions in cookies is shorter than {SHORTEST_KEY} characters: make "
                'one with python -c "import secrets; print(secrets.token_urlsafe(50))".'
            )
        self._purpose = f"cookie store: {purpose}"
        self._keys = ring.derived(self._purpose)
        self.capabilities = Capabilities(
            by_user=False,
            lease=False,
            inline=True,
            instant=True,
            revoke=False,
            sweep=False,
            in_cookie=self,
        )

    def seal(self, token: Token, record: Record) -> str:
        """The cookie's value for *record*, whose owner *token* proves."""
        head = FORMAT + _DEADLINE.pack(record.expires)
        salt = os.urandom(_SALT)
        body = _CONTENT + ormsgpack.packb(
            [
                token.id,
                token.secret,
                record.created,
                record.seen,
                record.renewed,
                record.epoch,
                record.user,
                dict(record.fields),
            ]
        )
        cipher = AESGCM(_message_key(self._keys[0], salt))
        sealed = head + salt + cipher.encrypt(_NONCE, body, self._authenticated(head))
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")

    def unseal(self, text: str) -> tuple[Token, Record] | None:
        """The token and record that *text* seals, or None for anything that we have not sealed.

        Raises ``UnreadableRecord`` for what another version of coatcheck has sealed under our keys.
        """
        if len(text) > LONGEST or not _TEXT.fullmatch(text) or len(text) % 4 == 1:
            return None
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if base64.urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii") != text:
            return None  # another spelling of the same bytes
        body = self._opened(sealed)
        return None if body is None else _unpacked(body, *_DEADLINE.unpack_from(sealed, 1))

    def _opened(self, sealed: bytes) -> bytes | None:
        head, salt = sealed[:_HEAD], sealed[_HEAD : _HEAD + _SALT]
        if len(salt) < _SALT:
            return None
        for key in self._keys:
            try:
                cipher = AESGCM(_message_key(key, salt))
                ciphertext = sealed[_HEAD + _SALT :]
                return cipher.decrypt(_NONCE, ciphertext, self._authenticated(head))
            except InvalidTag:
                continue
        return None

    def _authenticated(self, head: bytes) -> bytes:
        return self._purpose.encode() + b"\x00" + head

    # -- verbs: there is nothing on the server to read or to write -----------------------------

    def load(self, id: str, lease: Lease | None = None, now: float = 0.0) -> Record | Busy | None:
        """None: the record comes with the request, and ``unseal`` reads it."""
        return None

    def create(self, record: Record) -> bool:
        return True

    def commit(self, commit: Commit) -> Committed | Conflict | Busy | Gone:
        """Always ``Committed``: what the browser holds by now cannot be asked."""
        return Committed()

    def end(self, id: str) -> bool:
        """True: the browser is told to forget it. A copy of the cookie still works."""
        return True

    def touch(self, id: str, seen: float, expires: float) -> bool:
        return True

    def release(self, id: str, holder: str) -> None:
        """There are no leases."""

    def sweep(self, now: float, limit: int) -> int:
        """Nothing is kept, so nothing has to be removed."""
        return 0

    def of_user(self, user: str) -> Sequence[Record]:
        """Refused: raises ``StoreIncapable``."""
        raise StoreIncapable(
            "sessions in cookies are known to their browsers alone, so a user's cannot be listed. "
            "Use a store on the server, such as sqlite:/// or postgresql://."
        )

    def close(self) -> None:
        """Nothing to give back."""


def _message_key(key: bytes, salt: bytes) -> bytes:
    """The key for the one message that has *salt*."""
    return hmac.digest(key, salt, "sha256")


def _unpacked(body: bytes, expires: float) -> tuple[Token, Record]:
    if body[:1] != _CONTENT:
        raise UnreadableRecord(
            f"the session in the cookie has format {body[0]}, which another version of coatcheck "
            f"sealed, and this one reads {_CONTENT[0]}."
        )
    id, secret, created, seen, renewed, epoch, user, fields = ormsgpack.unpackb(body[1:])
    token = Token(id, secret)
    record = Record(
        id=id,
        digest=token.digest,
        created=created,
        seen=seen,
        expires=expires,
        renewed=renewed,
        fields=fields,
        epoch=epoch,
        user=user,
    )
    return token, record
