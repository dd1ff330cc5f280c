"""Run one migration, forwards or back, with Alembic's operations.

Which one is next, and that it is noted as applied, is the caller's part.
"""

import importlib.util

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Connection

from coatcheck.web.migrations.history import Migration, UnusableMigration


def run(step: Migration, connection: Connection, *, forwards: bool = True) -> None:
    """Call the file's ``upgrade`` or ``downgrade`` inside the transaction of *connection*."""
    spec = importlib.util.spec_from_file_location(f"{step.app}.migrations.{step.name}", step.file)
    if spec is None or spec.loader is None:
        raise UnusableMigration(f"{step.file} cannot be loaded.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    turn = getattr(module, "upgrade" if forwards else "downgrade", None)
    if turn is None:
        raise UnusableMigration(
            f"{step.file} has no downgrade(), so {step.revision} cannot be undone."
            if not forwards
            else f"{step.file} has no upgrade()."
        )
    context = MigrationContext.configure(connection, opts={"transactional_ddl": True})
    with Operations.context(context):
        turn()
