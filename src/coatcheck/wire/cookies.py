"""Read one cookie from raw Cookie headers, and write one Set-Cookie header.

Reading works on the header's bytes: exact names, only space and tab trimmed, nothing decoded, so a
``__Host-`` name cannot be imitated with Unicode blanks or escapes (CVE-2020-8184, CVE-2022-31629,
"Cookie Chaos" 2025). Rules: RFC 6265bis sections 4.1 and 5.7.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from .errors import CookieTooLarge, InvalidCookie

SameSite = Literal["Strict", "Lax", "None"]

LONGEST = 4096
"""Bytes of name plus value that a browser keeps (RFC 6265bis 5.6)."""

LONGEST_AGE = 400 * 86400
"""Seconds that a browser keeps a cookie at most (RFC 6265bis 5.5)."""

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # an RFC 9110 token
_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")  # RFC 6265 cookie-octet
_ATTRIBUTE = re.compile(r"[\x20-\x3a\x3c-\x7e]+")


def values(headers: Iterable[bytes], name: str) -> tuple[str, ...]:
    """The distinct values that raw Cookie *headers* give the cookie called exactly *name*.

    More than one value means that somebody else planted a cookie of this name (cookie tossing):
    the caller takes none. Values that are not ASCII are given with replacement characters, so
    that they match nothing.
    """
    pair = _pair(name)
    found: dict[str, None] = {}  # in order, and looked up in no time: a header may hold thousands
    for header in headers:
        for value in pair.findall(header):
            found[value.strip(b" \t").decode("ascii", "replace")] = None
    return tuple(found)


@lru_cache(maxsize=16)
def _pair(name: str) -> re.Pattern[bytes]:
    """Finds the values of the cookie called exactly *name* in a header."""
    return re.compile(rb"(?:^|;)[ \t]*" + re.escape(name.encode("ascii")) + rb"[ \t]*=([^;]*)")


@dataclass(frozen=True)
class CookieAttributes:
    """How a cookie looks. Contradictions raise ``InvalidCookie`` here, at start."""

    name: str
    path: str = "/"
    domain: str | None = None
    secure: bool = True
    http_only: bool = True
    same_site: SameSite = "Lax"
    partitioned: bool = False

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidCookie(
                f"cookie name {self.name!r} is not a token: use letters, digits, '-' and '_'."
            )
        if not self.path.startswith("/") or not _ATTRIBUTE.fullmatch(self.path):
            raise InvalidCookie(f"cookie path {self.path!r} must start with '/' and hold no ';'.")
        if self.domain is not None and not _ATTRIBUTE.fullmatch(self.domain):
            raise InvalidCookie(f"cookie domain {self.domain!r} must be a host name.")
        if self.same_site not in ("Strict", "Lax", "None"):
            raise InvalidCookie(
                f"same_site={self.same_site!r} is unknown: use 'Lax', 'Strict' or 'None'."
            )
        lowered = self.name.lower()
        if lowered.startswith(("__host-", "__secure-")) and not self.secure:
            raise InvalidCookie(f"cookie {self.name!r} needs secure=True: its prefix demands it.")
        if lowered.startswith("__host-") and (self.path != "/" or self.domain is not None):
            raise InvalidCookie(
                f"cookie {self.name!r} allows no domain and only path='/': drop them or the prefix."
            )
        if self.same_site == "None" and not self.secure:
            raise InvalidCookie("same_site='None' needs secure=True: browsers drop it otherwise.")
        if self.partitioned and not self.secure:
            raise InvalidCookie("partitioned=True needs secure=True: browsers drop it otherwise.")

    def render(self, value: str, max_age: int | None) -> str:
        """The Set-Cookie header value. *max_age* in seconds; None lasts until the browser closes.

        Raises ``CookieTooLarge`` rather than let a browser drop the cookie without a word, and
        ``InvalidCookie`` for a value with characters that a cookie cannot carry.
        """
        if not _VALUE.fullmatch(value):
            raise InvalidCookie(f"the value of cookie {self.name!r} holds an illegal character.")
        size = len(self.name) + len(value)
        if size > LONGEST:
            raise CookieTooLarge(
                f"cookie {self.name!r} would be {size} bytes and browsers keep {LONGEST}: "
                "store less in it, or use a store that keeps data on the server."
            )
        age = "" if max_age is None else f"; Max-Age={min(max_age, LONGEST_AGE)}"
        return f"{self.name}={value}{age}{self._tail()}"

    def expire(self) -> str:
        """The Set-Cookie header value that makes a browser forget the cookie."""
        # With all its attributes: a browser keeps a prefixed or partitioned cookie otherwise.
        return f"{self.name}=; Max-Age=0{self._tail()}"

    def _tail(self) -> str:
        parts = [f"; Path={self.path}"]
        if self.domain is not None:
            parts.append(f"; Domain={self.domain}")
        if self.secure:
            parts.append("; Secure")
        if self.http_only:
            parts.append("; HttpOnly")
        parts.append(f"; SameSite={self.same_site}")
        if self.partitioned:
            parts.append("; Partitioned")
        return "".join(parts)
