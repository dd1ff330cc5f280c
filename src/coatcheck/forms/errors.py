"""What can be wrong with a form. All are ``BadRequest``: the visitor's data, never our fault.

Messages name fields and limits and never repeat a value: it may be a password.
"""

from collections.abc import Iterable
from difflib import get_close_matches

from coatcheck.core.errors import BadRequest, CoatcheckError

_NAMES_SHOWN = 20
_NAME_LENGTH = 60


class MalformedForm(BadRequest):
    """A body or query string that no honest browser sends, or that was cut off on its way."""


class UnsupportedForm(BadRequest):
    """A body in an encoding that is not read here: another charset or another content type."""

    status = 415


class FormTooLarge(BadRequest):
    """More than one of the ``Limits`` allows; the rest of the body was not read.

    ``limit`` is the name of the limit, ``allowed`` its value (bytes or a count) and ``field`` the
    field that went over it, or None where it is not one field's doing.
    """

    status = 413

    def __init__(self, limit: str, allowed: int, field: str | None = None) -> None:
        self.limit = limit
        self.allowed = allowed
        self.field = field
        amount = f"{allowed:,}" if limit in ("fields", "files") else size_in_words(allowed)
        what = {
            "body": f"The form holds more than {amount}, files not counted",
            "total": f"The form with its files is larger than {amount}",
            "fields": f"The form has more than {amount} fields",
            "files": f"The form has more than {amount} files",
            "field_size": f"One field is larger than {amount}",
            "file_size": f"One file is larger than {amount}",
            "part_headers": f"The headers of one part take more than {amount} or 8 lines",
        }[limit]
        place = "after" if limit == "part_headers" else "at"
        where = f" ({place} field {shown(field)})" if field is not None else ""
        super().__init__(f"{what}{where}. Send less, or let more in with Limits({limit}=...).")


class MissingField(BadRequest, KeyError):
    """A field that the view asked for and the visitor did not send.

    Also a ``KeyError``, so code written for a dict goes on working; left uncaught it is a 400 whose
    message names the fields that were sent.
    """

    def __init__(self, field: object, sent: Iterable[str], source: str) -> None:
        self.field = field
        names = list(sent)
        self.message = f"{_missing(field, names, source)} {_remedy(field, names, source)}"
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message  # KeyError would show it in quotes


class FormTooSlow(BadRequest):
    """A body that stopped coming, or came so slowly that it would hold the connection for hours."""

    status = 408

    def __init__(self, received: int, seconds: float) -> None:
        self.received = received
        super().__init__(
            f"The form came too slowly: {size_in_words(received)} of it in {seconds:g} seconds or "
            "more, and then nothing. Send it again, over a better connection."
        )


class UnsuitableUpload(BadRequest):
    """A file that is not what the form asks for; see ``Upload.check``.

    ``problem`` is "size" (413), "empty", "type" or "extension" (415); ``filename`` the file's, and
    ``found`` its type by content, None where that is not known.
    """

    def __init__(self, problem: str, message: str, filename: str, found: str | None = None) -> None:
        self.problem = problem
        self.filename = filename
        self.found = found
        self.status = 413 if problem == "size" else 415
        super().__init__(message)


class UploadNotStored(CoatcheckError):
    """The server had no room for an upload. The parts already written were removed."""

    status = 503


def shown(name: object) -> str:
    """*name* as a message may show it: control and bidi characters escaped, and not endless."""
    text = repr(name)
    return text if len(text) <= _NAME_LENGTH else f"{text[: _NAME_LENGTH - 4]}...'"


def size_in_words(size: int) -> str:
    """*size* bytes for people: ``64 KB``, ``2.5 MB`` (of 1024)."""
    for unit, factor in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if size >= factor:
            return f"{size / factor:.1f}".removesuffix(".0") + f" {unit}"
    return f"{size:,} bytes"


def _missing(field: object, names: list[str], source: str) -> str:
    have = ", ".join(shown(name) for name in names[:_NAMES_SHOWN])
    if len(names) > _NAMES_SHOWN:
        have += f" and {len(names) - _NAMES_SHOWN:,} more"
    what = "file" if source == "files" else "field"
    where = "query string" if source == "query" else "form"
    return f"The {where} has no {what} {shown(field)}; it has {have or f'no {what}s at all'}."


def _remedy(field: object, names: list[str], source: str) -> str:
    if source == "files" and not names:
        return 'A form sends files only with <form method="post" enctype="multipart/form-data">.'
    near = get_close_matches(field, names[:_NAMES_SHOWN], n=1) if isinstance(field, str) else []
    if near and len(near[0]) <= _NAME_LENGTH:
        return f"Did you mean {shown(near[0])}?"
    return (
        f"Check the name in the template, or use .get({shown(field)}) for one that may be absent."
    )
