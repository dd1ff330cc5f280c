"""Which tables the models of each app declare."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Table

from coatcheck.web.apps import InstalledApp
from coatcheck.web.database import Model


def tables_of(apps: Iterable[InstalledApp]) -> Mapping[str, list[Table]]:
    """The tables of every app by its label. Imports the apps' models.

    A table belongs to the app whose package its class lives in; one without a class, such as
    between two models, to the app whose models module names it, and else by its name.
    """
    apps = list(apps)
    modules = {app: app.models() for app in apps}
    owners: dict[str, InstalledApp] = {}
    for mapper in Model.registry.mappers:
        module = f"{mapper.class_.__module__}."
        for app in apps:
            if module.startswith(f"{app.name}."):
                owners[str(mapper.local_table)] = app
    for app, models in modules.items():
        for value in vars(models).values() if models else ():
            if isinstance(value, Table) and value.metadata is Model.metadata:
                owners.setdefault(str(value), app)
    for name in Model.metadata.tables.keys() - owners.keys():
        for app in apps:
            if name.startswith(f"{app.label}_"):
                owners[name] = app
    tables: dict[str, list[Table]] = {app.label: [] for app in apps}
    for table in Model.metadata.sorted_tables:
        if table.fullname in owners:
            tables[owners[table.fullname].label].append(table)
    return tables


def homeless_models(apps: Iterable[InstalledApp]) -> list[str]:
    """The models that no installed app claims, by dotted name: no migration is made for them."""
    claimed = {table.fullname for tables in tables_of(apps).values() for table in tables}
    return sorted(
        f"{mapper.class_.__module__}.{mapper.class_.__name__}"
        for mapper in Model.registry.mappers
        if str(mapper.local_table) not in claimed
    )
