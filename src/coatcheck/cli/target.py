"""Find the App that somebody named: ``app.py``, ``shop.site``, ``app.py:site``."""

import difflib
import importlib
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from coatcheck.core.errors import CoatcheckError

if TYPE_CHECKING:
    from coatcheck.web.app import App


class NoSuchTarget(CoatcheckError):
    """A file, module or App that is not there, or cannot be used."""


def load_app(target: str) -> "App":
    """The App of *target*: named after the colon, or else called ``app``, or else the only one.

    Raises NoSuchTarget; an error in the site's own code passes through.
    """
    name, colon, attribute = target.rpartition(":")
    if not colon or "/" in attribute or "\\" in attribute:
        name, attribute = target, ""
    module = vars(importlib.import_module(_importable(name)))

    from coatcheck.web.app import App

    apps = {key: value for key, value in module.items() if isinstance(value, App)}
    if attribute:
        if attribute in apps:
            return apps[attribute]
        raise NoSuchTarget(f"{name} has no App called {attribute!r}. {_what_there_is(apps)}")
    different = {id(app) for app in apps.values()}
    if "app" in apps or len(different) == 1:
        return apps.get("app") or next(iter(apps.values()))
    if apps:
        raise NoSuchTarget(f"{name} has {len(different)} Apps: say which, as in {name}:{min(apps)}")
    other = type(module.get("app")).__name__
    if other != "NoneType":
        raise NoSuchTarget(
            f"{name} has an {other} called app, and coatcheck runs an App: run it with uvicorn, "
            "or write: app = App(__name__)"
        )
    raise NoSuchTarget(
        f"{name} has no App. Write into it: from coatcheck.web import App; app = App(__name__)"
    )


def _what_there_is(apps: dict[str, "App"]) -> str:
    return f"It has: {', '.join(sorted(apps))}." if apps else "It has none."


def _importable(name: str) -> str:
    """The dotted name to import *name* by, with the folder to find it in put on the path."""
    file = Path(name)
    if (file / "manage.py").is_file():
        raise NoSuchTarget(f"{name} is a project: cd {name} && python manage.py runserver")
    if file.is_dir() and not (file / "__init__.py").is_file():
        raise NoSuchTarget(f"{name} is a folder: name the file in it that makes the App.")
    if file.suffix != ".py" and not file.is_file() and "/" not in name:
        return _module(name)
    if not file.is_file():
        near = difflib.get_close_matches(file.name, _python_files(file.parent), n=1, cutoff=0.7)
        there = ", ".join(sorted(_python_files(file.parent))[:5]) or "none"
        hint = f"Did you mean {file.parent / near[0]}?" if near else f"Python files there: {there}."
        raise NoSuchTarget(f"There is no file {name}. {hint}")
    file = file.resolve()
    parts, root = [file.stem], file.parent
    while (root / "__init__.py").is_file():
        parts.insert(0, root.name)
        root = root.parent
    if not all(part.isidentifier() for part in parts):
        raise NoSuchTarget(
            f"{name} cannot be imported by that name: use letters, digits and underscores, such as "
            "app.py."
        )
    _refuse_to_hide(parts[0], root, name)
    _put_first(root)
    return ".".join(parts)


def _module(name: str) -> str:
    _put_first(Path.cwd())
    try:
        found = importlib.util.find_spec(name)
    except (ModuleNotFoundError, ValueError):
        found = None
    if found is None:
        near = difflib.get_close_matches(f"{name}.py", _python_files(Path.cwd()), n=1)
        hint = f"Did you mean {near[0]}?" if near else "Name a file such as app.py, or a module."
        raise NoSuchTarget(f"There is no module {name!r} here. {hint}")
    return name


def _refuse_to_hide(name: str, root: Path, target: str) -> None:
    """A file called as a module that the site itself imports would be imported in its place."""
    spec = None if name in sys.stdlib_module_names else importlib.util.find_spec(name)
    mine = (
        spec is not None and spec.origin is not None and root in Path(spec.origin).resolve().parents
    )
    if name in sys.stdlib_module_names or (spec is not None and not mine):
        raise NoSuchTarget(
            f"{target} has the name of another module, {name!r}, and would hide it: rename it, for "
            f"one to my{name}.py."
        )


def _put_first(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _python_files(folder: Path) -> list[str]:
    return [file.name for file in folder.glob("*.py")]
