"""The admin pages are for staff, and for nobody else."""

import re

import pytest

from coatcheck.web import App, admin, db, path, session
from coatcheck.web.auth import User, create_user
from coatcheck.web.migrations import migrate
from tests.web.sites import KEY, OWN_PAGE, browser, site

PASSWORD = "correct horse"


@pytest.fixture
def app(tmp_path):
    app = App(
        "x",
        urlpatterns=[path("admin/", admin.site.urls)],
        settings={
            "DEBUG": True,
            "SECRET_KEY": KEY,
            "SESSION_STORE": "memory://",
            "BASE_DIR": tmp_path,
            "INSTALLED_APPS": ["coatcheck.web.auth", "coatcheck.web.admin"],
        },
    )
    migrate(app.settings, echo=lambda message, *, nl=True: None)
    with app.database.scope():
        create_user("boss", PASSWORD, is_staff=True)
        create_user("guest", PASSWORD)

    @app.route("/in/<name>", methods=["POST"])
    def come_in(name):
        session.login(db.query(User).filter_by(username=name).one())
        return "in"

    return app


def log_in(client, name, password=PASSWORD, query=""):
    return client.post(f"/admin/login/{query}", data={"username": name, "password": password})


def test_a_visitor_is_sent_to_the_admins_own_login(app):
    answer = browser(app).get("/admin/")
    assert answer.status_code == 302
    assert answer.headers["location"] == "/admin/login/?next=%2Fadmin%2F"


def test_staff_come_in_and_see_where_they_are_logged_in(app):
    client = browser(app, headers=OWN_PAGE)
    answer = log_in(client, "boss")
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/")
    page = client.get("/admin/")
    assert page.status_code == 200
    assert "Hello, boss" in page.text
    assert "testclient" in page.text
    assert "(here)" in page.text


@pytest.mark.parametrize(
    ("name", "password"), [("guest", PASSWORD), ("boss", "wrong horse"), ("x", "wrong")]
)
def test_nobody_else_comes_in_and_all_are_told_the_same(app, name, password):
    client = browser(app, headers=OWN_PAGE)
    answer = log_in(client, name, password)
    assert answer.status_code == 422
    assert "Name and password do not fit, or the user is not staff." in answer.text
    assert f'value="{name}"' in answer.text
    assert password not in answer.text
    assert client.get("/admin/").status_code == 302


def test_a_user_who_is_logged_in_but_not_staff_gets_403(app):
    client = browser(app, headers=OWN_PAGE)
    client.post("/in/guest")
    assert client.get("/admin/").status_code == 403


def test_after_the_login_only_this_site_is_gone_to(app):
    client = browser(app, headers=OWN_PAGE)
    assert log_in(client, "boss", query="?next=/admin/?a=b").headers["location"] == "/admin/?a=b"
    for evil in ("//evil.example", "https://evil.example", "/%5Cevil.example"):
        answer = log_in(client, "boss", query=f"?next={evil}")
        assert answer.headers["location"] == "/admin/"


def test_logging_out_is_by_form_only_and_ends_the_session(app):
    client = browser(app, headers=OWN_PAGE)
    log_in(client, "boss")
    assert client.get("/admin/logout/").status_code == 405
    assert client.get("/admin/").status_code == 200
    stolen = client.cookies["session"]
    answer = client.post("/admin/logout/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/login/")
    thief = browser(app)
    thief.cookies.set("session", stolen)
    assert thief.get("/admin/").status_code == 302


def test_the_login_form_proves_itself_without_help_of_the_browser(app):
    client = browser(app)
    (token,) = re.findall(r'value="([\w-]{128})"', client.get("/admin/login/").text)
    fields = {"username": "boss", "password": PASSWORD}
    assert client.post("/admin/login/", data=fields).status_code == 403
    answer = client.post("/admin/login/", data={**fields, "csrfmiddlewaretoken": token})
    assert answer.status_code == 303


def test_admin_pages_are_kept_by_no_cache_and_shown_in_no_frame(app):
    client = browser(app, headers=OWN_PAGE)
    log_in(client, "boss")
    for address in ("/admin/", "/admin/login/"):
        headers = client.get(address).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-frame-options"] == "DENY"


def test_without_users_the_login_page_says_what_to_do_in_debug_only():
    urlpatterns = [path("admin/", admin.site.urls)]
    assert "createsuperuser" in browser(site(urlpatterns)).get("/admin/login/").text
    page = browser(site(urlpatterns, debug=False)).get("/admin/login/")
    assert page.status_code == 200
    assert "createsuperuser" not in page.text


def test_what_a_browser_calls_itself_is_escaped(app):
    client = browser(app, headers={**OWN_PAGE, "User-Agent": "<script>alert(1)</script>"})
    log_in(client, "boss")
    page = client.get("/admin/").text
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
