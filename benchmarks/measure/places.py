"""The stores that are measured, each over a real server or file, and the bare calls under them."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import psycopg
import valkey

from coatcheck.core.record import Record
from coatcheck.core.store import BlockingStore
from coatcheck.stores.memory import MemoryStore
from coatcheck.stores.sql import SQLStore
from coatcheck.stores.valkey import ValkeyStore, scripts

from .calls import with_client, with_cursor
from .servers import another_database, postgresql, valkey_port
from .turns import Work

Calls = Callable[[Record], tuple[Work, Work]]


class Place(NamedTuple):
    """A store, its address, and ``calls``: a load, and a load with a commit, as the driver does it.

    ``calls`` makes nothing of the answers. Nothing calls for a store in this process.
    """

    name: str
    url: str
    store: BlockingStore
    calls: Calls | None


class Servers:
    """A folder and two servers, and empty stores on them, as many as are asked for."""

    def __init__(self, folder: Path, postgresql_url: str, valkey_port: int) -> None:
        self._folder = folder
        self._postgresql = postgresql_url
        self._valkey = valkey_port
        self._made = 0
        self._open = ExitStack()

    def memory(self) -> Place:
        return Place("memory", "memory://", MemoryStore(), None)

    def sqlite(self) -> Place:
        self._made += 1
        path = self._folder / f"{self._made}.sqlite3"
        store = SQLStore(f"sqlite:///{path}")
        store.create_tables()
        self._open.callback(store.close)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._open.callback(connection.close)
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous = NORMAL")
        return Place("SQLite", f"sqlite:///{path}", store, _of_sql(cursor, "sqlite"))

    def postgresql(self) -> Place:
        self._made += 1
        url = another_database(self._postgresql, f"bench{self._made}")
        store = SQLStore(url)
        store.create_tables()
        self._open.callback(store.close)
        connection = psycopg.connect(url, autocommit=True, prepare_threshold=0)
        self._open.callback(connection.close)
        cursor: Any = connection.cursor(binary=True)
        return Place("PostgreSQL", url, store, _of_sql(cursor, "postgresql"))

    def valkey(self) -> Place:
        self._made += 1
        url = f"valkey://127.0.0.1:{self._valkey}/{self._made}"
        store = ValkeyStore(url)
        self._open.callback(store.close)
        client = valkey.Valkey(port=self._valkey, db=self._made)
        client.script_load(scripts.COMMIT.text)
        self._open.callback(client.close)

        def calls(record: Record) -> tuple[Work, Work]:
            return with_client(client, record)

        return Place("Valkey", url, store, calls)

    def all(self) -> list[Place]:
        """One of each that keeps records outside this process."""
        return [self.sqlite(), self.postgresql(), self.valkey()]

    def close(self) -> None:
        self._open.close()


def _of_sql(cursor: Any, kind: str) -> Calls:
    def calls(record: Record) -> tuple[Work, Work]:
        return with_cursor(cursor.execute, kind, record)

    return calls


@contextmanager
def servers() -> Iterator[Servers]:
    """A SQLite folder, a PostgreSQL and a Valkey, gone afterwards."""
    with (
        TemporaryDirectory(prefix="coatcheck-bench-") as folder,
        postgresql() as url,
        valkey_port() as port,
    ):
        made = Servers(Path(folder), url, port)
        try:
            yield made
        finally:
            made.close()
