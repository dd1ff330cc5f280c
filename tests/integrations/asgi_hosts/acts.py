"""What the contract's views do to a session, said once for hosts that coatcheck has no code for."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from coatcheck.core.errors import SessionReadOnly
from coatcheck.core.session import Session
from coatcheck.forms.flash import flash, get_flashed_messages
from coatcheck.testing.integration import VALUES

Query = Mapping[str, str]


def count(session: Session, query: Query) -> object:
    session["count"] = session.get("count", 0) + 1
    return session["count"]


def nested(session: Session, query: Query) -> object:
    session.setdefault("cart", {"items": []})
    session["cart"]["items"].append(query["value"])
    return "appended"


def put(key: str | None = None) -> Callable[[Session, Query], object]:
    def act(session: Session, query: Query) -> object:
        session[key or query["key"]] = query["value"]
        return "set"

    return act


def late(session: Session) -> Iterator[str]:
    """The parts of a stream that tries to change its session."""
    try:
        session["late"] = 1
    except SessionReadOnly:
        yield "refused"
    else:
        yield "taken"


ACTS: dict[str, Callable[[Session, Query], object]] = {
    "count": count,
    "get": lambda session, query: repr(session.get(query["key"])),
    "set": put(),
    "delete": lambda session, query: session.pop(query["key"], None),
    "nested": nested,
    "values": lambda session, query: session.update(VALUES),
    "login": lambda session, query: session.login(query["user"]),
    "logout": lambda session, query: session.logout(),
    "renew": lambda session, query: session.renew(),
    "who": lambda session, query: session.user or "nobody",
    "flash": lambda session, query: flash(session, query["text"]),
    "flashes": lambda session, query: "|".join(get_flashed_messages(session)),
    "redirect": put("redirected"),
    "stream": put("streamed"),
    "late": lambda session, query: None,
    "raise": put("failed"),
    "error": put("failed"),
    "missing": put("missed"),
    "cached": lambda session, query: session.get("count"),
}
"""By route. What is special about an answer is the host's to make."""

CACHED: dict[str, Any] = {"Cache-Control": "public, max-age=60", "Vary": "Accept"}
