"""Every wall that a newcomer meets says what, where, and the line or command that mends it.

The rows are those where other stacks were seen to say little or nothing. Each is met for real, and
what is shown has to hold all three.
"""

import html
import logging
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from coatcheck.web import (
    App,
    HttpResponseRedirect,
    db,
    login_required,
    path,
    render_template,
    request,
    session,
    url_for,
)
from tests.unit.forms.bodies import CONTENT_TYPE, URLENCODED, multipart
from tests.unit.forms.bodies import file as file_part
from tests.unit.forms.bodies import text as text_part
from tests.web.project import Folder
from tests.web.sites import OWN_PAGE, browser, site

HERE = "test_messages.py"


def words(page: str) -> str:
    """The text of a page, as it is read."""
    plain = html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL))
    return " ".join(plain.split())


def told(page: str, what: str, where: str, mend: str) -> None:
    shown = words(page)
    for part in (what, where, mend):
        assert " ".join(part.split()) in shown


# -- pages of a site that is being written --


@login_required
def private(request: object) -> str:
    return "x"


def forgot_to_return(request: object) -> None:
    pass


def no_table() -> str:
    return str(db.execute(text("SELECT * FROM shop_item")).all())


def no_column() -> str:
    db.execute(text("CREATE TABLE thing (id INTEGER)"))
    return str(db.execute(text("SELECT price FROM thing")).all())


def sentence() -> Any:
    return HttpResponseRedirect("session is set")


PAGES: dict[str, tuple[Callable[..., Any], str, tuple[str, str, str]]] = {
    "no migrate": (
        no_table,
        "/",
        ("The database has no table 'shop_item'.", HERE, "python manage.py migrate"),
    ),
    "model changed": (
        no_column,
        "/",
        ("The database has no column 'price'.", HERE, "python manage.py makemigrations"),
    ),
    "templates folder": (
        lambda: render_template("register.html"),
        "/",
        ("No template 'register.html' was found in", HERE, "Save it as templates/register.html"),
    ),
    "template within a template": (
        lambda: render_template("extends.html"),
        "/",
        ("No template 'base.html', which extends.html asks for", HERE, "templates/base.html"),
    ),
    "login page": (
        private,
        "/login/",
        ("No route of this site fits '/login/'.", "GET /login/", "LOGIN_URL in the settings"),
    ),
    "sentence as address": (
        sentence,
        "/session is set",
        ("No route of this site fits '/session is set'", "GET /session", "return HttpResponse("),
    ),
    "session before it is set": (
        lambda: session["sname"],
        "/",
        ("The session has no key 'sname'; it has no keys at all.", HERE, "session.get('sname')"),
    ),
    "what is not in the template": (
        lambda: render_template("flash.html"),
        "/",
        ("'flash' is undefined.", "flash.html:1", "get_flashed_messages()"),
    ),
    "no form in the template": (
        lambda: render_template("form.html"),
        "/",
        ("'form' is undefined.", "form.html:2", "{% csrf_token %}"),
    ),
    "another template language": (
        lambda: render_template("filter.html"),
        "/",
        ("expected token", "filter.html:1", "A filter takes its values in brackets"),
    ),
    "unknown tag": (
        lambda: render_template("tag.html"),
        "/",
        ("unknown tag 'widthratio'", "tag.html:1", "Templates are Jinja's"),
    ),
    "half a tag": (
        lambda: render_template("half.html"),
        "/",
        ("unexpected 'end of statement block'", "half.html:1", "Look at the line below"),
    ),
    "a name that no route has": (
        lambda: url_for("nowhere"),
        "/",
        ("No route is named 'nowhere'.", HERE, "Names there are: page"),
    ),
    "no return": (
        forgot_to_return,
        "/",
        ("forgot_to_return returned None", HERE, "Return text, render(...), redirect(...)"),
    ),
    "not an answer": (lambda: 7, "/", ("returned int", HERE, "Return text, a dict or list")),
    "a file instead of its name": (
        lambda: session.update(upload=object()),
        "/",
        ("session['upload']", HERE, "plain data"),
    ),
    "a link to a form's address": (
        lambda: "x",
        "/posts",
        ("/posts takes POST, and this was GET.", "/posts", '<form method="post" action="/posts">'),
    ),
    "the wrong slash": (
        lambda: "x",
        "/posts/",
        ("No route of this site fits '/posts/'.", "GET /posts/", "There is '/posts'"),
    ),
}
AS_THEY_ARE = (private, forgot_to_return)  # the others are called by a view
TEMPLATES = {
    "extends.html": "{% extends 'base.html' %}",
    "flash.html": "{{ flash.all }}",
    "form.html": "<form>\n{{ form.hidden_tag() }}</form>",
    "filter.html": "{{ x|date:'Y' }}",
    "tag.html": "{% widthratio 1 2 3 %}",
    "half.html": "{% if a == %}x{% endif %}",
}


@pytest.fixture
def written(tmp_path):
    (tmp_path / "templates").mkdir()
    for name, content in TEMPLATES.items():
        (tmp_path / "templates" / name).write_text(content)
    return tmp_path


@pytest.mark.parametrize(("view", "address", "parts"), PAGES.values(), ids=PAGES)
def test_a_page_says_what_where_and_how_to_mend_it(view, address, parts, written):
    app = site(
        [path("", view if view in AS_THEY_ARE else lambda request: view(), name="page")],
        BASE_DIR=written,
    )
    app.route("/posts", methods=["POST"])(lambda: "x")
    answer = browser(app).get(address)
    assert answer.status_code >= 400
    told(answer.text, *parts)


def test_an_address_that_needs_a_login_leads_to_the_page_that_is_missing(written):
    answer = browser(site([path("private/", private)], BASE_DIR=written)).get("/private/")
    assert answer.headers["location"] == "/login/?next=%2Fprivate%2F"


def test_a_sentence_as_an_address_is_warned_of_where_it_is_sent(written, caplog):
    app = site([path("", lambda request: sentence())], BASE_DIR=written)
    browser(app).get("/")
    assert "an address with blanks looks like a sentence" in caplog.text
    assert "return HttpResponse('session is set')" in caplog.text


# -- forms that are refused --

MB = 1024 * 1024
FORMS: dict[str, tuple[bytes, str, int, tuple[str, str, str]]] = {
    "a misspelt name": (
        b"emial=x",
        URLENCODED,
        400,
        ("The form has no field 'email'; it has 'emial'.", HERE, "Did you mean 'emial'?"),
    ),
    "two lengths of a part": (
        multipart(text_part("a", "1")).replace(b"\r\n\r\n1", b"\r\nContent-Length: 9\r\n\r\n1"),
        CONTENT_TYPE,
        400,
        ("The form is broken", "field 'a' (part 1)", "look at the program, the proxy"),
    ),
    "cut off": (
        multipart(text_part("a", "1"))[:-9],
        CONTENT_TYPE,
        400,
        ("The form ended before its last boundary", "field 'a' (part 1)", "Send it again."),
    ),
    "a bare percent sign": (
        b"rate=5%",
        URLENCODED,
        400,
        ("holds a percent sign", "Field 'rate'", "a literal percent sign is sent as %25"),
    ),
    "a NUL": (b"a=%00", URLENCODED, 400, ("holds a NUL character", "field 'a'", "Send it without")),
    "latin-1": (
        b"a=caf\xe9",
        URLENCODED,
        400,
        ("is not UTF-8", "Byte 6 of the body", '<meta charset="utf-8">'),
    ),
    "fetch() with a header of its own": (
        b"x",
        "multipart/form-data",
        400,
        ("names no boundary", "The Content-Type", "Leave the header to the browser"),
    ),
    "too many fields": (
        b"&".join(b"a=1" for _ in range(1001)),
        URLENCODED,
        413,
        ("more than 1,000 fields", "POST /", 'FORM_LIMITS = {"fields": 2000}'),
    ),
    "a long field": (
        multipart(text_part("bio", "x" * 70_000)),
        CONTENT_TYPE,
        413,
        ("larger than 64 KB", "at field 'bio'", 'FORM_LIMITS = {"field_size": 131072}'),
    ),
    "too large in all": (
        b"a=" + b"x" * 3 * MB,
        URLENCODED,
        413,
        ("more than 2.5 MB", "POST /", 'FORM_LIMITS = {"body": 5242880}'),
    ),
    "another kind of form": (
        b"a=1",
        f"{URLENCODED}; charset=utf-16",
        415,
        ("The form is in the charset 'utf-16'", "POST /", "leave out accept-charset"),
    ),
    "a file of another kind": (
        multipart(text_part("email", "x"), file_part("photo", "a.png", b"MZ\0\0", "image/png")),
        CONTENT_TYPE,
        415,
        ("is of no type that is known here", "The file 'a.png'", "Choose another file"),
    ),
    "a file that was not sent": (
        multipart(text_part("email", "x"), text_part("photo", "a.png")),
        CONTENT_TYPE,
        400,
        ("The form has no file 'photo'", HERE, 'enctype="multipart/form-data"'),
    ),
}


def register() -> str:
    request.FILES["photo"].check(types=["image/png"]) if request.POST["email"] else None
    return "registered"


@pytest.mark.parametrize(("body", "kind", "status", "parts"), FORMS.values(), ids=FORMS)
def test_a_refused_form_says_what_where_and_how_to_mend_it(body, kind, status, parts):
    app = site([path("", lambda request: register())])
    headers = {"Content-Type": kind, **OWN_PAGE}
    answer = browser(app).post("/", content=body, headers=headers)
    assert answer.status_code == status
    told(answer.text, *parts)


@pytest.mark.parametrize(
    ("headers", "parts"),
    [
        ({}, ("The form carries no token", "POST /", "Write {% csrf_token %} inside the <form>")),
        (
            {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
            ("no origin (Origin: null)", "opened as a file", "open it from the server instead"),
        ),
        (
            {"Origin": "https://shop.example", "Sec-Fetch-Site": "cross-site"},
            ("by a page of another site", "'https://shop.example'", "to TRUSTED_ORIGINS"),
        ),
        (
            {"Origin": "https://testserver"},
            ("by a page of 'https://testserver'", "'http://testserver'", "forwarded headers"),
        ),
    ],
    ids=["no token", "file", "other site", "proxy"],
)
def test_a_form_that_another_site_may_have_sent_says_why_and_what_to_do(headers, parts):
    app = site([path("", lambda request: "x")])
    answer = browser(app).post("/", data={"a": "1"}, headers=headers)
    assert answer.status_code == 403
    told(answer.text, *parts)


def test_a_logout_that_another_site_asks_for_is_refused_without_any_setting():
    app = site(debug=False)

    @app.route("/logout", methods=["POST"])
    def out():
        session.logout()
        return "out"

    answer = browser(app).post("/logout", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


# -- once --


def submitted(app: App) -> tuple[Any, str]:
    client = browser(app, headers=OWN_PAGE)
    token = re.search(r'value="([\w-]+)"', client.get("/").text)
    assert token
    return client, token[1]


def test_a_form_sent_twice_with_other_values_shows_both_and_what_can_be_done(written):
    (written / "templates" / "order.html").write_text("<form>{% csrf_token %}</form>")
    app = site(debug=False, BASE_DIR=written)

    @app.route("/", methods=["GET", "POST"])
    def order():
        if request.method == "POST":
            return HttpResponseRedirect("/done")
        return render_template("order.html")

    client, token = submitted(app)
    first = client.post("/", data={"csrfmiddlewaretoken": token, "coats": "1"})
    assert first.status_code == 303
    answer = client.post("/", data={"csrfmiddlewaretoken": token, "coats": "2"})
    assert answer.status_code == 409
    told(answer.text, "You have sent this form already", "coats 1 2", "Send as a new one")


# -- sites that do not start --


def test_no_secret_in_production_gives_the_command_that_makes_one(monkeypatch):
    monkeypatch.delenv("COATCHECK_DEBUG", raising=False)
    with pytest.raises(Exception, match="SECRET_KEY is not set, and DEBUG is off") as caught:
        _ = App("x", settings={"SESSION_STORE": "memory://"}).settings
    assert 'python -c "import secrets; print(secrets.token_urlsafe(48))"' in str(caught.value)


def test_a_store_that_nobody_knows_is_told_by_setting_and_with_all_there_are():
    with pytest.raises(Exception, match="SESSION_STORE in settings: no store is known") as caught:
        _ = site(SESSION_STORE="null://").sessions
    assert "sqlite://, postgresql://" in str(caught.value)


def test_a_store_that_is_no_address_is_told_with_an_example():
    with pytest.raises(Exception, match="SESSION_STORE is no URL: write one such as") as caught:
        _ = site(SESSION_STORE="null").settings
    assert "sqlite:///db.sqlite3" in str(caught.value)


def test_a_cookie_that_browsers_will_drop_is_warned_of_once(caplog):
    app = site(SESSION_COOKIE_SECURE=True)

    @app.route("/")
    def count():
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    client = browser(app)
    with caplog.at_level(logging.WARNING):
        assert [client.get("/").text for _ in range(3)] == ["1", "1", "1"]
    (record,) = [record for record in caplog.records if "Secure" in record.message]
    assert "SESSION_COOKIE_SECURE is True" in record.message
    assert 'Leave SESSION_COOKIE_SECURE at "auto"' in record.message
    caplog.clear()
    browser(app, https=True).get("/")
    assert not caplog.records


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("app.py:shop", ("app.py has no App called 'shop'", "It has: app")),
        ("ap.py", ("There is no file ap.py", "Did you mean app.py?")),
        ("nothing.py", ("nothing.py has no App", "app = App(__name__)")),
        ("project", ("is a project", "cd project && python manage.py runserver")),
    ],
)
def test_a_name_that_run_does_not_find_is_told_with_what_there_is(tmp_path, target, parts):
    folder = Folder(tmp_path)
    folder.write("app.py", "from coatcheck.web import App\napp = App(__name__)\n")
    folder.write("nothing.py", "x = 1\n")
    folder.write("project/manage.py", "")
    run = folder.coatcheck("run", target)
    assert run.returncode == 1
    for part in parts:
        assert part in run.stderr
    assert "Traceback" not in run.stderr


def test_a_project_without_migrate_serves_because_our_own_are_applied(tmp_path):
    folder = Folder(tmp_path)
    assert folder.coatcheck("startproject", "shop").returncode == 0
    project = Folder(tmp_path / "shop")
    with project.serving(sys.executable, "manage.py", "runserver", "127.0.0.1:0") as server:
        url = server.url()
        assert server.get(url).status_code == 200
    assert any("Applying sessions.0001_initial... OK" in line for line in server.lines)


def test_the_first_login_changes_the_id_of_the_session():
    app = site()

    @app.route("/", methods=["GET", "POST"])
    def log_in():
        session["seen"] = True
        if request.method == "POST":
            session.login("7")
        return "x"

    client = browser(app, headers=OWN_PAGE)
    client.get("/")
    before = client.cookies["session"]
    client.post("/")
    assert client.cookies["session"] != before
