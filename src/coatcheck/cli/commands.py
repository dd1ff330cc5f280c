"""What both command lines share."""

from pathlib import Path

import click


class Commands(click.Group):
    """A group of commands that can say where a command is that it does not have."""

    def missing(self, name: str) -> str | None:
        """A sentence about the command *name*, which is not here; None if it is nowhere."""
        return None

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands and (elsewhere := self.missing(args[0])):
            raise click.ClickException(elsewhere)
        return super().resolve_command(context, args)

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.commands)  # in the order they are used, which is how they are written


def start_app(name: str, root: Path) -> None:
    """Lay out an app and say what comes next."""
    from coatcheck.web.scaffold import start_app as lay_out

    lay_out(name, root)
    click.echo(f"Made the app {name}. Next: add {name!r} to INSTALLED_APPS in your settings.")
