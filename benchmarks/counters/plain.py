"""coatcheck's engine in a bare WSGI application: what it costs with no framework around."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from coatcheck.core.engine import Sessions
from coatcheck.core.http import RequestView
from coatcheck.core.session import Session
from coatcheck.core.store import BlockingStore
from coatcheck.stores.memory import MemoryStore
from coatcheck.stores.sql import SQLStore
from coatcheck.stores.valkey import ValkeyStore

from .requests import SHOP, Counter, Where

Page = Callable[[Any], object]


def untouched(session: Session) -> object:
    return "hello"


def read(session: Session) -> object:
    return session["visits"]


def visit(session: Session) -> object:
    session["visits"] = session.get("visits", 0) + 1
    return session["visits"]


def slow(session: Session) -> object:
    count = session.get("visits", 0)
    time.sleep(0.001)
    session["visits"] = count + 1
    return count + 1


def fill(session: Session) -> object:
    session.update(SHOP)
    return "filled"


PAGES: dict[str, Page] = {
    "/untouched": untouched,
    "/read": read,
    "/visit": visit,
    "/slow": slow,
    "/fill": fill,
}

TEXT = ("Content-Type", "text/plain")


def bare(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    body = str(PAGES[environ["PATH_INFO"]](None)).encode()
    start_response("200 OK", [TEXT])
    return [body]


def with_sessions(store: BlockingStore) -> Any:
    """The same with a session for each page."""
    sessions = Sessions(store, listener=lambda event: None)

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        cookie = environ.get("HTTP_COOKIE")
        view = RequestView(
            environ["REQUEST_METHOD"],
            environ["wsgi.url_scheme"] == "https",
            [cookie.encode("latin-1")] if cookie else [],
            environ.get("HTTP_USER_AGENT", ""),
            environ.get("REMOTE_ADDR", ""),
        )
        session = sessions.open(view)
        body = str(PAGES[environ["PATH_INFO"]](session)).encode()
        edits = sessions.commit(session, view)
        headers = [TEXT]
        if edits.vary:
            headers += [("Vary", "Cookie"), ("Cache-Control", "private, no-cache")]
        if edits.set_cookie is not None:
            headers.append(("Set-Cookie", edits.set_cookie))
        start_response("200 OK", headers)
        return [body]

    return app


def counters(where: Where) -> Iterator[Counter]:
    """The engine on each store."""
    sqlite = SQLStore(f"sqlite:///{where.folder}/plain.sqlite3")
    postgresql = SQLStore(where.postgresql)
    for store in (sqlite, postgresql):
        store.create_tables()
    stores: dict[str, BlockingStore] = {
        "memory": MemoryStore(),
        "SQLite": sqlite,
        "PostgreSQL": postgresql,
        "Valkey": ValkeyStore(f"valkey://127.0.0.1:{where.valkey}/1"),
    }
    for name, store in stores.items():
        yield Counter(f"coatcheck engine, {name}", with_sessions(store), bare, asgi=False)
