"""The apps that a site installs: what each is called and where its parts lie.

An app is a package, named in INSTALLED_APPS by its dotted name. Its label is the last part of that
name; tables and migrations carry it, so no two apps may share one.
"""

import difflib
import importlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from coatcheck.core.errors import ConfigurationError
from coatcheck.web.settings import Settings

OWN = "coatcheck."
"""What the dotted names of coatcheck's own apps begin with."""

SESSIONS = "coatcheck.web.sessions"
"""The app that keeps the sessions' table. It is always there, installed by name or not."""


@dataclass(frozen=True)
class InstalledApp:
    """One app: its dotted *name* and the *folder* that its package lies in."""

    name: str
    folder: Path

    @property
    def label(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def migrations(self) -> Path:
        return self.folder / "migrations"

    @property
    def templates(self) -> Path:
        return self.folder / "templates"

    @property
    def is_own(self) -> bool:
        """Whether the app is part of coatcheck itself."""
        return self.name.startswith(OWN)

    def models(self) -> ModuleType | None:
        """The app's ``models`` module, imported, or None if it has none."""
        if importlib.util.find_spec(f"{self.name}.models") is None:
            return None
        return importlib.import_module(f"{self.name}.models")


def installed_apps(settings: Settings) -> tuple[InstalledApp, ...]:
    """The apps of INSTALLED_APPS in their order, and the sessions' app in any case.

    Raises ConfigurationError for a name without a package, and for two apps with one label.
    """
    apps = [_find(name, settings) for name in dict.fromkeys([*settings.installed_apps, SESSIONS])]
    by_label: dict[str, InstalledApp] = {}
    for app in apps:
        other = by_label.setdefault(app.label, app)
        if other is not app:
            raise ConfigurationError(
                f"INSTALLED_APPS in {settings.where} names {other.name!r} and {app.name!r}, whose "
                f"tables and migrations would both be called {app.label!r}. Rename one package."
            )
    return tuple(apps)


def _find(name: str, settings: Settings) -> InstalledApp:
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:  # of a package that *name* begins with
        spec = None
    if spec is None:
        near = difflib.get_close_matches(name, _packages_in(settings.base_dir), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else " Make it with: python manage.py startapp"
        raise ConfigurationError(
            f"INSTALLED_APPS in {settings.where} names {name!r}, and there is no such package."
            f"{hint}"
        )
    if spec.submodule_search_locations is None:
        raise ConfigurationError(
            f"INSTALLED_APPS in {settings.where} names {name!r}, which is a single file. "
            "An app is a package: a folder with __init__.py."
        )
    return InstalledApp(name, Path(next(iter(spec.submodule_search_locations))))


def _packages_in(folder: Path) -> Iterator[str]:
    return (file.parent.name for file in folder.glob("*/__init__.py"))
