"""Sessions of hosts where a login is nothing but a key: ``session["user_id"] = 7``.

Before such a session is saved it follows what the application did to that key, so that a login
replaces the secret in the cookie (ASVS 7.2.4), a logout ends the session for good, and
``sessions.of(user)`` knows where a user is logged in. ``session.login`` and ``logout`` do the same
where an application calls them itself.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from coatcheck.core.session import Session
from coatcheck.wire.codec import decode
from coatcheck.wire.errors import UndecodableValue


class NamedUserSession(Session):
    """A session whose user may be named by one of its keys, and that ``clear`` logs out."""

    _emptied = False

    def clear(self) -> None:
        """Remove every key; whoever was logged in is not any more, and an empty session ends."""
        super().clear()
        self._emptied = True

    def follow(self, user_keys: Sequence[str]) -> None:
        """Log in or out whoever the application has put under one of *user_keys*, or removed.

        What else the session holds is kept.
        """
        if not self._emptied and self._steps.keys().isdisjoint(user_keys):
            return  # a user's name cannot change in place
        before = _first(self.stored(key) for key in user_keys)
        now = _first(self.held(key) for key in user_keys)
        bound = self.user
        if now is None:
            left = bound is not None and (self._emptied or bound == before)
            if self.entering is None and (left or (self._emptied and not self._keys)):
                self._leave()
        elif bound is None:
            self.login(now)
        elif now not in (before, bound):
            rest = self._held()
            self.login(now)
            self.update(rest)

    def _leave(self) -> None:
        rest = self._held()
        self.destroy()
        self.update(rest)

    def look(self, key: str) -> Any:
        """The value at *key*, without a note that this request has read it. KeyError without."""
        self._touch()
        noted = key in self._read
        try:
            return Session.__getitem__(self, key)
        finally:
            if not noted:
                self._read.discard(key)

    def stored(self, key: str) -> Any:
        """The value at *key* as it was loaded, or None."""
        data = self.record.fields.get(key) if self.record is not None else None
        try:
            return None if data is None else decode(data)
        except UndecodableValue:
            return None

    def held(self, key: str) -> Any:
        """The value at *key* now, or None, without a note that it was read."""
        if key not in self._keys:
            return None
        try:
            return self.look(key)
        except UndecodableValue:
            return None

    def _held(self) -> dict[str, Any]:
        return {key: self.held(key) for key in self}


def _first(found: Any) -> str | None:
    return next(filter(None, map(as_user, found)), None)


def as_user(value: object) -> str | None:
    """*value* as the name of a user, or None when it is none."""
    if isinstance(value, str | int | UUID) and not isinstance(value, bool) and value != "":
        return str(value)
    return None
