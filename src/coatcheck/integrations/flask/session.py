"""What ``flask.session`` is: a coatcheck ``Session`` with the attributes that Flask gives one.

Flask's own ``flash`` and ``get_flashed_messages`` work on it as they are. What they do to the list
of messages becomes *append* and *take*, so that parallel requests neither lose a message nor show
it twice; ``interface`` opens and saves.
"""

from typing import Any
from uuid import UUID

from flask.sessions import SessionMixin
from markupsafe import Markup

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
        self._told = False
        self._emptied = False

    @property
    def new(self) -> bool:
        """Whether the visitor has no stored session yet."""
        return self.is_new if self._new is None else self._new

    @new.setter
    def new(self, value: bool) -> None:
        self._new = value

    @property
    def modified(self) -> bool:
        """Whether there is, or was, something to save. Setting it is Flask's way; no need to."""
        return self._told or super().modified

    @modified.setter
    def modified(self, value: bool) -> None:
        self._told = value

    def clear(self) -> None:
        """Remove every key. If nothing is set afterwards, that ends the session, as a logout."""
        super().clear()
        self._emptied = True

    # -- flash messages -----------------------------------------------------------------------

    def get(self, key: str, default: Any = None) -> Any:
        """The value at *key*, or *default*."""
        if key != FLASHES or key not in self:
            return super().get(key, default)
        # No read that could be out of date by the commit: flash() only adds to it.
        kept = self.look(key)
        return _Messages(self, restored(kept)) if isinstance(kept, list) else kept

    def __setitem__(self, key: str, value: Any) -> None:
        if key == FLASHES and isinstance(value, list) and FLASHES in self:
            kept = self.look(FLASHES)
            if isinstance(kept, list) and value[: len(kept)] == restored(kept):
                for message in value[len(kept) :]:
                    self.add_message(message)
                return
        super().__setitem__(key, marked(value) if key == FLASHES else value)

    def add_message(self, message: Any) -> None:
        """Keep *message*, a pair of category and text, for the next page that asks."""
        (kept,) = marked([message])
        self.append(FLASHES, kept, maxlen=MOST_KEPT)

    def pop(self, key: str, *default: Any) -> Any:
        """Remove *key* and return its value, or *default*, as ``dict`` does."""
        if key != FLASHES or key not in self:
            return super().pop(key, *default)
        # A test asks for messages when the response is long out: it sees them, and they stay.
        kept = self.take(key) if self._closed is None else self.look(key)
        return restored(kept) if isinstance(kept, list) else kept

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
        if self._emptied and not self._keys:
            self.destroy()
        elif now is None:
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
        self._session.add_message(message)


_HTML = "html"


def marked(messages: Any) -> Any:
    """*messages* as they are kept: a text that is marked as HTML has a third word that says so."""
    if not isinstance(messages, list):
        return messages
    return [
        (*message, _HTML)
        if isinstance(message, tuple) and len(message) == 2 and isinstance(message[1], Markup)
        else message
        for message in messages
    ]


def restored(messages: list[Any]) -> list[Any]:
    """*messages* as Flask knows them."""
    return [
        (message[0], Markup(message[1]))  # noqa: S704 (as the view has marked it)
        if isinstance(message, tuple) and len(message) == 3 and message[2] == _HTML
        else message
        for message in messages
    ]


def as_user(value: object) -> str | None:
    """*value* as the name of a user, or None when it is none."""
    if isinstance(value, str | int | UUID) and not isinstance(value, bool) and value != "":
        return str(value)
    return None
