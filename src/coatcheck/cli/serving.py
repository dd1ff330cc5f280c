"""Start servers, in this process or others, and say so.

Worker and reloading processes import the site anew. What they need to know of the command comes
with them in one environment variable, and ``load`` is what uvicorn calls there.
"""

import dataclasses
import datetime
import json
import os
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from coatcheck.cli.failures import FAILED, told
from coatcheck.core.errors import CoatcheckError

if TYPE_CHECKING:
    from socket import socket

    from coatcheck.web.app import App

_VARIABLE = "COATCHECK_SERVING"
_FACTORY = "coatcheck.cli.serving:load"


@dataclass(frozen=True)
class Serving:
    """What is served, where, and for which command. *aloud* says so when the site is loaded."""

    target: str
    host: str
    port: int
    command: Literal["run", "runserver"]
    aloud: bool = True

    def serve(self, *, workers: int, reload: Path | None) -> None:
        """Serve until told to stop; with *reload* anew after each change in that folder."""
        from coatcheck.web import devserver

        listener = self._listen()
        here = dataclasses.replace(self, port=listener.getsockname()[1])
        if reload is not None:
            here.hand_over()
            if self.command == "runserver":
                click.echo("Watching for file changes with StatReloader")
            sys.exit(0 if devserver.serve_with_reload(_FACTORY, listener, reload) else FAILED)
        app = here.prepare()
        if workers > 1:
            if app.settings.session_store.startswith("memory:"):
                raise CoatcheckError(
                    "SESSION_STORE is memory://, of which every process has its own. Name a "
                    "database, or serve from one process."
                )
            dataclasses.replace(here, aloud=False).hand_over()
            started = devserver.serve_with_workers(_FACTORY, listener, workers)
        else:
            started = devserver.serve(app, listener)
        sys.exit(0 if started else FAILED)

    def _listen(self) -> "socket":
        from coatcheck.web import devserver

        try:
            return devserver.listen(self.host, self.port)
        except devserver.AddressUnusable as error:
            if not error.port_in_use:
                raise
            free = devserver.free_port(self.host, self.port)
            way = "--port " if self.command == "run" else "python manage.py runserver "
            other = f"use another: {way}{free}" if free else "name another port"
            raise CoatcheckError(
                f"{error}: another server is running there. Stop it, or {other}"
            ) from error

    def hand_over(self) -> None:
        """Leave this for the processes that will be started."""
        os.environ[_VARIABLE] = json.dumps(dataclasses.asdict(self))

    def prepare(self) -> "App":
        """Load the site, look it over, bring our own tables up to date, and say what is served."""
        from coatcheck.cli.target import load_app
        from coatcheck.web.devserver import url_of

        app = load_app(self.target)
        if self.aloud and self.command == "runserver":
            click.echo("Performing system checks...\n")
        self._check(app)
        url = url_of(self.host, self.port)
        if self.aloud and self.command == "runserver":
            now = datetime.datetime.now().astimezone()
            click.echo(f"{now:%B %d, %Y - %H:%M:%S}")
            click.echo(f"coatcheck version {version('coatcheck')}, using {_settings_of(app)}")
            click.echo(f"Starting development server at {url}")
            click.echo("Quit the server with CONTROL-C.")
        elif self.aloud:
            click.echo(f"{self.target} is served at {url} (CONTROL-C stops it)")
        return app

    def _check(self, app: "App") -> None:
        from coatcheck.cli.checks import look_over, summary

        found = look_over(app)
        if self.aloud and (found or self.command == "runserver"):
            click.echo(summary(found), err=bool(found))
        _migrate_own(app, aloud=self.aloud)
        if self.command == "run":
            from coatcheck.web.one_file import make_tables_of

            make_tables_of(app.import_name, app.settings, click.echo)
        if self.aloud and app.debug and self.host not in ("127.0.0.1", "localhost", "::1"):
            click.echo(
                f"DEBUG is on, and {self.host} is open to the network: error pages show code and "
                "values to everyone there. Turn it off with COATCHECK_DEBUG=0 or DEBUG = False.",
                err=True,
            )


def _migrate_own(app: "App", *, aloud: bool) -> None:
    from coatcheck.web.migrations import ensure_own, unapplied

    ensure_own(app.settings, click.echo)
    waiting = unapplied(app.settings) if aloud else []
    if waiting:
        labels = ", ".join(sorted({step.app for step in waiting}))
        click.secho(
            f"\nYou have {len(waiting)} unapplied migration(s). Your project may not work properly "
            f"until you apply the migrations for app(s): {labels}.\n"
            "Run 'python manage.py migrate' to apply them.",
            fg="red",
        )


def _settings_of(app: "App") -> str:
    return f"settings {app.settings.where.partition(' ')[0]!r}"


def load() -> "App":
    """What uvicorn calls in each process that serves: the App, or a story and an exit."""
    from coatcheck.web.devserver import CANNOT_START

    serving = Serving(**json.loads(os.environ[_VARIABLE]))
    with told(CANNOT_START):
        return serving.prepare()
