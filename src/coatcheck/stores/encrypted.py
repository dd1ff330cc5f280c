"""Any store, with the fields of each session encrypted under a key from its visitor's own token.

A copy of the store, a backup or a curious administrator shows no name and no value of any session,
and no key on the server opens them: there is none. What remains visible is what the store works
with: ids, digests of secrets, times, the user, and user agent and address unless
``SessionPolicy(device=False)``.
"""

import hmac
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import ormsgpack
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from coatcheck.core.errors import UnreadableRecord
from coatcheck.core.store import SEAL, SEALED, BlockingStore, Store, StoreAround
from coatcheck.wire.tokens import Token

from .packing import unreadable, whose

FORMAT: Final = SEAL + b"\x01"

_PURPOSE: Final = b"coatcheck session fields at rest"
_HEAD: Final = len(FORMAT)
_BODY: Final = _HEAD + 12


class TokenCipher:
    """AES-256-GCM under a key that HKDF-SHA256 derives from a token's secret."""

    def seal(self, fields: Mapping[str, bytes], token: Token) -> Mapping[str, bytes]:
        nonce = os.urandom(_BODY - _HEAD)
        sealed = AESGCM(_key(token)).encrypt(nonce, ormsgpack.packb(dict(fields)), FORMAT)
        return {SEALED: FORMAT + nonce + sealed}

    def unseal(self, fields: Mapping[str, bytes], token: Token) -> Mapping[str, bytes]:
        data = fields[SEALED]
        head, nonce, sealed = data[:_HEAD], data[_HEAD:_BODY], data[_BODY:]
        try:
            if head != FORMAT or len(fields) > 1:
                raise ValueError("another version of coatcheck encrypted it")
            opened: dict[str, bytes] = ormsgpack.unpackb(
                AESGCM(_key(token)).decrypt(nonce, sealed, FORMAT)
            )
        except (InvalidTag, ValueError) as error:
            why = str(error) or "it is damaged, or was not encrypted under its visitor's token"
            raise UnreadableRecord(unreadable(whose(token.id), why)) from error
        return opened


class EncryptedStore(StoreAround):
    """*store*, blocking or awaitable, with the fields of its records encrypted.

    A visitor's cookie is the only key to what their session holds; when it is lost, so is that. A
    new secret, as after a login, means a new key: a request that was on its way with the old one
    gets ``SessionConflict`` if it has something to save. Lists of a user's sessions show no values.

    Records from before are read as they are, and encrypted when they are next saved. Without
    encryption an encrypted record raises ``UnreadableRecord``.
    """

    # The lifecycle seals and opens, as only it knows the token: here records pass as they are.

    def __init__(self, store: BlockingStore | Store) -> None:
        super().__init__(store)
        self.store = store
        self.capabilities = replace(store.capabilities, at_rest=TokenCipher())

    def __repr__(self) -> str:
        return f"<EncryptedStore: {self.store!r}>"


def _key(token: Token) -> bytes:
    """HKDF-SHA256 of the secret, salted with the id (RFC 5869, one block)."""
    extracted = hmac.digest(token.id.encode(), token.secret.encode(), "sha256")
    return hmac.digest(extracted, _PURPOSE + b"\x01", "sha256")
