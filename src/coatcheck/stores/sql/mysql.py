"""MySQL and MariaDB through PyMySQL: every verb one statement that commits itself.

One round trip a verb, and two to load with a lease: no UPDATE of theirs hands out the row. Nothing
here knows a verb; ``blocking`` runs them. Why there is no awaitable one: ``awaitable``.
"""

import math
import re
from collections.abc import Mapping
from copy import copy
from typing import Any, Final, TypeVar, cast

import pymysql
from pymysql.constants import CLIENT, CR, ER
from pymysql.cursors import Cursor
from sqlalchemy.dialects.mysql.pymysql import dialect
from sqlalchemy.engine import URL

from coatcheck.core.errors import (
    CoatcheckError,
    ConfigurationError,
    SessionTooLarge,
    StoreUnavailable,
    UnsupportedValue,
)
from coatcheck.core.store import Capabilities

from ..pool import Pool
from .idle import has_news
from .rows import Row
from .schema import MissingTable, sessions
from .statements import Statement, statements

A = TypeVar("A")

MOST_DEADLOCKS: Final = 10
"""How often a statement is sent again that lost to others: each time one of them got on."""

_BESIDES: Final = 16_384
"""Bytes of a statement beside the data of a session, at most."""

# What an address may say about the way to the server. What it says to the driver of the site's own
# tables, such as a charset, is not for the store.
_OF_THE_WAY = frozenset(
    {
        *("user", "password", "host", "port", "database"),
        *("unix_socket", "bind_address", "ssl", "server_public_key", "program_name"),
        *("connect_timeout", "read_timeout", "write_timeout"),
        *("read_default_file", "read_default_group"),
    }
)
_OF_OTHERS = frozenset(
    {
        *("charset", "collation", "use_unicode", "init_command", "sql_mode", "client_flag"),
        *("autocommit", "local_infile", "max_allowed_packet", "binary_prefix"),
    }
)

# Numbers that MariaDB and MySQL have for errors, where PyMySQL has no name for them.
_STATEMENT_TIMEOUT: Final = frozenset({1969, 3024})
_NOT_UTF8: Final = 1300
_NO_ROW_IN_BINLOG: Final = 1665
_READ_ONLY: Final = frozenset({ER.OPTION_PREVENTS_STATEMENT, 1792, 1836})
_HUNG_UP: Final = frozenset({ER.SERVER_SHUTDOWN, 1927, 4031})
_REFUSED: Final = frozenset(
    {ER.ACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR, 1698, ER.HOST_NOT_PRIVILEGED}
)


class MySQL:
    """The database that *url* names, asked for at most *timeout* seconds."""

    error = pymysql.Error
    capabilities = Capabilities()

    def __init__(self, url: URL, timeout: float) -> None:
        self.timeout = timeout
        self.statements = statements("mysql")
        self._setting_up = _setting_up(timeout)
        self._unmade = there = _unmade(_arguments(url, timeout))
        product = "MariaDB" if url.get_backend_name() == "mariadb" else "MySQL"
        place = url.query.get("unix_socket") or f"{there.host}:{there.port}"
        self.name = f"{product} database {there.db!s} at {place}"

    def pool(self, connections: int) -> Pool[Cursor]:
        """At most so many *connections* for threads."""
        return Pool(
            self.connect,
            self.close,
            self.usable,
            size=connections,
            bounded=True,
            timeout=self.timeout,
        )

    def connect(self) -> Cursor:
        """A new connection, as the cursor that all its statements use."""
        # For each new one PyMySQL reads the system's certificates, which takes a hundred times as
        # long as to connect. Copies share them.
        connection = copy(self._unmade)
        try:
            connection.connect()
        except RuntimeError as error:  # PyMySQL has no class of its own for it
            raise StoreUnavailable(
                f"{self.name} wants a password hashed in a way that needs one more library "
                f"({error}): install it, or give the store's user another plugin."
            ) from error
        try:
            too_old = outdated(cast(Any, connection).get_server_info())
            if too_old:
                raise StoreUnavailable(f"{self.name} is {too_old}.")
            cursor = connection.cursor()
            for text in self._setting_up:
                cursor.execute(text)
            cursor.execute("SELECT @@max_allowed_packet")
            ((self._longest,),) = cursor.fetchall()
        except BaseException:
            connection.close()
            raise
        return cursor

    def close(self, cursor: Cursor) -> None:
        cursor.connection.close()

    def ask(self, cursor: Cursor, statement: Statement[A], values: Row) -> A:
        """The answer to *statement*."""
        arranged = statement.arrange(values)
        if not statement.repeatable:
            self._check_length(values)
        for attempt in range(1, MOST_DEADLOCKS + 1):
            try:
                cursor.execute(statement.text, arranged)
                break
            except pymysql.IntegrityError as error:
                if _code(error) != ER.DUP_ENTRY:
                    raise
                return cast(A, 0)  # an id that is taken is an answer
            except pymysql.OperationalError as error:
                # InnoDB has undone the whole statement, so even a commit may be sent again.
                if _code(error) != ER.LOCK_DEADLOCK or attempt == MOST_DEADLOCKS:
                    raise
        return cast(A, cursor.fetchall() if statement.rows else cursor.rowcount)

    def _check_length(self, values: Row) -> None:
        """Refuse what the server would hang up on. Bytes travel as hexadecimal digits."""
        size = sum(len(value) for value in values if type(value) is bytes)
        if 2 * size + _BESIDES > self._longest:
            raise SessionTooLarge(
                f"{self.name} takes no session of {size} bytes: its max_allowed_packet is "
                f"{self._longest}. Keep large data in a table of your own and its id in the "
                "session, or raise max_allowed_packet."
            )

    def usable(self, cursor: Cursor) -> bool:
        """Whether an idle connection still works: a server that hangs up has something to say.

        This finds connections from before a restart without sending anything, so that verbs
        which must not run twice survive a restart too.
        """
        socket = cast(Any, cursor.connection)._sock
        return socket is not None and not has_news(socket.fileno())

    def broken(self, cursor: Cursor, error: BaseException) -> bool:
        """Whether to give the connection up after *error*."""
        return (
            not cursor.connection.open
            # Interrupted between a question and its answer, the next would be given this one's.
            or not isinstance(error, pymysql.Error | SessionTooLarge)
            or _code(error) in _HUNG_UP
            or _code(error) in _READ_ONLY  # the next connection may find the new primary
        )

    def translated(self, error: Exception) -> CoatcheckError | None:
        """*error* of the driver as the store raises it; None for a mistake in the program."""
        code, reason = _code(error), _reason(error)
        if code in (ER.NO_SUCH_TABLE, ER.BAD_FIELD_ERROR, ER.KEY_DOES_NOT_EXITS):
            return MissingTable(self.name, reason)
        if code == ER.LOCK_WAIT_TIMEOUT or code in _STATEMENT_TIMEOUT:
            return StoreUnavailable(
                f"{self.name} did not answer within {self.timeout:g} s. Find out what keeps it "
                "busy, or raise timeout=… of the store."
            )
        if code in (ER.TABLEACCESS_DENIED_ERROR, ER.COLUMNACCESS_DENIED_ERROR):
            return StoreUnavailable(
                f"{self.name} refuses ({reason}). Grant SELECT, INSERT, UPDATE and DELETE on "
                f"{sessions.name} to the user of the store."
            )
        if code in _REFUSED:
            return StoreUnavailable(
                f"{self.name} does not let the store in ({reason}). Correct user and password in "
                "the store's URL, or grant that user the database."
            )
        if code == ER.BAD_DB_ERROR:
            return StoreUnavailable(
                f"{self.name} is not there ({reason}). Run CREATE DATABASE … CHARACTER SET "
                "utf8mb4, or correct the store's URL."
            )
        if isinstance(error, pymysql.DataError) or code == _NOT_UTF8:
            return UnsupportedValue(f"{self.name} cannot keep a value ({reason}).")
        if isinstance(
            error,
            pymysql.ProgrammingError | pymysql.IntegrityError | pymysql.NotSupportedError,
        ):
            return None
        if code == _NO_ROW_IN_BINLOG:
            return StoreUnavailable(
                f"{self.name} logs statements ({reason}). Set binlog_format to ROW or MIXED on "
                "the server: a sweep is not the same statement on a replica."
            )
        if not code or CR.CR_ERROR_FIRST <= code <= CR.CR_ERROR_LAST:
            return StoreUnavailable(
                f"{self.name} cannot be reached ({reason}). Start it, or correct the store's URL."
            )
        return StoreUnavailable(f"{self.name} cannot be used now ({reason}).")


def outdated(version: str) -> str | None:
    """What is wrong with a server of that *version*, if anything: a sweep needs SKIP LOCKED."""
    is_mariadb = "mariadb" in version.lower()
    # Before 11, MariaDB pretended to be MySQL 5.5.5 to those who read only the beginning.
    numbers = re.match(r"(\d+)\.(\d+)", version.removeprefix("5.5.5-"))
    if numbers is None:
        return None
    found = (int(numbers[1]), int(numbers[2]))
    product, needed = ("MariaDB", (10, 6)) if is_mariadb else ("MySQL", (8, 0))
    if found >= needed:
        return None
    return (
        f"{product} {found[0]}.{found[1]}, and the store needs {needed[0]}.{needed[1]} or newer: "
        "upgrade the server"
    )


def _setting_up(timeout: float) -> tuple[str, ...]:
    """What each connection is told first.

    Neither isolation nor sql_mode are left to the server: stricter isolation makes an error of a
    lost race, a laxer mode cuts values off. Its own limits come before the driver's, so that no
    statement is carried out later whose answer nobody waits for.
    """
    waits = math.ceil(timeout)
    return (
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', "
        f"lock_wait_timeout = {waits}, innodb_lock_wait_timeout = {waits} "
        # Comments that only one of them carries out; MySQL's own limit is for SELECT alone.
        f"/*M!100108 , max_statement_time = {timeout:.3f} */ "
        f"/*!80000 , max_execution_time = {math.ceil(timeout * 1000)} */",
    )


def _arguments(url: URL, timeout: float) -> dict[str, Any]:
    """Arguments for PyMySQL. The URL is read as SQLAlchemy reads it for the site's own tables."""
    try:
        _, arguments = dialect().create_connect_args(url)
    except ValueError:
        raise _unusable_option() from None
    unknown = arguments.keys() - _OF_THE_WAY - _OF_OTHERS
    if unknown:
        raise ConfigurationError(
            f"a {url.get_backend_name()}:// store has no option {min(unknown)!r}: after the '?' "
            "it takes unix_socket, bind_address, connect_timeout, read_timeout, write_timeout, "
            "read_default_file, read_default_group, ssl_ca, ssl_capath, ssl_cert, ssl_key, "
            "ssl_cipher and ssl_check_hostname."
        )
    patience = math.ceil(timeout) + 1
    password: str = arguments.get("password", "")
    return {
        "connect_timeout": timeout,
        "read_timeout": patience,
        "write_timeout": patience,
        **{name: value for name, value in arguments.items() if name in _OF_THE_WAY},
        # As text PyMySQL would take it for Latin-1.
        "password": password.encode(),
        "charset": "utf8mb4",
        # A row that an UPDATE finds counts, even if nothing about it changes.
        "client_flag": CLIENT.FOUND_ROWS,
        "autocommit": True,
    }


def _unmade(arguments: Mapping[str, Any]) -> "pymysql.Connection[Cursor]":
    """A connection that is not opened: PyMySQL checks its arguments, and reads the files they name.

    What it raises is not shown, which could be a password.
    """
    try:
        made = pymysql.Connection(**arguments, defer_connect=True)
    except OSError as error:
        raise ConfigurationError(
            f"a file that the URL of a MySQL or MariaDB store names cannot be used: "
            f"{error.strerror or type(error).__name__}. Correct ssl_ca, ssl_cert or ssl_key."
        ) from None
    except (ValueError, TypeError):
        raise _unusable_option() from None
    if not made.db:
        raise ConfigurationError(
            "the URL of a MySQL or MariaDB store names no database: write "
            "mysql://USER:PASSWORD@HOST:PORT/DATABASE."
        )
    return made


def _unusable_option() -> ConfigurationError:
    return ConfigurationError(
        "an option in the URL of a MySQL or MariaDB store cannot be used: write timeouts as whole "
        "seconds above 0."
    )


def _code(error: BaseException) -> int | None:
    """The number that the server or PyMySQL gave *error*."""
    code = error.args[0] if error.args else None
    return code if isinstance(code, int) else None


def _reason(error: Exception) -> str:
    said = str(error.args[-1]).strip() if error.args else ""
    return (said.splitlines() or [type(error).__name__])[0].rstrip(".")
