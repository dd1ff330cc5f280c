"""Forms of other sites are refused; forms of ours run, with and without a token."""

import re

import pytest

from coatcheck.web import csrf_unprotected, path, request, session
from coatcheck.web.context import current_request
from tests.web.sites import browser, calls_of, site

TOKEN = re.compile(r'value="([A-Za-z0-9_-]{128})"')


def token_page():
    return f'<input value="{current_request().csrf.token()}">'


@pytest.fixture
def app():
    app = site()
    app.route("/form")(token_page)
    app.route("/text", name="text")(lambda: "x")

    @app.route("/", methods=["POST"])
    def submit():
        session["n"] = session.get("n", 0) + 1
        return f"done {session['n']} {request.POST.get('a')}"

    @app.route("/start")
    def start():
        session["begun"] = True
        return token_page()

    @app.route("/login", methods=["POST"])
    def log_in():
        session.login("7")
        return "in"

    return app


def shown_token(answer):
    (token,) = TOKEN.findall(answer.text)
    return token


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://testserver"},
    ],
    ids=lambda headers: next(iter(headers.items()))[1],
)
def test_a_form_without_a_token_runs_from_our_own_page(app, headers):
    assert browser(app).post("/", data={"a": "b"}, headers=headers).text == "done 1 b"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, "another site"),
        ({"Sec-Fetch-Site": "same-site"}, "another site"),
        ({"Origin": "https://evil.example"}, "evil.example"),
        ({"Origin": "https://testserver"}, "https://testserver"),
        ({"Origin": "null"}, "file://"),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "null"}, "file://"),
        ({}, "{% csrf_token %}"),
    ],
    ids=["cross-site", "same-site", "origin", "scheme", "null", "file", "nothing"],
)
def test_a_form_of_another_site_is_refused_with_its_reason_and_nothing_is_done(
    app, headers, reason
):
    client = browser(app)
    answer = client.post("/", data={"a": "b"}, headers=headers)
    assert answer.status_code == 403
    assert "CC030" in answer.text
    assert reason in answer.text
    assert "session=" not in answer.headers.get("set-cookie", "")
    assert "done 1" in client.post("/", headers={"Sec-Fetch-Site": "same-origin"}).text


def test_in_production_a_refusal_gives_nothing_away():
    app = site(debug=False)
    app.route("/", methods=["POST"])(lambda: "x")
    answer = browser(app).post("/", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "evil.example" not in answer.text
    assert "TRUSTED_ORIGINS" not in answer.text
    assert "Load the page with the form again" in answer.text


def test_what_another_site_sends_is_refused_before_its_body_is_read(app):
    def chunks():
        raise AssertionError("the body was read")
        yield b""

    answer = browser(app).post("/", content=chunks(), headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


@pytest.mark.parametrize("field", ["csrfmiddlewaretoken", "csrf_token"])
def test_an_old_browser_proves_itself_with_the_token(app, field):
    client = browser(app)
    token = shown_token(client.get("/form"))
    assert client.post("/", data={field: token}).text == "done 1 None"


def test_a_script_sends_the_token_as_a_header(app):
    client = browser(app)
    token = shown_token(client.get("/form"))
    answer = client.post("/", json={}, headers={"X-CSRFToken": token})
    assert answer.status_code == 200


def test_a_token_in_the_address_is_no_token(app):
    client = browser(app)
    token = shown_token(client.get("/form"))
    assert client.post(f"/?csrf_token={token}").status_code == 403


def test_a_token_works_in_a_multipart_form(app):
    client = browser(app)
    token = shown_token(client.get("/form"))
    answer = client.post("/", data={"csrf_token": token}, files={"file": b"x"})
    assert answer.status_code == 200


def test_a_token_is_of_no_use_in_another_browser(app):
    token = shown_token(browser(app).get("/form"))
    other = browser(app)
    other.get("/form")
    assert other.post("/", data={"csrf_token": token}).status_code == 403


def test_a_token_and_cookie_from_elsewhere_do_not_vouch_for_somebody_who_is_logged_in(app):
    attacker = browser(app)
    token = shown_token(attacker.get("/form"))
    victim = browser(app)
    victim.post("/login", headers={"Sec-Fetch-Site": "same-origin"})
    victim.cookies.set("coatcheck_csrf", attacker.cookies["coatcheck_csrf"])
    assert victim.post("/", data={"csrf_token": token}).status_code == 403


def test_a_token_from_before_the_login_is_of_no_use_after_it(app):
    client = browser(app)
    client.get("/start")
    token = shown_token(client.get("/form"))
    client.post("/login", headers={"Sec-Fetch-Site": "same-origin"})
    assert client.post("/", data={"csrf_token": token}).status_code == 403
    fresh = shown_token(client.get("/form"))
    assert client.post("/", data={"csrf_token": fresh}).status_code == 200


def test_a_stale_token_does_not_stop_a_form_that_the_browser_vouches_for(app):
    headers = {"Sec-Fetch-Site": "same-origin"}
    assert browser(app).post("/", data={"csrf_token": "x" * 68}, headers=headers).status_code == 200


def test_the_form_that_began_the_session_can_be_sent(app):
    client = browser(app)
    token = shown_token(client.get("/start"))
    assert "session" in client.cookies
    assert client.post("/", data={"csrf_token": token}).status_code == 200


def test_tokens_differ_at_every_showing_and_older_ones_stay_good(app):
    client = browser(app)
    first, second = (shown_token(client.get("/form")) for _ in range(2))
    assert first != second
    assert client.post("/", data={"csrf_token": first}).status_code == 200


@pytest.mark.parametrize("token", ["", "x", "x" * 68, "ä" * 68, "x" * 20_000])
def test_a_token_of_any_shape_is_refused_with_403(app, token):
    client = browser(app)
    client.get("/form")
    assert client.post("/", data={"csrf_token": token}).status_code == 403


def test_showing_a_form_makes_no_record_and_asks_no_store(app):
    calls = calls_of(app)
    answer = browser(app).get("/form")
    assert calls == []
    assert "session=" not in answer.headers.get("set-cookie", "")


def test_the_browsers_cookie_is_set_only_with_a_form_and_once(app):
    client = browser(app)
    assert "set-cookie" not in client.get("/text").headers
    cookie = client.get("/form").headers["set-cookie"]
    assert re.fullmatch(r"coatcheck_csrf=[\w-]{32}; Path=/; HttpOnly; SameSite=Lax", cookie)
    assert "set-cookie" not in client.get("/form").headers


def test_over_https_the_browsers_cookie_cannot_be_planted(app):
    cookie = browser(app, https=True).get("/form").headers["set-cookie"]
    assert re.fullmatch(
        r"__Host-coatcheck_csrf=[\w-]{32}; Path=/; Secure; HttpOnly; SameSite=Lax", cookie
    )


def test_a_browsers_cookie_of_another_shape_is_replaced(app):
    client = browser(app)
    client.cookies.set("coatcheck_csrf", "planted")
    assert "coatcheck_csrf=" in client.get("/form").headers["set-cookie"]


def test_two_cookies_of_the_name_count_as_none(app):
    client = browser(app)
    token = shown_token(client.get("/form"))
    mine = client.cookies["coatcheck_csrf"]
    header = f"coatcheck_csrf={mine}; coatcheck_csrf={'x' * 32}"
    fresh = browser(app)
    answer = fresh.post("/", data={"csrf_token": token}, headers={"Cookie": header})
    assert answer.status_code == 403


def test_a_page_with_a_token_is_kept_by_no_shared_cache_and_comes_back_with_back(app):
    answer = browser(app).get("/form")
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "vary" not in answer.headers


def test_what_the_site_said_of_caching_stays():
    app = site()

    @app.route("/")
    def view():
        return token_page(), {"Cache-Control": "no-store", "Vary": "Accept"}

    answer = browser(app).get("/")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["vary"] == "Accept, Cookie"


def test_a_view_can_let_everybody_in():
    app = site()

    @app.route("/hook", methods=["POST"])
    @csrf_unprotected
    def hook():
        return request.json

    answer = browser(app).post("/hook", json={"a": 1}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.json() == {"a": 1}


def test_a_trusted_origin_may_send_forms():
    app = site(TRUSTED_ORIGINS=["https://shop.example"])
    app.route("/", methods=["POST"])(lambda: "x")
    client = browser(app)
    headers = {"Origin": "https://shop.example", "Sec-Fetch-Site": "cross-site"}
    assert client.post("/", headers=headers).status_code == 200
    headers["Origin"] = "http://shop.example"
    assert client.post("/", headers=headers).status_code == 403


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "post", "PROPFIND", "TRACE"])
def test_every_method_that_is_not_known_to_be_safe_is_checked(method):
    client = browser(site([path("", lambda request: "x")]))
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert client.request(method, "/", headers=headers).status_code == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "", "multipart/form-data"])
def test_no_content_type_gets_around_the_check(app, kind):
    headers = {"Sec-Fetch-Site": "cross-site", "Content-Type": kind}
    assert browser(app).post("/", content=b"{}", headers=headers).status_code == 403


def test_two_forms_of_one_page_can_both_be_sent(app):
    app.route("/two")(lambda: token_page() + token_page())
    client = browser(app)
    tokens = TOKEN.findall(client.get("/two").text)
    assert len(tokens) == 2
    for token in tokens:
        assert client.post("/", data={"csrf_token": token}).status_code == 200
