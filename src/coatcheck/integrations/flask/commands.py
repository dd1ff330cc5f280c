"""``flask sessions list | revoke | sweep | create-tables``, from the application's own shell."""

import datetime

import click
from flask import current_app
from flask.cli import AppGroup

from coatcheck.core.engine import Sessions
from coatcheck.integrations.addresses import make_tables
from coatcheck.wire.tokens import handle

sessions_commands = AppGroup("sessions", help="Look at and end the sessions of this site.")


def _sessions() -> Sessions:
    from .extension import engine_of

    return engine_of(current_app)


@sessions_commands.command("list")
@click.argument("user")
def list_(user: str) -> None:
    """List where USER is logged in, last seen first."""
    records = _sessions().of(user)
    for record in records:
        seen = datetime.datetime.fromtimestamp(record.seen).astimezone()
        device = record.user_agent or "unknown device"
        click.echo(f"{handle(record.id)}  {seen:%Y-%m-%d %H:%M}  {record.address or '-'}  {device}")
    if not records:
        click.echo(f"{user} has no session.")


@sessions_commands.command()
@click.argument("user")
@click.argument("handles", metavar="[SESSION]...", nargs=-1)
def revoke(user: str, handles: tuple[str, ...]) -> None:
    """End the sessions of USER: all of them, or those that `list` shows as SESSION."""
    sessions = _sessions()
    found = {handle(record.id): record.id for record in sessions.of(user)}
    unknown = [name for name in handles if name not in found]
    if unknown:
        raise click.ClickException(f"{user} has no session {unknown[0]}. See: sessions list {user}")
    ended = sum(sessions.revoke(found[name]) for name in handles or found)
    click.echo(f"Ended {_counted(ended)} of {user}.")


@sessions_commands.command()
def sweep() -> None:
    """Delete the sessions that have expired. Run it once a day."""
    click.echo(f"Deleted {_counted(_sessions().delete_expired())} that had expired.")


@sessions_commands.command("create-tables")
def create_tables() -> None:
    """Make the tables of the store where there are none."""
    store = _sessions().store
    if not make_tables(store):
        raise click.ClickException(f"{type(store).__name__} needs no tables.")
    click.echo("The tables of the store are there.")


def _counted(number: int) -> str:
    return f"{number} session{'' if number == 1 else 's'}"
