"""Forms without a token get one, and only those that are ours beyond doubt."""

import re

import pytest

from coatcheck.web import HttpResponse, StreamingHttpResponse, redirect, request
from coatcheck.web.inject import with_tokens
from tests.web.sites import OWN_PAGE, browser, site

ORIGIN = "https://shop.example"
FIELD = '<input type="hidden" name="csrfmiddlewaretoken" value="T">'


def added(page: str) -> str:
    return with_tokens(page.encode(), ORIGIN, lambda: "T").decode()


@pytest.mark.parametrize(
    "tag",
    [
        "<form method=post>",
        '<form method="post">',
        "<FORM METHOD='POST' class=x>",
        '<form method="post" action="">',
        '<form method="post" action="/order">',
        '<form method="post" action="order?x=1#y">',
        '<form method="post" action="?next=/a">',
        '<form method="post" action="https://shop.example/order">',
        '<form method="post" action="https://shop.example">',
        '<form action="/a"\n  method="post"\n  id="ä">',
        '<form method="post" data-x="a > b">',
    ],
)
def test_a_form_of_ours_gets_the_field_right_after_its_tag(tag):
    page = f"<p>ü\n</p>{tag}\n<input name=a></form><p>after</p>"
    assert added(page) == page.replace(tag, tag + FIELD)


@pytest.mark.parametrize(
    "page",
    [
        "<form><input name=a></form>",
        '<form method="get"></form>',
        '<form method="dialog"></form>',
        '<form method="post" action="https://evil.example/"></form>',
        '<form method="post" action="//evil.example/"></form>',
        '<form method="post" action="/\\evil.example/"></form>',
        '<form method="post" action="\\\\evil.example/"></form>',
        '<form method="post" action=" https://evil.example/"></form>',
        '<form method="post" action="ht\ntps://evil.example/"></form>',
        '<form method="post" action="https://shop.example.evil.example/"></form>',
        '<form method="post" action="https://shop.example@evil.example/"></form>',
        '<form method="post" action="http://shop.example/"></form>',
        '<form method="post" action="javascript:alert(1)"></form>',
        '<form method="post" action="mailto:a@b.example"></form>',
        '<base href="https://evil.example/"><form method="post" action="/x"></form>',
        '<form method="post"><button formaction="https://evil.example/">x</button></form>',
        '<form method="post"><input type="hidden" name="csrf_token" value="own"></form>',
        '<form method="post"><p><input name=csrfmiddlewaretoken></p></form>',
        '<!-- <form method="post"></form> -->',
        "<script>var x = '<form method=\"post\">';</script>",
        '<style>/* <form method="post"> */</style>',
        '<textarea><form method="post"></form></textarea>',
        '<title><form method="post"></title>',
        '<noscript><form method="post"></form></noscript>',
        '<iframe><form method="post"></form></iframe>',
        '<plaintext><form method="post"></form>',
        '<p title="<form method=post>">x</p>',
        '<form method="post',
    ],
)
def test_whatever_is_not_ours_beyond_doubt_is_left_alone(page):
    assert added(page) == page


def test_each_form_is_judged_by_itself():
    ours, token = '<form method="post">', '<input name="csrf_token">'
    page = f"{ours}{token}</form>{ours}<b></form><textarea>{ours}</textarea>{ours}"
    expected = (
        f"{ours}{token}</form>{ours}{FIELD}<b></form><textarea>{ours}</textarea>{ours}{FIELD}"
    )
    assert added(page) == expected


def test_a_page_in_another_encoding_is_left_alone():
    page = '<form method="post">ä</form>'.encode("latin-1")
    assert with_tokens(page, ORIGIN, lambda: "T") == page


@pytest.fixture
def orders():
    return []


@pytest.fixture
def app(orders):
    app = site()
    page = '<form method="post" action="/order"><input name="fruit"></form>'
    app.route("/form", name="form")(lambda: page)
    app.route("/text", name="text")(lambda: HttpResponse(page, "text/plain"))
    app.route("/json", name="json")(lambda: {"form": page})
    app.route("/stream", name="stream")(
        lambda: StreamingHttpResponse(iter([page]), media_type="text/html")
    )
    app.route("/missing", name="missing")(lambda: (page, 404))
    app.route("/packed", name="packed")(lambda: (page, {"Content-Encoding": "br"}))

    @app.route("/order", methods=["POST"])
    def order():
        orders.append(request.form["fruit"])
        return redirect("/thanks")

    return app


def test_a_form_of_the_course_notes_is_processed_once(app, orders):
    client = browser(app)
    answer = client.get("/form")
    (ticket,) = re.findall(r'name="csrfmiddlewaretoken" value="([^"]{128})"', answer.text)
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["cache-control"] == "private, no-cache"
    for _ in range(3):
        data = {"csrfmiddlewaretoken": ticket, "fruit": "apple"}
        assert client.post("/order", data=data, headers=OWN_PAGE).status_code == 303
    assert orders == ["apple"]


@pytest.mark.parametrize("path", ["/text", "/json", "/stream", "/missing", "/packed"])
def test_what_is_no_page_of_a_view_is_sent_as_it_is(app, path):
    answer = browser(app).get(path)
    assert "csrfmiddlewaretoken" not in answer.text
    assert "set-cookie" not in answer.headers


def test_a_head_request_says_the_length_of_the_whole_page(app):
    client = browser(app)
    assert (
        client.head("/form").headers["content-length"]
        == client.get("/form").headers["content-length"]
    )


def test_a_site_can_switch_it_off():
    app = site(FORM_ADD_TOKEN=False)
    app.route("/")(lambda: '<form method="post"></form>')
    assert browser(app).get("/").text == '<form method="post"></form>'
