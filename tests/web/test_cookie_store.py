"""A site whose sessions are in their cookies, by its SESSION_STORE alone."""

import pytest

from coatcheck.core.errors import ConfigurationError
from coatcheck.stores import from_url
from coatcheck.stores.cookie import CookieStore
from coatcheck.web import App, session
from coatcheck.web.settings import InvalidSettings
from tests.web.sites import KEY, OWN_PAGE, browser

COOKIES = {"SESSION_STORE": "cookie://", "SESSION_ISOLATION": "merge", "FORM_ONCE": False}
NEWER = "another-correct-horse-battery-staple-and-a-bit-more"


def site(tmp_path, **settings):
    app = App("x", settings={"SECRET_KEY": KEY, "BASE_DIR": tmp_path, **COOKIES, **settings})

    @app.route("/", methods=["GET", "POST"])
    def count():
        session["visit_count"] = session.get("visit_count", 0) + 1
        return str(session["visit_count"])

    @app.route("/async")
    async def count_async():
        session["visit_count"] += 1
        return str(session["visit_count"])

    @app.route("/out")
    def out():
        session.logout()
        return "bye"

    return app


def test_a_site_counts_visits_and_keeps_nothing(tmp_path):
    app = site(tmp_path)
    visitor = browser(app, headers=OWN_PAGE)
    assert [visitor.get("/").text for _ in range(2)] == ["1", "2"]
    assert [visitor.post("/").text, visitor.get("/async").text] == ["3", "4"]
    assert isinstance(app.sessions.store, CookieStore)
    assert not list(tmp_path.glob("*.sqlite3"))
    assert browser(app).get("/").text == "1"


def test_another_process_with_the_same_key_reads_the_cookie_and_one_with_another_key_does_not(
    tmp_path,
):
    visitor = browser(site(tmp_path))
    visitor.get("/")
    twin, stranger = browser(site(tmp_path)), browser(site(tmp_path, SECRET_KEY=NEWER))
    for other in (twin, stranger):
        other.cookies.update(visitor.cookies)
    assert twin.get("/").text == "2"
    assert stranger.get("/").text == "1"


def test_a_new_key_reads_the_cookies_of_the_one_before(tmp_path):
    visitor = browser(site(tmp_path))
    visitor.get("/")
    renewed = browser(site(tmp_path, SECRET_KEY=NEWER, SECRET_KEY_FALLBACKS=[KEY]))
    renewed.cookies.update(visitor.cookies)
    assert renewed.get("/").text == "2"


def test_logging_out_makes_the_browser_forget(tmp_path):
    visitor = browser(site(tmp_path))
    visitor.get("/")
    visitor.get("/out")
    assert visitor.get("/").text == "1"


def test_what_cannot_go_with_cookies_is_told_at_start_and_in_the_words_of_the_settings(tmp_path):
    with pytest.raises(InvalidSettings) as caught:
        site(tmp_path, SESSION_ISOLATION="serializable", FORM_ONCE=True)._stack  # noqa: B018
    isolation, once = caught.value.problems
    assert 'SESSION_ISOLATION = "merge"' in isolation
    assert "FORM_ONCE = False" in once


def test_a_short_key_does_not_seal_sessions(tmp_path):
    with pytest.raises(ConfigurationError, match="shorter than 32"):
        site(tmp_path, SECRET_KEY="too-short-a-key").sessions  # noqa: B018


@pytest.mark.parametrize("url", ["cookie://somewhere", "encrypted+cookie://"])
def test_sessions_in_cookies_have_no_other_address(url):
    with pytest.raises(ConfigurationError, match="cookie://"):
        from_url(url, keys=[KEY])


def test_sessions_in_cookies_need_keys():
    with pytest.raises(ConfigurationError, match="keys"):
        from_url("cookie://")
