"""Lay out a new project, or a new app in one.

The files beside this module are what is laid out: ``$name`` becomes the name, ``site`` the folder
of that name, and the ending ``-tpl`` goes. Nothing that exists is ever overwritten.
"""

import importlib.util
import keyword
import re
import sys
from pathlib import Path
from string import Template

from coatcheck.core.errors import CoatcheckError

_HERE = Path(__file__).parent


class UnusableName(CoatcheckError):
    """A name that a project or an app cannot have."""


class AlreadyThere(CoatcheckError):
    """Something stands where a file or folder was to be made. Nothing was changed."""


def start_project(name: str, folder: Path | None = None) -> Path:
    """Lay out a project called *name* in *folder*, by default a new folder of that name.

    Returns the folder with manage.py. Raises UnusableName, AlreadyThere.
    """
    root = Path(name) if folder is None else folder
    _check_name(name, "project", root / name)
    _refuse_what_is_there(root if folder is None else root / name)
    if folder is not None:
        _refuse_what_is_there(root / "manage.py")
    _lay_out("project", root, name)
    for empty in ("templates", "static"):
        (root / empty).mkdir(exist_ok=True)
    (root / "manage.py").chmod(0o755)
    return root


def start_app(name: str, root: Path) -> Path:
    """Lay out an app called *name* in *root*. Raises UnusableName, AlreadyThere."""
    folder = root / name
    _check_name(name, "app", folder)
    _refuse_what_is_there(folder)
    _lay_out("app", folder, name)
    (folder / "templates" / name).mkdir(parents=True)
    (folder / "migrations").mkdir()
    (folder / "migrations" / "__init__.py").touch()
    return folder


def _check_name(name: str, kind: str, folder: Path) -> None:
    if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
        near = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
        usable = near.isidentifier() and not keyword.iskeyword(near)
        example = near if usable else f"my{kind}"
        raise UnusableName(
            f"Python could not import {kind} {name!r}: "
            f"use letters, digits and underscores, such as {example!r}."
        )
    if name in sys.stdlib_module_names or _is_installed(name, folder):
        raise UnusableName(
            f"{name!r} is the name of a module that is there already, and would hide it: "
            f"use another, such as 'my{name}'."
        )


def _is_installed(name: str, folder: Path) -> bool:
    spec = importlib.util.find_spec(name)
    if spec is None:
        return False
    places = list(spec.submodule_search_locations or ()) or [spec.origin or ""]
    return folder.resolve() not in [Path(place).resolve() for place in places]


def _refuse_what_is_there(place: Path) -> None:
    if place.is_dir() and not any(place.iterdir()):
        return
    if place.exists():
        raise AlreadyThere(f"{place} is there already: use another name, or remove it first.")


def _lay_out(kind: str, root: Path, name: str) -> None:
    for template in sorted((_HERE / kind).rglob("*-tpl")):
        parts = template.relative_to(_HERE / kind).parts
        folder = root.joinpath(*(name if part == "site" else part for part in parts[:-1]))
        file = parts[-1].removesuffix("-tpl")
        folder.mkdir(parents=True, exist_ok=True)
        text = Template(template.read_text(encoding="utf-8")).substitute(name=name)
        target = folder / (".gitignore" if file == "gitignore" else file)
        if target.name == ".gitignore" and target.exists():
            continue  # a repository that the project is laid out into has rules of its own
        with target.open("x", encoding="utf-8") as out:
            out.write(text)
