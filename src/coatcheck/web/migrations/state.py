"""What databases a site migrates, and what each of them has applied so far.

The sessions' app goes to the database of SESSION_STORE if that is an SQL database, all others to
DATABASE_URL. Each database has one table with a row for every migration applied. It is not
Alembic's own, which holds only the last ones and belongs to one set of files: a site may share its
database with somebody else's Alembic, and may part with an app. Asking needs no Alembic.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Column, DateTime, MetaData, String, Table, func, inspect, make_url, text
from sqlalchemy.engine import Connection

from coatcheck.stores import apart
from coatcheck.stores.sql.schema import sessions
from coatcheck.web.apps import SESSIONS, InstalledApp, installed_apps
from coatcheck.web.engines import DatabaseUnavailable, make_engine, reaching
from coatcheck.web.migrations.history import History, Migration
from coatcheck.web.setting_checks import is_sql
from coatcheck.web.settings import Settings

applied_migrations = Table(
    "coatcheck_migrations",
    MetaData(),
    Column("app", String(255), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("applied", DateTime(timezone=True), server_default=func.now(), nullable=False),
)

# Each answers 1. SQLite needs none: its transactions here begin as the only writer. On MySQL and
# MariaDB a change of a table ends the transaction, so there the lock is the connection's.
_MYSQL_LOCK = "SELECT GET_LOCK(CONCAT('coatcheck migrate ', MD5(DATABASE())), 3600)"
_LOCK = {
    "postgresql": "SELECT 1 FROM pg_advisory_xact_lock(7165065815442)",
    "mysql": _MYSQL_LOCK,
    "mariadb": _MYSQL_LOCK,
}


@dataclass(frozen=True)
class MigratedDatabase:
    """A database and the apps whose tables live there."""

    url: str
    apps: tuple[InstalledApp, ...]

    @cached_property
    def history(self) -> History:
        return History(self.apps)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection for this block. Raises DatabaseUnavailable."""
        engine = make_engine(self.url, for_migrations=True)
        try:
            with reaching(self.url):
                connection = engine.connect()
            with connection:
                yield connection
        finally:
            engine.dispose()

    def applied(self, connection: Connection) -> frozenset[str]:
        """The revisions that this database has applied, of whatever app.

        Those of the sessions' app only while its table is there: dropped by hand, it is made again
        by the next ``migrate``, which nobody's data stands against.
        """
        there = inspect(connection)
        if not there.has_table(applied_migrations.name):
            return frozenset()
        rows = connection.execute(applied_migrations.select()).all()
        lost = any(row.app == "sessions" for row in rows) and not there.has_table(sessions.name)
        return frozenset(
            f"{row.app}.{row.name}" for row in rows if not (lost and row.app == "sessions")
        )

    def lock(self, connection: Connection) -> None:
        """Let no other process migrate this database until the transaction ends.

        On MySQL and MariaDB until the connection is closed. Raises DatabaseUnavailable when another
        process does not come to an end.
        """
        statement = _LOCK.get(connection.dialect.name)
        if statement is not None and connection.scalar(text(statement)) != 1:
            raise DatabaseUnavailable(
                "Another process has been migrating this database for an hour. Wait for it or end "
                "it, and migrate again."
            )

    def note(self, connection: Connection, step: Migration, *, forwards: bool) -> None:
        """Keep that *step* was applied, or undone."""
        table = applied_migrations
        table.create(connection, checkfirst=True)
        # Also before it is noted again, for a table that was lost.
        connection.execute(table.delete().where(table.c.app == step.app, table.c.name == step.name))
        if forwards:
            connection.execute(table.insert().values(app=step.app, name=step.name))


def databases(settings: Settings) -> list[MigratedDatabase]:
    """The databases that there are migrations for."""
    return [database for database in _all(settings) if database.history.found]


def main_database(settings: Settings) -> MigratedDatabase:
    """The database of DATABASE_URL, where the models live."""
    return _all(settings)[0]


def _all(settings: Settings) -> list[MigratedDatabase]:
    apps = installed_apps(settings)
    _, url = apart(settings.session_store)
    store = [app for app in apps if app.name == SESSIONS] if is_sql(url) else []
    others = [app for app in apps if app.name != SESSIONS]
    if store and _place(url) == _place(settings.database_url):
        return [MigratedDatabase(settings.database_url, (*others, *store))]
    return [
        MigratedDatabase(settings.database_url, tuple(others)),
        MigratedDatabase(url, tuple(store)),
    ]


def _place(url: str) -> tuple[str, str | None, int | None, str | None]:
    # Two URLs of one database may still differ in driver, user or options.
    parsed = make_url(url)
    name = parsed.get_backend_name().replace("mariadb", "mysql")
    return name, parsed.host, parsed.port, parsed.database
