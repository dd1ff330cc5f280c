"""Tables for an app of one file, whose models no migration can be written for.

They are made where they are missing and never changed: a model that changes wants a project, with
migrations, or a fresh database.
"""

import sys

from coatcheck.web.migrations import Echo
from coatcheck.web.settings import Settings


def make_tables_of(module: str, settings: Settings, echo: Echo) -> None:
    """Make the tables of the models that *module* declares itself, where there are none."""
    if module in settings.installed_apps or "coatcheck.web.database" not in sys.modules:
        return  # it has migrations, or declares no model
    from sqlalchemy import Table, inspect

    from coatcheck.web.database import Model
    from coatcheck.web.engines import make_engine, reaching

    tables = [
        mapper.local_table
        for mapper in Model.registry.mappers
        if mapper.class_.__module__ == module and isinstance(mapper.local_table, Table)
    ]
    if not tables:
        return
    engine = make_engine(settings.database_url)
    try:
        with reaching(settings.database_url):
            missing = [table for table in tables if not inspect(engine).has_table(table.name)]
        if missing:
            Model.metadata.create_all(engine, tables=missing)
            echo(f"Made the tables of {module}: {', '.join(table.name for table in missing)}")
    finally:
        engine.dispose()
