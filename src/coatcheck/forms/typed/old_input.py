"""What of a form may wait for the next page, where it is shown again with what was typed.

Never passwords, files or what looks like the number of a card: the session must not learn them, nor
a page that somebody else opens later on the same computer.
"""

import re
import secrets
from collections.abc import Mapping
from typing import Any

from coatcheck.forms.sensitive import is_sensitive

PARAMETER = "_f"
"""What the id is called in the address."""
KEPT_FOR = 600.0
"""Seconds until a form that was never shown again is dropped."""
MOST_KEPT = 8
"""How many forms of one visitor wait at a time."""

KEY = "_form."
"""What the session's keys of waiting forms begin with."""
_ID = re.compile(r"[A-Za-z0-9_-]{16}")
_DIGITS = re.compile(r"(?:[0-9][ -]?){12,18}[0-9]", re.ASCII)


def new_id() -> str:
    """An id that nobody guesses: another tab's form cannot be asked for."""
    return secrets.token_urlsafe(12)


def key_of(id: str) -> str | None:
    """The session's key for the form *id*; None for what ``new_id`` cannot have made."""
    return KEY + id if _ID.fullmatch(id) else None


def may_wait(name: str, texts: tuple[str, ...]) -> bool:
    """Whether the texts of the field *name* may be kept for a page to come."""
    return not is_sensitive(name) and not any(_is_card(text) for text in texts)


def outdated(kept: Mapping[str, Any], now: float) -> list[str]:
    """The session's keys of forms that nobody came back for, the oldest first."""
    waiting = sorted(
        (float(bag["at"]), key)
        for key, bag in kept.items()
        if key.startswith(KEY) and isinstance(bag, dict) and "at" in bag
    )
    late = [key for at, key in waiting if at < now - KEPT_FOR]
    return late or [key for _, key in waiting[: max(0, len(waiting) - MOST_KEPT + 1)]]


def _is_card(text: str) -> bool:
    """Whether *text* holds 13 to 19 digits that fit together as a card's do (ISO/IEC 7812-1)."""
    return any(_fits_luhn(found[0]) for found in _DIGITS.finditer(text))


def _fits_luhn(text: str) -> bool:
    digits = [int(character) for character in text if character.isdecimal()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
