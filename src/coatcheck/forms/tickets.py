"""One hidden field that proves where a form comes from and names one submission of it.

A ticket is a token of version 2 of ``csrf``, in the same field, and ``csrf.valid`` takes it for
what it is worth there. Beyond that it says which submission this is: whoever sends the same ticket
to the same address again means the same submission, and ``once`` answers it once. It is stored
nowhere; showing a form writes nothing. Of 96 bytes, in 128 letters::

    version 1 | key 2 | nonce 16 | minted 6 | name 7 | proof 32 | owner 32

*proof* is a MAC for the visitor's secret, which is replaced at login and logout: it protects like
a token of version 1. *owner* is a MAC for what outlasts a login, so that the second click on a
login form still names the submission of the first. *key* says which signing key made them, so that
a ticket from before a key was dropped can be told from another visitor's.

An address is not in the ticket, as a page does not know where its forms will be sent. It is part of
what the ticket stands for: one ticket sent to two addresses is two submissions.
"""

import re
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple, Self

from coatcheck.wire.signing import Keyring
from coatcheck.wire.tokens import Token

from .csrf import PURPOSE

DAY: Final = 86400.0

LONGEST: Final = DAY
"""Seconds for which a ticket names its submission, and an answer is kept for it."""

VERSION: Final = b"\x02"

_OWNER: Final = "coatcheck.forms.tickets owner"
_KEY: Final = "coatcheck.forms.tickets key"
_RESULT: Final = "coatcheck.forms.tickets result"
_HEAD: Final = struct.Struct(">c2s16s6s7s")
_MAC: Final = 32
_TICKET: Final = re.compile(r"[A-Za-z0-9_-]{128}")
_RESULT_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]{171}")
_UNNAMED: Final = bytes(7)


class Binding(NamedTuple):
    """What ties a ticket to one visitor: *secret* until a login, *owner* beyond it."""

    secret: bytes
    owner: bytes

    @classmethod
    def of_session(cls, token: Token) -> Self:
        """The binding of a visitor whose session's cookie holds *token*."""
        return cls(b"session:" + token.digest, b"id:" + token.id.encode())

    @classmethod
    def of_browser(cls, cookie: str) -> Self:
        """The binding of a browser without a session, by its ``csrf.BINDING_COOKIE``."""
        return cls(cookie.encode(), cookie.encode())


class ClaimKey(NamedTuple):
    """Where the claim of one submission is kept, and the secret that seals its answer.

    The store sees only the id, which tells nothing of the secret.
    """

    id: str
    secret: bytes

    @classmethod
    def of(cls, kind: str, *parts: bytes) -> Self:
        """The key for what *parts* name together, apart from those of every other *kind*."""
        named = b"".join(len(part).to_bytes(4) + part for part in (kind.encode(), *parts))
        # A colon is in no session's id, so no cookie can ever address a claim.
        digest = urlsafe_b64encode(sha256(b"id" + named).digest()).decode().rstrip("=")
        return cls(f"once:{digest}", sha256(b"secret" + named).digest())

    def __repr__(self) -> str:
        return f"<ClaimKey {self.id[:13]}>"


class Ticket(NamedTuple):
    """A ticket that was sent, and is this visitor's.

    ``minted`` is when its form was shown. ``proved`` says that the visitor shows the very secret of
    that moment, and not only the same session after a login. A ``stale`` one is too old, or signed
    with a key that is gone: nobody can tell whether it was used, so the visitor is asked.
    """

    nonce: bytes
    minted: float
    name: bytes
    owner: bytes
    proved: bool
    stale: bool = False

    def key(self, address: str) -> ClaimKey:
        """The key of the submission that this ticket stands for when it is sent to *address*.

        *address* is the path with its query string, as it was sent.
        """
        if self.name != _UNNAMED:
            return ClaimKey.of("name", self.name, self.owner, address.encode())
        return ClaimKey.of("ticket", self.nonce, address.encode())

    def __repr__(self) -> str:
        return f"<Ticket{' stale' if self.stale else ''}>"


def mint(keyring: Keyring, binding: Binding, now: float, name: str | bytes = "") -> str:
    """A ticket for the visitor with this *binding*: 128 characters, different at every call.

    All tickets of one visitor with the same *name* stand for one submission, as far as their forms
    were shown before it was answered; a ticket's own ``name`` is taken too.
    """
    if not binding.secret or not binding.owner:
        raise ValueError("An empty binding would be every visitor's.")
    minted = max(int(now * 1000), 0).to_bytes(6)
    named = name if isinstance(name, bytes) else _named(name, binding)
    head = _HEAD.pack(VERSION, _key_ids(keyring)[0], secrets.token_bytes(16), minted, named)
    proof = keyring.mac(PURPOSE, head + binding.secret)
    owner = keyring.mac(_OWNER, head + binding.owner)
    return urlsafe_b64encode(head + proof + owner).decode()


def read(
    text: str | None, keyring: Keyring, bindings: Sequence[Binding], now: float
) -> Ticket | None:
    """The ticket in *text*, if it is of the visitor who shows *bindings*; None for anything else.

    Another visitor's ticket is None: it is treated as if there were none.
    """
    if text is None or not _TICKET.fullmatch(text):
        return None
    raw = urlsafe_b64decode(text)
    head, proof, mac = raw[: _HEAD.size], raw[_HEAD.size : -_MAC], raw[-_MAC:]
    version, key, nonce, minted, name = _HEAD.unpack(head)
    if version != VERSION:
        return None
    at = int.from_bytes(minted) / 1000
    if key not in _key_ids(keyring):
        return Ticket(nonce, at, name, b"", proved=False, stale=True)
    for binding in bindings:
        if keyring.verify(_OWNER, head + binding.owner, mac):
            proved = keyring.verify(PURPOSE, head + binding.secret, proof)
            return Ticket(nonce, at, name, binding.owner, proved, now - at >= LONGEST)
    return None


def result(keyring: Keyring, key: ClaimKey, binding: Binding) -> str:
    """A text for the address at which this visitor is shown the answer of the claim *key*.

    It is no ticket and proves nothing about a form: it may stand in a browser's history.
    """
    body = urlsafe_b64decode(key.id.removeprefix("once:") + "=") + key.secret
    proof = keyring.mac(_RESULT, b"proof" + body + binding.secret)
    owner = keyring.mac(_RESULT, b"owner" + body + binding.owner)
    return urlsafe_b64encode(body + proof + owner).decode().rstrip("=")


def read_result(
    text: str, keyring: Keyring, bindings: Sequence[Binding]
) -> tuple[ClaimKey, bool] | None:
    """The claim that ``result`` named in *text*, and whether the secret of then is shown again.

    None for what it did not make for a visitor with one of these *bindings*.
    """
    if not _RESULT_SHAPE.fullmatch(text):
        return None
    raw = urlsafe_b64decode(text + "=")
    body, proof, mac = raw[:64], raw[64:96], raw[96:]
    for binding in bindings:
        if keyring.verify(_RESULT, b"owner" + body + binding.owner, mac):
            id = urlsafe_b64encode(body[:32]).decode().rstrip("=")
            proved = keyring.verify(_RESULT, b"proof" + body + binding.secret, proof)
            return ClaimKey(f"once:{id}", body[32:]), proved
    return None


def _named(name: str, binding: Binding) -> bytes:
    """What all tickets of one visitor and one name have in common.

    Of the visitor's secret too: who shows a session's id without it must not get at its answers.
    """
    if not name:
        return _UNNAMED
    return sha256(b"name" + name.encode() + b"\0" + binding.secret).digest()[: len(_UNNAMED)]


@lru_cache(maxsize=16)
def _key_ids(keyring: Keyring) -> tuple[bytes, ...]:
    """Two bytes for each key, newest first, that tell nothing of it."""
    return tuple(sha256(derived).digest()[:2] for derived in keyring.derived(_KEY))
