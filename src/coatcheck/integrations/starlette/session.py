"""What ``request.session`` is under Starlette: a coatcheck ``Session`` that is a ``dict`` too.

Starlette promises a dict, so code passes it to ``json.dumps``, ``isinstance`` and ``|``.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from coatcheck.core.session import Opener
from coatcheck.integrations.named_user import NamedUserSession
from coatcheck.wire.tokens import Token

_ELSEWHERE: Final = object()


class StarletteSession(NamedUserSession, dict[str, Any]):  # type: ignore[misc]  # as a dict, and more
    """A session with all that a dict can do, and with what Starlette's own ``Session`` has.

    ``clear`` ends it, as it deletes the cookie of Starlette's own. ``accessed`` and ``modified``
    tell what the request did; there is no need to set them, nor to call ``mark_modified``: nested
    changes are found by themselves.
    """

    def __init__(self, opener: Opener, token: Token | None = None) -> None:
        super().__init__(opener, token)
        # What the session holds is not in the dict that it is by birth. Libraries in C that read
        # that one, past every method, shall stumble over a key that is no text, not find nothing.
        # json in C asks ``items``, unless it finds nothing.
        dict.__setitem__(self, _ELSEWHERE, None)  # type: ignore[misc]

    def mark_accessed(self) -> None:
        """Do nothing: ``request.session`` calls it, and what is read is noted where it is read."""

    def mark_modified(self) -> None:
        """Do nothing more than read: what has changed is found by itself."""
        self.modified = True

    def copy(self) -> dict[str, Any]:
        """A plain dict with what the session holds."""
        return dict(self)

    __copy__ = copy

    def __or__(self, other: Mapping[str, Any]) -> dict[str, Any]:  # type: ignore[override]
        return dict(self) | dict(other)

    def __ror__(self, other: Mapping[str, Any]) -> dict[str, Any]:  # type: ignore[override]
        return dict(other) | dict(self)

    def __reversed__(self) -> Iterator[str]:
        return reversed(list(self))
