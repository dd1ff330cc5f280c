"""Notice that an SQLite file was deleted or replaced under the site that serves it.

The connections that are open go on in the old file, which nobody can reach any more: what visitors
then write is lost without a word. One look at the file a second is cheap and says so.
"""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from coatcheck.core.errors import CoatcheckError

_EVERY = 1.0


class DatabaseFileLost(CoatcheckError):
    """The file of an SQLite database is not the one that was there when the site began."""

    status = 503

    def __init__(self, file: Path) -> None:
        super().__init__(
            f"The database file {file} was deleted or replaced while the site serves it, so "
            "nothing that is written now would be kept.\n"
            "Start the server anew: it makes a fresh sessions' table, and `python manage.py "
            "migrate` makes those of the models. If the file was only moved, move it back."
        )


class DatabaseFiles:
    """Refuses requests once one of *files* is another file than at the first request."""

    def __init__(
        self, app: ASGIApp, files: Iterable[Path], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._clock = clock
        self._seen: dict[Path, tuple[int, int] | None] = dict.fromkeys(files)
        self._looked: float | None = None
        self._lost: Path | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        now = self._clock()
        if self._looked is None or now - self._looked >= _EVERY:
            self._looked = now
            self._lost = self._look()
        if self._lost is not None:
            raise DatabaseFileLost(self._lost)
        await self._app(scope, receive, send)

    def _look(self) -> Path | None:
        lost = None
        for file, before in self._seen.items():
            now = _identity(file)
            if before is None:
                self._seen[file] = now  # not made yet, or seen for the first time
            elif now != before:
                lost = file
        return lost


def database_files(urls: Iterable[str]) -> list[Path]:
    """The files of those *urls* that name an SQLite database in a file."""
    found = []
    for url in urls:
        scheme, _, path = url.partition(":///")
        path = path.partition("?")[0]
        if scheme.partition("+")[0] == "sqlite" and path and not path.startswith((":", "file:")):
            found.append(Path(path))
    return list(dict.fromkeys(found))


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(file)  # noqa: PTH116 (half the time of Path.stat)
    except OSError:
        return None
    return found.st_dev, found.st_ino
