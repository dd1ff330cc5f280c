"""A message for the next page: kept by the request that acted, shown once by the one that follows.

On the session's own operations, so that parallel requests neither lose a message nor show it twice.
A message lives in the session and ends with it, at logout.
"""

from collections.abc import Iterable
from typing import Any, Literal, Protocol, Self, overload

KEY = "_flashes"
MOST_KEPT = 100
_HTML = "html"


class FlashSession(Protocol):
    """What is needed of a session; coatcheck's ``Session`` is one."""

    def __contains__(self, key: object, /) -> bool:
        """Whether there is a value at *key*."""

    def __getitem__(self, key: str, /) -> Any:
        """The value at *key*."""

    def append(self, key: str, item: Any, /, maxlen: int | None = None) -> None:
        """Add to the list at *key*, whose oldest go beyond *maxlen*."""

    def take(self, key: str, default: Any = None, /) -> Any:
        """Remove and return the value at *key*."""


class Html(str):
    """Text that a view marked as HTML: templates print it as it is."""

    __slots__ = ()

    def __html__(self) -> Self:
        return self


class Taken:
    """What one request has taken out of its session, and what it queued there. A host keeps one for
    each request."""

    __slots__ = ("messages", "queued")

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] | None = None
        self.queued: list[tuple[str, ...]] = []


def flash(
    session: FlashSession, message: str, category: str = "message", taken: Taken | None = None
) -> None:
    """Keep *message* for the next page that asks. Of more than 100 unseen ones the oldest go.

    Templates escape it, unless it is marked as HTML (``markupsafe.Markup``). The request's *taken*
    notes it, so that an answer that is given again can bring it along.
    """
    kept: tuple[str, ...] = (str(category), str(message))
    if hasattr(message, "__html__"):
        kept = (*kept, _HTML)
    session.append(KEY, kept, maxlen=MOST_KEPT)
    if taken is not None:
        taken.queued.append(kept)


def flash_again(session: FlashSession, queued: Iterable[tuple[str, ...]]) -> None:
    """Queue what ``Taken.queued`` noted in an earlier request, but what is waiting there still."""
    for kept in queued:
        if KEY not in session or kept not in session[KEY]:
            session.append(KEY, kept, maxlen=MOST_KEPT)


@overload
def get_flashed_messages(
    session: FlashSession,
    with_categories: Literal[False] = False,
    category_filter: Iterable[str] = (),
    taken: Taken | None = None,
) -> list[str]: ...
@overload
def get_flashed_messages(
    session: FlashSession,
    with_categories: Literal[True],
    category_filter: Iterable[str] = (),
    taken: Taken | None = None,
) -> list[tuple[str, str]]: ...
@overload
def get_flashed_messages(
    session: FlashSession,
    with_categories: bool,
    category_filter: Iterable[str] = (),
    taken: Taken | None = None,
) -> list[str] | list[tuple[str, str]]: ...
def get_flashed_messages(
    session: FlashSession,
    with_categories: bool = False,
    category_filter: Iterable[str] = (),
    taken: Taken | None = None,
) -> list[str] | list[tuple[str, str]]:
    """The messages kept so far, oldest first; the next page sees none of them again.

    *with_categories* gives ``(category, message)`` pairs; *category_filter* picks categories, and
    the others are gone all the same. With the request's *taken*, every call of one request gives
    the same messages, as in Flask; without it, only the first gives any.
    """
    if taken is None:
        taken = Taken()
    if taken.messages is None:
        # Asked first: a page that may only read shows its layout, where there is nothing to take.
        kept = session.take(KEY, ()) if KEY in session else ()
        taken.messages = [_restored(*message) for message in kept]
    wanted = frozenset(category_filter)
    found = [pair for pair in taken.messages if not wanted or pair[0] in wanted]
    return found if with_categories else [message for _, message in found]


def _restored(category: str, message: str, marked: str = "") -> tuple[str, str]:
    return category, Html(message) if marked == _HTML else message
