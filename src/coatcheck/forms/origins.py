"""Origins as browsers write them: ``scheme://host[:port]``, in lower case, without a default port.

``csrf`` compares them as text, and text only compares exactly when both sides are written alike.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv6Address
from typing import NewType

from coatcheck.core.errors import ConfigurationError

TrustedOrigins = NewType("TrustedOrigins", frozenset[str])

NO_OTHERS = TrustedOrigins(frozenset())

_DEFAULT_PORT = {"http": 80, "https": 443}
_ORIGIN = re.compile(
    r"(https?)://"
    r"(\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?)"
    r"(?::([0-9]{1,5}))?"
)


def own_origin(scheme: str, host: str) -> str:
    """The origin of the site that a request names in its scheme and Host header.

    A Host that is none gives "", which no Origin header equals.
    """
    return _canonical(f"{scheme}://{host}") or ""


def trusted_origins(origins: Iterable[str]) -> TrustedOrigins:
    """The other origins whose pages may send forms here, each given in full.

    Raises ``ConfigurationError`` for anything but ``https://host`` or ``https://host:port`` (or
    http): a bare host would also trust its http twin (CVE-2025-47909), a pattern more than meant
    (CVE-2025-47910).
    """
    if isinstance(origins, str):
        raise ConfigurationError(
            f"Trusted origins must be a list, not the text {origins!r}: write [{origins!r}]."
        )
    return TrustedOrigins(frozenset(_trusted(origin) for origin in origins))


def _canonical(text: str) -> str | None:
    match = _ORIGIN.fullmatch(text.lower())
    if match is None:
        return None
    scheme, host, port = match.groups()
    if host.startswith("["):
        try:
            host = f"[{IPv6Address(host[1:-1]).compressed}]"
        except ValueError:
            return None
    if port is None or int(port) == _DEFAULT_PORT[scheme]:
        return f"{scheme}://{host}"
    return f"{scheme}://{host}:{int(port)}" if 0 < int(port) < 65536 else None


def _trusted(text: str) -> str:
    origin = _canonical(text)
    if origin is None:
        raise ConfigurationError(f"The trusted origin {text!r} {fault(text)}")
    return origin


def fault(text: str) -> str:
    """What is wrong with *text*, which is no origin: words that go on after it."""
    if "*" in text:
        return "is a pattern. Name each origin in full, such as 'https://shop.example'."
    if text == "null":
        return "would trust every file and every sandboxed page on the web. Leave it out."
    if "://" not in text:
        return f"has no scheme: write 'https://{text}'."
    scheme, _, rest = text.partition("://")
    if scheme.lower() not in _DEFAULT_PORT:
        return f"has the scheme {scheme!r}; pages with forms come over https or http."
    if "@" in rest:
        return "holds a user name, which browsers never send in an origin. Leave it out."
    if (cut := re.search(r"[/?#]", rest)) and _canonical(text[: len(scheme) + 3 + cut.start()]):
        return f"goes on after the host: write {text[: len(scheme) + 3 + cut.start()]!r}."
    if not rest.isascii():
        return "holds letters that browsers send in punycode: write the host as 'xn--...'."
    return "is not an origin. Write it as a browser sends it, such as 'https://shop.example:8443'."
