"""What a file is, judged by its own bytes: neither its name nor the sender's word is asked.

A table of the types that forms take, and a test for each. The tests say how a file of the type
begins (and, for documents in a zip, what it lists at its end). They keep a program from passing for
a picture; they do not prove that all of the file is one. ``uploads`` checks files with it.
"""

import codecs
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from coatcheck.core.errors import ConfigurationError

_HEAD = 512
_TAIL = 64 * 1024
_CHUNK = 64 * 1024
_PLAIN_TEXT = re.compile(r"[^\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]*")


@dataclass(frozen=True, slots=True)
class ContentType:
    """One type that can be told by its bytes."""

    name: str
    extensions: tuple[str, ...]
    """Those that files of this type are called by, the usual one first."""
    fits: Callable[[IO[bytes]], bool]
    """Whether a file is of this type, as far as bytes say. Reads it from anywhere."""


def content_type_of(file: IO[bytes]) -> str | None:
    """The type of *file* by its content; None for one that is not in the table.

    The file is left at its start.
    """
    return next((one.name for one in fitting(file, KNOWN.values())), None)


def fitting(file: IO[bytes], types: Iterable[ContentType]) -> Iterator[ContentType]:
    """Those of *types* that *file* is, in their order. Leaves it at its start."""
    for one in types:
        fits = one.fits(file)
        file.seek(0)
        if fits:
            yield one


def allowed(types: Iterable[str]) -> tuple[ContentType, ...]:
    """The known types that *types* names; ``image/*`` names all that are pictures.

    In the table's order. Raises ``ConfigurationError`` for a name that cannot be told by bytes: to
    let such a file through unchecked would be a weaker check than was asked for.
    """
    names = [types] if isinstance(types, str) else list(types)
    wanted: set[str] = set()
    for name in names:
        matching = (
            {known for known in KNOWN if known.startswith(name[:-1])}
            if name.endswith("/*")
            else {name} & KNOWN.keys()
        )
        if not matching:
            raise ConfigurationError(
                f"The content type {name!r} cannot be told from a file's bytes here. Known are "
                f"{', '.join(KNOWN)}; 'image/*', 'audio/*' and 'video/*' stand for all of a kind."
            )
        wanted |= matching
    return tuple(known for name, known in KNOWN.items() if name in wanted)


def _head(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(_HEAD)


def _begins(*signatures: bytes, at: int = 0) -> Callable[[IO[bytes]], bool]:
    return lambda file: _head(file)[at:].startswith(signatures)


def _riff(kind: bytes) -> Callable[[IO[bytes]], bool]:
    return lambda file: (head := _head(file)).startswith(b"RIFF") and head[8:12] == kind


def _brand(*brands: bytes) -> Callable[[IO[bytes]], bool]:
    """ISO 14496-12: a file of boxes, the first of which names its major brand."""
    return lambda file: (head := _head(file))[4:8] == b"ftyp" and head[8:12] in brands


def _zip_with(*names: bytes) -> Callable[[IO[bytes]], bool]:
    """A zip archive whose directory, at its end, lists all of *names*."""

    def fits(file: IO[bytes]) -> bool:
        if not _head(file).startswith(b"PK\x03\x04"):
            return False
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _TAIL))
        tail = file.read(_TAIL)
        return all(name in tail for name in names)

    return fits


def _open_document(kind: bytes) -> Callable[[IO[bytes]], bool]:
    """OpenDocument 1.2, part 3, 3.3: the type itself, uncompressed, is the first entry."""
    return lambda file: (
        (head := _head(file)).startswith(b"PK\x03\x04")
        and head[30:].startswith(b"mimetypeapplication/vnd.oasis.opendocument." + kind)
    )


def _bmp(file: IO[bytes]) -> bool:
    head = _head(file)
    return head.startswith(b"BM") and head[6:10] == bytes(4) and len(head) >= 26


def _webm(file: IO[bytes]) -> bool:
    head = _head(file)
    return head.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in head[:64]


def _text(file: IO[bytes]) -> bool:
    """All of it is UTF-8 without the control characters that no text has; and not empty."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    empty = True
    try:
        while chunk := file.read(_CHUNK):
            empty = False
            if not _PLAIN_TEXT.fullmatch(decoder.decode(chunk)):
                return False
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return False
    return not empty


_TABLE = (
    ContentType("image/png", ("png",), _begins(b"\x89PNG\r\n\x1a\n")),
    ContentType("image/jpeg", ("jpg", "jpeg", "jpe", "jfif"), _begins(b"\xff\xd8\xff")),
    ContentType("image/gif", ("gif",), _begins(b"GIF87a", b"GIF89a")),
    ContentType("image/webp", ("webp",), _riff(b"WEBP")),
    ContentType("image/avif", ("avif",), _brand(b"avif", b"avis")),
    ContentType("image/heic", ("heic", "heif"), _brand(b"heic", b"heix", b"mif1")),
    ContentType("image/bmp", ("bmp",), _bmp),
    ContentType("image/tiff", ("tif", "tiff"), _begins(b"II*\0", b"MM\0*")),
    ContentType("application/pdf", ("pdf",), _begins(b"%PDF-")),
    ContentType(
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ("docx",),
        _zip_with(b"[Content_Types].xml", b"word/"),
    ),
    ContentType(
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ("xlsx",),
        _zip_with(b"[Content_Types].xml", b"xl/"),
    ),
    ContentType(
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        ("pptx",),
        _zip_with(b"[Content_Types].xml", b"ppt/"),
    ),
    ContentType("application/vnd.oasis.opendocument.text", ("odt",), _open_document(b"text")),
    ContentType(
        "application/vnd.oasis.opendocument.spreadsheet", ("ods",), _open_document(b"spreadsheet")
    ),
    ContentType("application/zip", ("zip",), _begins(b"PK\x03\x04", b"PK\x05\x06")),
    ContentType("application/gzip", ("gz", "tgz"), _begins(b"\x1f\x8b\x08")),
    ContentType("audio/flac", ("flac",), _begins(b"fLaC")),
    ContentType("audio/mp4", ("m4a", "mp4"), _brand(b"M4A ", b"M4B ")),
    ContentType(
        "audio/mpeg", ("mp3",), _begins(b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa")
    ),
    ContentType("audio/ogg", ("ogg", "oga", "opus"), _begins(b"OggS")),
    ContentType("audio/wav", ("wav",), _riff(b"WAVE")),
    ContentType(
        "video/mp4",
        ("mp4", "m4v"),
        _brand(b"isom", b"iso2", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"dash"),
    ),
    ContentType("video/quicktime", ("mov", "qt"), _brand(b"qt  ")),
    ContentType("video/webm", ("webm",), _webm),
    ContentType("text/plain", ("txt", "text", "log", "md", "csv"), _text),
    ContentType("text/csv", ("csv",), _text),
)
KNOWN: Mapping[str, ContentType] = {one.name: one for one in _TABLE}
"""By name, the more special before the more general."""
