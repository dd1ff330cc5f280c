"""A form's body, piece by piece: nothing is read here, so blocking and async hosts share it.

::

    with FormParser(content_type, content_length, limits) as parser:
        async for chunk in body:
            parser.feed(chunk)
        fields, files = parser.finish()

Every limit is counted before the bytes are kept, and a body that is broken or cut off is an error,
never an empty form. The grammar of multipart is the ``multipart`` library's; the framing around it
(nothing before the first boundary, nothing after the last) is held here, because the library's own
answer to it depends on how the network cut the body up.
"""

import re
import tempfile
from typing import IO, NamedTuple, Protocol, Self
from urllib.parse import unquote_plus

from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    content_disposition_unquote,
)

from . import headers
from .data import FormData
from .errors import FormTooLarge, MalformedForm, UnsupportedForm, UploadNotStored, shown
from .limits import DEFAULT, Limits
from .uploads import Upload, safe_filename
from .urlencoded import check_name, check_value, parse_urlencoded

# What browsers write: the only shape whose reading by the library needs no second look.
_BROWSER_DISPOSITION = re.compile(r'form-data; name="[^"]*"(?:; filename="[^"]*")?')
_PLAIN_TRANSFER = ("7bit", "8bit", "binary")
_HEADER_LINES = 8
# Small chunks are joined first: a body sent a byte at a time would be searched and copied as often,
# and bytes.find is several times slower per byte on short hostile pieces.
_PIECE = 64 * 1024
_NAME_SOUGHT = 256


class Form(NamedTuple):
    """A whole form. Whoever takes it closes the files."""

    fields: FormData[str]
    files: FormData[Upload]


class _Reader(Protocol):
    @property
    def field(self) -> str | None:
        """The field that was being read last, for messages."""

    def feed(self, chunk: bytes) -> None: ...
    def finish(self) -> Form: ...
    def discard(self) -> None: ...


class FormParser:
    """Reads one form, urlencoded or multipart, from chunks of any size.

    *content_type* and *content_length* are the request's headers as they came. Raises
    ``UnsupportedForm``, ``MalformedForm``, ``FormTooLarge`` or ``UploadNotStored``, here already
    where the headers say enough; whatever was read until then is removed. A parser that raised or
    was closed takes no more bytes.
    """

    def __init__(
        self, content_type: str, content_length: str | None = None, limits: Limits = DEFAULT
    ) -> None:
        boundary = headers.boundary_of(content_type)
        self._declared = headers.content_length(content_length)
        self._received = 0
        self._limit = "body" if boundary is None else "total"
        self._allowed: int = getattr(limits, self._limit)
        if self._declared is not None and self._declared > self._allowed:
            raise FormTooLarge(self._limit, self._allowed)
        self._reader: _Reader = (
            _Urlencoded(limits) if boundary is None else _Multipart(boundary, limits)
        )
        self._open = True

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body."""
        self._require_open()
        self._received += len(chunk)
        try:
            if self._received > self._allowed:
                raise FormTooLarge(self._limit, self._allowed, self._reader.field)
            if self._declared is not None and self._received > self._declared:
                raise MalformedForm(
                    f"The body goes on after the {self._declared:,} bytes of its Content-Length."
                )
            self._reader.feed(chunk)
        except BaseException:
            self.close()
            raise

    def finish(self) -> Form:
        """The form, once the last chunk was fed. Its files are now the caller's to close."""
        self._require_open()
        try:
            if self._declared is not None and self._received < self._declared:
                raise MalformedForm(
                    f"The body ended after {self._received:,} of the {self._declared:,} bytes of "
                    "its Content-Length: it was cut off. Send the form again."
                )
            form = self._reader.finish()
        except BaseException:
            self.close()
            raise
        self._open = False
        return form

    def close(self) -> None:
        """Remove what was read, unless ``finish`` has handed it over. For a client that left."""
        if self._open:
            self._open = False
            self._reader.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _require_open(self) -> None:
        if not self._open:
            raise RuntimeError("This FormParser has finished, failed or been closed already.")


class _Urlencoded:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._body = bytearray()
        self._separators = 0

    @property
    def field(self) -> str | None:
        start = self._body.rfind(b"&") + 1
        begun = bytes(self._body[start : start + _NAME_SOUGHT])
        return unquote_plus(begun.partition(b"=")[0].decode("utf-8", "replace")) or None

    def feed(self, chunk: bytes) -> None:
        self._separators += chunk.count(b"&")
        if self._separators >= self._limits.fields:
            raise FormTooLarge("fields", self._limits.fields)
        self._body += chunk

    def finish(self) -> Form:
        return Form(parse_urlencoded(bytes(self._body), self._limits), FormData(source="files"))

    def discard(self) -> None:
        self._body.clear()


class _Multipart:
    def __init__(self, boundary: str, limits: Limits) -> None:
        self.field: str | None = None
        self._limits = limits
        self._parser = PushMultipartParser(
            boundary,
            max_header_size=limits.part_headers,
            max_header_count=_HEADER_LINES,
            strict=True,
        )
        self._framing = _Framing(boundary)
        self._pending = bytearray()
        self._part: _Text | _File | None = None
        self._parts = 0
        self._body = 0
        self._fields: list[tuple[str, str]] = []
        self._files: list[tuple[str, Upload]] = []
        self._field_count = 0
        self._file_count = 0

    def feed(self, chunk: bytes) -> None:
        if self._pending or len(chunk) < _PIECE:
            self._pending += chunk
            if len(self._pending) < _PIECE:
                return
            chunk = bytes(self._pending)
            self._pending.clear()
        self._parse(self._framing.inside(chunk))

    def finish(self) -> Form:
        if self._pending:
            self._parse(self._framing.inside(bytes(self._pending)))
        try:
            self._parser.close()
        except MultipartError:
            raise MalformedForm(
                f"The form ended before its last boundary, {self._place()}: it was cut off. "
                "Send it again."
            ) from None
        return Form(FormData(self._fields), FormData(self._files, source="files"))

    def discard(self) -> None:
        if self._part is not None:
            self._part.discard()
        for _, upload in self._files:
            upload.close()
        self._files.clear()
        self._fields.clear()

    def _parse(self, data: bytes) -> None:
        if not data:
            return
        try:
            for event in self._parser.parse(data):
                if event is None:
                    self._end_part()
                elif isinstance(event, MultipartSegment):
                    self._begin_part(event)
                else:
                    self._write(event)
        except ParserLimitReached as error:
            raise FormTooLarge("part_headers", self._limits.part_headers, self.field) from error
        except MultipartError as error:
            reason = error.args[0]
            raise MalformedForm(f"The form is broken {self._place()}: {reason}.") from error
        except OSError as error:
            raise UploadNotStored(
                f"An upload could not be written to the temporary directory ({error.strerror}). "
                "Make room there, or name another one in the environment variable TMPDIR."
            ) from error

    def _begin_part(self, segment: MultipartSegment) -> None:
        self._parts += 1
        lines: list[tuple[str, str]] = segment.headerlist
        size = sum(len(name) + len(value.encode()) + 4 for name, value in lines)
        if size > self._limits.part_headers:
            raise FormTooLarge("part_headers", self._limits.part_headers, self.field)
        name, filename = self._disposition(segment)
        self.field = check_name(name)
        self._count(size)
        given = {header: value for header, value in lines if header != "Content-Disposition"}
        transfer = given.get("Content-Transfer-Encoding", "binary").strip(" \t").lower()
        if transfer not in _PLAIN_TRANSFER:
            raise UnsupportedForm(
                f"Field {shown(name)} is sent in the Content-Transfer-Encoding {shown(transfer)}, "
                "which RFC 7578 4.7 retired: send the bytes as they are."
            )
        if filename is None:
            self._begin_text(name, given.get("Content-Type"))
        else:
            self._begin_file(filename, headers.media_type(given.get("Content-Type", "")))

    def _begin_text(self, name: str, content_type: str | None) -> None:
        self._field_count += 1
        if self._field_count > self._limits.fields:
            raise FormTooLarge("fields", self._limits.fields)
        if content_type is not None:
            _, given = headers.parameters(content_type, f"The Content-Type of field {shown(name)}")
            headers.require_utf8(given.get("charset"), f"Field {shown(name)}")
        self._part = _Text()

    def _begin_file(self, filename: str, content_type: str) -> None:
        self._file_count += 1
        if self._file_count > self._limits.files:
            raise FormTooLarge("files", self._limits.files)
        self._part = _File(filename, content_type, self._limits.spool)

    def _disposition(self, segment: MultipartSegment) -> tuple[str, str | None]:
        lines = [value for header, value in segment.headerlist if header == "Content-Disposition"]
        what = f"The Content-Disposition of part {self._parts:,}"
        if len(lines) > 1:
            raise MalformedForm(f"{what} is given twice.")
        if _BROWSER_DISPOSITION.fullmatch(lines[0]):
            return segment.name, segment.filename
        _, given = headers.parameters(lines[0], what)
        if "name" not in given:
            raise MalformedForm(f"{what} names no field.")
        if "filename*" in given and "filename" not in given:
            raise MalformedForm(
                f"{what} gives the file's name only as filename*, which RFC 7578 4.2 forbids: "
                "send filename."
            )
        filename = given.get("filename")
        return (
            content_disposition_unquote(given["name"]),
            None if filename is None else content_disposition_unquote(filename),
        )

    def _write(self, data: bytes) -> None:
        if isinstance(self._part, _Text):
            self._count(len(data))
            self._grow(self._part, data, "field_size", self._limits.field_size)
        elif self._part is not None:
            self._grow(self._part, data, "file_size", self._limits.file_size)

    def _grow(self, part: "_Text | _File", data: bytes, limit: str, allowed: int) -> None:
        if part.size + len(data) > allowed:
            raise FormTooLarge(limit, allowed, self.field)
        part.write(data)

    def _count(self, size: int) -> None:
        self._body += size
        if self._body > self._limits.body:
            raise FormTooLarge("body", self._limits.body, self.field)

    def _end_part(self) -> None:
        part, self._part = self._part, None
        name = self.field or ""
        if isinstance(part, _Text):
            self._fields.append((name, part.text(name)))
        elif part is not None and (upload := part.upload()):
            self._files.append((name, upload))

    def _place(self) -> str:
        if not self._parts:
            return "before its first field"
        return f"in or after field {shown(self.field)} (part {self._parts:,})"


class _Framing:
    """Cuts the body to what stands between the first boundary and the last, and refuses the rest.

    Other bytes there are legal in mail (RFC 2046 preamble and epilogue) and senseless in a form:
    room to hide a second one.
    """

    def __init__(self, boundary: str) -> None:
        self._first = f"--{boundary}".encode()
        self._last = f"\r\n--{boundary}--".encode()
        self._carry = b"\r\n"  # the first boundary has no line before it
        self._begun = False
        self._after: bytes | None = None

    def inside(self, data: bytes) -> bytes:
        """The part of *data* that is the form's. Chunks come in order."""
        if not self._begun:
            self._begun = True
            if not data.removeprefix(b"\r\n").startswith(self._first):
                raise MalformedForm(
                    "The form does not begin with the boundary that its Content-Type names. "
                    "Leave that header to the browser: fetch() sets it for a FormData body."
                )
        if self._after is not None:
            self._refuse_more_than_a_line_end(data)
            return b""
        overlap = len(self._last) - 1
        seam = self._carry + data[:overlap]
        found = seam.find(self._last)
        end = found - len(self._carry) if found >= 0 else data.find(self._last)
        if found < 0 and end < 0:
            self._carry = (
                (self._carry + data)[-overlap:] if len(data) < overlap else data[-overlap:]
            )
            return data
        end += len(self._last)
        self._after = b""
        self._refuse_more_than_a_line_end(data[end:])
        return data[:end]

    def _refuse_more_than_a_line_end(self, data: bytes) -> None:
        self._after = (self._after or b"") + data[:3]
        if not b"\r\n".startswith(self._after):
            raise MalformedForm("The form goes on after its last boundary.")


class _Text:
    def __init__(self) -> None:
        self.size = 0
        self._chunks: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.size += len(data)
        self._chunks.append(data)

    def text(self, name: str) -> str:
        try:
            return check_value(name, b"".join(self._chunks).decode())
        except UnicodeDecodeError as error:
            raise MalformedForm(
                f"Byte {error.start + 1:,} of field {shown(name)} is not UTF-8. Serve the page "
                'with the form as UTF-8: <meta charset="utf-8">.'
            ) from None

    def discard(self) -> None:
        self._chunks.clear()


class _File:
    def __init__(self, raw_filename: str, content_type: str, spool: int) -> None:
        self.size = 0
        self._raw_filename = raw_filename
        self._content_type = content_type
        # Outlives this function by design: the upload closes it.
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=spool)  # noqa: SIM115

    def write(self, data: bytes) -> None:
        self.size += len(data)
        self._file.write(data)

    def upload(self) -> Upload | None:
        """The finished upload; None for a file input that was left empty."""
        if not self._raw_filename and not self.size:
            self._file.close()
            return None
        self._file.seek(0)
        return Upload(
            filename=safe_filename(self._raw_filename),
            content_type=self._content_type,
            size=self.size,
            file=self._file,
            raw_filename=self._raw_filename,
        )

    def discard(self) -> None:
        self._file.close()
