"""SQLite: one file, readers that never wait, one writer at a time.

Every connection keeps a write-ahead log (WAL): a reader sees the last commit, whoever is writing.
Nothing here knows a verb; ``blocking`` runs them.
"""

import os
import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar, cast

from sqlalchemy.engine import URL

from coatcheck.core.errors import CoatcheckError, ConfigurationError, StoreUnavailable
from coatcheck.core.store import Capabilities

from ..pool import Pool
from .rows import Row
from .schema import MissingTable
from .statements import Statement, statements

A = TypeVar("A")

SYNCHRONOUS = ("NORMAL", "FULL")

# What SQLAlchemy passes on to the driver when the same URL serves the site's own tables.
_OF_OTHERS = frozenset(
    {"cached_statements", "check_same_thread", "detect_types", "isolation_level"}
)

_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_REOPEN = frozenset(
    {
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_READONLY,
    }
)

_REASONS: Mapping[int, str] = {
    sqlite3.SQLITE_READONLY: "cannot be written: check who owns the file and its folder",
    sqlite3.SQLITE_PERM: "cannot be written: check who owns the file and its folder",
    sqlite3.SQLITE_FULL: "cannot grow, as its disk is full: make room",
    sqlite3.SQLITE_CORRUPT: "is damaged: put back a copy, or move it away and migrate anew",
    sqlite3.SQLITE_NOTADB: "is no SQLite database: name another file, or move this one away",
}


class SQLite:
    """The file that *url* names, or a database in memory that one connection keeps."""

    error = sqlite3.Error
    capabilities = Capabilities(inline=True)

    def __init__(self, url: URL, timeout: float) -> None:
        options = _options(url)
        self.timeout = float(options.get("timeout", timeout))
        self.synchronous = options.get("synchronous", "NORMAL")
        self.in_memory = url.database in (None, "", ":memory:")
        self.path = Path() if self.in_memory else Path(str(url.database)).absolute()
        self.name = (
            "The SQLite database in memory" if self.in_memory else f"SQLite file {self.path}"
        )
        self.statements = statements("sqlite")

    def pool(self, connections: int) -> Pool[sqlite3.Cursor]:
        """Connections to the file; the one connection that a database in memory is."""
        size = 1 if self.in_memory else connections
        return Pool(
            self.connect,
            self.close,
            self.usable,
            size=size,
            bounded=self.in_memory,
            timeout=self.timeout,
        )

    def connect(self) -> sqlite3.Cursor:
        """A new connection, as the cursor that all its statements use."""
        connection = sqlite3.connect(
            ":memory:" if self.in_memory else self.path,
            timeout=self.timeout,
            isolation_level=None,  # each statement commits itself
            check_same_thread=False,  # the pool hands it to one thread at a time
        )
        try:
            cursor = connection.cursor()
            if self.in_memory:
                for statement in self.statements.define:
                    cursor.execute(statement.text)
            else:
                self._keep_log(cursor)
                cursor.execute(f"PRAGMA synchronous = {self.synchronous}")
        except BaseException:
            connection.close()
            raise
        return cursor

    def _keep_log(self, cursor: sqlite3.Cursor) -> None:
        """Switch the file to WAL if it is not. SQLite does not wait its timeout for that lock."""
        until = time.monotonic() + self.timeout
        while True:
            try:
                (mode,) = cursor.execute("PRAGMA journal_mode = WAL").fetchone()
                break
            except sqlite3.OperationalError as error:
                if _code(error) not in _LOCKED or time.monotonic() >= until:
                    raise
                time.sleep(0.01)
        if mode != "wal":
            raise StoreUnavailable(
                f"{self.name} cannot keep a write-ahead log, without which readers wait for "
                "writers: put it on a local disk that this process may write to."
            )

    def ask(self, cursor: sqlite3.Cursor, statement: Statement[A], values: Row) -> A:
        """The answer to *statement*."""
        cursor.execute(statement.text, statement.arrange(values))
        return cast(A, cursor.fetchall() if statement.rows else cursor.rowcount)

    def close(self, cursor: sqlite3.Cursor) -> None:
        cursor.connection.close()

    def usable(self, cursor: sqlite3.Cursor) -> bool:
        """Whether an idle connection still works: a file does not hang up."""
        return True

    def broken(self, cursor: sqlite3.Cursor, error: BaseException) -> bool:
        """Whether to give the connection up after *error*."""
        if self.in_memory:
            return False
        return not isinstance(error, sqlite3.Error) or _code(error) in _REOPEN

    def translated(self, error: Exception) -> CoatcheckError | None:
        """*error* of the driver as the store raises it; None for a mistake in the program."""
        code = _code(error)
        reason = str(error)
        if isinstance(error, sqlite3.OperationalError) and code == sqlite3.SQLITE_ERROR:
            missing = "no such table" in reason or "no such column" in reason
            return MissingTable(self.name, reason) if missing else None
        if type(error) not in (
            sqlite3.OperationalError,
            sqlite3.DatabaseError,
            sqlite3.InternalError,
        ):
            return None
        if code in _LOCKED:
            return StoreUnavailable(
                f"{self.name} was locked by another writer for more than {self.timeout:g} s. Keep "
                "transactions on this file short, or raise timeout=… of the store."
            )
        if code == sqlite3.SQLITE_CANTOPEN:
            return StoreUnavailable(f"{self.name} cannot be opened: {_why_unopened(self.path)}.")
        if code in _REASONS:
            return StoreUnavailable(f"{self.name} {_REASONS[code]}.")
        return StoreUnavailable(f"{self.name} cannot be used: {reason}.")


def _options(url: URL) -> dict[str, str]:
    """The options that the store takes from its URL, checked."""
    options = {name: str(value) for name, value in url.query.items() if name not in _OF_OTHERS}
    for name in options:
        if name not in ("synchronous", "timeout"):
            raise ConfigurationError(
                f"a sqlite:// store has no option {name!r}: use synchronous=FULL or "
                "timeout=SECONDS after the path, as in sqlite:///FILE?timeout=2."
            )
    if "synchronous" in options:
        options["synchronous"] = _one_of(SYNCHRONOUS, options["synchronous"])
    if "timeout" in options and not _is_seconds(options["timeout"]):
        raise ConfigurationError(
            f"timeout={options['timeout']} in a sqlite:// URL: write seconds, such as 2 or 0.5."
        )
    return options


def _one_of(known: Sequence[str], value: str) -> str:
    if value.upper() not in known:
        raise ConfigurationError(
            f"synchronous={value} in a sqlite:// URL: write {' or '.join(known)}."
        )
    return value.upper()


def _is_seconds(value: str) -> bool:
    try:
        return 0 <= float(value) < float("inf")
    except ValueError:
        return False


def _code(error: BaseException) -> int:
    """SQLite's primary result code, or 0."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def _why_unopened(path: Path) -> str:
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}; make it"
    if path.is_dir():
        return "it is a folder; name a file in it"
    if not os.access(path.parent, os.W_OK):
        return f"this process may not write to the folder {path.parent}"
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        return "this process may not read and write it"
    return "check the file and its folder"
