"""What COATCHECK_... in an application's config says, and what is said where it cannot be meant."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, session

from coatcheck import ConfigurationError, SessionPolicy, Sessions
from coatcheck.integrations.flask import Coatcheck
from coatcheck.integrations.flask.config import NAMES
from coatcheck.stores.memory import MemoryStore
from coatcheck.stores.sql import SQLStore

DAY = 86400


def policy(given: SessionPolicy | None = None, **config: Any) -> SessionPolicy:
    """The policy that an application with *config* ends up with."""
    app = Flask(__name__)
    app.config.update(config)
    return Coatcheck(app, Sessions(MemoryStore(), policy=given)).sessions.policy


def test_without_a_word_the_store_is_a_file_in_the_instance_folder_with_its_table(tmp_path):
    app = Flask(__name__, instance_path=str(tmp_path / "instance"))
    coatcheck = Coatcheck(app)

    @app.get("/")
    def count() -> str:
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    browser = app.test_client()
    browser.get("/")
    assert browser.get("/").text == "2"
    assert (tmp_path / "instance" / "sessions.sqlite3").exists()
    coatcheck.sessions.close()


def test_an_address_names_the_store(tmp_path):
    app = Flask(__name__)
    app.config["COATCHECK_STORE"] = f"sqlite:///{tmp_path}/site.sqlite3"
    coatcheck = Coatcheck(app)
    assert isinstance(coatcheck.sessions.store, SQLStore)
    coatcheck.sessions.close()
    app = Flask(__name__)
    app.config["COATCHECK_STORE"] = "memory://"
    assert isinstance(Coatcheck(app).sessions.store, MemoryStore)


def test_a_store_around_a_file_has_its_table_made_too(tmp_path):
    app = Flask(__name__)
    app.config["COATCHECK_STORE"] = f"encrypted+sqlite:///{tmp_path}/site.sqlite3"
    coatcheck = Coatcheck(app)

    @app.get("/")
    def count() -> str:
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    browser = app.test_client()
    browser.get("/")
    assert browser.get("/").text == "2"
    coatcheck.sessions.close()


def test_sessions_can_stay_in_their_cookies_sealed_under_the_secret_key():
    app = Flask(__name__)
    app.config.update(SECRET_KEY="k" * 50, COATCHECK_STORE="cookie://")
    Coatcheck(app)

    @app.get("/")
    def count() -> str:
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    browser = app.test_client()
    browser.get("/")
    assert browser.get("/").text == "2"
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY="k" * 50, COATCHECK_STORE="cookie://", COATCHECK_ISOLATION="serializable"
    )
    with pytest.raises(ConfigurationError, match="cannot take turns"):
        Coatcheck(app)


def test_every_field_of_the_policy_has_a_name():
    found = policy(
        COATCHECK_ISOLATION="serializable",
        COATCHECK_IDLE_TIMEOUT=timedelta(hours=1),
        COATCHECK_LIFETIME=2 * 3600,
        COATCHECK_DEVICE=False,
    )
    assert found == SessionPolicy(
        isolation="serializable", idle_timeout=3600, lifetime=7200, device=False
    )


def test_flask_s_permanent_lifetime_is_the_idle_timeout_unless_another_is_named():
    assert policy().idle_timeout == 31 * DAY
    assert policy(PERMANENT_SESSION_LIFETIME=timedelta(days=2)).idle_timeout == 2 * DAY
    long = policy(PERMANENT_SESSION_LIFETIME=timedelta(days=365))
    assert (long.idle_timeout, long.lifetime) == (365 * DAY, 365 * DAY)
    short = policy(COATCHECK_LIFETIME=7 * DAY)
    assert (short.idle_timeout, short.lifetime) == (7 * DAY, 7 * DAY)
    endless = policy(PERMANENT_SESSION_LIFETIME=timedelta(days=36500))
    assert endless.idle_timeout == 400 * DAY  # longer than that no browser keeps a cookie
    assert policy(COATCHECK_IDLE_TIMEOUT=60).idle_timeout == 60
    assert policy(SessionPolicy(idle_timeout=70)).idle_timeout == 70


def test_the_config_goes_before_the_policy_that_was_given():
    given = SessionPolicy(isolation="serializable", wait=3)
    found = policy(given, COATCHECK_ISOLATION="merge")
    assert (found.isolation, found.wait) == ("merge", 3)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"COATCHECK_ISOLATON": "merge"}, "Did you mean COATCHECK_ISOLATION"),
        ({"COATCHECK_URL": "memory://"}, "is no setting of coatcheck"),
        ({"COATCHECK_ISOLATION": "serialisable"}, "use 'merge' or 'serializable'"),
        ({"COATCHECK_IDLE_TIMEOUT": "an hour"}, "must be a number"),
        ({"COATCHECK_IDLE_TIMEOUT": 100 * DAY}, "longer than lifetime"),
        ({"COATCHECK_USER_KEYS": "user_id"}, "list of session keys"),
        ({"COATCHECK_USER_KEYS": None}, "list of session keys"),
        ({"COATCHECK_LIFETIME": "a week"}, "must be a number"),
        ({"COATCHECK_DEVICE": "no"}, "True or False"),
        ({"COATCHECK_STORE": 7}, "must be an address"),
        ({"COATCHECK_STORE": "sqlitee:///x"}, "no store is known"),
        ({"COATCHECK_STORE": "cookie://"}, "need keys"),
    ],
)
def test_what_cannot_be_meant_is_said_at_start(config, said):
    app = Flask(__name__)
    app.config.update(config)
    with pytest.raises(ConfigurationError, match=said):
        Coatcheck(app)


def test_two_stores_are_one_too_many():
    app = Flask(__name__)
    app.config["COATCHECK_STORE"] = "memory://"
    with pytest.raises(ConfigurationError, match="drop one"):
        Coatcheck(app, Sessions(MemoryStore()))


def test_every_name_is_documented(pytestconfig):
    text = (pytestconfig.rootpath / "docs" / "how-to" / "flask.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if name not in text] == []
