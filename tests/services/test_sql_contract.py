"""SQLite, PostgreSQL and MariaDB keep the whole contract of a store, blocking and awaitable."""

from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from coatcheck.stores.sql import AsyncSQLStore, SQLStore
from coatcheck.testing import FakeClock, StoreContract
from tests.services.mariadb import MariaDB
from tests.services.valkey import free_port


class TestSQLiteFile(StoreContract):
    """A file of its own for each law."""

    @pytest.fixture(autouse=True)
    def place(self, tmp_path: Path) -> None:
        self.folder = tmp_path
        self.made_files = 0

    def make_store(self, clock: FakeClock) -> SQLStore:
        self.made_files += 1
        store = SQLStore(f"sqlite:///{self.folder}/{self.made_files}.sqlite3")
        store.create_tables()
        return store

    def make_unreachable_store(self, clock: FakeClock) -> SQLStore:
        return SQLStore(f"sqlite:///{self.folder}/nowhere/sessions.sqlite3")


class TestSQLiteInMemory(StoreContract):
    """What tests of an application use: the same store without a file."""

    def make_store(self, clock: FakeClock) -> SQLStore:
        return SQLStore("sqlite://")


class PostgreSQLContract(StoreContract):
    """A table of its own for each module, emptied for each law."""

    @pytest.fixture(autouse=True)
    def place(self, postgresql_database: str, tmp_path: Path) -> None:
        self.url = postgresql_database
        self.nowhere = f"postgresql:///sessions?host={tmp_path}"

    def emptied(self) -> str:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("DROP TABLE IF EXISTS coatcheck_sessions")
        return self.url


class TestPostgreSQL(PostgreSQLContract):
    """Threads, each with a connection."""

    def make_store(self, clock: FakeClock) -> SQLStore:
        store = SQLStore(self.emptied())
        store.create_tables()
        return store

    def make_unreachable_store(self, clock: FakeClock) -> SQLStore:
        return SQLStore(self.nowhere)


class TestAsyncPostgreSQL(PostgreSQLContract):
    """Tasks of one event loop."""

    async def make_store(self, clock: FakeClock) -> AsyncSQLStore:
        store = AsyncSQLStore(self.emptied())
        await store.create_tables()
        return store

    def make_unreachable_store(self, clock: FakeClock) -> AsyncSQLStore:
        return AsyncSQLStore(self.nowhere)


class TestMariaDB(StoreContract):
    """Threads, each with a connection over TCP."""

    @pytest.fixture(autouse=True)
    def place(self, mariadb_server: MariaDB, mariadb_database: str) -> None:
        self.server = mariadb_server
        self.url = mariadb_database

    def make_store(self, clock: FakeClock) -> SQLStore:
        store = SQLStore(self.url)
        store.create_tables()
        # To drop and make the table takes MariaDB a hundred times as long.
        self.server.execute(f"DELETE FROM {make_url(self.url).database}.coatcheck_sessions")
        return store

    def make_unreachable_store(self, clock: FakeClock) -> SQLStore:
        return SQLStore(f"mariadb://127.0.0.1:{free_port()}/sessions")
