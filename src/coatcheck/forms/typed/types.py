"""Types for what text can be: an address, a password. Everything else is Python's own types.

To a type checker they are ``str``. Each says how its control behaves, and what it lets through.
"""

import importlib.util
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator

from .errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class TextKind:
    """How the control of a special text behaves. ``secret``: never sent back to the browser."""

    name: str
    autocomplete: str = ""
    secret: bool = False

    def check_installed(self, form: str, name: str) -> None:
        """Raise ConfigurationError where a library that the type needs is missing."""


@dataclass(frozen=True, slots=True)
class EmailKind(TextKind):
    """An address as RFC 5321 and 6531 have it; whether mail arrives is not asked."""

    def check_installed(self, form: str, name: str) -> None:
        if importlib.util.find_spec("email_validator") is None:
            raise ConfigurationError(
                f"The field {name!r} of {form} is an Email, and the library that checks addresses "
                "is not installed.\nInstall it: pip install 'coatcheck[forms]'"
            )


class NotAnAddress(ValueError):
    """A text that is no e-mail address. ``code`` says what is wrong with it, for ``words``."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def _checked_address(text: str) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError:
        raise NotAnAddress(_what_is_wrong(text)) from None


def _what_is_wrong(text: str) -> str:
    local, at, domain = text.rpartition("@")
    if not at:
        return "email_without_at"
    if not local or not domain:
        return "email"
    if "." not in domain and not domain.startswith("["):
        return "email_without_dot"
    if any(character.isspace() for character in text):
        return "email_with_blank"
    return "email"


Email = Annotated[str, EmailKind("email", "email"), AfterValidator(_checked_address)]
"""An e-mail address, its domain in lower case."""
Password = Annotated[str, TextKind("password", "current-password", secret=True)]
"""A password that the visitor has: taken as typed, never shown again."""
NewPassword = Annotated[str, TextKind("password", "new-password", secret=True)]
"""A password that the visitor chooses; password keepers offer one here."""
