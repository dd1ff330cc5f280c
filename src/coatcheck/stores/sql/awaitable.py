"""The awaitable store: the same verbs for an event loop, over psycopg's async connections."""

from typing import TypeVar

from coatcheck.core.errors import ConfigurationError

from .address import checked_limits, parsed
from .rows import Row
from .statements import Statement
from .verbs import Verbs

A = TypeVar("A")


class AsyncSQLStore(Verbs):
    """Records in the PostgreSQL database that *url* names, for one event loop.

    *timeout* and *connections* are those of ``SQLStore``. There is no awaitable store for SQLite:
    its calls take microseconds, and handing each to a thread costs many times that. ``SQLStore``
    with an ASGI host reads in place, and writes in one hop to a thread. There is none for MySQL and
    MariaDB either: no driver that awaits is as well kept as the one that blocks, and a hop to a
    thread costs less than their round trip.

    Raises ``ConfigurationError`` for a URL or limits that cannot work; the verbs raise
    ``StoreUnavailable``, and ``MissingTable`` before the table is made.
    """

    def __init__(self, url: str, *, timeout: float = 5.0, connections: int = 10) -> None:
        checked_limits(timeout, connections)
        address = parsed(url)
        name = address.get_backend_name()
        if name == "sqlite":
            raise ConfigurationError(
                "there is no awaitable store for SQLite, as a thread for each call would cost more "
                "than the call: use SQLStore(url), which ASGI hosts read in place and write in one "
                "thread hop."
            )
        if name in ("mysql", "mariadb"):
            raise ConfigurationError(
                f"there is no awaitable store for {name}:// addresses: use SQLStore(url), which "
                "ASGI hosts run in worker threads."
            )
        from .postgresql import PostgreSQL

        self._driver = PostgreSQL(address, timeout)
        self._pool = self._driver.async_pool(connections)
        self.statements = self._driver.statements
        self.capabilities = self._driver.capabilities

    def __repr__(self) -> str:
        return f"<AsyncSQLStore: {self._driver.name}>"

    async def create_tables(self) -> None:
        """Make the table where there is none. A ``coatcheck.web`` site migrates instead."""
        await self.define()

    async def close(self) -> None:
        """Close the connections. The store is not used afterwards."""
        await self._pool.close()

    async def run(self, statement: Statement[A], values: Row) -> A:
        again = statement.repeatable
        while True:
            line = None
            try:
                line = await self._pool.take(sure=not again)
                answer = await self._driver.ask_async(line, statement, values)
            except BaseException as error:
                broken = line is not None and self._driver.broken(line, error)
                if line is not None:
                    await (self._pool.drop(line) if broken else self._pool.give(line))
                if not isinstance(error, self._driver.error):
                    raise
                if broken and again:
                    again = False  # the server may have been restarted: ask once more
                    continue
                translated = self._driver.translated(error)
                if translated is None:
                    raise
                raise translated from error
            await self._pool.give(line)
            return answer
