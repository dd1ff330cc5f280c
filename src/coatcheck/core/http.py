"""The bargain with a framework: what is read of a request, what is applied to its response."""

from collections.abc import Sequence
from typing import NamedTuple

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that promise to change nothing (RFC 9110 9.2.1)."""


class RequestView(NamedTuple):
    """What a session needs to know of a request.

    ``cookies`` are the raw Cookie headers. ``https`` is whether the visitor came over TLS, as far
    as the host believes its proxy. ``user_agent`` and ``address`` are the client's claims.
    """

    method: str
    https: bool
    cookies: Sequence[bytes]
    user_agent: str = ""
    address: str = ""

    @property
    def safe(self) -> bool:
        """Whether the method promises to change nothing."""
        return self.method in SAFE_METHODS


class ResponseEdits(NamedTuple):
    """What the host applies before the response's first byte.

    ``cookies`` are added as Set-Cookie headers of their own: ``set_cookie`` is the session's, and
    ``forget`` expires that of the engine which kept the visitor's session before. ``vary`` adds
    Cookie to Vary, and ``Cache-Control: private, no-cache`` unless the application set its own.
    """

    set_cookie: str | None = None
    vary: bool = False
    forget: str | None = None

    @property
    def cookies(self) -> tuple[str, ...]:
        """The values of the Set-Cookie headers to add."""
        return tuple(line for line in (self.set_cookie, self.forget) if line is not None)


NO_EDITS = ResponseEdits()

CACHE_CONTROL = "private, no-cache"
"""Never no-store: with it, Back brings an error page or a fresh form under old text."""
