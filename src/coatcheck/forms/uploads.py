"""Files that visitors send: a name to trust, a claim about the type, and bytes on loan.

The bytes wait in memory or, when large, in a nameless temporary file that is gone once closed;
``save`` keeps them. ``parser`` makes uploads, the host closes them when the answer is sent.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from shutil import copyfileobj
from typing import IO

from .errors import size_in_words

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

    def read(self, size: int = -1) -> bytes:
        """The next *size* bytes, or all that are left."""
        return self.file.read(size)

    def chunks(self, size: int = _CHUNK) -> Iterator[bytes]:
        """The whole file from its start, in pieces of at most *size* bytes."""
        self.file.seek(0)
        while chunk := self.file.read(size):
            yield chunk

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
