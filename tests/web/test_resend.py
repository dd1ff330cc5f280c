"""A form that was refused for its token alone comes back as it was typed; another site's never."""

import html
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest

from coatcheck.web import App, csrf_unprotected, request, session
from coatcheck.web.context import current_request
from tests.web.sites import KEY, OWN_PAGE, browser, calls_of, site

TOKEN = re.compile(r'value="([A-Za-z0-9_-]{68,})"')
TYPED = {
    "title": "Über 'uns' & \"Co\" <b>",
    "text": "one\r\ntwo\r\n\r\n  three",
    "password": "what nobody else may see",
    "_action": "save",
}


class Form(HTMLParser):
    """What a browser makes of the page's form."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.attributes: dict[str, str | None] = {}
        self.fields: list[tuple[str, str]] = []
        self.empty: dict[str, str] = {}
        # HTML 13.2.3.5: a browser reads every line end as LF, and sends CRLF for it.
        self.feed(page.replace("\r\n", "\n"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            assert not self.attributes, "the page has two forms"
            self.attributes = given
        elif tag == "input" and given.get("type") == "hidden":
            self.fields.append((given["name"], given["value"].replace("\n", "\r\n")))
        elif tag == "input":
            self.empty[given["name"]] = given["type"]
            assert not given.get("value")


def noting(*, debug: bool = False, **settings: Any) -> App:
    app = site(debug=debug, **settings)

    @app.route("/note", methods=["GET", "POST"])
    def note():
        if request.method == "GET":
            return current_request().csrf.token()
        session["notes"] = [*session.get("notes", []), request.POST.pairs()]
        return "kept"

    @app.route("/login", methods=["POST"])
    def log_in():
        session.login("7")
        return "in"

    @app.route("/hook", methods=["POST"])
    @csrf_unprotected
    def hook():
        return "hooked"

    return app


def sent_again(client, answer, address="/note?from=here", **filled: str):
    form = Form(answer.text)
    assert form.attributes["method"] == "post"
    assert "action" not in form.attributes  # so a browser sends it to the page's own address
    fields = [*form.fields, *filled.items()]
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return client.post(address, content=urlencode(fields), headers=headers)


@pytest.mark.parametrize("token", ["rotated", "stale", "broken", "none"])
def test_a_form_refused_for_its_token_comes_back_as_typed_and_one_button_sends_it(token):
    app = noting()
    client = browser(app)
    given = {
        "rotated": lambda: browser(noting(SECRET_KEY="an older key " * 3)).get("/note").text,
        "stale": lambda: client.get("/note").text,
        "broken": lambda: "x" * 68,
        "none": lambda: None,
    }[token]()
    client.post("/login", headers=OWN_PAGE)
    data = TYPED | ({"csrf_token": given} if given else {})
    answer = client.post("/note?from=here", data=data)
    assert answer.status_code == 403
    assert "Please send this once more" in answer.text
    assert answer.headers["cache-control"] == "private, no-cache"
    form = Form(answer.text)
    assert form.empty == {"password": "password"}
    assert TYPED["password"] not in html.unescape(answer.text)
    assert TYPED["title"] not in answer.text  # it is escaped
    again = sent_again(client, answer, password="again")
    assert (again.status_code, again.text) == (200, "kept")
    app.route("/kept")(lambda: session["notes"])
    (first,) = client.get("/kept").json()
    fresh = dict(first)
    assert fresh.pop("csrfmiddlewaretoken") != given
    assert fresh == TYPED | {"password": "again"}


def test_a_browser_that_brought_no_cookie_gets_one_with_the_page():
    app = noting()
    token = browser(app).get("/note").text
    client = browser(app)
    answer = client.post("/note", data={"title": "a", "csrf_token": token})
    assert answer.status_code == 403
    assert "coatcheck_csrf=" in answer.headers["set-cookie"]
    assert sent_again(client, answer, "/note").text == "kept"


def test_showing_the_page_makes_no_record():
    app = noting()
    client = browser(app)
    calls = calls_of(app)
    client.post("/note", data={"title": "a", "csrf_token": "x" * 68})
    client.get("/note")
    assert calls == []


def test_repeated_names_and_the_pressed_button_keep_their_order():
    client = browser(noting())
    body = "a=1&b=2&a=3&go=Save+it&empty="
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = client.post("/note", content=body, headers=headers)
    assert Form(answer.text).fields[1:] == [
        ("a", "1"),
        ("b", "2"),
        ("a", "3"),
        ("go", "Save it"),
        ("empty", ""),
    ]


def test_files_are_named_and_asked_for_again():
    client = browser(noting())
    client.get("/note")
    files = {"photo": ('<img src="x">.png', b"bytes of the picture", "image/png")}
    answer = client.post("/note", data={"title": "a"}, files=files)
    form = Form(answer.text)
    assert form.attributes["enctype"] == "multipart/form-data"
    assert form.empty == {"photo": "file"}
    assert "it was _img src=_x__.png" in answer.text
    assert "bytes of the picture" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "https://other.testserver"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Referer": "https://evil.example/page"},
        {"Referer": "https://testserver/page"},
        {"Referer": "http://testserver.evil.example/"},
        {"Referer": "http://testserver@evil.example/"},
        {"Referer": "about:blank"},
    ],
    ids=lambda headers: " ".join(headers.values()),
)
@pytest.mark.parametrize("debug", [False, True])
def test_what_another_site_sent_never_comes_back_with_a_button(headers, debug):
    client = browser(noting(debug=debug))
    client.get("/note")
    answer = client.post("/note", data={"title": "pay mallory", "csrf_token": "x"}, headers=headers)
    assert answer.status_code == 403
    assert "<button" not in answer.text
    if not debug:
        assert "mallory" not in answer.text


def test_our_own_page_in_the_referer_counts_for_nothing_by_itself():
    client = browser(noting())
    answer = client.post(
        "/note", data={"title": "a"}, headers={"Referer": "http://testserver/note"}
    )
    assert answer.status_code == 403
    assert "<button" in answer.text


@pytest.mark.parametrize(
    "asks",
    [
        {"Accept": "application/json"},
        {"Accept": "application/problem+json, */*"},
        {"Accept": "*/*", "Sec-Fetch-Dest": "empty"},
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_a_program_gets_problem_details_and_no_page(asks, debug):
    answer = browser(noting(debug=debug)).post("/note", data={"title": "a"}, headers=asks)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == 403
    if debug:
        assert body["code"] == "CC030"
        assert "csrf_token" in body["mend"]


@pytest.mark.parametrize("header", ["HX-Request", "Turbo-Frame"])
def test_a_script_that_swaps_the_answer_into_the_page_gets_the_page(header):
    headers = {"Accept": "*/*", "Sec-Fetch-Dest": "empty", header: "true"}
    answer = browser(noting()).post("/note", data={"title": "a"}, headers=headers)
    assert "<button" in answer.text


def test_the_page_runs_no_script_and_fits_in_no_frame():
    data = {"<script>alert(1)</script>": "</textarea><script>alert(2)</script>"}
    answer = browser(noting()).post("/note", data=data)
    assert "<script" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy
    assert answer.headers["x-frame-options"] == "DENY"


def test_a_long_text_is_shown_in_part_and_sent_whole():
    long = "words " * 5000
    client = browser(noting())
    answer = client.post("/note", data={"text": long})
    assert "30,000 characters, all of which are sent" in answer.text
    assert dict(Form(answer.text).fields)["text"] == long


def test_in_debug_the_page_says_what_is_wrong_and_holds_the_form_too():
    client = browser(noting(debug=True))
    answer = client.post("/note", data={"title": "typed words"})
    assert "CC030" in answer.text
    assert "{% csrf_token %}" in html.unescape(answer.text)
    assert ("title", "typed words") in Form(answer.text).fields
    assert sent_again(client, answer, "/note").text == "kept"


@pytest.mark.parametrize("body", [b"", b"csrf_token=x"])
def test_a_form_with_nothing_typed_gets_the_plain_page(body):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = browser(noting()).post("/note", content=body, headers=headers)
    assert answer.status_code == 403
    assert "Load the page with the form again" in answer.text


def test_an_author_is_no_secret_and_an_authorization_is_one():
    data = {"author": "al", "authors": "al", "authorization": "x", "auth": "x"}
    form = Form(browser(noting()).post("/note", data=data).text)
    assert {name for name, _ in form.fields} == {"csrfmiddlewaretoken", "author", "authors"}
    assert form.empty == {"authorization": "text", "auth": "text"}


def test_a_key_in_the_fallbacks_keeps_open_forms_good_and_new_ones_are_signed_with_the_new():
    old, new = KEY, "a newer key of the same site, also for tests"
    before = browser(noting(SECRET_KEY=old))
    token = before.get("/note").text
    cookies = dict(before.cookies)
    after = browser(noting(SECRET_KEY=new, SECRET_KEY_FALLBACKS=[old]))
    after.cookies.update(cookies)
    fresh = after.get("/note").text
    assert after.post("/note", data={"title": "a", "csrf_token": token}).text == "kept"
    without = browser(noting(SECRET_KEY=new))
    without.cookies.update(cookies)
    assert without.post("/note", data={"title": "a", "csrf_token": fresh}).text == "kept"
    refused = without.post("/note", data={"title": "a", "csrf_token": token})
    assert refused.status_code == 403
    assert sent_again(without, refused, "/note").text == "kept"
