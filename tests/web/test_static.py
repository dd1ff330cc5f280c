"""Files that are sent as they are."""

import pytest

from coatcheck.web import App, session
from tests.web.sites import KEY, OWN_PAGE, browser, calls_of


@pytest.fixture
def app(tmp_path):
    (tmp_path / "static" / "img").mkdir(parents=True)
    (tmp_path / "static" / "site.css").write_text("body {}")
    (tmp_path / "static" / "img" / "a b.svg").write_text("<svg/>")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "site.css").write_text("second")
    (tmp_path / "more" / "only.txt").write_text("only here")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "static" / "link.txt").symlink_to(tmp_path / "secret.txt")
    settings = {
        "DEBUG": True,
        "SECRET_KEY": KEY,
        "SESSION_STORE": "memory://",
        "BASE_DIR": tmp_path,
        "STATIC_DIRS": ["static", "more"],
    }
    app = App("x", settings=settings)

    @app.route("/")
    def view():
        session["a"] = 1
        return "x"

    return app


def test_a_file_is_sent_with_its_type_and_an_etag(app):
    answer = browser(app).get("/static/site.css")
    assert answer.text == "body {}"
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = browser(app).get("/static/site.css", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_folders_are_tried_in_order(app):
    client = browser(app)
    assert client.get("/static/site.css").text == "body {}"
    assert client.get("/static/only.txt").text == "only here"
    assert client.get("/static/img/a%20b.svg").text == "<svg/>"


def test_a_file_asks_no_store_and_sets_no_cookie_even_for_a_visitor_with_a_session(app):
    client = browser(app)
    client.get("/")
    calls = calls_of(app)
    answer = client.get("/static/site.css")
    assert answer.status_code == 200
    assert calls == []
    assert "set-cookie" not in answer.headers
    assert "vary" not in answer.headers


@pytest.mark.parametrize(
    "address",
    [
        "/static/nowhere.css",
        "/static/",
        "/static/img",
        "/static/../secret.txt",
        "/static/%2e%2e/secret.txt",
        "/static/..%2fsecret.txt",
        "/static//etc/passwd",
        "/static/link.txt",
        "/static/a%00b",
        "/static/" + "x" * 5000,
    ],
)
def test_nothing_else_is_sent(app, address):
    answer = browser(app).get(f"http://testserver{address}")
    assert answer.status_code == 404
    assert "secret" not in answer.text.replace("secret.txt", "")


def test_a_missing_file_says_in_debug_where_it_was_looked_for(app, tmp_path):
    assert str(tmp_path / "more") in browser(app).get("/static/nowhere.css").text


def test_a_file_takes_no_form(app):
    answer = browser(app, headers=OWN_PAGE).post("/static/site.css")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_an_apps_static_folder_is_served(tmp_path, monkeypatch):
    package = tmp_path / "wardrobe"
    (package / "static").mkdir(parents=True)
    (package / "templates").mkdir()
    (package / "__init__.py").write_text("")
    (package / "static" / "hook.txt").write_text("hook")
    monkeypatch.syspath_prepend(tmp_path)
    settings = {
        "SECRET_KEY": KEY,
        "SESSION_STORE": "memory://",
        "BASE_DIR": tmp_path,
        "INSTALLED_APPS": ["wardrobe"],
    }
    app = App("x", settings=settings)
    assert browser(app).get("/static/hook.txt").text == "hook"
    assert package / "templates" in app._folders("templates")


def test_files_on_another_host_are_not_served_here(tmp_path):
    settings = {
        "SECRET_KEY": KEY,
        "SESSION_STORE": "memory://",
        "BASE_DIR": tmp_path,
        "STATIC_URL": "https://cdn.example/",
    }
    from coatcheck.web.context import static_url, using

    app = App("x", settings=settings)
    with using(app):
        assert static_url("site.css") == "https://cdn.example/site.css"
    assert browser(app).get("/static/site.css").status_code == 404
