"""Which fields hold secrets, judged by their names, so that no log or debug page shows them."""

import re

_SECRET = re.compile(
    r"pass|pwd|secret|token|csrf|auth(?!ors?(?![a-z]))|credential|api_?key|private|signature|card|cvv|cvc|iban"
    r"|(?:^|[^a-z])(?:pin|otp|tan|ssn|key)(?:[^a-z]|$)",
    re.IGNORECASE,
)


def is_sensitive(name: str) -> bool:
    """Whether a field of this name is likely to hold a secret. Errs on the side of hiding."""
    return _SECRET.search(name) is not None
