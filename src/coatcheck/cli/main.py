"""``coatcheck``: start a project, or serve an app of one file."""

from pathlib import Path

try:
    import click
except ModuleNotFoundError:
    raise SystemExit('The commands are in the extra "web": pip install "coatcheck[web]"') from None

from coatcheck.cli.commands import Commands
from coatcheck.cli.explain import explain
from coatcheck.cli.failures import told

_IN_A_PROJECT = (
    "check",
    "clearsessions",
    "createsuperuser",
    "makemigrations",
    "migrate",
    "runserver",
    "shell",
    "showmigrations",
)


class _Anywhere(Commands):
    """The commands that need no project."""

    def missing(self, name: str) -> str | None:
        if name in _IN_A_PROJECT:
            return (
                f"{name} is a command of a project: in the folder that holds manage.py, run "
                f"python manage.py {name}"
            )
        return None


@click.group(cls=_Anywhere)
@click.version_option(package_name="coatcheck", message="coatcheck %(version)s")
def coatcheck() -> None:
    """Web applications that remember their visitors."""


@coatcheck.command()
@click.argument("target")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="0 takes any that is free.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 for the network.")
@click.option("--workers", type=click.IntRange(1), default=1, help="Processes that answer.")
@click.option("--reload", is_flag=True, help="Start anew when a file changes.")
def run(target: str, port: int, host: str, workers: int, reload: bool) -> None:
    """Serve the App in TARGET, a file or a module.

    A file such as app.py, or a module such as shop.site; with :name if it has several. Makes the
    table for sessions and those of the file's own models, and a development key if no SECRET_KEY is
    set. DEBUG is on unless the app's settings, or COATCHECK_DEBUG=0, say otherwise.
    """
    import os

    from coatcheck.cli.serving import Serving
    from coatcheck.web.settings import DEBUG_VARIABLE

    if reload and workers > 1:
        raise click.UsageError("--reload serves from one process: leave it out, or --workers.")
    os.environ.setdefault(DEBUG_VARIABLE, "1")
    folder = Path(target.partition(":")[0]).resolve().parent if reload else None
    Serving(target, host, port, "run").serve(workers=workers, reload=folder)


@coatcheck.command()
@click.argument("name")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
def startproject(name: str, folder: Path | None) -> None:
    """Lay out a project called NAME in a new folder.

    Or in FOLDER; "." is this one.
    """
    from coatcheck.web.scaffold import start_project

    root = start_project(name, folder)
    there = "" if root.resolve() == Path.cwd() else f"cd {root} && "
    click.echo(f"Made the project {name}. Next: {there}python manage.py runserver")


@coatcheck.command()
@click.argument("name")
def startapp(name: str) -> None:
    """Lay out an app called NAME in this folder."""
    from coatcheck.cli.commands import start_app

    start_app(name, Path())


coatcheck.add_command(explain)


def main() -> None:
    """The console script."""
    with told():
        coatcheck(prog_name="coatcheck")
