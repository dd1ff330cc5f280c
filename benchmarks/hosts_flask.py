"""What a session adds to a request of a Flask application: ours, Flask's own, Flask-Session.

The application is called directly, over a session of 200 bytes. Every way is measured in the same
run, in turns; the figures are what it adds to the same page without a session. Flask-Session and
ours share one Valkey, and each keeps an SQLite file on the same disk; server and client one core.
"""

import io
import sys
import tempfile
import warnings
from contextlib import ExitStack
from typing import Any

import flask_session
from counters.requests import SHOP
from flask import Flask, session
from flask_sqlalchemy import SQLAlchemy
from measure.servers import on_one_core, valkey_port
from measure.tables import machine, show
from measure.turns import Costs, Work, in_turns
from redis import Redis

from coatcheck import SessionPolicy, Sessions
from coatcheck.integrations.flask import Coatcheck
from coatcheck.stores import from_url

TURNS = 41
CALLS = 50
DONE = ("untouched", "read", "written")


def site(name: str, **config: Any) -> Flask:
    """An application with the pages that are measured."""
    app = Flask(name)
    app.config.update({"SECRET_KEY": "x" * 32, **config})

    @app.get("/untouched")
    def untouched() -> str:
        return "page"

    @app.get("/read")
    def read() -> str:
        return str(session["visits"])

    @app.get("/written")
    def written() -> str:
        session["visits"] += 1
        return str(session["visits"])

    @app.get("/filled")
    def filled() -> str:
        session.update(SHOP)
        return "filled"

    return app


def ask(app: Flask, path: str, cookie: str | None) -> str | None:
    """One request of a browser; its cookie afterwards."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SCRIPT_NAME": "",
        "SERVER_NAME": "shop.example",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "HTTP_HOST": "shop.example",
        "HTTP_ACCEPT": "text/html",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if cookie is not None:
        environ["HTTP_COOKIE"] = f"theme=dark; {cookie}; lang=en"
    found: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
        found["status"] = status
        lines = [value for key, value in headers if key.lower() == "set-cookie"]
        found["cookie"] = lines[0].partition(";")[0] if lines else cookie
        return lambda data: None

    body = app(environ, start_response)
    for _ in body:
        pass
    close = getattr(body, "close", None)
    if close is not None:
        close()
    assert found["status"] == "200 OK", found
    answer: str | None = found["cookie"]
    return answer


def works(sites: dict[str, Flask], done: str) -> dict[str, Work]:
    """A request to the page *done* of each site, by a visitor with a session."""
    found: dict[str, Work] = {}
    for name, app in sites.items():
        path = "/untouched" if name == "none" else f"/{done}"
        cookie = None if name == "none" else ask(app, "/filled", None)
        found[name] = _asking(app, path, cookie)
    return found


def _asking(app: Flask, path: str, cookie: str | None) -> Work:
    jar = [cookie]

    def work() -> None:
        jar[0] = ask(app, path, jar[0])  # a signed cookie is another after each change

    return work


def with_flask_session(app: Flask) -> Flask:
    flask_session.Session(app)
    return app


def with_coatcheck(name: str, url: str, stack: ExitStack, **policy: Any) -> Flask:
    store: Any = from_url(url)
    if url.startswith("sqlite"):
        store.create_tables()
    stack.callback(store.close)
    app = site(name)
    quiet = Sessions(store, policy=SessionPolicy(**policy), listener=lambda event: None)
    Coatcheck(app, quiet)
    return app


def main() -> None:
    warnings.simplefilter("ignore", DeprecationWarning)  # Flask-Session's, on each request
    with (
        valkey_port() as port,
        tempfile.TemporaryDirectory(prefix="coatcheck-bench-") as folder,
        ExitStack() as stack,
    ):
        redis = stack.enter_context(Redis(port=port))
        in_database = site(
            "flask_session_sql",
            SESSION_TYPE="sqlalchemy",
            SQLALCHEMY_DATABASE_URI=f"sqlite:///{folder}/theirs.db",
        )
        in_database.config["SESSION_SQLALCHEMY"] = SQLAlchemy(in_database)
        sites = {
            "none": site("none", SECRET_KEY=None),  # so that Flask opens no session of its own
            "Flask's own, in a signed cookie": site("own"),
            "Flask-Session, Valkey": with_flask_session(
                site("flask_session_redis", SESSION_TYPE="redis", SESSION_REDIS=redis)
            ),
            "Flask-Session, SQLAlchemy on SQLite": with_flask_session(in_database),
            "coatcheck, Valkey": with_coatcheck("a", f"valkey://127.0.0.1:{port}/0", stack),
            "coatcheck, SQLite": with_coatcheck("b", f"sqlite:///{folder}/ours.db", stack),
            "coatcheck, SQLite, serializable": with_coatcheck(
                "c", f"sqlite:///{folder}/turns.db", stack, isolation="serializable"
            ),
            "coatcheck, memory": with_coatcheck("d", "memory://", stack),
        }
        costs: dict[str, Costs] = {}
        for done in DONE:
            costs[done] = in_turns(works(sites, done), turns=TURNS, calls=CALLS)
    page = costs["untouched"].median("none")
    show(
        f"Microseconds that a session adds to a request; the page alone takes {page:.0f}",
        ["sessions", *DONE],
        [
            [name, *(costs[done].difference(name, "none") for done in DONE)]
            for name in sites
            if name != "none"
        ],
    )


if __name__ == "__main__":
    on_one_core()
    print(machine())
    main()
