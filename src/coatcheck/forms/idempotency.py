"""``Idempotency-Key``: how a program says that two requests are one submission.

As draft-ietf-httpapi-idempotency-key-header-07 has it: the client makes up a key, sends it with the
request and again with each retry, and is answered once more what it was answered first. The claim
of a key is one like a ticket's, kept in the same store.
"""

import re
from collections.abc import Sequence
from typing import Final

from coatcheck.core.errors import BadRequest, CoatcheckError

from .errors import shown
from .tickets import ClaimKey

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotent-Replayed"
"""The header of an answer that is given again; its value is ``true``."""

LONGEST: Final = 255

# A string of structured fields (RFC 9651 3.3.3): printable ASCII in quotes, \" and \\ escaped.
_STRING: Final = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')


class InvalidKey(BadRequest):
    """A key that is missing where it is asked for, or is none: 400."""


class ReusedKey(CoatcheckError):
    """A key that was used for another request: 422."""

    status = 422

    def __init__(self) -> None:
        super().__init__(
            f"This {HEADER} was used before, with another request. Make up a new key for each "
            "request that is not a retry."
        )


class KeyInUse(CoatcheckError):
    """A key whose first request is being processed: 409. ``retry_after`` is in seconds."""

    status = 409

    def __init__(self, retry_after: int = 1) -> None:
        self.retry_after = retry_after
        super().__init__(
            f"The first request with this {HEADER} is still being processed. Send it again, with "
            "the same key, in a moment."
        )


class UnknownOutcome(CoatcheckError):
    """A key whose first request broke off, so that nobody knows what was done: 409."""

    status = 409

    def __init__(self) -> None:
        super().__init__(
            f"The first request with this {HEADER} broke off, and nobody knows what it did. Look, "
            "and make up a new key if it is to be sent again."
        )


def sent_key(values: Sequence[str], *, needed: bool = False) -> str | None:
    """The key in the *values* of all ``Idempotency-Key`` headers; None where there is none.

    Raises ``InvalidKey`` for what is no quoted text of 1 to 255 characters, for several headers,
    and for none where one is *needed*.
    """
    if not values:
        if needed:
            raise InvalidKey(
                f"This address asks for an {HEADER}, so that a retry does nothing twice. Send a "
                f'new one with each request, in quotes: {HEADER}: "8e03978e-40d5-43dd-bc93"'
            )
        return None
    if len(values) > 1:
        raise InvalidKey(f"The request has {len(values)} {HEADER} headers: send one.")
    found = _STRING.fullmatch(values[0].strip(" \t"))
    if found is None or not 0 < len(found[1]) <= LONGEST:
        raise InvalidKey(
            f"The {HEADER} {shown(values[0])} is not a text in quotes of 1 to {LONGEST} "
            f'characters. Send it so: {HEADER}: "8e03978e-40d5-43dd-bc93"'
        )
    return re.sub(r"\\(.)", r"\1", found[1])


def claim_key(key: str, whose: bytes, address: str) -> ClaimKey:
    """The claim of *key* at *address*, apart from those of everybody but *whose*.

    *whose* is the owner of the session, or the Authorization that came along.
    """
    return ClaimKey.of("key", key.encode(), whose, address.encode())
