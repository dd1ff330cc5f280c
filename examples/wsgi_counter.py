"""A visit counter without a framework: `python wsgi_counter.py`."""

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import make_server

from coatcheck import Sessions
from coatcheck.integrations.wsgi import SessionMiddleware
from coatcheck.stores.sql import SQLStore


def visits(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    session = environ["coatcheck.session"]
    text = f"You have visited this page {session.increment('visits')} times."
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [text.encode()]


store = SQLStore("sqlite:///sessions.sqlite3")
store.create_tables()
app = SessionMiddleware(visits, Sessions(store))

if __name__ == "__main__":
    make_server("127.0.0.1", 8000, app).serve_forever()
