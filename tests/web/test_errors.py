"""What somebody sees when something goes wrong: all of it in DEBUG, nothing in production."""

import html
import logging
import re
from base64 import b64encode
from hashlib import sha256

import pytest
from sqlalchemy import text

from coatcheck.core.errors import SessionBusy, SessionConflict, StoreUnavailable
from coatcheck.web import (
    App,
    Http404,
    HttpResponseRedirect,
    abort,
    path,
    problems,
    request,
    session,
)
from coatcheck.web.database import db
from tests.web.sites import KEY, OWN_PAGE, browser, shown, site

SECRET = "what-only-the-code-" + "knows"


def words(answer):
    """The text of a page, as it is read."""
    return html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", "", answer.text, flags=re.DOTALL))


def raising(error):
    def view():
        raise error

    return view


def no_such_table():
    return str(db.execute(text("SELECT * FROM shop_item")).all())


def nothing():
    pass


PROBLEMS = [
    (nothing, 500, "CC001", "returned None", "Return text, render(...), redirect(...)"),
    (lambda: 7, 500, "CC002", "returned int", "Return text"),
    (lambda: session["sname"], 500, "CC040", "no key 'sname'", "session.get('sname')"),
    (lambda: session.pop("sname"), 500, "CC040", "no key 'sname'", "session.get('sname')"),
    (
        lambda: str(session.pop("a", 1)) + request.form["b"],
        400,
        "CC020",
        "no field 'b'",
        ".get('b')",
    ),
    (raising(Http404("no such user")), 404, "CC404", "no such user", ""),
    (lambda: abort(410, "it is gone"), 410, "CC410", "it is gone", ""),
    (no_such_table, 500, "CC050", "no table 'shop_item'", "python manage.py migrate"),
    (raising(StoreUnavailable("the store at x is away")), 503, "CC044", "the store at x", ""),
    (raising(SessionBusy("another request holds it")), 503, "CC043", "another request", ""),
    (raising(SessionConflict(["cart"])), 409, "CC042", "'cart'", "increment()"),
    (lambda: session.update(a=object()), 500, "CC041", "session['a']", "plain data"),
    (lambda: HttpResponseRedirect("javascript:x"), 500, "CC008", "scheme", ""),
    (raising(ZeroDivisionError("division by zero")), 500, "CC500", "division by zero", ""),
]
IDS = [f"{code}-{number}" for number, (_, _, code, _, _) in enumerate(PROBLEMS)]


@pytest.mark.parametrize(("view", "status", "code", "what", "mend"), PROBLEMS, ids=IDS)
def test_in_debug_a_problem_says_what_and_how_to_mend_it(view, status, code, what, mend, tmp_path):
    answer = shown(view, DATABASE_URL=f"sqlite:///{tmp_path / 'db'}").get("/")
    assert answer.status_code == status
    page = words(answer)
    assert f"{code} · {status}" in page
    assert what in page
    assert mend in page


@pytest.mark.parametrize(("view", "status", "code", "what", "mend"), PROBLEMS, ids=IDS)
def test_in_production_a_problem_gives_nothing_away(view, status, code, what, mend, tmp_path):
    client = shown(view, debug=False, DATABASE_URL=f"sqlite:///{tmp_path / 'db'}")
    answer = client.get("/")
    assert answer.status_code == status
    page = words(answer)
    for ours in (
        "Traceback",
        ".py",
        "session[",
        "coatcheck",
        "migrate",
        code,
        *([mend] * bool(mend)),
    ):
        assert ours not in page
    if status >= 500:
        assert what not in page


@pytest.mark.parametrize(
    "view", [raising(ZeroDivisionError()), raising(Http404("x"))], ids=["500", "404"]
)
def test_in_debug_the_place_in_the_sites_code_is_shown(view):
    page = words(shown(view).get("/"))
    assert "test_errors.py" in page
    assert "raise error" in page


def test_a_view_that_returned_nothing_is_shown_where_it_is_defined():
    page = words(shown(nothing).get("/"))
    assert "test_errors.py" in page
    assert "def nothing():" in page


def test_a_missing_key_names_the_keys_there_are():
    def view():
        session["name"], session["password"] = "al", SECRET
        return session["nmae"]

    page = words(shown(view).get("/"))
    assert "no key 'nmae'; it has 'name', 'password'" in page
    assert "'al'" in page
    assert SECRET not in page


def test_a_key_error_of_the_sites_own_is_not_taken_for_the_sessions():
    def view():
        empty: dict[str, str] = {}
        return session.get("x") or empty["mine"]

    assert "<h1>KeyError</h1>" in shown(view).get("/").text


def test_a_500_changes_no_cookie():
    def view():
        session["a"] = 1
        raise ZeroDivisionError

    for debug in (True, False):
        answer = shown(view, debug=debug).get("/")
        assert answer.status_code == 500
        assert "set-cookie" not in answer.headers


def test_secrets_never_appear_on_a_debug_page():
    database = "postgresql://al:" + "xyzzy" + "@127.0.0.1:1/x"

    def view():
        raise ValueError(f"{KEY} and {database}")

    client = shown(view, DATABASE_URL=database, SESSION_STORE="memory://")
    client.cookies.set("session", SECRET)
    client.cookies.set("plain", SECRET)
    answer = client.post(
        "/?token=" + SECRET,
        data={"password": SECRET, "card_number": SECRET, "name": "al"},
        headers={"Authorization": SECRET, "X-Api-Key": SECRET},
    )
    page = words(answer)
    assert SECRET not in page
    assert KEY not in page
    assert "xyzzy" not in page
    assert "al" in page


def test_values_of_a_failed_statement_are_masked(tmp_path):
    def view():
        db.execute(text("INSERT INTO nowhere VALUES (:hash)"), {"hash": SECRET})

    page = words(shown(view, DATABASE_URL=f"sqlite:///{tmp_path / 'db'}").get("/"))
    assert "nowhere" in page
    assert SECRET not in page


def test_what_was_sent_is_escaped():
    answer = shown(raising(ValueError("<b>"))).post("/?<i>=1", data={"<script>": "<script>"})
    assert "<script>" not in answer.text
    assert "<b>" not in answer.text
    assert "<i>" not in answer.text


def test_a_404_lists_the_routes_in_debug_only():
    routes = [path("users/<int:id>/", nothing, name="user")]
    page = words(browser(site(routes)).get("/user/7/"))
    assert "/users/<int:id>/" in page
    assert "named user" in page
    page = words(browser(site(routes, debug=False)).get("/user/7/"))
    assert "users" not in page


def test_an_address_like_a_sentence_is_recognised():
    page = words(
        browser(site([path("setsession/", nothing)])).get("/setsession/session%20is%20set")
    )
    assert "looks like a sentence" in page
    assert "HttpResponse" in page


def test_a_slash_too_many_is_pointed_out():
    app = site()
    app.route("/about")(lambda: "x")
    assert "Without the last slash it is there: '/about'" in words(browser(app).get("/about/"))


def test_a_405_names_the_methods_in_debug():
    app = site()
    app.route("/submit", methods=["POST"], name="submit")(nothing)
    assert "/submit takes POST, and this was GET" in words(browser(app).get("/submit"))


def test_a_503_says_when_to_come_back():
    for error, seconds in ((StoreUnavailable("x", retry_after=7), "7"), (SessionBusy("x"), "2")):
        assert shown(raising(error), debug=False).get("/").headers["retry-after"] == seconds


@pytest.mark.parametrize("verb", ["load", "commit"])
def test_a_store_that_fails_is_503_and_never_an_anonymous_visitor(verb, monkeypatch, caplog):
    app = site(debug=False)

    @app.route("/")
    def count():
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    app.route("/plain", name="plain")(lambda: "plain")
    client = browser(app)
    client.get("/")

    def away(*args, **kwargs):
        raise StoreUnavailable("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(app.sessions.store, verb, away)
        answer = client.get("/")
        assert answer.status_code == 503
        assert "set-cookie" not in answer.headers
        assert client.get("/plain").text == "plain"
    assert client.get("/").text == "2"
    # One line for each visitor who was sent away, not a traceback through a site that is in order.
    (record,) = [record for record in caplog.records if record.name == "coatcheck.web"]
    assert record.getMessage() == "GET '/': the store is away"
    assert record.exc_info is None


@pytest.mark.parametrize("debug", [True, False])
def test_programs_get_problem_details(debug):
    answer = shown(lambda: session["x"], debug=debug).get(
        "/", headers={"Accept": "application/json"}
    )
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["title"]) == (500, "Internal Server Error")
    assert ("no key" in problem["detail"]) is debug


def test_browsers_get_pages():
    accept = "text/html,application/xhtml+xml,application/json;q=0.9"
    answer = shown(nothing).get("/", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("text/html")


def test_error_pages_are_kept_by_no_cache():
    assert shown(nothing).get("/").headers["cache-control"] == "no-store"
    assert browser(site(debug=False)).get("/nowhere").headers["cache-control"] == "no-cache"


def test_an_error_is_logged_once_with_the_sites_own_lines(caplog):
    shown(raising(ZeroDivisionError("x")), debug=False).get("/")
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.name == "coatcheck.web"
    assert record.getMessage() == "GET '/'"
    text = logging.Formatter().formatException(record.exc_info)
    assert "raise error" in text
    assert "starlette" not in text


def test_a_refused_form_is_logged_with_the_reason_that_the_visitor_is_not_told(caplog):
    client = shown(raising(ZeroDivisionError("must not run")), debug=False)
    answer = client.post(
        "/", headers={"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403
    assert "cross-site" not in answer.text
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("POST '/': the form was refused. ")
    assert "evil.test" in record.getMessage()


def test_a_404_is_not_logged_as_an_error(caplog):
    browser(site(debug=False)).get("/nowhere")
    assert not caplog.records


def test_an_error_after_the_first_byte_cuts_the_connection(caplog):
    from starlette.responses import StreamingResponse

    def parts():
        yield "half a page"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        shown(lambda: StreamingResponse(parts())).get("/")
    assert "GET '/'" in caplog.text


def with_templates(tmp_path, **pages):
    (tmp_path / "templates").mkdir()
    for name, source in pages.items():
        file = tmp_path / "templates" / f"{name.removeprefix('_')}.html"
        file.write_text(source, encoding="utf-8")
    settings = {"SECRET_KEY": KEY, "SESSION_STORE": "memory://", "BASE_DIR": tmp_path}
    app = App("x", settings=settings)
    app.route("/boom", name="boom")(raising(ZeroDivisionError()))

    @app.route("/gone")
    def gone():
        session["name"] = "al"
        raise Http404("the coat is not here")

    return browser(app)


def test_a_site_has_error_pages_of_its_own_in_production(tmp_path, caplog):
    client = with_templates(
        tmp_path, _404="Sorry {{ session.name }}: {{ text }}", _500="Oh no: {{ status }}"
    )
    assert client.get("/gone").text == "Sorry al: the coat is not here"
    answer = client.get("/boom")
    assert (answer.status_code, answer.text) == (500, "Oh no: 500")


def test_an_error_page_that_fails_itself_is_replaced(tmp_path, caplog):
    client = with_templates(tmp_path, _500="{{ session.name }}")
    answer = client.get("/boom")
    assert answer.status_code == 500
    assert "Internal Server Error" in answer.text
    assert "500.html failed" in caplog.text


@pytest.mark.parametrize(
    ("host", "allowed", "status"),
    [
        ("testserver", [], 200),
        ("localhost:8000", [], 200),
        ("127.0.0.1:8000", [], 200),
        ("[::1]:8000", [], 200),
        ("shop.localhost", [], 200),
        ("evil.example", [], 400),
        ("www.example.com", ["www.example.com"], 200),
        ("WWW.Example.COM:443", ["www.example.com"], 200),
        ("www.example.com.", ["www.example.com"], 200),
        ("example.com", [".example.com"], 200),
        ("a.b.example.com", [".example.com"], 200),
        ("evilexample.com", [".example.com"], 400),
        ("localhost", ["www.example.com"], 400),
        ("anything.example", ["*"], 200),
        ("evil.example/path", ["*"], 400),
        ("user@evil.example", ["*"], 400),
        ("", ["*"], 400),
        ("a b", ["*"], 400),
    ],
)
@pytest.mark.parametrize("debug", [True, False])
def test_only_the_sites_own_hosts_are_answered(host, allowed, status, debug):
    app = site(debug=debug, ALLOWED_HOSTS=allowed)
    app.route("/")(lambda: "x")
    assert browser(app).get("/", headers={"Host": host}).status_code == status


def test_an_unknown_host_is_explained_in_debug():
    app = site()
    page = words(browser(app).get("/", headers={"Host": "shop.test:8000"}))
    assert "ALLOWED_HOSTS = ['shop.test']" in page
    # Refused before there was a request to show: no empty line stands in its place.
    assert "<code> </code>" not in browser(app).get("/", headers={"Host": "shop.test"}).text


def test_every_answer_carries_modest_security_headers_that_a_site_may_override():
    app = site()
    app.route("/")(lambda: "x")
    app.route("/framed", name="framed")(lambda: ("x", {"X-Frame-Options": "SAMEORIGIN"}))
    client = browser(app)
    for address in ("/", "/nowhere"):
        headers = client.get(address).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"
    assert client.get("/framed").headers["x-frame-options"] == "SAMEORIGIN"


@pytest.mark.parametrize("debug", [True, False])
def test_our_own_pages_let_their_style_sheet_in_and_no_script(debug):
    answer = browser(site(debug=debug)).get("/nowhere")
    style = re.search(r"<style>(.*)</style>", answer.text, re.DOTALL)
    assert style is not None
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    policy = answer.headers["content-security-policy"].split("; ")
    assert "default-src 'none'" in policy
    assert f"style-src 'sha256-{digest}'" in policy
    assert not any(rule.startswith("script-src") for rule in policy)


def test_the_database_undoes_what_a_failing_view_did(tmp_path):
    app = site(DATABASE_URL=f"sqlite:///{tmp_path / 'db'}")
    with app.database.scope():
        db.execute(text("CREATE TABLE coats (hook INTEGER)"))

    def adding(result):
        def view():
            db.execute(text("INSERT INTO coats VALUES (1)"))
            if isinstance(result, Exception):
                raise result
            return result

        return view

    def on_loop(result):
        async def view():
            return adding(result)()

        return view

    results = {
        "ok": "x",
        "kept": ("not so", 422),
        "returned": ("sorry", 500),
        "raised": ZeroDivisionError(),
        "missing": Http404("x"),
        "none": None,
    }
    for name, result in results.items():
        app.route(f"/{name}", methods=["POST"], name=name)(adding(result))

        app.route(f"/async/{name}", methods=["POST"], name=f"async {name}")(on_loop(result))

    @app.route("/count")
    def count():
        return str(db.execute(text("SELECT count(*) FROM coats")).scalar())

    client = browser(app, headers=OWN_PAGE)
    total = 0
    for name in results:
        for address in (f"/{name}", f"/async/{name}"):
            client.post(address)
            total += name in ("ok", "kept")
            assert client.get("/count").text == str(total), address


@pytest.mark.parametrize(
    ("sent", "warned"), [("<script>", True), ("al", False)], ids=["html", "plain"]
)
@pytest.mark.parametrize("debug", [True, False])
def test_a_page_that_shows_html_as_it_was_sent_is_warned_of_in_debug(sent, warned, debug, caplog):
    client = shown(lambda: f"Username: {request.form['username']}", debug=debug)
    assert client.post("/", data={"username": sent}).status_code == 200
    assert ("shows request.POST['username'] as it was sent" in caplog.text) is (warned and debug)


def test_escaped_html_is_not_warned_of(caplog):
    shown(lambda: html.escape(request.args["q"])).get("/?q=<b>")
    assert not caplog.records


def test_a_login_page_that_is_not_there_is_explained():
    assert "LOGIN_URL" in words(browser(site([path("x/", nothing)])).get("/login/?next=/x/"))


def test_a_slip_in_an_address_is_recognised():
    page = words(browser(site([path("thankyou/", nothing)])).get("/thank_you/"))
    assert "There is '/thankyou/', which is like it." in page


def test_a_refused_form_names_the_page_it_was_on():
    headers = {"Referer": "http://testserver/cart?<b>", "Sec-Fetch-Site": "cross-site"}
    answer = shown(nothing).post("/", headers=headers)
    assert "The form is on the page http://testserver/cart?<b>" in words(answer)
    assert "<b>" not in answer.text


def test_a_sites_own_404_page_may_ask_for_the_user_and_the_database(tmp_path):
    client = with_templates(tmp_path, _404="{{ count() }} {{ 'in' if user else 'out' }}")
    app = client.app
    assert isinstance(app, App)
    app.templates.globals["count"] = lambda: db.execute(text("SELECT 7")).scalar()
    assert client.get("/gone").text == "7 out"


def test_every_kind_of_problem_has_a_code_of_its_own():
    codes = [code for _, code, _ in problems._KINDS]
    assert len(codes) == len(set(codes))
