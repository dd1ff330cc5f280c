"""The integration contract over Flask: a login of its own, and Flask-Login's."""

from typing import ClassVar

from flask import Flask, request
from flask_login import (  # type: ignore[import-untyped]
    LoginManager,
    UserMixin,
    current_user,
    login_user,
    logout_user,
)

from coatcheck import Sessions
from coatcheck.testing import IntegrationContract
from tests.integrations.flask.routes import site


class User(UserMixin):  # type: ignore[misc]
    def __init__(self, id: str) -> None:
        self.id = id


def login() -> str:
    login_user(User(request.args["user"]))
    return "in"


def logout() -> str:
    logout_user()
    return "out"


def who() -> str:
    return current_user.id if current_user.is_authenticated else "nobody"


class TestFlask(IntegrationContract):
    def make_app(self, sessions: Sessions) -> Flask:
        return site(sessions)


class TestFlaskLogin(IntegrationContract):
    exceptions: ClassVar[dict[str, str]] = {
        "test_a_logout_ends_the_session_and_deletes_its_cookie": (
            "logout_user() leaves what else the session holds, so a new one begins with that"
        ),
        "test_an_untouched_page_asks_no_store_and_carries_nothing_of_the_session": (
            "Flask-Login names the session in every answer, so Flask says Vary: Cookie"
        ),
    }

    def make_app(self, sessions: Sessions) -> Flask:
        app = site(sessions)
        app.secret_key = "for Flask-Login's remember cookie"
        LoginManager(app).user_loader(User)
        app.view_functions.update(login=login, logout=logout, who=who)
        return app
