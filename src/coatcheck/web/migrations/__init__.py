"""Bring the databases of a site to the state that its apps declare.

The verbs behind ``manage.py makemigrations``, ``migrate`` and ``showmigrations``. Each prints the
lines that people know from Django through *echo*. Alembic, which takes a quarter of a second to
import, is loaded only when there is something to compare or to apply.
"""

import difflib
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from coatcheck.core.errors import CoatcheckError
from coatcheck.web.apps import installed_apps
from coatcheck.web.engines import reason
from coatcheck.web.migrations.history import Migration
from coatcheck.web.migrations.state import MigratedDatabase, databases, main_database
from coatcheck.web.settings import Settings

__all__ = [
    "Echo",
    "MigrationFailed",
    "UnknownMigration",
    "ensure_own",
    "makemigrations",
    "migrate",
    "showmigrations",
    "unapplied",
]


class Echo(Protocol):
    """How a line is printed; ``nl=False`` leaves it open."""

    def __call__(self, message: str, *, nl: bool = True) -> object: ...


class MigrationFailed(CoatcheckError):
    """The database refused a migration, and kept nothing of it.

    MySQL and MariaDB cannot undo changes of tables: of those they keep what was done before.
    """


class UnknownMigration(CoatcheckError):
    """An app or a migration asked for that is not there."""


Choose = Callable[[frozenset[str]], Migration | None]
"""From the revisions applied to the next migration to run; None at the end."""


def migrate(
    settings: Settings, app: str | None = None, name: str | None = None, *, echo: Echo
) -> None:
    """Apply what is not applied: all of it, or *app*'s, or exactly up to *name* of *app*.

    *name* may be the beginning of a name; "zero" undoes all of *app*. Processes that migrate at the
    same time take turns, migration by migration. Raises UnknownMigration, MigrationFailed,
    DatabaseUnavailable.
    """
    found = databases(settings)
    count = 0
    if app is None:
        labels = sorted(label for database in found for label in database.history.labels)
        echo("Operations to perform:")
        echo(f"  Apply all migrations: {', '.join(labels) or '(none)'}")
        echo("Running migrations:")
        for database in found:
            count += _apply(database, frozenset(database.history.found), echo)
    else:
        database = _database_of(app, found, settings)
        history = database.history
        target = None if name == "zero" else _find(app, name, database)
        echo("Operations to perform:")
        if name is None:
            echo(f"  Apply all migrations: {app}")
        elif target is None:
            echo(f"  Unapply all migrations: {app}")
        else:
            echo(f"  Target specific migration: {target.name}, from {app}")
        echo("Running migrations:")
        wanted = history.before([target.revision]) if target else frozenset[str]()
        beyond = {step.revision for step in history.of(app)} - wanted
        count += _undo(database, history.after(beyond), echo)
        count += _apply(database, wanted, echo)
    if count == 0:
        echo("  No migrations to apply.")


def ensure_own(settings: Settings, echo: Echo) -> None:
    """Apply the migrations of coatcheck's own apps, one line each; usually there is none to do."""
    for database in databases(settings):
        history = database.history
        own = {
            step.revision for app in database.apps if app.is_own for step in history.of(app.label)
        }
        wanted = history.before(own)
        with database.connect() as connection:
            applied = database.applied(connection)
        if wanted - applied:
            _apply(database, wanted, echo, indent="")


def unapplied(settings: Settings) -> list[Migration]:
    """The migrations that ``migrate`` would apply, in its order."""
    waiting: list[Migration] = []
    for database in databases(settings):
        with database.connect() as connection:
            applied = database.applied(connection)
        waiting += [step for step in database.history.plan if step.revision not in applied]
    return waiting


def showmigrations(settings: Settings, labels: Sequence[str] = (), *, echo: Echo) -> None:
    """Print the apps of *labels*, or all, each with its migrations; those applied have a cross."""
    found = databases(settings)
    apps = {app.label for app in installed_apps(settings)}
    for label in labels:
        _refuse_unknown(label, apps)
    by_label = {label: database for database in found for label in database.history.labels}
    for label in sorted(labels or apps):
        echo(label)
        if label not in by_label:
            echo(" (no migrations)")
            continue
        database = by_label[label]
        with database.connect() as connection:
            applied = database.applied(connection)
        for step in database.history.of(label):
            echo(f" [{'X' if step.revision in applied else ' '}] {step.name}")


def makemigrations(settings: Settings, labels: Sequence[str] = (), *, echo: Echo) -> bool:
    """Write a migration for each app whose models have changed; whether there was one to write.

    *labels* limits it to some apps; by default coatcheck's own are left out. What the models are
    compared with is an empty database that has run all migrations there are, never the site's own:
    so it does not matter what that one has applied. Raises UnknownMigration, UnwritableMigration.
    """
    from coatcheck.web.migrations.autogenerate import write_migrations

    apps = {app.label: app for app in installed_apps(settings)}
    for label in labels:
        _refuse_unknown(label, apps)
    chosen = labels or [app.label for app in apps.values() if not app.is_own]
    written = write_migrations(main_database(settings), chosen, echo)
    if not written:
        where = ", ".join(f"'{label}'" for label in labels)
        where = where and f" in app{'s' if len(labels) > 1 else ''} {where}"
        echo(f"No changes detected{where}")
    return written


def _apply(
    database: MigratedDatabase, wanted: frozenset[str], echo: Echo, indent: str = "  "
) -> int:
    def next_one(applied: frozenset[str]) -> Migration | None:
        waiting = (step for step in database.history.plan if step.revision in wanted - applied)
        return next(waiting, None)

    return _run(database, next_one, echo, f"{indent}Applying", forwards=True)


def _undo(database: MigratedDatabase, unwanted: frozenset[str], echo: Echo) -> int:
    def next_one(applied: frozenset[str]) -> Migration | None:
        waiting = reversed(database.history.plan)
        return next((step for step in waiting if step.revision in unwanted & applied), None)

    return _run(database, next_one, echo, "  Unapplying", forwards=False)


def _run(
    database: MigratedDatabase, next_one: Choose, echo: Echo, verb: str, *, forwards: bool
) -> int:
    """Run one migration after the other, each in a transaction of its own; how many there were."""
    count = 0
    with database.connect() as connection:
        while _run_next(database, connection, next_one, echo, verb, forwards=forwards):
            count += 1
    return count


def _run_next(
    database: MigratedDatabase,
    connection: Connection,
    next_one: Choose,
    echo: Echo,
    verb: str,
    *,
    forwards: bool,
) -> bool:
    with connection.begin() as transaction:
        # What is next is asked under the lock: another process may have done it meanwhile.
        database.lock(connection)
        step = next_one(database.applied(connection))
        if step is None:
            return False
        from coatcheck.web.migrations import steps

        echo(f"{verb} {step.revision}...", nl=False)
        done = False
        try:
            steps.run(step, connection, forwards=forwards)
            database.note(connection, step, forwards=forwards)
            transaction.commit()
            done = True
        except SQLAlchemyError as error:
            kept = (
                "Nothing of it was kept."
                if connection.dialect.name not in ("mysql", "mariadb")
                else "What it had done to tables until then stands, as this database cannot undo "
                "it: undo it by hand."
            )
            raise MigrationFailed(
                f"The database refused {step.revision}: {reason(error)}. {kept} "
                f"Mend {step.file} and migrate again."
            ) from error
        finally:
            echo(" OK" if done else " FAILED")
    return True


def _database_of(
    label: str, found: Iterable[MigratedDatabase], settings: Settings
) -> MigratedDatabase:
    for database in found:
        if label in database.history.labels:
            return database
    _refuse_unknown(label, {app.label for app in installed_apps(settings)})
    raise UnknownMigration(f"App {label!r} does not have migrations.")


def _refuse_unknown(label: str, known: Iterable[str]) -> None:
    if label not in known:
        near = difflib.get_close_matches(label, list(known), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else " Add the app to INSTALLED_APPS."
        raise UnknownMigration(f"No installed app with label {label!r}.{hint}")


def _find(label: str, name: str | None, database: MigratedDatabase) -> Migration:
    """The app's migration whose name begins with *name*; the last one if there is no *name*."""
    steps = database.history.of(label)
    if name is None:
        return database.history.found[database.history.leaves(label)[0]]
    fitting = [step for step in steps if step.name == name] or [
        step for step in steps if step.name.startswith(name)
    ]
    if len(fitting) != 1:
        count = "no migration" if not fitting else "more than one migration"
        names = ", ".join(step.name for step in steps)
        raise UnknownMigration(
            f"App {label!r} has {count} beginning with {name!r}; it has: {names}."
        )
    return fitting[0]
