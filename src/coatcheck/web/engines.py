"""Engines: how coatcheck connects to an SQL database. Knows nothing of models, nor of SQLAlchemy's
ORM, which a site without tables of its own never imports.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import create_engine, event, make_url
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from coatcheck.core.errors import CoatcheckError, ConfigurationError
from coatcheck.web.setting_checks import is_in_memory

BUSY_TIMEOUT = 5
"""Seconds that one waits for SQLite's writer, and for a server to take a connection."""


# Without a name SQLAlchemy takes others, which no extra brings; these are the session store's too.
_DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql"}


class DatabaseUnavailable(CoatcheckError):
    """The database did not take a connection."""

    status = 503


def make_engine(url: str, *, for_migrations: bool = False) -> Engine:
    """An engine for *url*, set up as coatcheck needs it. Raises ConfigurationError for a bad URL.

    With *for_migrations* each transaction on SQLite locks out other writers from its first
    statement on, and includes changes of the schema.
    """
    try:
        # How durable its commits are is the session store's own question.
        parsed = make_url(url).difference_update_query(["synchronous"])
        backend = parsed.get_backend_name()
        if parsed.drivername in _DRIVERS:
            parsed = parsed.set(drivername=f"{backend}+{_DRIVERS[backend]}")
        options = _options(parsed)
        # The values of a failed statement, password hashes among them, stay out of every log.
        engine = create_engine(parsed, hide_parameters=True, **options)
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigurationError(f"The database URL cannot be used: {error}") from error
    except ModuleNotFoundError as error:
        extra = backend.replace("mariadb", "mysql")
        mend = (
            f'pip install "coatcheck[{extra}]"'
            if error.name == _DRIVERS.get(backend)
            else f"write {backend}:// for the driver that coatcheck brings, or install it"
        )
        raise ConfigurationError(
            f"{parsed.drivername} needs the package {error.name}: {mend}."
        ) from error
    if backend == "sqlite":
        event.listen(engine, "connect", _migrations_pragmas if for_migrations else _pragmas)
        event.listen(engine, "savepoint", _begin_first)
        if for_migrations:
            event.listen(engine, "begin", _begin_as_writer)
    return engine


def _options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() != "sqlite":
        arguments = {} if "connect_timeout" in url.query else {"connect_timeout": BUSY_TIMEOUT}
        return {"pool_pre_ping": True, "connect_args": arguments}
    if is_in_memory(url.render_as_string()):
        # The database lives and dies with its connection, so all threads share one.
        return {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    return {}


def _pragmas(connection: Any, record: object) -> None:
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT * 1000}")
    # Readers and the one writer do not wait for each other; a commit survives a crash of the
    # process, and with synchronous NORMAL of the machine too, bar the last moments.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_first(connection: Connection, name: str) -> None:
    """sqlite3 begins a transaction before a change, but not before a savepoint, whose release would
    then commit what the request may still undo."""
    if not connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_as_writer(connection: Connection) -> None:
    with reaching(connection.engine.url):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrations_pragmas(connection: Any, record: object) -> None:
    connection.isolation_level = None  # sqlite3 must not commit before a change of the schema
    connection.execute("PRAGMA busy_timeout = 60000")
    connection.execute("PRAGMA journal_mode = WAL")
    # Rebuilding a table drops it for a moment, and must not take the rows that refer to it along.
    connection.execute("PRAGMA foreign_keys = OFF")


@contextmanager
def reaching(url: str | URL) -> Iterator[None]:
    """Around connecting to *url*: a failure becomes DatabaseUnavailable, with what to do."""
    try:
        yield
    except DBAPIError as error:
        parsed = make_url(url)
        mend = (
            "See whether the file is a database, and who may write to it and to its folder"
            if parsed.get_backend_name() == "sqlite"
            else "Start it"
        )
        raise DatabaseUnavailable(
            f"The database {parsed.render_as_string(hide_password=True)} cannot be reached "
            f"({reason(error)}). {mend}, or correct DATABASE_URL or SESSION_STORE."
        ) from error


def reason(error: SQLAlchemyError) -> str:
    """What the database said, in one line."""
    said = getattr(error, "orig", None) or error
    # PyMySQL puts a number before its text.
    return str(said.args[-1] if said.args else said).strip().splitlines()[0]
