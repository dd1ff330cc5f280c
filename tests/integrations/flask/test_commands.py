"""``flask sessions ...``: who is logged in where, and out they go."""

import pytest
from flask import Flask, session

from coatcheck import Sessions
from coatcheck.integrations.flask import Coatcheck
from coatcheck.stores.memory import MemoryStore
from coatcheck.stores.sql import SQLStore
from coatcheck.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def app(clock) -> Flask:
    app = Flask(__name__)
    Coatcheck(app, Sessions(MemoryStore(), clock=clock))

    @app.get("/login/<user>")
    def login(user: str) -> str:
        session["user_id"] = user
        return "in"

    return app


def run(app: Flask, *command: str, code: int = 0) -> str:
    result = app.test_cli_runner().invoke(args=["sessions", *command])
    assert result.exit_code == code, result.output
    return result.output


def test_list_shows_each_device_by_a_name_that_opens_nothing(app):
    browser = app.test_client()
    browser.get("/login/ann", headers={"User-Agent": "Firefox"})
    line = run(app, "list", "ann")
    cookie = browser.get_cookie("session")
    assert cookie is not None
    assert line.endswith("127.0.0.1  Firefox\n")
    assert cookie.value.partition(".")[0] not in line
    assert run(app, "list", "bob") == "bob has no session.\n"


def test_revoke_ends_one_session_or_all(app):
    for agent in ("one", "two", "three"):
        app.test_client().get("/login/ann", headers={"User-Agent": agent})
    (line,) = [line for line in run(app, "list", "ann").splitlines() if line.endswith("two")]
    assert run(app, "revoke", "ann", line.split()[0]) == "Ended 1 session of ann.\n"
    assert "two" not in run(app, "list", "ann")
    assert "sessions list ann" in run(app, "revoke", "ann", "nosuch", code=1)
    assert run(app, "revoke", "ann") == "Ended 2 sessions of ann.\n"


def test_sweep_deletes_what_has_expired(app, clock):
    app.test_client().get("/login/ann")
    assert run(app, "sweep") == "Deleted 0 sessions that had expired.\n"
    clock.advance(32 * 86400)
    assert run(app, "sweep") == "Deleted 1 session that had expired.\n"


def test_create_tables_makes_them_where_there_are_any(app, tmp_path):
    assert "needs no tables" in run(app, "create-tables", code=1)
    other = Flask("other")
    store = SQLStore(f"sqlite:///{tmp_path}/site.sqlite3")
    Coatcheck(other, Sessions(store))
    assert run(other, "create-tables") == "The tables of the store are there.\n"
    assert run(other, "list", "ann") == "ann has no session.\n"
    store.close()
