"""Flask with its own cookie sessions, and with Flask-Session, as their documents set them up."""

import time
from collections.abc import Iterator
from typing import Any

from cachelib.file import FileSystemCache
from flask import Flask, session
from flask.sessions import NullSession, SessionInterface
from flask_session import Session
from flask_sqlalchemy import SQLAlchemy
from redis import Redis

from .requests import KEY, SHOP, Counter, Where


class NoSession(SessionInterface):
    """What is left of Flask without sessions."""

    def open_session(self, app: Any, request: Any) -> NullSession:
        return NullSession()

    def save_session(self, app: Any, session: Any, response: Any) -> None:
        pass


def application(**config: Any) -> Flask:
    """The counter."""
    app = Flask("counter")
    app.config.update(config)

    @app.route("/untouched")
    def untouched() -> str:
        return "hello"

    @app.route("/read")
    def read() -> str:
        return str(session["visits"])

    @app.route("/visit")
    def visit() -> str:
        session["visits"] = session.get("visits", 0) + 1
        return str(session["visits"])

    @app.route("/slow")
    def slow() -> str:
        count = session.get("visits", 0)
        time.sleep(0.001)
        session["visits"] = count + 1
        return str(count + 1)

    @app.route("/fill")
    def fill() -> str:
        session.update(SHOP)
        return "filled"

    return app


def peers(where: Where) -> Iterator[Counter]:
    """Flask's own, and Flask-Session on three stores."""
    bare = application()
    bare.session_interface = NoSession()

    yield Counter("Flask cookie", application(SECRET_KEY=KEY), bare, asgi=False)

    client = Redis(port=where.valkey, db=5)
    app = application(SESSION_TYPE="redis", SESSION_REDIS=client)
    Session(app)
    yield Counter("Flask-Session, Valkey", app, bare, asgi=False)

    files = FileSystemCache(str(where.folder / "flask-files"), threshold=0)
    app = application(SESSION_TYPE="cachelib", SESSION_CACHELIB=files)
    Session(app)
    yield Counter("Flask-Session, files", app, bare, asgi=False)

    url = f"sqlite:///{where.folder}/flask.sqlite3"
    app = application(SQLALCHEMY_DATABASE_URI=url, SESSION_TYPE="sqlalchemy")
    database = SQLAlchemy(app)
    app.config["SESSION_SQLALCHEMY"] = database
    Session(app)
    with app.app_context():
        database.create_all()
    yield Counter("Flask-Session, SQLite", app, bare, asgi=False)
