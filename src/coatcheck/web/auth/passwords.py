"""Password hashes: argon2id with the parameters pwdlib recommends (OWASP's, RFC 9106)."""

from functools import cache

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError


@cache
def _hasher() -> PasswordHash:
    return PasswordHash.recommended()


def hash_password(password: str) -> str:
    """The hash to keep of *password*."""
    return _hasher().hash(password)


def verify_password(password: str, known: str) -> tuple[bool, str | None]:
    """Whether *password* belongs to the hash *known*, and a new hash where that one is dated.

    A *known* that is no hash fits no password.
    """
    try:
        return _hasher().verify_and_update(password, known)
    except UnknownHashError:
        return False, None


@cache
def _nobodys() -> str:
    return hash_password("nobody's password")


def waste_a_verification(password: str) -> None:
    """Take as long as a real check, so that the time of an answer tells not which users exist."""
    verify_password(password, _nobodys())
