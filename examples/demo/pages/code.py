"""The code that makes a page, read from where it runs, for the panel beside it."""

import inspect
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from coatcheck.web import request
from pages import highlight

ROOT = Path(__file__).resolve().parent.parent
EXERCISES = ROOT.parent / "exercises"


class Piece(NamedTuple):
    """Some lines of a file, coloured."""

    file: str
    html: Markup


class Exercise(NamedTuple):
    """The files of an exercise: in path style, in route style, and its templates."""

    folder: str
    path_style: list[Piece]
    route_style: Piece
    templates: list[Piece]


def views_behind(*names):
    """The views of the routes with these names, as pieces of one file after another."""
    return [_view(request.app.routes.named(name)[0].route.view) for name in names]


def template_behind(file):
    """A whole template of the demo."""
    return _template(ROOT / "templates" / file)


def exercise_shown():
    """The exercise that the page being made is of; None for a page of the demo itself."""
    file = Path(inspect.getfile(inspect.unwrap(request.endpoint.route.view))).resolve()
    if EXERCISES not in file.parents:
        return None
    files = [file.with_name(name) for name in ("views.py", "models.py", "urls.py")]
    return Exercise(
        file.parent.name,
        [_python(one) for one in files if one.exists()],
        _python(file.with_name("route_style.py")),
        [_template(one) for one in sorted(file.parent.glob("templates/*.html"))],
    )


def _view(view):
    file = Path(inspect.getfile(view)).resolve()
    return Piece(_name(file), highlight.python(inspect.getsource(view)))


def _python(file):
    return Piece(_name(file), highlight.python(file.read_text(encoding="utf-8")))


def _template(file):
    return Piece(_name(file), highlight.template(file.read_text(encoding="utf-8")))


def _name(file):
    """The file as one calls it in its project, or within its exercise."""
    if EXERCISES in file.parents:
        return "/".join(file.relative_to(EXERCISES).parts[1:])
    return file.relative_to(ROOT).as_posix()
