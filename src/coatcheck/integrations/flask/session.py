"""What ``flask.session`` is: a coatcheck ``Session`` with the attributes that Flask gives one.

Flask's own ``flash`` and ``get_flashed_messages`` work on it as they are. What they do to the list
of messages becomes *append* and *take*, so that parallel requests neither lose a message nor show
it twice; ``interface`` opens and saves.
"""

from typing import Any
from uuid import UUID

from flask.sessions import SessionMixin

from coatcheck.core.http import ResponseEdits
from coatcheck.core.session import Opener, Session
from coatcheck.forms.flash import MOST_KEPT
from coatcheck.wire.codec import decode
from coatcheck.wire.errors import UndecodableValue
from coatcheck.wire.tokens import Token

from .visit import FlaskVisit

FLASHES = "_flashes"
"""Where Flask keeps messages for the next page."""

FRESH = "_fresh"
"""Where Flask-Login keeps whether the visitor has shown a password, not only a remembered one."""

PERMANENT = "_permanent"


class FlaskSession(Session, SessionMixin):
    """``flask.session``: a dict that saves itself, with all that ``Session`` can do besides.

    ``accessed``, ``modified``, ``new`` and ``permanent`` may be set, as Flask has it. There is no
    need to: changes are found by themselves, nested ones too.
    """

    visit: FlaskVisit
    """The request that the session was opened for."""
    edits: ResponseEdits | None = None
    """What the response has to carry, once the session is saved."""

    def __init__(self, opener: Opener, token: Token | None = None) -> None:
        super().__init__(opener, token)
        self._new: bool | None = None

    @property
    def new(self) -> bool:
        """Whether the visitor has no stored session yet."""
        return self.is_new if self._new is None else self._new

    @new.setter
    def new(self, value: bool) -> None:
        self._new = value

    # -- flash messages -----------------------------------------------------------------------

    def __getitem__(self, key: str) -> Any:
        if key != FLASHES:
            return super().__getitem__(key)
        # No read that could be out of date by the commit: flash() only adds to it.
        kept = self.look(key)
        return _Messages(self, kept) if isinstance(kept, list) else kept

    def __setitem__(self, key: str, value: Any) -> None:
        if key == FLASHES and isinstance(value, list) and FLASHES in self:
            kept = self.look(FLASHES)
            if isinstance(kept, list) and value[: len(kept)] == kept:
                for message in value[len(kept) :]:
                    self.append(FLASHES, message, maxlen=MOST_KEPT)
                return
        super().__setitem__(key, value)

    def pop(self, key: str, *default: Any) -> Any:
        """Remove *key* and return its value, or *default*, as ``dict`` does."""
        if key != FLASHES or key not in self:
            return super().pop(key, *default)
        return self.take(key)

    # -- what is asked when it is saved ---------------------------------------------------------

    def look(self, key: str) -> Any:
        """The value at *key*, without a note that this request has read it. KeyError without."""
        self._touch()
        noted = key in self._read
        try:
            return super().__getitem__(key)
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
        try:
            return self.look(key)
        except (KeyError, UndecodableValue):
            return None

    def follow(self, user_keys: tuple[str, ...]) -> None:
        """Log in or out whoever the application has put under one of *user_keys*, or removed.

        So a login replaces the secret in the cookie (ASVS 7.2.4), a logout ends the session for
        good, and ``sessions.of(user)`` knows where the user is logged in. What else the session
        holds is kept.
        """
        before = next(filter(None, (as_user(self.stored(key)) for key in user_keys)), None)
        now = next(filter(None, (as_user(self.held(key)) for key in user_keys)), None)
        bound = self.user
        if now is None:
            if before is not None and bound == before:
                rest = self._all()
                self.destroy()
                self.update(rest)
        elif bound is None:
            self.login(now)
        elif now not in (before, bound):
            rest = self._all()
            self.login(now)
            self.update(rest)
        elif self.held(FRESH) is True and self.stored(FRESH) is False and not self.renewing:
            self.renew()

    def _all(self) -> dict[str, Any]:
        return {key: self.held(key) for key in self}


class _Messages(list[Any]):
    """The messages of a session, as ``flash`` adds to them."""

    def __init__(self, session: FlaskSession, kept: list[Any]) -> None:
        super().__init__(kept)
        self._session = session

    def append(self, message: Any) -> None:
        super().append(message)
        self._session.append(FLASHES, message, maxlen=MOST_KEPT)


def as_user(value: object) -> str | None:
    """*value* as the name of a user, or None when it is none."""
    if isinstance(value, str | int | UUID) and not isinstance(value, bool) and value != "":
        return str(value)
    return None
