"""A site whose sessions are encrypted, or have a cache in front, by its SESSION_STORE alone."""

import sqlite3

import pytest

from coatcheck.stores.encrypted import EncryptedStore
from coatcheck.stores.layered import LayeredStore
from coatcheck.web import App, session
from coatcheck.web.migrations import ensure_own
from tests.web.sites import KEY, OWN_PAGE, browser

WRAPPED = {
    "encrypted": ("encrypted+sqlite:///sessions.sqlite3", EncryptedStore),
    "layered": ("layered+memory://,sqlite:///sessions.sqlite3", LayeredStore),
    "both": ("encrypted+layered+memory://,sqlite:///sessions.sqlite3", EncryptedStore),
}


@pytest.mark.parametrize(("url", "kind"), WRAPPED.values(), ids=WRAPPED)
def test_a_site_migrates_and_uses_the_database_inside(tmp_path, url, kind):
    settings = {"SECRET_KEY": KEY, "BASE_DIR": tmp_path, "SESSION_STORE": url}
    app = App("x", settings=settings)
    ensure_own(app.settings, lambda message, *, nl=True: None)

    @app.route("/", methods=["GET", "POST"])
    def count():
        session["visit_count"] = session.get("visit_count", 0) + 1
        return str(session["visit_count"])

    visitor = browser(app, headers=OWN_PAGE)
    assert [visitor.get("/").text for _ in range(2)] == ["1", "2"]
    assert [visitor.post("/").text for _ in range(2)] == ["3", "4"]
    assert isinstance(app.sessions.store, kind)
    with sqlite3.connect(tmp_path / "sessions.sqlite3") as database:
        ((data,),) = database.execute("SELECT data FROM coatcheck_sessions").fetchall()
    database.close()
    assert (b"visit_count" in data) is not url.startswith("encrypted")


def test_no_error_page_shows_the_password_of_the_database_inside(tmp_path):
    url = "layered+memory://,postgresql://site:s3cr3t-inside@localhost/site"
    app = App("x", settings={"SECRET_KEY": KEY, "BASE_DIR": tmp_path, "SESSION_STORE": url})
    assert "s3cr3t-inside" in app.secrets
