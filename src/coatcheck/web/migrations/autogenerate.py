"""Write the migrations that bring the tables to what the models declare.

The models are compared with a scratch database that has run all migrations there are: one in
memory for SQLite, for PostgreSQL a schema inside a transaction that is rolled back. Alembic finds
the differences and writes the code; whose they are, and what a file is called, is decided here.
"""

import datetime
import graphlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, Literal

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, DefaultClause, Table, inspect, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.sql.functions import Function
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from coatcheck.core.errors import CoatcheckError
from coatcheck.web.database import Model
from coatcheck.web.engines import make_engine, reaching
from coatcheck.web.migrations import Echo, steps
from coatcheck.web.migrations.history import History, UnusableMigration
from coatcheck.web.migrations.models import tables_of
from coatcheck.web.migrations.naming import describe, file_name
from coatcheck.web.migrations.state import MigratedDatabase


class UnwritableMigration(CoatcheckError):
    """A change of the models that no migration can make as it stands."""


def write_migrations(database: MigratedDatabase, chosen: Sequence[str], echo: Echo) -> bool:
    """Write what is missing for the apps labelled *chosen*; whether anything was."""
    tables = tables_of(database.apps)
    history = database.history
    last = {label: leaves[0] for label in history.labels if (leaves := history.leaves(label))}
    folders = {app.label: app.migrations for app in database.apps}
    classes = {str(mapper.local_table): mapper.class_.__name__ for mapper in Model.registry.mappers}
    written = False
    with _scratch(database.url) as connection:
        owners = _replay(history, connection)
        for label in _in_order(tables, chosen):
            upgrade = _differences(connection, label, tables, owners)
            said = list(describe(upgrade.ops, f"{label}_", classes))
            if not said:
                continue
            number = 1 + max((_number(step.name) for step in history.of(label)), default=0)
            name = file_name(number, said)
            needs = [
                last[other]
                for other in sorted(_refers_to(upgrade, tables))
                if other != label and other in last
            ]
            file = folders[label] / f"{name}.py"
            code = _code(label, name, last.get(label), needs, upgrade, [each.line for each in said])
            file.parent.mkdir(exist_ok=True)
            (file.parent / "__init__.py").touch()
            with file.open("x", encoding="utf-8") as out:
                out.write(code)
            last[label] = f"{label}.{name}"
            echo(f"Migrations for '{label}':\n  {_short(file)}")
            for each in said:
                echo(f"    {each.line}")
            written = True
    return written


@contextmanager
def _scratch(url: str) -> Iterator[Connection]:
    """An empty database of the same kind, which leaves nothing behind."""
    on_server = make_url(url).get_backend_name() == "postgresql"
    engine = make_engine(url if on_server else "sqlite://", for_migrations=True)
    try:
        with reaching(url):
            connection = engine.connect()
        with connection, connection.begin() as transaction:
            if on_server:
                schema = f"coatcheck_scratch_{secrets.token_hex(8)}"
                connection.execute(text(f"CREATE SCHEMA {schema}"))
                connection.execute(text(f"SET LOCAL search_path TO {schema}"))
            yield connection
            transaction.rollback()
    finally:
        engine.dispose()


def _replay(history: History, connection: Connection) -> dict[str, str]:
    """Run all migrations; which app made each table that is there now."""
    owners: dict[str, str] = {}
    for step in history.plan:
        steps.run(step, connection)
        present = inspect(connection).get_table_names()
        owners = {table: owners.get(table, step.app) for table in present}
    return owners


def _in_order(tables: Mapping[str, Sequence[Table]], chosen: Sequence[str]) -> list[str]:
    """The apps to look at, each after those that its tables refer to."""
    homes = {table: label for label, each in tables.items() for table in each}
    graph = {
        label: {
            homes[key.column.table]
            for table in each
            for key in table.foreign_keys
            if key.column.table in homes and homes[key.column.table] != label
        }
        for label, each in tables.items()
    }
    try:
        return [
            label for label in graphlib.TopologicalSorter(graph).static_order() if label in chosen
        ]
    except graphlib.CycleError as error:
        raise UnwritableMigration(
            f"Tables of these apps refer to each other in a circle: {' -> '.join(error.args[1])}. "
            "Move one of the foreign keys, or the models into one app."
        ) from error


def _differences(
    connection: Connection,
    label: str,
    tables: Mapping[str, Sequence[Table]],
    owners: Mapping[str, str],
) -> ops.UpgradeOps:
    declared = {table.fullname: table for table in tables[label]}

    def is_ours(item: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
        if kind != "table":
            return True
        return owners.get(str(name)) == label if reflected else name in declared

    context = MigrationContext.configure(connection, opts={"include_object": is_ours})
    found = produce_migrations(context, Model.metadata).upgrade_ops
    if found is None:
        return ops.UpgradeOps([])
    for operation in found.ops:
        for each in operation.ops if isinstance(operation, ops.ModifyTableOps) else ():
            if isinstance(each, ops.AddColumnOp):
                _give_present_rows_a_value(each.column, declared[each.table_name])
    return found


def _give_present_rows_a_value(column: Column[Any], table: Table) -> None:
    """Let the database fill a new column in the rows that exist, from the model's own default."""
    if column.nullable or column.server_default is not None or column.computed or column.identity:
        return
    default = table.c[column.name].default
    value = default.arg if isinstance(default, ScalarElementColumnDefault) else None
    if isinstance(value, bool):
        column.server_default = DefaultClause(text(str(value).lower()))
    elif isinstance(value, int | float):
        column.server_default = DefaultClause(text(str(value)))
    elif isinstance(value, str):
        column.server_default = DefaultClause(value)
    else:
        raise UnwritableMigration(
            f"{table.name}.{column.name} is new and must not be empty, but rows that exist already "
            "have no value for it. Give it one, mapped_column(default=...), or let it be empty: "
            "Mapped[... | None]."
        )


def _refers_to(upgrade: ops.UpgradeOps, tables: Mapping[str, Sequence[Table]]) -> set[str]:
    """The apps whose tables the operations make references to."""
    homes = {table.fullname: label for label, each in tables.items() for table in each}
    referred: set[str] = set()
    waiting: list[Any] = list(upgrade.ops)
    while waiting:
        operation = waiting.pop()
        if isinstance(operation, ops.ModifyTableOps):
            waiting += operation.ops
        elif isinstance(operation, ops.CreateTableOp):
            referred |= {key.target_fullname for key in operation.to_table().foreign_keys}
        elif isinstance(operation, ops.AddColumnOp):
            referred |= {key.target_fullname for key in operation.column.foreign_keys}
        elif isinstance(operation, ops.CreateForeignKeyOp):
            referred.add(f"{operation.referent_table}.")
    return {homes[name] for target in referred if (name := target.rpartition(".")[0]) in homes}


def _code(
    label: str,
    name: str,
    after: str | None,
    needs: Sequence[str],
    upgrade: ops.UpgradeOps,
    lines: Sequence[str],
) -> str:
    imports: set[str] = set()

    def written(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:
        # Alembic notes here what its own code needs, such as the dialect of a type.
        nonlocal imports
        imports = context.imports
        package = type(item).__module__.partition(".")[0]
        if kind == "type" and package not in ("sqlalchemy", "alembic"):
            imports.add(f"import {type(item).__module__}")
        asked = item.arg if kind == "server_default" and isinstance(item, DefaultClause) else None
        if isinstance(asked, Function) and not len(asked.clauses):
            # Alembic would write it as text in one database's words, such as now().
            return f"sa.func.{asked.name.lower()}()"
        return False

    def body(operations: ops.UpgradeOps | ops.DowngradeOps) -> str:
        code = render_python_code(
            operations,
            render_as_batch=True,
            render_item=written,
            imports=tuple(imports),
        )
        plain = (line for line in code.splitlines() if not line.strip().startswith("# ###"))
        return "\n".join(line.rstrip() for line in plain).strip() or "pass"

    upgrades, downgrades = body(upgrade), body(upgrade.reverse())
    template = Template(files(__package__).joinpath("migration.py-tpl").read_text("utf-8"))
    return template.substitute(
        summary="\n".join(lines),
        made=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        imports="".join(f"{line}\n" for line in sorted(imports)),
        revision=repr(f"{label}.{name}").replace("'", '"'),
        down_revision="None" if after is None else f'"{after}"',
        depends_on="None" if not needs else repr(tuple(needs)).replace("'", '"'),
        upgrade=upgrades,
        downgrade=downgrades,
    )


def _number(name: str) -> int:
    digits = name.partition("_")[0]
    if not digits.isdecimal():
        raise UnusableMigration(f"Migration {name!r} does not begin with a number such as 0002_.")
    return int(digits)


def _short(file: Path) -> Path:
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
