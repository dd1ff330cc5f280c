"""Tell programs that fill in every form from people: a trap only they see, and a least time.

No script, no puzzle. The trap is a field that is hidden from eyes, keyboards and screen readers;
the time at which the form was shown goes along, signed. A refusal is an ordinary 422 with a message
for people (a browser may have filled in the trap for them), never a false success that would lose
what somebody wrote.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from enum import StrEnum

from coatcheck.wire.signing import Keyring

TRAP = "homepage"
"""The trap's name: programs know what to write there, and address books do not."""
SHOWN_AT = "form_shown"
"""The field that says when the form was shown."""
LEAST_TIME = 2.0
"""Seconds that a person needs at least, where nothing else is said."""

_PURPOSE = "coatcheck.forms.honeypot"
_TIME = 8
_LENGTH = 56  # of a time and its mac, in base64


class Suspicion(StrEnum):
    """Why a program is thought to have sent a form."""

    FILLED = "filled"
    FAST = "fast"
    UNSIGNED = "unsigned"


def shown_at(keyring: Keyring, now: float) -> str:
    """What ``SHOWN_AT`` holds in a form that is shown *now*, in seconds since the epoch."""
    time = int(now * 1000).to_bytes(_TIME, "big")
    return urlsafe_b64encode(time + keyring.mac(_PURPOSE, time)).decode()


def signed_time(text: str, keyring: Keyring) -> float | None:
    """The time in *text*, if ``shown_at`` made it with a key of *keyring*."""
    if len(text) != _LENGTH or not text.isascii():
        return None
    try:
        raw = urlsafe_b64decode(text)
    except ValueError:
        return None
    time, mac = raw[:_TIME], raw[_TIME:]
    return int.from_bytes(time, "big") / 1000 if keyring.verify(_PURPOSE, time, mac) else None


def suspicion(
    trap: Sequence[str], shown: Sequence[str], keyring: Keyring, now: float, least: float
) -> Suspicion | None:
    """What makes a form suspicious, of which *trap* and *shown* are the values of both fields.

    None for a form that a person may have sent: an empty trap, and at least *least* seconds.
    """
    if any(text.strip() for text in trap):
        return Suspicion.FILLED
    time = signed_time(shown[-1], keyring) if shown else None
    if time is None:
        return Suspicion.UNSIGNED
    return Suspicion.FAST if now - time < least else None
