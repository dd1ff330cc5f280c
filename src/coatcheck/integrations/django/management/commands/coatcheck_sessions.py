"""``manage.py coatcheck_sessions list | revoke | sweep``: look at and end the sessions of users."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from coatcheck.core.engine import Sessions
from coatcheck.core.errors import CoatcheckError
from coatcheck.wire.tokens import handle

from ... import configuration


class Command(BaseCommand):
    """The command, with the verbs of ``coatcheck sessions`` that need no more than the settings."""

    help = "List where a user is logged in, end sessions, and delete those that have expired."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        listing = verbs.add_parser("list", help="list the sessions of a user, last seen first")
        listing.add_argument("user", help="name for logging in")
        revoke = verbs.add_parser("revoke", help="end sessions of a user: all, or those named")
        revoke.add_argument("user", help="name for logging in")
        revoke.add_argument("sessions", nargs="*", help="as `list` shows them")
        verbs.add_parser("sweep", help="delete the sessions that have expired")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        try:
            sessions = configuration.current().sessions
            if verb == "sweep":
                deleted = sessions.delete_expired()
                self.stdout.write(f"Deleted {_counted(deleted)} that had expired.")
            elif verb == "list":
                self._list(sessions, options["user"])
            else:
                self._revoke(sessions, options["user"], options["sessions"])
        except CoatcheckError as error:
            raise CommandError(str(error)) from error

    def _list(self, sessions: Sessions, name: str) -> None:
        records = sessions.of(_user(name))
        for record in records:
            seen = datetime.fromtimestamp(record.seen).astimezone()
            device = record.user_agent or "unknown device"
            where = record.address or "-"
            self.stdout.write(f"{handle(record.id)}  {seen:%Y-%m-%d %H:%M}  {where}  {device}")
        if not records:
            self.stdout.write(f"{name} has no session.")

    def _revoke(self, sessions: Sessions, name: str, handles: list[str]) -> None:
        found = {handle(record.id): record.id for record in sessions.of(_user(name))}
        for wanted in handles:
            if wanted not in found:
                hint = f"manage.py coatcheck_sessions list {name}"
                raise CommandError(f"{name} has no session {wanted}. See: {hint}")
        ended = sum(sessions.revoke(found[wanted]) for wanted in handles or found)
        self.stdout.write(f"Ended {_counted(ended)} of {name}.")


def _user(name: str) -> Any:
    model = get_user_model()
    try:
        return model._default_manager.get_by_natural_key(name)
    except model.DoesNotExist as error:
        raise CommandError(f"There is no user {name!r}.") from error


def _counted(number: int) -> str:
    return f"{number} session{'' if number == 1 else 's'}"
