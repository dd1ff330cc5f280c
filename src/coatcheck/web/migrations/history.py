"""The migrations that apps bring along: which there are, and which must go first.

Read from the files as text, never run and without a database or Alembic, so that a server can ask
at every start. A file ``shop/migrations/0002_price.py`` is the migration ``shop.0002_price``; what
it says of ``revision``, ``down_revision`` and ``depends_on`` is plain text or a list of such.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from coatcheck.core.errors import ConfigurationError
from coatcheck.web.apps import SESSIONS, InstalledApp


class UnusableMigration(ConfigurationError):
    """A migration file, or a set of them, that cannot be followed."""


@dataclass(frozen=True)
class Migration:
    """One step of one app. ``after`` is the step before it, ``needs`` those of other apps."""

    app: str
    name: str
    file: Path
    after: tuple[str, ...]
    needs: tuple[str, ...]

    @property
    def revision(self) -> str:
        return f"{self.app}.{self.name}"


class History:
    """The migrations of all *apps* that share one database, each after what it needs."""

    def __init__(self, apps: Iterable[InstalledApp]) -> None:
        self.apps = tuple(app for app in apps if app.migrations.is_dir())
        self.found = {step.revision: step for app in self.apps for step in _read(app)}
        for step in self.found.values():
            for name in (*step.after, *step.needs):
                if name not in self.found:
                    raise UnusableMigration(
                        f"Migration {step.revision} comes after {name}, and there is no such "
                        "migration. Put its file back, or the app into INSTALLED_APPS."
                    )
        for app in self.apps:
            leaves = self.leaves(app.label)
            if len(leaves) > 1:
                raise UnusableMigration(
                    f"{' and '.join(leaves)} are both the last migration of {app.label!r}. Put "
                    f'them in a row: write down_revision = "{leaves[0]}" into {leaves[1]}.'
                )

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The apps that have migrations, by name."""
        return tuple(sorted({step.app for step in self.found.values()}))

    @cached_property
    def plan(self) -> tuple[Migration, ...]:
        """Every migration in the order to apply them: the apps' order, sessions at the end."""
        order = sorted(self.apps, key=lambda app: app.name == SESSIONS)
        done: dict[str, Migration] = {}

        def visit(step: Migration, path: tuple[str, ...]) -> None:
            if step.revision in path:
                raise UnusableMigration(
                    f"Migrations come after each other in a circle: {' -> '.join(path)}."
                )
            if step.revision not in done:
                for name in (*step.after, *step.needs):
                    visit(self.found[name], (*path, step.revision))
                done[step.revision] = step

        for app in order:
            for step in self.of(app.label):
                visit(step, ())
        return tuple(done.values())

    def of(self, label: str) -> list[Migration]:
        """The migrations of one app, by name."""
        steps = (step for step in self.found.values() if step.app == label)
        return sorted(steps, key=lambda step: step.name)

    def leaves(self, label: str) -> list[str]:
        """The migrations of an app that no other one of it follows; at most one in a sound app."""
        followed = {name for step in self.of(label) for name in step.after}
        return [step.revision for step in self.of(label) if step.revision not in followed]

    def before(self, revisions: Iterable[str]) -> frozenset[str]:
        """*revisions* and all that they come after."""
        reached: set[str] = set()
        waiting = list(revisions)
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                step = self.found[name]
                waiting += (*step.after, *step.needs)
        return frozenset(reached)

    def after(self, revisions: Iterable[str]) -> frozenset[str]:
        """*revisions* and all that come after them."""
        wanted = set(revisions)
        return frozenset(name for name in self.found if self.before([name]) & wanted)


def _read(app: InstalledApp) -> Iterator[Migration]:
    for file in sorted(app.migrations.glob("*.py")):
        if file.stem.startswith(("_", ".")):
            continue
        said = _assignments(file)
        revision = f"{app.label}.{file.stem}"
        if said.get("revision") != revision:
            raise UnusableMigration(
                f"{file} calls itself {said.get('revision')!r}: a migration is named as its file, "
                f'so write revision = "{revision}" (and correct those that come after it).'
            )
        yield Migration(
            app.label,
            file.stem,
            file,
            _names(said.get("down_revision"), file),
            _names(said.get("depends_on"), file),
        )


def _assignments(file: Path) -> dict[str, object]:
    """The plain values that the module assigns to names."""
    values: dict[str, object] = {}
    for statement in ast.parse(file.read_text(encoding="utf-8"), str(file)).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case _:
                continue
        if name in _NAMES:
            values[name] = _literal(value, name, file)
    return values


_NAMES = ("revision", "down_revision", "depends_on")


def _literal(value: ast.expr, name: str, file: Path) -> object:
    try:
        return ast.literal_eval(value)
    except ValueError:
        raise UnusableMigration(f"{file}: write {name} as plain text, not as code.") from None


def _names(value: object, file: Path) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else value or ()
    if isinstance(names, tuple | list) and all(isinstance(name, str) for name in names):
        return tuple(names)
    raise UnusableMigration(f"{file}: {value!r} is no name of a migration, nor a list of names.")
