"""Files that visitors send: a name to trust, a claim about the type, and bytes on loan.

The bytes wait in memory or, when large, in a nameless temporary file that is gone once closed;
``save`` keeps them. ``parser`` makes uploads, the host closes them when the answer is sent.

What a file must be is said where it is used, and judged by its bytes (``content_types``)::

    kind = request.FILES["photo"].check(types=("image/png", "image/jpeg"), max_size=2 * 1024 * 1024)
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from shutil import copyfileobj
from typing import IO

from .content_types import allowed, content_type_of, fitting
from .errors import UnsuitableUpload, shown, size_in_words

_LONGEST = 255
_EXTENSION = 32
_CHUNK = 64 * 1024
_UNNAMED = "unnamed"

_FORBIDDEN = re.compile(r'[<>:"|?*]')
# Windows opens the device whatever extension follows and wherever the file is said to be.
_DEVICE = re.compile(
    r"(?:CON|PRN|AUX|NUL|CLOCK\$|CONIN\$|CONOUT\$|COM[0-9]|LPT[0-9]) *(?:\.|$)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, eq=False)
class Upload:
    """One file of a form. Readable until the request is answered."""

    filename: str
    """A base name that is safe to join to a directory: see ``safe_filename``."""
    content_type: str
    """What the sender claims, in lower case without parameters. Not checked against the bytes."""
    size: int
    """In bytes."""
    file: IO[bytes]
    raw_filename: str = ""
    """The name as it was sent, its quoting undone. For showing, escaped; never for opening."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> dict[str, object]:
        return {"type": "is-instance", "cls": cls}  # a typed form takes it as it is

    def read(self, size: int = -1) -> bytes:
        """The next *size* bytes, or all that are left."""
        return self.file.read(size)

    def chunks(self, size: int = _CHUNK) -> Iterator[bytes]:
        """The whole file from its start, in pieces of at most *size* bytes."""
        self.file.seek(0)
        while chunk := self.file.read(size):
            yield chunk

    def check(self, *, types: Iterable[str] = (), max_size: int | None = None) -> str:
        """The type of the file by its content, if it is one of *types* and no larger.

        *types* are names such as ``image/png``, or ``image/*``; none allows every type, and one
        that is not known here gives ``application/octet-stream``. A file's extension must be one of
        its type's, so that a server that goes by names does not take a picture for a program; a
        name without extension passes. *max_size* is in bytes. Raises ``UnsuitableUpload``, and
        ``ConfigurationError`` for a type that cannot be told by its bytes (SVG, HTML: they can
        carry scripts). The file is left at its start.
        """
        name = shown(self.filename)
        if max_size is not None and self.size > max_size:
            raise UnsuitableUpload(
                "size",
                f"The file {name} is larger than {size_in_words(max_size)}: it has "
                f"{size_in_words(self.size)}. Choose a smaller one.",
                self.filename,
            )
        wanted = allowed(types)
        if not wanted:
            return content_type_of(self.file) or "application/octet-stream"
        found = list(fitting(self.file, wanted))
        if not found:
            raise self._of_another_type([one.name for one in wanted])
        extension = self.filename.rpartition(".")[2].lower() if "." in self.filename else None
        for one in found:
            if extension is None or extension in one.extensions:
                return one.name
        raise UnsuitableUpload(
            "extension",
            f"The file {name} is {found[0].name} by its content, and .{extension} is no extension "
            f"of that. Name it .{found[0].extensions[0]} and send it again.",
            self.filename,
            found[0].name,
        )

    def _of_another_type(self, wanted: list[str]) -> UnsuitableUpload:
        found = content_type_of(self.file)
        if not self.size:
            is_what = "is empty"
        elif found:
            is_what = f"is {found} by its content"
        else:
            is_what = "is of no type that is known here"
        return UnsuitableUpload(
            "type" if self.size else "empty",
            f"The file {shown(self.filename)} {is_what}; asked "
            f"for is {' or '.join(wanted)}. Choose another file.",
            self.filename,
            found,
        )

    def save(self, path: str | PathLike[str]) -> None:
        """Write the whole file to *path*, which must not exist yet.

        Raises ``FileExistsError`` rather than replace another visitor's file, and leaves nothing
        behind when the disk is full.
        """
        target = Path(path)
        with target.open("xb") as kept:
            try:
                self.file.seek(0)
                copyfileobj(self.file, kept, _CHUNK)
            except BaseException:
                target.unlink(missing_ok=True)
                raise

    def close(self) -> None:
        """Give the bytes back; a temporary file is removed."""
        self.file.close()

    def __repr__(self) -> str:
        return f"<Upload {self.filename!r} {self.content_type} {size_in_words(self.size)}>"


def safe_filename(name: str) -> str:
    """A base name that means the same file everywhere, made from what a sender called it.

    No directory, no control, bidi or invisible character, no leading or trailing dot or blank,
    nothing that Windows reserves, at most 255 bytes of UTF-8 with the extension kept; compatibility
    forms are folded first (NFKC), so that no later hop can fold one into a slash. Never empty.
    """
    # The tail only: ordering a long run of combining characters is quadratic (CVE-2025-64458).
    base = unicodedata.normalize("NFKC", _base(name)[-1024:])
    base = "".join(_visible(character) for character in _base(base))
    base = _FORBIDDEN.sub("_", unicodedata.normalize("NFKC", base)).strip(". ")
    if _DEVICE.match(base):
        base = f"_{base}"
    return _cut(base) or _UNNAMED


def _base(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def _visible(character: str) -> str:
    match unicodedata.category(character):
        case "Cc" | "Cf" | "Cs" | "Co" | "Zl" | "Zp":
            return ""
        case "Zs":
            return " "
        case _:
            return character


def _cut(name: str) -> str:
    if len(name.encode()) <= _LONGEST:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension.encode()) > _EXTENSION:
        stem, dot, extension = name, "", ""
    room = _LONGEST - len(f"{dot}{extension}".encode())
    stem = stem.encode()[:room].decode(errors="ignore")
    return f"{stem}{dot}{extension}".strip(". ")
