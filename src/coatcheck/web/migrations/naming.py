"""Say in words what a migration does: the lines that are printed, and the name of its file."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from alembic.operations import ops


class Said(NamedTuple):
    """One operation: its line, and its part of the file's name."""

    line: str
    slug: str


def describe(
    operations: Iterable[ops.MigrateOperation], prefix: str, classes: Mapping[str, str]
) -> Iterator[Said]:
    """What *operations* do, in their order.

    *prefix* begins the names of the app's tables; *classes* are the models of tables by name.
    """
    made: set[str] = set()
    for operation in operations:
        if isinstance(operation, ops.ModifyTableOps):
            if operation.table_name not in made:  # the indexes of a new table are part of it
                yield from describe(operation.ops, prefix, classes)
            continue
        table = str(
            getattr(operation, "table_name", None) or getattr(operation, "source_table", "")
        )
        model = table.removeprefix(prefix)
        if isinstance(operation, ops.CreateTableOp):
            made.add(table)
            name = classes.get(table, model)
            yield Said(f"+ Create model {name}", name.lower())
        elif isinstance(operation, ops.DropTableOp):
            yield Said(f"- Delete model {model}", f"delete_{model}")
        elif isinstance(operation, ops.AddColumnOp):
            column = operation.column.name
            yield Said(f"+ Add field {column} to {model}", f"{model}_{column}")
        elif isinstance(operation, ops.DropColumnOp):
            column = operation.column_name
            yield Said(f"- Remove field {column} from {model}", f"remove_{model}_{column}")
        elif isinstance(operation, ops.AlterColumnOp):
            column = operation.column_name
            yield Said(f"~ Alter field {column} on {model}", f"alter_{model}_{column}")
        elif isinstance(operation, ops.CreateIndexOp):
            if table not in made:
                item = operation.index_name
                yield Said(f"+ Create index {item} on {model}", f"{item}")
        elif isinstance(operation, ops.DropIndexOp):
            item = operation.index_name
            yield Said(f"- Remove index {item} from {model}", f"remove_{item}")
        elif isinstance(operation, ops.AddConstraintOp):
            item = getattr(operation, "constraint_name", None)
            yield Said(f"+ Create constraint {item} on {model}", f"{item}")
        elif isinstance(operation, ops.DropConstraintOp):
            item = str(operation.constraint_name)
            yield Said(f"- Remove constraint {item} from {model}", f"remove_{item}")


def file_name(number: int, said: Iterable[Said]) -> str:
    """Such as ``0001_initial`` and ``0002_user_email``; a long one ends in ``_and_more``."""
    if number == 1:
        return "0001_initial"
    name, slugs = "", list(dict.fromkeys(each.slug for each in said))
    for slug in slugs:
        longer = f"{name}_{slug}" if name else slug
        if len(longer) > 52:
            return f"{number:04}_{name}_and_more" if name else f"{number:04}_auto"
        name = longer
    return f"{number:04}_{name or 'auto'}"
