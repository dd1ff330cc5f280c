"""What ``flask.session`` is: a coatcheck ``Session`` with the attributes that Flask gives one.

Flask's own ``flash`` and ``get_flashed_messages`` work on it as they are. What they do to the list
of messages becomes *append* and *take*, so that parallel requests neither lose a message nor show
it twice; ``interface`` opens and saves.
"""

from collections.abc import Sequence
from typing import Any

from flask.sessions import SessionMixin
from markupsafe import Markup

from coatcheck.core.http import ResponseEdits
from coatcheck.core.session import Opener
from coatcheck.forms.flash import MOST_KEPT
from coatcheck.integrations.named_user import NamedUserSession
from coatcheck.wire.tokens import Token

from .visit import FlaskVisit

FLASHES = "_flashes"
"""Where Flask keeps messages for the next page."""

FRESH = "_fresh"
"""Where Flask-Login keeps whether the visitor has shown a password, not only a remembered one."""

REMEMBER = "_remember"
"""What Flask-Login tells itself between a view and the end of its request."""

PERMANENT = "_permanent"


class FlaskSession(NamedUserSession, SessionMixin):
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
        self.touched = False
        """Whether this request read or wrote the session, and did not only name it."""
        self.flashed: list[tuple[str, ...]] = []
        """The messages that this request has kept for the next page."""

    @property
    def new(self) -> bool:
        """Whether the visitor has no stored session yet."""
        return self.is_new if self._new is None else self._new

    @new.setter
    def new(self, value: bool) -> None:
        self._new = value

    @property
    def permanent(self) -> bool:
        """Whether the cookie outlives the browser; kept under ``_permanent``."""
        self._touch()
        return bool(self.held(PERMANENT))

    @permanent.setter
    def permanent(self, value: bool) -> None:
        # Many applications say so in every request, which is nothing to save.
        if self.permanent != bool(value):
            self[PERMANENT] = bool(value)

    @property
    def says_nothing(self) -> bool:
        """Whether there is nothing to begin a stored session for."""
        return self.record is None and self.entering is None and self._keys.keys() <= {PERMANENT}

    @property
    def modified(self) -> bool:
        """Whether there is, or was, something to save. Setting it is Flask's way; no need to."""
        return self._told or super().modified

    @modified.setter
    def modified(self, value: bool) -> None:
        self._told = value

    def _touch(self) -> None:
        super()._touch()
        self.touched = True

    def __contains__(self, key: object) -> bool:
        if key == REMEMBER and not self.touched:
            return False  # Flask-Login asks at the end of every request, also where nobody else did
        return super().__contains__(key)

    # -- flash messages -----------------------------------------------------------------------

    def get(self, key: str, default: Any = None) -> Any:
        """The value at *key*, or *default*."""
        if key != FLASHES or key not in self:
            return super().get(key, default)
        # No read that could be out of date by the commit: flash() only adds to it.
        kept = self.look(key)
        return _Messages(self, restored(kept)) if isinstance(kept, list) else kept

    def __setitem__(self, key: str, value: Any) -> None:
        if key == FLASHES and isinstance(value, list) and value:
            kept = self.look(FLASHES) if FLASHES in self else []
            if isinstance(kept, list) and value[: len(kept)] == restored(kept):
                for message in value[len(kept) :]:
                    self.add_message(message)
                return
        super().__setitem__(key, marked(value) if key == FLASHES else value)

    def add_message(self, message: Any) -> None:
        """Keep *message*, a pair of category and text, for the next page that asks."""
        (kept,) = marked([message])
        self.append(FLASHES, kept, maxlen=MOST_KEPT)
        self.flashed.append(kept)

    def pop(self, key: str, *default: Any) -> Any:
        """Remove *key* and return its value, or *default*, as ``dict`` does."""
        if key != FLASHES or key not in self:
            return super().pop(key, *default)
        # A test asks for messages when the response is long out: it sees them, and they stay.
        kept = self.take(key) if self._closed is None else self.look(key)
        return restored(kept) if isinstance(kept, list) else kept

    # -- logging in ---------------------------------------------------------------------------

    def follow(self, user_keys: Sequence[str]) -> None:
        """As ``NamedUserSession`` does; and who was only remembered and shows a password now gets
        a new secret."""
        super().follow(user_keys)
        if not self.renewing and self.held(FRESH) is True and self.stored(FRESH) is False:
            self.renew()


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
