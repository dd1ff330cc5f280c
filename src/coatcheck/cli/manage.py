"""``manage.py``: the commands of one project, found by COATCHECK_SETTINGS."""

import re
from pathlib import Path

import click

from coatcheck.cli.commands import Commands
from coatcheck.cli.failures import FAILED, told

_ANYWHERE = ("run", "startproject")


class _InProject(Commands):
    """The commands that know a project's settings."""

    def missing(self, name: str) -> str | None:
        if name in _ANYWHERE:
            return f"{name} is no command of a project. Write: coatcheck {name}"
        return None


@click.group(cls=_InProject)
def manage() -> None:
    """The commands of this project."""


@manage.command()
@click.argument("address", default="127.0.0.1:8000", metavar="[ADDRESS:PORT]")
@click.option("--noreload", is_flag=True, help="Do not start anew when a file changes.")
@click.option("--workers", type=click.IntRange(1), default=1, help="Processes; more do not reload.")
def runserver(address: str, noreload: bool, workers: int) -> None:
    """Serve the project for development, at 127.0.0.1:8000.

    Or at a port of this machine, or at an ADDRESS:PORT. Applies the migrations of coatcheck's own
    apps by itself. Starts anew when a file changes.
    """
    from coatcheck.cli.serving import Serving
    from coatcheck.web.settings import load_settings

    host, port = _address(address)
    folder = load_settings(_settings_module()).base_dir
    reload = None if noreload or workers > 1 else folder
    Serving(_application(), host, port, "runserver").serve(workers=workers, reload=reload)


def _address(text: str) -> tuple[str, int]:
    fit = re.fullmatch(r"(?:(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):)?([0-9]{1,5})", text)
    if fit is None or int(fit[2]) > 65535:
        raise click.ClickException(
            f"{text!r} is not a port or address:port: write 8001, or 0.0.0.0:8001 for the network."
        )
    return (fit[1] or "127.0.0.1").strip("[]"), int(fit[2])


def _application() -> str:
    """The project's ASGI application: ``app`` in the ``asgi`` module beside its settings."""
    import importlib.util

    package = _settings_module().rpartition(".")[0]
    module = f"{package}.asgi" if package else "asgi"
    if importlib.util.find_spec(module) is None:
        raise click.ClickException(
            f"There is no module {module!r} beside the settings. Make it, with: "
            "from coatcheck.web import App; app = App(__name__)"
        )
    return f"{module}:app"


def _settings_module() -> str:
    import os

    from coatcheck.web.settings import SETTINGS_VARIABLE

    name = os.environ.get(SETTINGS_VARIABLE)
    if not name:
        raise click.ClickException(
            f"This is no project: {SETTINGS_VARIABLE} names no settings. Start from the folder "
            "that holds manage.py, or make a project with: coatcheck startproject mysite"
        )
    return name


@manage.command()
@click.argument("labels", nargs=-1, metavar="[APP]...")
def makemigrations(labels: tuple[str, ...]) -> None:
    """Write migrations for what has changed in the models.

    Of all apps, or of those named.
    """
    from coatcheck.web.migrations import makemigrations as write
    from coatcheck.web.settings import load_settings

    write(load_settings(_settings_module()), labels, echo=click.echo)


@manage.command()
@click.argument("app", required=False)
@click.argument("name", required=False)
def migrate(app: str | None, name: str | None) -> None:
    """Bring the database up to date.

    All apps, one APP, or one up to the migration NAME. NAME "zero" undoes all of the app's
    migrations.
    """
    from coatcheck.web.migrations import migrate as apply
    from coatcheck.web.settings import load_settings

    apply(load_settings(_settings_module()), app, name, echo=click.echo)


@manage.command()
@click.argument("labels", nargs=-1, metavar="[APP]...")
def showmigrations(labels: tuple[str, ...]) -> None:
    """List migrations; what is applied has a cross.

    Those of all apps, or of the apps named.
    """
    from coatcheck.web.migrations import showmigrations as show
    from coatcheck.web.settings import load_settings

    show(load_settings(_settings_module()), labels, echo=click.echo)


@manage.command()
@click.option("--deploy", is_flag=True, help="Also what a public site must not have.")
@click.pass_context
def check(context: click.Context, deploy: bool) -> None:
    """Look the project over and name what should be mended.

    Exits with 1 if there is anything.
    """
    from coatcheck.cli.checks import look_over, summary
    from coatcheck.cli.target import load_app

    found = look_over(load_app(_application()), deploy=deploy)
    click.echo(summary(found), err=bool(found))
    if found:
        context.exit(FAILED)


@manage.command()
@click.option("-c", "--command", help="Run this code instead of asking for some.")
def shell(command: str | None) -> None:
    """Open a Python prompt with app, db and every model.

    What was done in the database is kept at the end, or undone if code raises.
    """
    from coatcheck.cli.shell import run_shell
    from coatcheck.cli.target import load_app

    run_shell(load_app(_application()), command)


@manage.command()
@click.option("--username", help="Asked for if it is left out.")
@click.option("--email", help="Asked for with the user's name; may be empty.")
def createsuperuser(username: str | None, email: str | None) -> None:
    """Make a user who may open the admin pages.

    Asks for the password, or takes it from standard input where that is not a terminal.
    """
    from coatcheck.cli.target import load_app
    from coatcheck.web.auth import create_user
    from coatcheck.web.auth.visitor import require_installed
    from coatcheck.web.context import using

    app = load_app(_application())
    with using(app), app.database.scope():
        require_installed()
        if username is None:
            username = click.prompt("Username")
            email = email or click.prompt("E-mail address (may be empty)", default="") or None
        create_user(username, _password(), email, is_staff=True)
    click.echo(f"Made the user {username}, who may open the admin pages.")


def _password() -> str:
    import sys

    if sys.stdin.isatty():
        text = click.prompt("Password", hide_input=True, confirmation_prompt="Password again")
    else:
        text = sys.stdin.readline().rstrip("\n")
    if len(text) < 8:
        raise click.ClickException("The password is shorter than 8 characters. Nothing was made.")
    return str(text)


@manage.command()
def clearsessions() -> None:
    """Delete the sessions that have expired. Run it once a day."""
    from coatcheck.cli.target import load_app

    count = load_app(_application()).sessions.delete_expired()
    click.echo(f"Deleted {count} expired session{'' if count == 1 else 's'}.")


@manage.command()
@click.argument("name")
def startapp(name: str) -> None:
    """Lay out an app called NAME in this folder."""
    from coatcheck.cli.commands import start_app

    start_app(name, Path())


@manage.command(name="help")
@click.argument("name", required=False)
@click.pass_context
def help_(context: click.Context, name: str | None) -> None:
    """Show the commands, or one of them."""
    parent = context.find_root()
    if name is None:
        click.echo(parent.get_help())
        return
    _, found, _ = manage.resolve_command(parent, [name])
    if found is not None:
        click.echo(found.get_help(click.Context(found, info_name=name, parent=parent)))


def main() -> None:
    """What a project's manage.py calls."""
    with told():
        manage(prog_name="python manage.py")
