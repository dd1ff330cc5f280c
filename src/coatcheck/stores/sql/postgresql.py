"""PostgreSQL: every verb one prepared statement, one round trip, its own commit.

Blocking and asynchronous connections are set up alike, from one reading of the URL. Nothing here
knows a verb; ``blocking`` and ``awaitable`` run them.
"""

import math
from typing import Any, TypeVar, cast

import psycopg
from psycopg import AsyncConnection, Connection, errors
from psycopg.pq import TransactionStatus
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
from .idle import has_news
from .protocol import Line, Plan, plan
from .rows import Row
from .schema import MissingTable, sessions
from .statements import Statement, statements

A = TypeVar("A")
Blocking = Line[Connection[Any]]
Awaitable = Line[AsyncConnection[Any]]

_REOPEN = (
    errors.ReadOnlySqlTransaction,  # a standby now: the next connection may find the new primary
    errors.InvalidSqlStatementName,  # what the connection had prepared is gone,
    errors.DuplicatePreparedStatement,  # or another's,
    errors.FeatureNotSupported,  # or made before a migration that changed a column
)


class PostgreSQL:
    """The database that *url* names, asked for at most *timeout* seconds."""

    error = psycopg.Error
    capabilities = Capabilities()

    def __init__(self, url: URL, timeout: float) -> None:
        self.timeout = timeout
        self.statements = statements("postgresql")
        self._arguments = _arguments(url, timeout)
        self._plans: dict[str, Plan] = {}
        host = self._arguments.get("host") or "its local socket"
        port = f":{self._arguments['port']}" if "port" in self._arguments else ""
        self.name = f"PostgreSQL database {url.database or 'by default'} at {host}{port}"

    # -- blocking connections -----------------------------------------------------------------

    def pool(self, connections: int) -> Pool[Blocking]:
        """At most so many *connections* for threads."""
        return Pool(
            self.connect,
            self.close,
            self.usable,
            size=connections,
            bounded=True,
            timeout=self.timeout,
        )

    def connect(self) -> Blocking:
        """A new connection."""
        return Line(Connection.connect(**self._arguments))

    def close(self, line: Blocking) -> None:
        line.connection.close()

    def ask(self, line: Blocking, statement: Statement[A], values: Row) -> A:
        """The answer to *statement*."""
        return cast(A, line.ask(self._plan(statement), values))

    # -- asynchronous connections -------------------------------------------------------------

    def async_pool(self, connections: int) -> AsyncPool[Awaitable]:
        """At most so many *connections* for the tasks of one event loop."""
        return AsyncPool(
            self.connect_async,
            self.close_async,
            self.usable,
            size=connections,
            timeout=self.timeout,
        )

    async def connect_async(self) -> Awaitable:
        """A new connection."""
        return Line(await AsyncConnection.connect(**self._arguments))

    async def close_async(self, line: Awaitable) -> None:
        await line.connection.close()

    async def ask_async(self, line: Awaitable, statement: Statement[A], values: Row) -> A:
        """The answer to *statement*."""
        return cast(A, await line.connection.wait(line.asking(self._plan(statement), values)))

    # -- both ---------------------------------------------------------------------------------

    def _plan(self, statement: Statement[Any]) -> Plan:
        made = self._plans.get(statement.name)
        if made is None:
            made = self._plans[statement.name] = plan(statement)
        return made

    def usable(self, line: Blocking | Awaitable) -> bool:
        """Whether an idle connection still works: a server that hangs up has something to say.

        This finds connections from before a restart without sending anything, so that verbs
        which must not run twice survive a restart too.
        """
        return not (line.connection.closed or has_news(line.connection.fileno()))

    def broken(self, line: Blocking | Awaitable, error: BaseException) -> bool:
        """Whether to give the connection up after *error*."""
        connection = line.connection
        return (
            connection.closed
            or connection.info.transaction_status != TransactionStatus.IDLE
            or isinstance(error, _REOPEN)
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
                    f"{self.name} lost a prepared statement: a pooler between does not keep them. "
                    "Use PgBouncer 1.21 or newer with max_prepared_statements, or "
                    "pool_mode=session."
                )
            case psycopg.DataError():
                return UnsupportedValue(f"{self.name} cannot keep a value ({reason}).")
            case (
                psycopg.ProgrammingError() | psycopg.IntegrityError() | psycopg.NotSupportedError()
            ):
                return None
        if "unsupported startup parameter" in reason:
            return StoreUnavailable(
                f"{self.name} is behind a pooler that refuses the store's timeout ({reason}): add "
                "options to its ignore_startup_parameters."
            )
        if getattr(error, "sqlstate", None) is None:
            return StoreUnavailable(
                f"{self.name} cannot be reached ({reason}). Start it, or correct the store's URL."
            )
        return StoreUnavailable(f"{self.name} cannot be used now ({reason}).")


def _arguments(url: URL, timeout: float) -> dict[str, Any]:
    """Arguments for psycopg. The URL is read as SQLAlchemy reads it for the site's own tables."""
    _, arguments = dialect().create_connect_args(url)  # type: ignore[no-untyped-call]
    # At start and not by SET: through a pooler that would change the site's own connections. A
    # server set up for stricter isolation would turn a lost race into an error.
    session = (
        f"-c statement_timeout={math.ceil(timeout * 1000)} "
        r"-c default_transaction_isolation=read\ committed"
    )
    defaults = {
        "connect_timeout": math.ceil(timeout),
        "tcp_user_timeout": math.ceil(timeout * 1000),
        "fallback_application_name": "coatcheck",
    }
    options = f"{session} {arguments.get('options', '')}".rstrip()
    settled = {**defaults, **arguments, "options": options}
    try:
        psycopg.conninfo.make_conninfo(**settled)
    except psycopg.ProgrammingError:
        # Without its text, which can hold the password.
        raise ConfigurationError(
            "a postgresql:// URL has an option that libpq does not know: see 'Parameter Key Words' "
            "in PostgreSQL's manual for those that may follow the '?'."
        ) from None
    return {**settled, "autocommit": True, "client_encoding": "UTF8"}
