"""Multipart bodies as browsers write them, and broken in ways that browsers never do."""

from coatcheck.forms.limits import DEFAULT, Limits
from coatcheck.forms.parser import Form, FormParser

BOUNDARY = "----WebKitFormBoundaryq3JmN1xUeK8aLr0T"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
URLENCODED = "application/x-www-form-urlencoded"


def part(disposition: str | bytes, value: bytes, *headers: str) -> bytes:
    """One part whose Content-Disposition is ``form-data; `` and *disposition*."""
    if isinstance(disposition, str):
        disposition = disposition.encode()
    lines = [
        b"Content-Disposition: form-data; " + disposition,
        *(line.encode() for line in headers),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + value


def text(name: str, value: str) -> bytes:
    return part(f'name="{name}"', value.encode())


def file(name: str, filename: str, content: bytes, content_type: str = "text/plain") -> bytes:
    return part(f'name="{name}"; filename="{filename}"', content, f"Content-Type: {content_type}")


def multipart(*parts: bytes) -> bytes:
    """The whole body, as Chromium ends it."""
    opening = b"--" + BOUNDARY.encode()
    return b"".join(opening + b"\r\n" + each + b"\r\n" for each in parts) + opening + b"--\r\n"


def read(
    body: bytes,
    content_type: str = CONTENT_TYPE,
    limits: Limits = DEFAULT,
    *,
    piece: int = 64 * 1024,
    content_length: str | None = None,
) -> Form:
    """*body* read in pieces of *piece* bytes."""
    with FormParser(content_type, content_length, limits) as parser:
        for start in range(0, len(body), piece):
            parser.feed(body[start : start + piece])
        return parser.finish()
