"""The blocking store: verbs stepped on the thread that asks, over a pool of raw connections."""

from typing import Any, Protocol, TypeVar

from sqlalchemy.engine import URL

from coatcheck.core.bridge import Stepped, step
from coatcheck.core.errors import CoatcheckError
from coatcheck.core.store import Capabilities

from ..pool import Pool
from .address import checked_limits, parsed
from .rows import Row
from .sqlite import SQLite
from .statements import Statement, Statements
from .verbs import Verbs

A = TypeVar("A")


class Driver(Protocol):
    """What the store has to know of a database."""

    name: str
    capabilities: Capabilities
    statements: Statements

    @property
    def error(self) -> type[Exception]: ...

    def pool(self, connections: int) -> Pool[Any]: ...

    def ask(self, connection: Any, statement: Statement[A], values: Row) -> A: ...

    def broken(self, connection: Any, error: BaseException) -> bool: ...

    def translated(self, error: Exception) -> CoatcheckError | None: ...


def driver_for(url: URL, timeout: float) -> Driver:
    """The driver that *url* names. Imports a library only for the database that needs it."""
    name = url.get_backend_name()
    if name == "sqlite":
        return SQLite(url, timeout)
    if name in ("mysql", "mariadb"):
        from .mysql import MySQL

        return MySQL(url, timeout)
    from .postgresql import PostgreSQL

    return PostgreSQL(url, timeout)


class SQLStore(Stepped):
    """Records in the SQLite file, PostgreSQL, MySQL or MariaDB database that *url* names.

    Safe for many threads. *timeout* is how long one verb waits at most, in seconds: for SQLite's
    other writer, for a server to take a connection and to answer, for a free connection.
    *connections* is how many are kept open; a server is never asked for more, SQLite opens more for
    a moment where more threads come at once. Nothing connects before the first verb; a forked
    process connects anew.

    What an SQLite file has acknowledged survives a crash of the process. A power cut or a crash of
    the whole machine may take the last moments with it, never the rest and never half a record
    (``synchronous=NORMAL`` under WAL). ``sqlite:///FILE?synchronous=FULL`` waits for the disk at
    each commit, and loses nothing. On PostgreSQL that is the server's ``synchronous_commit``, on
    MySQL and MariaDB its ``innodb_flush_log_at_trx_commit``.

    ``sqlite://`` keeps the records in memory, for tests: one connection, gone with the process.

    Raises ``ConfigurationError`` for a URL or limits that cannot work; the verbs raise
    ``StoreUnavailable``, and ``MissingTable`` before the table is made.
    """

    def __init__(self, url: str, *, timeout: float = 5.0, connections: int = 10) -> None:
        checked_limits(timeout, connections)
        self._driver = driver_for(parsed(url), timeout)
        self._verbs = _Blocking(self._driver, connections)
        super().__init__(self._verbs)

    def __repr__(self) -> str:
        return f"<SQLStore: {self._driver.name}>"

    def create_tables(self) -> None:
        """Make the table where there is none. A ``coatcheck.web`` site migrates instead."""
        step(self._verbs.define())


class _Blocking(Verbs):
    """The verbs over a driver that blocks: they never suspend."""

    def __init__(self, driver: Driver, connections: int) -> None:
        self.driver = driver
        self.statements = driver.statements
        self.capabilities = driver.capabilities
        self.pool = driver.pool(connections)

    async def run(self, statement: Statement[A], values: Row) -> A:
        again = statement.repeatable
        while True:
            connection = None
            try:
                connection = self.pool.take(sure=not again)
                answer = self.driver.ask(connection, statement, values)
            except BaseException as error:
                broken = connection is not None and self.driver.broken(connection, error)
                if broken:
                    self.pool.drop(connection)
                elif connection is not None:
                    self.pool.give(connection)
                if not isinstance(error, self.driver.error):
                    raise
                if broken and again:
                    again = False  # the server may have been restarted: ask once more
                    continue
                translated = self.driver.translated(error)
                if translated is None:
                    raise
                raise translated from error
            self.pool.give(connection)
            return answer

    async def close(self) -> None:
        self.pool.close()
