"""Moving in: who was logged in under Flask's cookie or Flask-Session still is, once it is ours."""

import json
import logging
import pickle
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import flask_session  # type: ignore[import-untyped]
import ormsgpack
import pytest
import redis
from flask import Flask, flash, get_flashed_messages, request, session
from flask.json.tag import TaggedJSONSerializer
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from markupsafe import Markup

from coatcheck import ConfigurationError, Event, EventName, Sessions
from coatcheck.core.http import RequestView
from coatcheck.integrations.flask import Coatcheck
from coatcheck.integrations.flask.moving import SignedCookie, unpacked
from coatcheck.stores.memory import MemoryStore

ID = UUID("12345678-1234-5678-1234-567812345678")
WHEN = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)


def application(**config: Any) -> Flask:
    """A site as it is before the move: who logs in, and what the session remembers."""
    app = Flask(__name__)
    app.config.update(SECRET_KEY="the key of before", TESTING=True, **config)

    @app.post("/login")
    def login() -> str:
        session["user_id"] = request.form["user"]
        session["cart"] = {"id": ID, "pair": (1, 2), "what": "hat", "when": WHEN}
        session.permanent = True
        flash("Hello", "note")
        return "in"

    @app.post("/greet")
    def greet() -> str:
        flash(Markup("<b>Hello</b>"), "note")
        return "greeted"

    @app.post("/logout")
    def logout() -> str:
        session.clear()
        return "out"

    @app.get("/who")
    def who() -> str:
        return str(session.get("user_id", "nobody"))

    @app.get("/cart")
    def cart() -> str:
        return repr(session.get("cart"))

    @app.get("/flashes")
    def flashes() -> str:
        return repr(get_flashed_messages(with_categories=True))

    return app


def moved(app: Flask, browser: FlaskClient, before: str = "flask") -> tuple[FlaskClient, Coatcheck]:
    """The same site after the move, for *browser* with its cookies of before."""
    coatcheck = Coatcheck(app, Sessions(MemoryStore()), move_from=before)
    after = app.test_client()
    after._cookies = browser._cookies
    return after, coatcheck


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_visitor_of_the_signed_cookie_stays_logged_in(scheme):
    old = application().test_client()
    old.post("/login", data={"user": "7"}, base_url=f"{scheme}://localhost")
    new, coatcheck = moved(application(), old)
    first = new.get("/who", base_url=f"{scheme}://localhost")
    assert first.text == "7"
    name = "session" if scheme == "http" else "__Host-session"
    (cookie,) = [
        line for line in first.headers.getlist("Set-Cookie") if re.match(f"{name}=[^;]", line)
    ]
    assert "Expires=" in cookie  # it was permanent, and still is
    cart = new.get("/cart", base_url=f"{scheme}://localhost")
    assert cart.text == repr({"id": ID, "pair": (1, 2), "what": "hat", "when": WHEN})
    (record,) = coatcheck.sessions.of("7")
    assert record.user == "7"
    gone = [line for line in first.headers.getlist("Set-Cookie") if line.startswith("session=;")]
    assert len(gone) == (1 if scheme == "https" else 0)  # over http ours is in its very place


def test_flashes_that_were_waiting_are_shown():
    old = application().test_client()
    old.post("/greet")
    new, _ = moved(application(), old)
    new.get("/who")
    assert new.get("/flashes").text == repr([("note", Markup("<b>Hello</b>"))])
    assert new.get("/flashes").text == "[]"


def test_who_logs_out_after_the_move_is_not_logged_in_again_by_the_old_cookie():
    old = application().test_client()
    old.post("/login", data={"user": "7"})
    kept = old.get_cookie("session")
    assert kept is not None
    new, coatcheck = moved(application(), old)
    assert new.get("/who").text == "7"
    new.post("/logout")
    assert new.get("/who").text == "nobody"
    assert coatcheck.sessions.of("7") == []


def test_the_old_cookie_is_read_under_a_fallback_key():
    old = application().test_client()
    old.post("/login", data={"user": "7"})
    app = application(SECRET_KEY_FALLBACKS=["the key of before"])
    app.secret_key = "a newer key"
    new, _ = moved(app, old)
    assert new.get("/who").text == "7"


def test_a_salt_and_serializer_of_the_application_s_own_are_kept():
    class Salted(SecureCookieSessionInterface):
        salt = "pepper"
        serializer = TaggedJSONSerializer()

    before, after = application(), application()
    before.session_interface = after.session_interface = Salted()
    old = before.test_client()
    old.post("/login", data={"user": "7"})
    new, _ = moved(after, old)
    assert new.get("/who").text == "7"


def test_forged_expired_and_malformed_cookies_open_nothing():
    interface = SecureCookieSessionInterface()
    foreign = application()
    foreign.secret_key = "somebody else's key"
    signed_elsewhere = interface.get_signing_serializer(foreign)
    signed = interface.get_signing_serializer(application())
    assert signed_elsewhere is not None
    assert signed is not None
    app = application(PERMANENT_SESSION_LIFETIME=timedelta(days=1))
    Coatcheck(app, Sessions(MemoryStore()), move_from="flask")
    forged = signed_elsewhere.dumps({"user_id": "7"})
    listed = signed.dumps([["user_id", "7"]])
    for value in (forged, listed, "", "x", "a.b.c", "e30.x.y", "a" * 3000):
        browser = app.test_client()
        browser.set_cookie("session", value)
        answer = browser.get("/who")
        assert (answer.status_code, answer.text) == (200, "nobody")
        assert "Set-Cookie" not in answer.headers


def test_a_cookie_older_than_the_permanent_lifetime_opens_nothing():
    old = application().test_client()
    old.post("/login", data={"user": "7"})
    app = application(PERMANENT_SESSION_LIFETIME=timedelta(seconds=-1))
    incumbent = SignedCookie(app, SecureCookieSessionInterface())
    cookie = old.get_cookie("session")
    assert cookie is not None
    view = RequestView("GET", False, [f"session={cookie.value}".encode()])
    assert incumbent.read(view) is None
    app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(days=1)
    assert incumbent.read(view) is not None


def test_nothing_is_taken_over_unless_somebody_says_so():
    old = application().test_client()
    old.post("/login", data={"user": "7"})
    app = application()
    Coatcheck(app, Sessions(MemoryStore()))
    new = app.test_client()
    new._cookies = old._cookies
    assert new.get("/who").text == "nobody"


def test_the_move_is_told_once():
    events: list[Event] = []
    old = application().test_client()
    old.post("/login", data={"user": "7"})
    app = application()
    Coatcheck(app, Sessions(MemoryStore(), listener=events.append), move_from="flask")
    new = app.test_client()
    new._cookies = old._cookies
    new.get("/who")
    new.get("/who")
    assert [event.name for event in events].count(EventName.MOVED_IN) == 1


# -- Flask-Session ------------------------------------------------------------------------------


def with_redis(url: str, **config: Any) -> Flask:
    client = redis.Redis.from_url(url.replace("valkey://", "redis://"))
    return application(SESSION_TYPE="redis", SESSION_REDIS=client, **config)


def with_database(address: str, **config: Any) -> Flask:
    app = application(SQLALCHEMY_DATABASE_URI=address, SESSION_TYPE="sqlalchemy", **config)
    app.config["SESSION_SQLALCHEMY"] = SQLAlchemy(app)
    return app


@pytest.mark.parametrize("format", ["msgpack", "json"])
def test_a_session_in_redis_is_taken_over_once_and_stays_there(valkey_database, format):
    before = with_redis(valkey_database, SESSION_SERIALIZATION_FORMAT=format)
    flask_session.Session(before)
    old = before.test_client()
    old.post("/login", data={"user": "7"})
    after = with_redis(valkey_database)
    new, coatcheck = moved(after, old, "flask-session")
    assert new.get("/who").text == "7"
    assert len(coatcheck.sessions.of("7")) == 1
    assert "hat" in new.get("/cart").text
    assert new.get("/flashes").text == repr([["note", "Hello"]])  # no tuples in its formats
    assert list(after.config["SESSION_REDIS"].scan_iter("session:*")) != []  # the way back
    for app in (before, after):
        app.config["SESSION_REDIS"].close()


def test_a_session_in_a_database_is_taken_over_without_touching_the_application_s_own(tmp_path):
    address = f"sqlite:///{tmp_path / 'site.sqlite3'}"
    before = with_database(address)
    flask_session.Session(before)
    old = before.test_client()
    old.post("/login", data={"user": "7"})
    after = with_database(address)
    new, coatcheck = moved(after, old, "flask-session")
    assert new.get("/who").text == "7"
    (record,) = coatcheck.sessions.of("7")
    assert record.user == "7"
    assert "hat" in new.get("/cart").text
    for app in (before, after):
        with app.app_context():
            app.config["SESSION_SQLALCHEMY"].engine.dispose()


def test_an_expired_row_of_a_database_opens_nothing(tmp_path):
    address = f"sqlite:///{tmp_path / 'site.sqlite3'}"
    before = with_database(address, PERMANENT_SESSION_LIFETIME=timedelta(seconds=-60))
    flask_session.Session(before)
    sid = "an-old-one"
    database = before.config["SESSION_SQLALCHEMY"]
    with before.app_context():
        row = before.session_interface.sql_session_model(  # type: ignore[attr-defined]
            session_id=f"session:{sid}",
            data=ormsgpack.packb({"user_id": "7"}),
            expiry=datetime(2020, 1, 1),  # noqa: DTZ001 (as Flask-Session keeps it)
        )
        database.session.add(row)
        database.session.commit()
        database.session.remove()
    after = with_database(address)
    Coatcheck(after, Sessions(MemoryStore()), move_from="flask-session")
    browser = after.test_client()
    browser.set_cookie("session", sid)
    assert browser.get("/who").text == "nobody"
    for app in (before, after):
        with app.app_context():
            app.config["SESSION_SQLALCHEMY"].engine.dispose()


class Exploit:
    """A pickle that does something when it is opened."""

    opened = False

    def __reduce__(self) -> Any:
        return setattr, (Exploit, "opened", True)


def test_a_pickle_is_refused_and_never_opened(caplog):
    with caplog.at_level(logging.WARNING, "coatcheck"):
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            assert unpacked(pickle.dumps({"user_id": "7", "x": Exploit()}, protocol)) is None
    assert not Exploit.opened
    assert "is a pickle" in caplog.text
    for protocol in (0, 1):
        assert unpacked(pickle.dumps({"user_id": "7", "x": Exploit()}, protocol)) is None
    assert not Exploit.opened


def test_what_is_neither_messagepack_nor_json_of_a_mapping_is_nothing():
    for data in (b"", b"{", b"\xff\xff", b"[1]", ormsgpack.packb([1]), json.dumps("x").encode()):
        assert unpacked(data) is None
    assert unpacked(b"\x80") == {}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"SESSION_TYPE": "cachelib"}, "keeps pickles"),
        ({"SESSION_TYPE": "filesystem"}, "keeps pickles"),
        ({"SESSION_TYPE": "mongodb"}, "nothing is known"),
        ({"SESSION_TYPE": "redis"}, "SESSION_REDIS is not set"),
        ({"SESSION_TYPE": "sqlalchemy"}, "SESSION_SQLALCHEMY is not set"),
    ],
)
def test_what_cannot_be_taken_over_is_said_at_start(config, said):
    with pytest.raises(ConfigurationError, match=said):
        Coatcheck(application(**config), Sessions(MemoryStore()), move_from="flask-session")


def test_an_unknown_word_is_refused_at_start():
    with pytest.raises(ConfigurationError, match="use 'flask'"):
        Coatcheck(application(), Sessions(MemoryStore()), move_from="flsk")


def test_a_redis_that_is_away_answers_503_and_never_an_anonymous_page():
    app = with_redis("redis://127.0.0.1:1/0")
    Coatcheck(app, Sessions(MemoryStore()), move_from="flask-session")
    browser = app.test_client()
    browser.set_cookie("session", "some-id")
    answer = browser.get("/who")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    app.config["SESSION_REDIS"].close()
