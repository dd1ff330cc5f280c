"""Who is logged in: Flask-Login, Flask-WTF and a login of one's own, beside slow requests."""

import re
from typing import Any

import pytest
from flask import Flask, request, session
from flask.testing import FlaskClient
from flask_login import (  # type: ignore[import-untyped]
    LoginManager,
    UserMixin,
    confirm_login,
    current_user,
    login_fresh,
    login_required,
    login_user,
    logout_user,
)
from flask_wtf import CSRFProtect, FlaskForm  # type: ignore[import-untyped]
from wtforms import StringField

from coatcheck import Event, EventName, Sessions
from coatcheck.integrations.flask import Coatcheck
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import BarrierStore


class User(UserMixin):  # type: ignore[misc]
    def __init__(self, id: str) -> None:
        self.id = id


class Note(FlaskForm):  # type: ignore[misc]
    text = StringField()


class Site:
    """A site with Flask-Login and Flask-WTF, as their documentation shows it."""

    def __init__(self, **config: Any) -> None:
        self.events: list[Event] = []
        self.store = BarrierStore(MemoryStore())
        self.app = app = Flask(__name__)
        app.config.update(SECRET_KEY="for Flask-WTF and the remember cookie", **config)
        self.coatcheck = Coatcheck(app, Sessions(self.store, listener=self.events.append))
        logins = LoginManager(app)
        logins.user_loader(User)
        CSRFProtect(app)

        @app.get("/login/<id>")
        def login(id: str) -> str:
            login_user(User(id), remember="remember" in request.args)
            return "in"

        @app.get("/logout")
        def logout() -> str:
            logout_user()
            return "out"

        @app.get("/me")
        @login_required
        def me() -> str:
            return f"{current_user.id} {'fresh' if login_fresh() else 'stale'}"

        @app.get("/confirm")
        def confirm() -> str:
            confirm_login()
            return "confirmed"

        @app.get("/set/<key>")
        def put(key: str) -> str:
            session[key] = "kept"
            return "set"

        @app.get("/keys")
        def keys() -> list[str]:
            return sorted(session)

        @app.route("/note", methods=["GET", "POST"])
        def note() -> str:
            form = Note()
            return "noted" if form.validate_on_submit() else form.csrf_token()

        @app.get("/own/<user>")
        def own(user: str) -> str:
            session.clear()
            session["user_id"] = int(user)
            return "in"

    def browser(self) -> FlaskClient:
        return self.app.test_client()

    def twin(self, browser: FlaskClient) -> FlaskClient:
        """Another tab, which has the cookie of this moment."""
        twin = self.app.test_client()
        cookie = browser.get_cookie("session")
        if cookie is not None:
            twin.set_cookie("session", cookie.value)
        return twin

    def users(self, id: str) -> int:
        return len(self.coatcheck.sessions.of(id))

    @property
    def happened(self) -> list[EventName]:
        return [event.name for event in self.events]


@pytest.fixture
def site() -> Site:
    return Site()


def token_of(browser: FlaskClient) -> str:
    cookie = browser.get_cookie("session")
    assert cookie is not None
    return cookie.value


def test_a_login_with_flask_login_replaces_the_secret_and_keeps_the_basket(site):
    browser = site.browser()
    browser.get("/set/basket")
    thief, before = site.twin(browser), token_of(browser)
    browser.get("/login/7")
    assert token_of(browser) != before
    assert browser.get("/me").text == "7 fresh"
    assert "basket" in browser.get("/keys").json
    assert thief.get("/me").status_code == 401  # the cookie from before the login opens nothing
    assert site.users("7") == 1


def test_the_device_list_has_who_is_where_and_ends_a_session_at_once(site):
    here, there = site.browser(), site.browser()
    here.get("/login/7", headers={"User-Agent": "here"})
    there.get("/login/7", headers={"User-Agent": "there"})
    records = {record.user_agent: record for record in site.coatcheck.sessions.of("7")}
    assert set(records) == {"here", "there"}
    assert site.coatcheck.sessions.revoke(records["there"].id)
    assert there.get("/me").status_code == 401
    assert here.get("/me").status_code == 200
    assert site.coatcheck.sessions.revoke_user("7") == 1
    assert here.get("/me").status_code == 401


def test_a_logout_ends_the_session_and_no_slow_request_brings_it_back(site):
    browser = site.browser()
    browser.get("/login/7")
    slow = site.twin(browser)

    def logout() -> None:
        browser.get("/logout")

    site.store.run_before("commit", logout)
    answer = slow.get("/set/late")
    assert "Set-Cookie" not in answer.headers
    assert site.users("7") == 0
    assert slow.get("/me").status_code == 401
    assert browser.get("/me").status_code == 401
    assert EventName.DROPPED in site.happened


def test_a_logout_keeps_what_is_no_login_under_a_new_session(site):
    browser = site.browser()
    browser.get("/set/language")
    browser.get("/login/7")
    before = token_of(browser)
    browser.get("/logout")
    assert "language" in browser.get("/keys").json
    assert token_of(browser).partition(".")[0] != before.partition(".")[0]


def test_a_login_beside_a_slow_request_stays_a_login(site):
    browser = site.browser()
    browser.get("/set/basket")
    slow = site.twin(browser)

    def login() -> None:
        browser.get("/login/7")

    site.store.run_before("commit", login)
    assert "Set-Cookie" not in slow.get("/set/late").headers
    assert browser.get("/me").text == "7 fresh"


def test_another_user_gets_a_session_of_their_own(site):
    browser = site.browser()
    browser.get("/login/7")
    first = token_of(browser)
    browser.get("/set/mine")
    browser.get("/login/8")
    assert browser.get("/me").text == "8 fresh"
    assert token_of(browser).partition(".")[0] != first.partition(".")[0]
    assert (site.users("7"), site.users("8")) == (0, 1)


def test_a_remembered_visitor_who_shows_the_password_gets_a_new_secret(site):
    browser = site.browser()
    browser.get("/login/7?remember=1")
    browser.delete_cookie("session")
    assert browser.get("/me").text == "7 stale"
    before = token_of(browser)
    browser.get("/confirm")
    assert browser.get("/me").text == "7 fresh"
    assert token_of(browser) != before


def test_a_login_as_in_flask_s_tutorial_is_followed_too(site):
    browser = site.browser()
    browser.get("/set/basket")
    before = token_of(browser)
    browser.get("/own/7")
    assert token_of(browser) != before
    assert browser.get("/keys").json == ["user_id"]
    assert site.users("7") == 1
    assert site.coatcheck.sessions.of(7)[0].user == "7"


def test_another_key_can_name_the_user():
    site = Site(COATCHECK_USER_KEYS=["account"])

    @site.app.get("/enter/<name>")
    def enter(name: str) -> str:
        session["account"] = name
        return "in"

    browser = site.browser()
    browser.get("/enter/ann")
    assert site.users("ann") == 1
    browser.get("/own/7")
    assert site.users("7") == 0


def test_a_page_that_reads_who_is_logged_in_writes_nothing(site):
    browser = site.browser()
    browser.get("/login/7")
    site.store.begun.clear()
    browser.get("/me")
    assert dict(site.store.begun) == {"load": 1}


def test_a_page_that_does_not_ask_who_is_logged_in_asks_no_store(site):
    @site.app.get("/plain")
    def plain() -> str:
        return "page"

    browser = site.browser()
    browser.get("/login/7")
    site.store.begun.clear()
    answer = browser.get("/plain")
    assert dict(site.store.begun) == {}
    assert "Cache-Control" not in answer.headers


def test_flask_wtf_s_token_is_good_before_and_after_a_login(site):
    browser = site.browser()
    field = browser.get("/note").text
    token = re.search('value="([^"]+)"', field)
    assert token is not None
    assert browser.post("/note", data={"csrf_token": token[1]}).text == "noted"
    assert browser.post("/note", data={"csrf_token": "x"}).status_code == 400
    browser.get("/login/7")
    assert browser.post("/note", data={"csrf_token": token[1]}).text == "noted"
    stranger = site.browser()
    assert stranger.post("/note", data={"csrf_token": token[1]}).status_code == 400
