"""Header values with parameters, read strictly: ``form-data; name="a"`` and its like.

A parameter given twice is refused, never picked from: two readers that pick differently are how a
body passes one and means something else to the next (CVE-2026-26961).
"""

import re

from .errors import MalformedForm, UnsupportedForm, shown

# An unquoted value is wider than RFC 9110's token: Java's mail boundaries hold "=" without quotes.
_PARAMETER = re.compile(
    r"""[ \t]*;[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*("(?:\\.|[^"\\])*"|[^\s;",\\]+)"""
)
_END = re.compile(r"[ \t]*+;?[ \t]*+")  # possessive: backtracking would be quadratic
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_MEDIA_TYPE = re.compile(r"[!#$&^_.+0-9a-z-]{1,127}/[!#$&^_.+0-9a-z-]{1,127}")  # RFC 6838 4.2
_LENGTH = re.compile(r"[0-9]{1,18}")

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
_LONGEST_CONTENT_TYPE = 1024


def parameters(header: str, what: str) -> tuple[str, dict[str, str]]:
    """The first word of *header* and its parameters, names in lower case, values as written.

    Raises ``MalformedForm``, calling the header *what*, for anything that does not fit the grammar
    and for a parameter given twice.
    """
    first, semicolon, _ = header.partition(";")
    end = len(first)
    found: dict[str, str] = {}
    while semicolon and (match := _PARAMETER.match(header, end)):
        name = match[1].lower()
        if name in found:
            raise MalformedForm(f"{what} gives the parameter {shown(name)} twice.")
        found[name] = match[2]
        end = match.end()
    if not _END.fullmatch(header, end):
        raise MalformedForm(f"{what} is malformed: {shown(header)}.")
    return first.strip(" \t").lower(), found


def media_type(content_type: str) -> str:
    """The type alone, in lower case; ``application/octet-stream`` where it is none."""
    name = content_type.partition(";")[0].strip(" \t").lower()
    return name if _MEDIA_TYPE.fullmatch(name) else "application/octet-stream"


def is_form(content_type: str | None) -> bool:
    """Whether a body of this Content-Type is a form that ``FormParser`` reads."""
    return media_type(content_type or "") in (URLENCODED, MULTIPART)


def boundary_of(content_type: str) -> str | None:
    """The boundary of a multipart form; None for a urlencoded one.

    Raises ``UnsupportedForm`` for a body that is no form or not UTF-8, ``MalformedForm`` for a
    header that is broken or whose boundary is not that of RFC 2046 5.1.1.
    """
    if len(content_type) > _LONGEST_CONTENT_TYPE:
        raise MalformedForm(
            f"The Content-Type is longer than {_LONGEST_CONTENT_TYPE:,} characters."
        )
    if not is_form(content_type):
        raise UnsupportedForm(
            f"A body of Content-Type {shown(content_type)} is not a form: send {URLENCODED} or "
            f'{MULTIPART}, which a <form> does unless it says enctype="text/plain".'
        )
    kind, given = parameters(content_type, "The Content-Type")
    require_utf8(given.get("charset"), "The form")
    if kind == URLENCODED:
        return None
    boundary = given.get("boundary")
    if boundary is None:
        raise MalformedForm(
            f"The Content-Type {MULTIPART} names no boundary. Leave the header to the browser: "
            "fetch() sets it for a FormData body when you do not."
        )
    boundary = unquoted(boundary)
    if not _BOUNDARY.fullmatch(boundary):
        raise MalformedForm(
            "The boundary in the Content-Type is not 1 to 70 of the characters of RFC 2046 5.1.1."
        )
    return boundary


def require_utf8(charset: str | None, what: str) -> None:
    """Refuse any charset but UTF-8: one that the sender picks is a way past every filter."""
    if charset is not None and unquoted(charset).lower() not in ("utf-8", "utf8"):
        raise UnsupportedForm(
            f"{what} is in the charset {shown(unquoted(charset))}; only UTF-8 is read. "
            'Serve the page with <meta charset="utf-8"> and leave out accept-charset.'
        )


def content_length(header: str | None) -> int | None:
    """The number of a Content-Length header, None without one; else ``MalformedForm``."""
    if header is None:
        return None
    if not _LENGTH.fullmatch(header):
        raise MalformedForm(f"The Content-Length {shown(header)} is not a number of bytes.")
    return int(header)


def unquoted(value: str) -> str:
    """*value* without its quotes and backslashes (RFC 9110 5.6.4)."""
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value[:1] == '"' else value
