"""Whether a request that changes something was sent by our own page.

One pure decision, ``check``: the browser's own word first (Sec-Fetch-Site, then Origin), the token
where a browser says neither. So a form without a token still works from our own page, and old
browsers and proxies that strip headers are still served. Reading headers, cookies and form is the
host's; origins are written in ``origins``.

The token is ``version . nonce . mac(version, nonce, binding)``: it holds no secret, and the fresh
nonce makes every copy look different while all of them stay good, so compression gives nothing away
(BREACH). It proves that whoever had it rendered was this visitor. Tokens of version 2 prove as much
here, and name one submission besides: see ``tickets``.
"""

import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from coatcheck.wire.signing import Keyring

from .data import FormData
from .errors import shown
from .origins import NO_OTHERS, TrustedOrigins

FIELD = "csrfmiddlewaretoken"
FIELDS = (FIELD, "csrf_token")
HEADER = "X-CSRFToken"
BINDING_COOKIE = "coatcheck_csrf"

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

PURPOSE = "coatcheck.forms.csrf"
"""What the keyring derives the key of these tokens for."""

_VERSION = b"\x01"
_NONCE = 18
_MAC = 32
# 51 bytes fill base64 exactly, and so do the 96 of a ticket, whose first 32 are signed here: no
# padding, and no two texts for one token.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{68}(?:[A-Za-z0-9_-]{60})?")
_HEADS = {51: (_VERSION, 1 + _NONCE), 96: (b"\x02", 32)}
_BINDING = re.compile(r"[A-Za-z0-9_-]{32}")


class Reason(StrEnum):
    """Why ``check`` decided so. The words are stable: log them, count them."""

    SAFE_METHOD = "safe-method"
    SAME_ORIGIN = "same-origin"
    VISITOR = "visitor"
    OWN_ORIGIN = "own-origin"
    TRUSTED_ORIGIN = "trusted-origin"
    TOKEN = "token"  # noqa: S105 (a word for the log)
    REPEATED_HEADER = "repeated-header"
    OPAQUE_ORIGIN = "opaque-origin"
    CROSS_SITE = "cross-site"
    OTHER_ORIGIN = "other-origin"
    NO_BINDING = "no-binding"
    NO_TOKEN = "no-token"  # noqa: S105
    WRONG_TOKEN = "wrong-token"  # noqa: S105


@dataclass(frozen=True, slots=True)
class CsrfRequest:
    """What ``check`` looks at, as raw as it came.

    *origin* is the site's own, from ``own_origin``. *sec_fetch_site* and *origins* are the values
    of every such header line. *token* is from ``sent_token``. *binding* identifies the visitor: a
    digest of the session's secret, or the browser's ``BINDING_COOKIE``; None when there is neither.
    """

    method: str
    origin: str
    keyring: Keyring = field(repr=False)
    sec_fetch_site: Sequence[str] = ()
    origins: Sequence[str] = ()
    token: str | None = field(default=None, repr=False)
    binding: bytes | None = field(default=None, repr=False)
    trusted: TrustedOrigins = NO_OTHERS


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of ``check``: go on, or 403 with this message."""

    allowed: bool
    reason: Reason
    message: str

    @property
    def asks_for_token(self) -> bool:
        """Whether a token would still turn a refusal round: a host that has not read the form yet
        reads it now and asks again."""
        return self.reason is Reason.NO_TOKEN


def check(request: CsrfRequest) -> Verdict:
    """Decide whether *request* may change something.

    Every method but GET, HEAD and OPTIONS, spelled exactly so, has to show that it comes from our
    own page or a trusted origin (Go's CrossOriginProtection, tightened: the scheme counts, and with
    no word from the browser a token is required).
    """
    if request.method in SAFE_METHODS:
        return _allow(Reason.SAFE_METHOD)
    for name, values in (("Sec-Fetch-Site", request.sec_fetch_site), ("Origin", request.origins)):
        if len(values) > 1:
            return _refuse(
                Reason.REPEATED_HEADER,
                f"The request has {len(values)} {name} headers; browsers send one. Look for the "
                "proxy or script that adds the other.",
            )
    site = request.sec_fetch_site[0].strip(" \t") if request.sec_fetch_site else None
    origin = request.origins[0].strip(" \t") if request.origins else None
    if site == "same-origin":
        return _allow(Reason.SAME_ORIGIN)
    if site == "none":
        return _allow(Reason.VISITOR)
    if origin is not None and origin in request.trusted:
        return _allow(Reason.TRUSTED_ORIGIN)
    if origin == "null":
        return _refuse(
            Reason.OPAQUE_ORIGIN,
            "The page with this form has no origin (Origin: null). Most often it was opened as a "
            f"file (file://...): open it from the server instead, at {request.origin}/. Pages in "
            "a sandboxed frame and pages with Referrer-Policy: no-referrer send the same.",
        )
    if site is not None:
        return _refuse(
            Reason.CROSS_SITE,
            f"The form was sent by a page of another site (Sec-Fetch-Site: {shown(site)}, "
            f"Origin: {_named(origin)}). {_trust(origin)}",
        )
    if origin is not None:
        if origin and origin == request.origin:
            return _allow(Reason.OWN_ORIGIN)
        return _refuse(
            Reason.OTHER_ORIGIN,
            f"The form was sent by a page of {shown(origin)}, and this site is "
            f"{request.origin!r}. {_trust(origin)} If both are this site, the proxy in front hides "
            "its scheme or host name: set up its forwarded headers.",
        )
    return _check_token(request)


def mint(keyring: Keyring, binding: bytes) -> str:
    """A token for the visitor with this *binding*: 68 characters, different at every call."""
    if not binding:
        raise ValueError("An empty binding would be every visitor's: pass new_binding().encode().")
    head = _VERSION + secrets.token_bytes(_NONCE)
    return urlsafe_b64encode(head + keyring.mac(PURPOSE, head + binding)).decode()


def valid(token: str, keyring: Keyring, binding: bytes) -> bool:
    """Whether *token* was made for this *binding* with any key of the keyring.

    By ``mint``, that is, here or in ``tickets``. False for whatever else it holds, in constant time
    for everything of a token's shape.
    """
    if not binding or not _TOKEN.fullmatch(token):
        return False
    raw = urlsafe_b64decode(token)
    version, length = _HEADS[len(raw)]
    head, mac = raw[:length], raw[length : length + _MAC]
    return keyring.verify(PURPOSE, head + binding, mac) and head.startswith(version)


def sent_token(fields: FormData[str] | None, headers: Sequence[str] = ()) -> str | None:
    """The token of a request: its ``X-CSRFToken`` header, else a field of its body, else None.

    The fields of a query string are not looked at: a token in a URL would be in logs and Referer
    headers.
    """
    if headers:
        return headers[-1]
    if fields is not None and fields.source == "form":
        for name in FIELDS:
            if name in fields:
                return fields[name]
    return None


def hidden_field(token: str) -> str:
    """The HTML of ``{% csrf_token %}``. Safe to print: a token holds no character of HTML's."""
    return f'<input type="hidden" name="{FIELD}" value="{token}">'


def new_binding() -> str:
    """A value for the ``BINDING_COOKIE`` of a browser without a session: 192 random bits."""
    return secrets.token_urlsafe(24)


def is_binding(text: str) -> bool:
    """Whether *text* has the shape of ``new_binding``'s. Replace a cookie that has not."""
    return _BINDING.fullmatch(text) is not None


def _check_token(request: CsrfRequest) -> Verdict:
    if request.token is None:
        return _refuse(
            Reason.NO_TOKEN,
            "The form carries no token, and the browser did not say where it comes from. Write "
            "{% csrf_token %} inside the <form> of the template; scripts send the token in the "
            f"header {HEADER}.",
        )
    if request.binding is None:
        return _refuse(
            Reason.NO_BINDING,
            "The browser sent no cookie to go with the form's token. Cookies may be switched off, "
            "or the page came over http while the cookie is kept for https.",
        )
    if not valid(request.token, request.keyring, request.binding):
        return _refuse(
            Reason.WRONG_TOKEN,
            "The form's token is not this visitor's: it was shown before a login or logout, to "
            "another browser, or signed with a key that is no longer in SECRET_KEY_FALLBACKS. Load "
            "the page with the form again and send it from there.",
        )
    return _allow(Reason.TOKEN)


def _allow(reason: Reason) -> Verdict:
    return Verdict(True, reason, "")


def _refuse(reason: Reason, message: str) -> Verdict:
    return Verdict(False, reason, message)


def _named(origin: str | None) -> str:
    return "none" if origin is None else shown(origin)


def _trust(origin: str | None) -> str:
    if origin is None:
        return "Send it from a page of this site."
    return f"If that site is yours, add {shown(origin)} to TRUSTED_ORIGINS."
