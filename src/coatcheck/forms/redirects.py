"""Where an answer may send the browser.

``safe_next`` judges a target that a visitor sent; ``location`` writes any target as a header value.
"""

import re
from urllib.parse import quote, urlsplit

from coatcheck.core.errors import CoatcheckError

from .errors import shown

_LONGEST = 2000
# Printable ASCII without blank, and without the characters that browsers or later hops bend.
_PLAIN = re.compile(r"""[!#-;=?-\[\]-~]+""")
_OPENS_A_HOST = re.compile(r"/(?:/|%2f|%5c|%09|%0a|%0d)", re.IGNORECASE)

_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
# RFC 3986's reserved and unreserved characters, and "%" for what is escaped already.
_LEGAL = "%:/?#[]@!$&'()*+,;=-._~"


class InvalidLocation(CoatcheckError, ValueError):
    """A redirect target that cannot stand in a Location header."""


def safe_next(value: object, default: str = "/") -> str:
    """*value* if it is a path of this site however a browser reads it, else *default*.

    For the ``next`` of a login form. Absolute and scheme-relative URLs, anything but printable
    ASCII without ``\\ < > "``, a start that some later hop may decode into ``//``, and more than
    2,000 characters give the default; nothing raises.
    """
    if not isinstance(value, str) or len(value) > _LONGEST:
        return default
    if not value.startswith("/") or not _PLAIN.fullmatch(value) or _OPENS_A_HOST.match(value):
        return default
    try:
        parts = urlsplit(value)
    except ValueError:
        return default
    return default if parts.scheme or parts.netloc else value


def location(url: str) -> str:
    """*url* as a Location header's value: blanks and letters beyond ASCII percent-encoded.

    What RFC 3986 allows is kept, escapes included. Raises ``InvalidLocation`` for control
    characters, CR and LF above all (CVE-2025-67724), for a backslash, which browsers read as a
    slash, and for a scheme other than http and https.
    """
    if bad := _UNSENDABLE.search(url):
        raise InvalidLocation(
            f"The redirect's target holds {bad[0]!r} at position {bad.start() + 1:,}, which no "
            "Location header may carry. Redirect to a path of your own, and put a visitor's words "
            "into it with urllib.parse.quote()."
        )
    scheme = _SCHEME.match(url)
    if scheme and scheme[1].lower() not in ("http", "https"):
        raise InvalidLocation(
            f"The redirect's target has the scheme {shown(scheme[1])}; only http and https are "
            "followed. If it is meant as a path, start it with a slash."
        )
    return quote(_BARE_PERCENT.sub("%25", url), safe=_LEGAL)
