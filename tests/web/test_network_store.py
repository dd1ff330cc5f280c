"""A site whose sessions are kept across the network, on a real PostgreSQL."""

import asyncio

import pytest

from coatcheck.web import (
    App,
    Http404,
    flash,
    get_flashed_messages,
    path,
    redirect,
    request,
    session,
)
from coatcheck.web.migrations import ensure_own
from tests.web.sites import KEY, OWN_PAGE, browser, calls_of


async def count_async(request):
    request.session["n"] = request.session.get("n", 0) + 1
    return str(request.session["n"])


async def untouched(request):
    return "x"


async def gone(request):
    request.session["seen"] = True
    raise Http404("gone")


@pytest.fixture
def app(tmp_path, postgresql_database):
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "404.html").write_text("{{ session.seen }}")
    app = App(
        "x",
        urlpatterns=[
            path("async/", count_async),
            path("untouched/", untouched),
            path("gone/", gone),
        ],
        settings={
            "SECRET_KEY": KEY,
            "BASE_DIR": tmp_path,
            "SESSION_STORE": postgresql_database,
        },
    )
    ensure_own(app.settings, lambda message, *, nl=True: None)

    @app.route("/sync")
    def count():
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    @app.route("/plain")
    def plain():
        return "x"

    @app.route("/note", methods=["GET", "POST"])
    async def note():
        if request.method == "POST":
            flash("noted")
            return redirect("/note")
        return " ".join(get_flashed_messages())

    yield app
    asyncio.run(app.close())


def test_sync_and_async_views_share_one_session(app):
    client = browser(app)
    answers = [client.get(address).text for address in ("/sync", "/async/", "/sync", "/async/")]
    assert answers == ["1", "2", "3", "4"]


def test_a_sync_view_that_leaves_the_session_alone_asks_nobody(app):
    client = browser(app)
    client.get("/sync")
    calls = calls_of(app)
    client.get("/plain")
    assert calls == []
    client.get("/untouched/")
    assert calls == ["load"]  # the loop could not load it later without waiting


def test_a_visitor_without_a_cookie_costs_an_async_view_no_call(app):
    client = browser(app)
    calls = calls_of(app)
    client.get("/untouched/")
    assert calls == []


def test_a_sites_own_error_page_may_show_the_session(app):
    client = browser(app)
    client.get("/sync")
    assert client.get("/gone/").text == "True"


def test_flashes_pass_from_an_async_form_to_the_next_page(app):
    client = browser(app, headers=OWN_PAGE)
    assert client.post("/note").status_code == 303
    assert client.get("/note").text == "noted"
    assert client.get("/note").text == ""


def test_a_form_with_a_wrong_token_is_refused_without_a_word_about_loading(app):
    client = browser(app)
    client.get("/sync")
    assert client.post("/note", data={"csrf_token": "x" * 68}).status_code == 403
