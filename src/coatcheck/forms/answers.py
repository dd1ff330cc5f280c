"""The answer of a submission, kept so that whoever sends it again is given the same.

It lies in the store sealed with AES-GCM, whole: a page is private, and the cookie of a login is a
key. What opens it is the submission's own secret together with the server's key. The store holds
neither, so a copy of it shows that somebody sent something, and when.
"""

import hmac
import os
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from coatcheck.core.errors import ConfigurationError
from coatcheck.wire.codec import decode, encode
from coatcheck.wire.errors import UndecodableValue
from coatcheck.wire.signing import Keyring

from .csrf import FIELDS
from .data import FormData
from .sensitive import is_sensitive
from .uploads import Upload

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LARGEST: Final = 256 * 1024
"""Bytes of a compressed body that are kept. Of a larger answer all but the body is kept."""

COOKIE_SECONDS: Final = 60.0
"""How long after an answer its cookies are given again, and only to the visitor they were for."""

KEPT_HEADERS: Final = frozenset(
    {
        "cache-control",
        "content-disposition",
        "content-language",
        "content-security-policy",
        "content-type",
        "link",
        "location",
        "referrer-policy",
        "refresh",
        "vary",
    }
)
KEPT_PREFIXES: Final = ("hx-", "turbo-")
"""Headers that belong to the answer itself, by name and by how the name begins."""

LONGEST_VALUE: Final = 2000
MOST_VALUES: Final = 100
"""What is kept of the fields that were sent, to be shown beside those of another try."""

_PURPOSE: Final = "coatcheck.forms.answers"
_NONCE: Final = 12
_PLAIN, _DEFLATED, _LOST = 0, 1, 2


class Answer(NamedTuple):
    """What was answered. ``at`` is when; header names are in lower case.

    ``body`` is None where it was too large to keep. ``cookies`` are Set-Cookie values, ``flashes``
    the messages that were queued meanwhile, ``fields`` what was sent and may be shown.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = b""
    cookies: tuple[str, ...] = ()
    flashes: tuple[tuple[str, ...], ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    at: float = 0.0

    @classmethod
    def of(
        cls,
        status: int,
        headers: Iterable[tuple[str, str]],
        body: bytes | None,
        flashes: Iterable[tuple[str, ...]] = (),
        fields: Iterable[tuple[str, str]] = (),
    ) -> "Answer":
        """The answer that a host is about to send, reduced to what can be given again."""
        lowered = [(name.lower(), value) for name, value in headers]
        return cls(
            status,
            tuple((name, value) for name, value in lowered if _is_kept(name)),
            body,
            tuple(value for name, value in lowered if name == "set-cookie"),
            tuple(flashes),
            tuple(fields),
        )

    @property
    def redirects(self) -> bool:
        """Whether it sends the visitor elsewhere."""
        return 300 <= self.status < 400

    def again(self, now: float, *, proved: bool) -> list[tuple[str, str]]:
        """Its headers, to be sent once more: with its cookies only soon, and to whom they were for.

        *proved* says that the visitor shows the secret that the form was shown to.
        """
        fresh = proved and 0 <= now - self.at < COOKIE_SECONDS
        return [*self.headers, *(("set-cookie", value) for value in self.cookies if fresh)]


def shown_fields(
    fields: FormData[str], files: FormData[Upload] | None = None
) -> tuple[tuple[str, str], ...]:
    """The fields of a form that may be kept and shown: no secrets, and of files only the names."""
    pairs = [
        (name, value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}…")
        for name, value in fields.pairs()
        if name not in FIELDS and not is_sensitive(name)
    ]
    if files is not None:
        pairs += [(name, upload.raw_filename) for name, upload in files.pairs()]
    return tuple(pairs[:MOST_VALUES])


def pack(answer: Answer) -> bytes:
    """*answer* as bytes. A body that is too large even compressed is left out."""
    body, kind = answer.body, _PLAIN
    if body is None:
        body, kind = b"", _LOST
    elif len(body) > 1024:
        body, kind = zlib.compress(body, 1), _DEFLATED
    if len(body) > LARGEST:
        body, kind = b"", _LOST
    # Lists, which the codec packs four times faster than tuples.
    pairs = [list(map(list, one)) for one in (answer.headers, answer.flashes, answer.fields)]
    return encode([answer.status, kind, body, list(answer.cookies), *pairs, answer.at])


def unpack(data: bytes) -> Answer:
    """The answer that ``pack`` made *data* from. Raises ``UndecodableValue``."""
    try:
        status, kind, body, cookies, headers, flashes, fields, at = decode(data)
        if kind != _PLAIN:
            body = zlib.decompress(body) if kind == _DEFLATED else None
        pairs = [tuple(map(tuple, one)) for one in (headers, flashes, fields)]
        return Answer(status, pairs[0], body, tuple(cookies), pairs[1], pairs[2], at)
    except (TypeError, ValueError, zlib.error) as error:
        raise UndecodableValue("it is no answer that this version of coatcheck kept") from error


class Seals:
    """Seals answers under a submission's secret and the keys of *keyring*, newest first.

    Raises ``ConfigurationError`` where the ``cryptography`` library is missing.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._cipher = _cipher()
        self._keys = keyring.derived(_PURPOSE)

    def seal(self, data: bytes, secret: bytes) -> bytes:
        """*data*, readable with *secret* and the keyring only."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher(_key(self._keys[0], secret)).encrypt(nonce, data, None)

    def open(self, sealed: bytes, secret: bytes) -> bytes | None:
        """What was sealed under *secret*, or None when no key of the keyring opens it."""
        from cryptography.exceptions import InvalidTag

        for key in self._keys:
            try:
                cipher = self._cipher(_key(key, secret))
                return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], None)
            except InvalidTag:
                continue
        return None


def _key(server: bytes, secret: bytes) -> bytes:
    return hmac.digest(server, secret, "sha256")


def _cipher() -> "type[AESGCM]":
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "answers are kept sealed, which needs the cryptography library: "
            "pip install 'coatcheck[encryption]'."
        ) from error
    return AESGCM


def _is_kept(name: str) -> bool:
    return name in KEPT_HEADERS or name.startswith(KEPT_PREFIXES)
