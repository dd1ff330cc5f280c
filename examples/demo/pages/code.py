"""The code that makes a page, read from where it runs, for the panel beside it."""

import inspect
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from coatcheck.web import request
from pages import highlight

ROOT = Path(__file__).resolve().parent.parent


class Piece(NamedTuple):
    """Some lines of a file of the demo, coloured."""

    file: str
    html: Markup


def views_behind(*names):
    """The views of the routes with these names, as pieces of one file after another."""
    return [_view(request.app.routes.named(name)[0].route.view) for name in names]


def template_behind(file):
    """A whole template."""
    text = (ROOT / "templates" / file).read_text(encoding="utf-8")
    return Piece(f"templates/{file}", highlight.template(text))


def _view(view):
    file = Path(inspect.getfile(view)).resolve().relative_to(ROOT)
    return Piece(file.as_posix(), highlight.python(inspect.getsource(view)))
