"""Run code, typed or given, with a project at hand."""

import code
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coatcheck.web.app import App


def run_shell(app: "App", command: str | None = None) -> None:
    """Run *command*, or what stands on standard input, or ask for lines one by one.

    The names there: the app, the database's session ``db``, and every model. What was done in the
    database is kept at the end, or undone if the code raises.
    """
    from coatcheck.web.context import using
    from coatcheck.web.database import Model, db

    for each in app.installed:
        each.models()
    names: dict[str, Any] = {
        mapper.class_.__name__: mapper.class_ for mapper in Model.registry.mappers
    }
    names |= {"app": app, "db": db, "__name__": "__console__", "__doc__": None}
    with using(app), app.database.scope():
        if command is None and sys.stdin.isatty():
            _converse(names)
            return
        text, name = (sys.stdin.read(), "<stdin>") if command is None else (command, "<command>")
        exec(compile(text, name, "exec"), names)  # noqa: S102 (it is what was asked for)


def _converse(names: dict[str, Any]) -> None:
    try:
        import readline
        import rlcompleter

        readline.set_completer(rlcompleter.Completer(names).complete)
        readline.parse_and_bind("tab: complete")
    except ImportError:
        pass  # no line editing on this system
    known = ", ".join(sorted(name for name in names if not name.startswith("_")))
    code.interact(
        banner=f"Python {sys.version.split()[0]} with {known}. db.commit() keeps what you did.",
        local=names,
        exitmsg="",
    )
