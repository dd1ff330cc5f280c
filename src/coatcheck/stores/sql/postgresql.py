"""PostgreSQL through psycopg: every verb one prepared statement, one round trip, its own commit.

Blocking and asynchronous connections are set up alike, from one reading of the URL. Nothing here
knows a verb; ``blocking`` and ``awaitable`` run them.
"""

import math
import select
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncCursor, Connection, Cursor, errors
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int8BinaryDumper
from sqlalchemy.dialects.postgresql.psycopg import dialect
from sqlalchemy.engine import URL

from coatcheck.core.errors import (
    CoatcheckError,
    ConfigurationError,
    StoreUnavailable,
    UnsupportedValue,
)
from coatcheck.core.store import Capabilities

from ..pool import AsyncPool, Pool
from .rows import Row
from .schema import MissingTable, sessions
from .statements import statements

AnyCursor = Cursor[Row] | AsyncCursor[Row]


class PostgreSQL:
    """The database that *url* names, asked for at most *timeout* seconds."""

    error = psycopg.Error
    capabilities = Capabilities()

    def __init__(self, url: URL, timeout: float) -> None:
        self.timeout = timeout
        self.statements = statements("postgresql")
        self._arguments = _arguments(url, timeout)
        # A server set up for stricter isolation would turn a lost race into an error.
        self._setting_up = (
            f"SET statement_timeout = {math.ceil(timeout * 1000)}; "
            "SET default_transaction_isolation = 'read committed'"
        )
        host = self._arguments.get("host") or "its local socket"
        port = f":{self._arguments['port']}" if "port" in self._arguments else ""
        self.name = f"PostgreSQL database {url.database or 'by default'} at {host}{port}"

    # -- blocking connections -----------------------------------------------------------------

    def pool(self, connections: int) -> Pool[Cursor[Row]]:
        """At most so many *connections* for threads."""
        return Pool(
            self.connect,
            self.close,
            self.usable,
            size=connections,
            bounded=True,
            timeout=self.timeout,
        )

    def connect(self) -> Cursor[Row]:
        """A new connection, as the cursor that all its statements use."""
        connection = Connection.connect(**self._arguments)
        try:
            _adapt(connection)
            connection.execute(self._setting_up, prepare=False)
        except BaseException:
            connection.close()
            raise
        return connection.cursor(binary=True)

    def close(self, cursor: Cursor[Row]) -> None:
        cursor.connection.close()

    # -- asynchronous connections -------------------------------------------------------------

    def async_pool(self, connections: int) -> AsyncPool[AsyncCursor[Row]]:
        """At most so many *connections* for the tasks of one event loop."""
        return AsyncPool(
            self.connect_async,
            self.close_async,
            self.usable,
            size=connections,
            timeout=self.timeout,
        )

    async def connect_async(self) -> AsyncCursor[Row]:
        """A new connection, as the cursor that all its statements use."""
        connection = await AsyncConnection.connect(**self._arguments)
        try:
            _adapt(connection)
            await connection.execute(self._setting_up, prepare=False)
        except BaseException:
            await connection.close()
            raise
        return connection.cursor(binary=True)

    async def close_async(self, cursor: AsyncCursor[Row]) -> None:
        await cursor.connection.close()

    # -- both ---------------------------------------------------------------------------------

    def usable(self, cursor: AnyCursor) -> bool:
        """Whether an idle connection still works: a server that hangs up has something to say.

        This finds connections from before a restart without sending anything, so that verbs
        which must not run twice survive a restart too.
        """
        if cursor.connection.closed:
            return False
        return not _readable(cursor.connection.fileno())

    def broken(self, cursor: AnyCursor, error: BaseException) -> bool:
        """Whether to give the connection up after *error*."""
        connection = cursor.connection
        return (
            connection.closed
            or connection.info.transaction_status != TransactionStatus.IDLE
            # The server became a standby: the next connection may find the new primary.
            or isinstance(error, errors.ReadOnlySqlTransaction)
        )

    def translated(self, error: Exception) -> CoatcheckError | None:
        """*error* of the driver as the store raises it; None for a mistake in the program."""
        # First line only: the others repeat the statement.
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        match error:
            case errors.UndefinedTable() | errors.UndefinedColumn():
                return MissingTable(self.name, reason)
            case errors.QueryCanceled():
                return StoreUnavailable(
                    f"{self.name} did not answer within {self.timeout:g} s. Find out what keeps "
                    "it busy, or raise timeout=… of the store."
                )
            case errors.InsufficientPrivilege():
                return StoreUnavailable(
                    f"{self.name} refuses ({reason}). Grant SELECT, INSERT, UPDATE and DELETE on "
                    f"{sessions.name} to the user of the store."
                )
            case errors.InvalidSqlStatementName() | errors.DuplicatePreparedStatement():
                return StoreUnavailable(
                    f"{self.name} lost a prepared statement: there is a pooler between that does "
                    "not keep them. Use PgBouncer 1.21 or newer with max_prepared_statements, or "
                    "pool_mode=session."
                )
            case psycopg.DataError():
                return UnsupportedValue(f"{self.name} cannot keep a value ({reason}).")
            case (
                psycopg.ProgrammingError() | psycopg.IntegrityError() | psycopg.NotSupportedError()
            ):
                return None
        if getattr(error, "sqlstate", None) is None:
            return StoreUnavailable(
                f"{self.name} cannot be reached ({reason}). Start it, or correct the store's URL."
            )
        return StoreUnavailable(f"{self.name} cannot be used now ({reason}).")


def _arguments(url: URL, timeout: float) -> dict[str, Any]:
    """Arguments for psycopg. The URL is read as SQLAlchemy reads it for the site's own tables."""
    _, arguments = dialect().create_connect_args(url)  # type: ignore[no-untyped-call]
    defaults = {
        "connect_timeout": math.ceil(timeout),
        "tcp_user_timeout": math.ceil(timeout * 1000),
        "fallback_application_name": "coatcheck",
    }
    settled = {**defaults, **arguments}
    try:
        psycopg.conninfo.make_conninfo(**settled)
    except psycopg.ProgrammingError:
        # Without its text, which can hold the password.
        raise ConfigurationError(
            "a postgresql:// URL has an option that libpq does not know: see 'Parameter Key Words' "
            "in PostgreSQL's manual for those that may follow the '?'."
        ) from None
    return {**settled, "autocommit": True, "prepare_threshold": 0}


def _adapt(connection: Connection[Any] | AsyncConnection[Any]) -> None:
    # All whole numbers as bigint: by default the type follows the size of each number, and a
    # statement would be prepared anew for each.
    connection.adapters.register_dumper(int, Int8BinaryDumper)


if hasattr(select, "poll"):

    def _readable(file: int) -> bool:
        poll = select.poll()
        poll.register(file, select.POLLIN)
        return bool(poll.poll(0))

else:  # Windows

    def _readable(file: int) -> bool:
        return bool(select.select([file], [], [], 0)[0])
