"""The routes that the integration contract agrees on, for WSGI without a framework."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl

from coatcheck import Session
from coatcheck.core.errors import SessionReadOnly
from coatcheck.forms.flash import flash, get_flashed_messages
from coatcheck.integrations.wsgi import Environ, StartResponse
from coatcheck.testing.integration import VALUES

Values = dict[str, str]


def count(session: Session, values: Values) -> str:
    session["count"] = session.get("count", 0) + 1
    return str(session["count"])


def set(session: Session, values: Values) -> str:
    session[values["key"]] = values["value"]
    return "set"


def nested(session: Session, values: Values) -> str:
    session.setdefault("cart", {"items": []})
    session["cart"]["items"].append(values["value"])
    return "appended"


def late(session: Session, values: Values) -> Iterator[bytes]:
    yield b"re"  # by then it has begun
    try:
        session["late"] = 1
    except SessionReadOnly:
        yield b"fused"
    else:
        yield b"taken"


def stream(session: Session, values: Values) -> Iterator[bytes]:
    session["streamed"] = values["value"]
    yield from (b"a", b"b", b"c")


def fail(session: Session, values: Values) -> str:
    session["failed"] = values["value"]
    raise RuntimeError("on purpose")


def failing(session: Session, values: Values) -> tuple[str, str]:
    session["failed"] = values["value"]
    return "500 Internal Server Error", "on purpose"


def missing(session: Session, values: Values) -> tuple[str, str]:
    session["missed"] = values["value"]
    return "404 Not Found", "missing"


def redirect(session: Session, values: Values) -> tuple[str, str]:
    session["redirected"] = values["value"]
    return "303 See Other", ""


def keep_values(session: Session, values: Values) -> str:
    session.update(VALUES)
    return "kept"


def login(session: Session, values: Values) -> str:
    session.login(values["user"])
    return "in"


def logout(session: Session, values: Values) -> str:
    session.logout()
    return "out"


def renew(session: Session, values: Values) -> str:
    session.renew()
    return "renewed"


def keep_flash(session: Session, values: Values) -> str:
    flash(session, values["text"])
    return "kept"


VIEWS: dict[str, Callable[[Session, Values], Any]] = {
    "untouched": lambda session, values: "untouched",
    "count": count,
    "get": lambda session, values: repr(session.get(values["key"])),
    "set": set,
    "delete": lambda session, values: f"deleted {session.pop(values['key'], None)!r}",
    "nested": nested,
    "values": keep_values,
    "login": login,
    "logout": logout,
    "renew": renew,
    "who": lambda session, values: session.user or "nobody",
    "flash": keep_flash,
    "flashes": lambda session, values: "|".join(get_flashed_messages(session)),
    "redirect": redirect,
    "stream": stream,
    "late": late,
    "raise": fail,
    "error": failing,
    "missing": missing,
    "cached": lambda session, values: f"cached {session.get('count')}",
}
HEADERS = {
    "cached": [("Cache-Control", "public, max-age=60"), ("Vary", "Accept")],
    "redirect": [("Location", "/get?key=redirected")],
}


def plain(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Each view under its name; streams begin when they are iterated."""
    name = environ["PATH_INFO"].removeprefix("/")
    values = dict(parse_qsl(environ["QUERY_STRING"]))
    answer = VIEWS[name](environ["coatcheck.session"], values)
    status, body = answer if isinstance(answer, tuple) else ("200 OK", answer)
    start_response(status, [("Content-Type", "text/plain"), *HEADERS.get(name, [])])
    return [body.encode()] if isinstance(body, str) else body


def written(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The same through ``write()``, as old applications answer."""
    head: list[Any] = []

    def keep(*given: Any) -> Callable[[bytes], None]:
        head.extend(given)
        return lambda data: None

    body = plain(environ, keep)
    write = start_response(*head)
    for chunk in body:
        write(chunk)
    return []


def generated(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The same as a generator: nothing runs, and no response is started, before it is iterated."""
    yield from plain(environ, start_response)
