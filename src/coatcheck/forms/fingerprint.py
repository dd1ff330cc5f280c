"""Whether two submissions hold the same: SHA-256 over everything that was sent, in its order.

The pressed button is a field like any other. What differs between two copies of one form although
the visitor did the same is left out: the token, and whatever fields the caller names.
"""

from collections.abc import Callable, Collection, Iterable
from hashlib import sha256

from .csrf import FIELDS
from .data import FormData
from .uploads import Upload


def of_form(
    fields: FormData[str], files: FormData[Upload] | None = None, without: Collection[str] = ()
) -> bytes:
    """32 bytes for a form. Files count by name and content, and are left ready to be read.

    *without* names fields that do not count, besides those of the token.
    """
    digest = sha256(b"form")
    for name, value in fields.pairs():
        if name not in FIELDS and name not in without:
            _add(digest.update, (b"field", _bytes(name), _bytes(value)))
    for name, upload in files.pairs() if files is not None else ():
        content = sha256()
        for chunk in upload.chunks():
            content.update(chunk)
        upload.file.seek(0)
        _add(
            digest.update,
            (b"file", _bytes(name), _bytes(upload.raw_filename), content.digest()),
        )
    return digest.digest()


def of_body(content_type: str, body: bytes) -> bytes:
    """32 bytes for a body that is no form, such as JSON."""
    digest = sha256(b"body")
    _add(digest.update, (_bytes(content_type), body))
    return digest.digest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _add(update: Callable[[bytes], None], parts: Iterable[bytes]) -> None:
    # With their lengths: no two lists of fields run together into the same bytes.
    for part in parts:
        update(len(part).to_bytes(8))
        update(part)
