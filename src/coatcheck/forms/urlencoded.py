"""``application/x-www-form-urlencoded``: query strings and plain forms.

Strict where the WHATWG parser guesses: a broken escape, bytes that are no UTF-8 and a NUL are
errors, because a guess here is a value the visitor never sent. ``&`` is the only separator
(CVE-2021-23336). Bodies that arrive in pieces are ``parser``'s.
"""

import re
from binascii import a2b_qp

from .data import FormData, Source
from .errors import FormTooLarge, MalformedForm, shown
from .limits import DEFAULT, Limits

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def parse_query(query: str | bytes, limits: Limits = DEFAULT) -> FormData[str]:
    """The fields of a query string, given without its question mark.

    Raises ``MalformedForm`` or ``FormTooLarge``.
    """
    if isinstance(query, str):
        try:
            query = query.encode()
        except UnicodeEncodeError:
            raise MalformedForm("The query string is not valid Unicode.") from None
    return _parse(query, limits, "query")


def parse_urlencoded(body: bytes, limits: Limits = DEFAULT) -> FormData[str]:
    """The fields of a whole body. Raises ``MalformedForm`` or ``FormTooLarge``."""
    return _parse(body, limits, "form")


def check_name(name: str) -> str:
    """*name*, unless it holds control characters: then ``MalformedForm``."""
    if _CONTROL.search(name):
        raise MalformedForm(f"The field name {shown(name)} holds a control character.")
    return name


def check_value(name: str, value: str) -> str:
    """*value*, unless it holds a NUL, which no browser sends and databases cannot keep."""
    if "\0" in value:
        raise MalformedForm(
            f"The value of field {shown(name)} holds a NUL character. Send it without: no browser "
            "sends one, and databases cannot keep it."
        )
    return value


def percent_decoded(text: str) -> bytes:
    """The bytes of *text*, whose percent escapes are all whole, with the escapes resolved."""
    # Quoted-printable's escapes are the same but for the sign, and run in C: a body of
    # nothing but escapes costs 40 times less than with urllib.
    return a2b_qp(text.replace("=", "=3D").replace("%", "=").encode())


def _parse(data: bytes, limits: Limits, source: Source) -> FormData[str]:
    if len(data) > limits.body:
        raise FormTooLarge("body", limits.body)
    if not data:
        return FormData(source=source)
    if data.count(b"&") >= limits.fields:
        raise FormTooLarge("fields", limits.fields)
    try:
        text = data.decode().replace("+", " ")
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1:,} of the {'query string' if source == 'query' else 'body'}"
        raise MalformedForm(
            f"{where.capitalize()} is not UTF-8. Serve the page with the form as UTF-8: "
            '<meta charset="utf-8">.'
        ) from None
    escaped = "%" in text
    pairs = []
    for piece in text.split("&"):
        if not piece:
            continue
        name, _, value = piece.partition("=")
        if escaped:
            if "%" in name:
                name = _unescape(name, name)
            if "%" in value:
                value = _unescape(value, name)
        # Characters first: only a text that could be over the limit is worth encoding.
        for part in (name, value):
            if len(part) * 4 > limits.field_size and len(part.encode()) > limits.field_size:
                raise FormTooLarge("field_size", limits.field_size, name)
        pairs.append((check_name(name), check_value(name, value)))
    return FormData(pairs, source=source)


def _unescape(text: str, name: str) -> str:
    if _BROKEN_ESCAPE.search(text):
        raise MalformedForm(
            f"Field {shown(name)} holds a percent sign that two hexadecimal digits do not follow: "
            "the form was cut off, or was not encoded (a literal percent sign is sent as %25)."
        )
    try:
        return percent_decoded(text).decode()
    except UnicodeDecodeError:
        raise MalformedForm(
            f"Field {shown(name)} is not UTF-8 after its percent escapes are resolved. Serve the "
            'page with the form as UTF-8: <meta charset="utf-8">.'
        ) from None
