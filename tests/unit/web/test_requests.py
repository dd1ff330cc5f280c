"""What a view gets of what was sent."""

import gzip

import pytest

from coatcheck.web import App, Limits, request
from tests.web.sites import KEY, OWN_PAGE, browser, shown, site


def test_a_form_is_a_plain_value_under_both_names():
    def view():
        return {
            "POST": request.POST["name"],
            "form": request.form.get("name"),
            "list": request.POST.getlist("name"),
            "GET": request.GET["q"],
            "args": request.args["q"],
            "method": request.method,
        }

    answer = shown(view).post("/?q=1&q=2", data={"name": ["a", "ä"]})
    assert answer.json() == {
        "POST": "ä",
        "form": "ä",
        "list": ["a", "ä"],
        "GET": "2",
        "args": "2",
        "method": "POST",
    }


def test_an_async_view_has_the_form_without_awaiting():
    async def view():
        return request.POST["name"]

    assert shown(view).post("/", data={"name": "al"}).text == "al"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_form_is_read_whatever_the_unsafe_method(method):
    def view():
        return request.POST["name"]

    assert shown(view).request(method, "/", data={"name": "al"}).text == "al"


def test_an_upload_stands_in_files_and_is_closed_afterwards():
    kept = []

    def view():
        upload = request.FILES["photo"]
        kept.append(upload)
        return {
            "name": upload.filename,
            "size": upload.size,
            "bytes": upload.read().decode(),
            "form": request.form.dict(),
            "files": list(request.files),
        }

    answer = shown(view).post(
        "/", data={"title": "x"}, files={"photo": ("a/b.txt", b"hello", "text/plain")}
    )
    assert answer.json() == {
        "name": "b.txt",
        "size": 5,
        "bytes": "hello",
        "form": {"title": "x"},
        "files": ["photo"],
    }
    assert kept[0].file.closed


@pytest.mark.parametrize(
    "kind", ["application/json", "application/merge-patch+json; charset=utf-8"]
)
def test_json_is_read_from_body(kind):
    def view():
        return {"json": request.json, "body": request.body.decode(), "form": len(request.form)}

    answer = shown(view).post("/", content=b'{"a":1}', headers={"Content-Type": kind})
    assert answer.json() == {"json": {"a": 1}, "body": '{"a":1}', "form": 0}


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("text/plain", b"{}"),
        ("application/json", b"{"),
        ("application/json", b""),
        ("application/json", b"\xff\xfe"),
        ("application/json", b"[" * 100_000),
    ],
)
def test_a_body_that_is_no_json_is_400_and_none_in_silence(kind, content):
    def view():
        return {"x": request.get_json(silent=True)} if "silent" in request.GET else request.json

    client = shown(view)
    assert client.post("/", content=content, headers={"Content-Type": kind}).status_code == 400
    answer = client.post("/?silent=", content=content, headers={"Content-Type": kind})
    assert answer.json() == {"x": None}


def test_get_reads_no_body():
    def view():
        return {"POST": len(request.POST), "body": len(request.body)}

    answer = shown(view).request("GET", "/", data={"a": "b"})
    assert answer.json() == {"POST": 0, "body": 0}


def test_a_missing_field_is_400_and_names_what_was_sent():
    def view():
        return request.form["username"]

    password = "hunter" + str(2)  # in two pieces, because the page shows these very lines
    answer = shown(view).post("/", data={"user_name": "al", "password": password})
    assert answer.status_code == 400
    assert "The form has no field &#39;username&#39;" in answer.text
    assert "&#39;user_name&#39;" in answer.text
    assert password not in answer.text


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=%zz", 400),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=\xff", 400),
        ({"Content-Type": "multipart/form-data"}, b"x", 400),
        ({"Content-Type": "multipart/form-data; boundary=b"}, b"--b\r\n", 400),
        ({"Content-Type": "application/x-www-form-urlencoded; charset=utf-7"}, b"a=b", 415),
    ],
)
def test_a_broken_form_never_reaches_the_view(headers, content, status, debug):
    reached = []

    def view():
        reached.append(request.POST)
        return "x"

    answer = shown(view, debug=debug).post("/", content=content, headers=headers)
    assert answer.status_code == status
    assert not reached


def test_a_compressed_form_is_refused():
    def view():
        return "x"

    headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"}
    answer = shown(view).post("/", content=gzip.compress(b"a=b"), headers=headers)
    assert answer.status_code == 415


@pytest.mark.parametrize("debug", [True, False])
def test_a_form_over_a_limit_is_413_naming_field_and_limit(debug):
    settings = {"DEBUG": debug, "SECRET_KEY": KEY, "SESSION_STORE": "memory://"}
    app = App(__name__, settings=settings, limits=Limits(field_size=1024))
    app.route("/", methods=["POST"])(lambda: "x")
    answer = browser(app, headers=OWN_PAGE).post("/", data={"story": "x" * 1025})
    assert answer.status_code == 413
    assert "larger than 1 KB" in answer.text
    assert "story" in answer.text


@pytest.mark.parametrize("declared", [True, False])
def test_a_raw_body_over_the_limit_is_413_before_it_is_kept(declared):
    settings = {"DEBUG": True, "SECRET_KEY": KEY, "SESSION_STORE": "memory://"}
    app = App(__name__, settings=settings, limits=Limits(field_size=10, body=10))
    app.route("/", methods=["POST"])(lambda: "x")

    def chunks():
        yield b"x" * 11

    content = b"x" * 11 if declared else chunks()
    answer = browser(app, headers=OWN_PAGE).post(
        "/", content=content, headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 413


def test_two_content_types_that_differ_are_refused():
    headers = [("Content-Type", "text/plain"), ("Content-Type", "application/json")]
    app = site()
    app.route("/", methods=["POST"])(lambda: "x")
    answer = browser(app).post("/", content=b"{}", headers=[*headers, *OWN_PAGE.items()])
    assert answer.status_code == 400


def test_a_broken_query_string_is_400_where_it_is_read():
    assert shown(lambda: request.GET["a"]).get("/?a=%zz").status_code == 400
    assert shown(lambda: "unread").get("/?a=%zz").text == "unread"


def test_cookies_are_read_by_exact_name():
    def view():
        return request.cookies

    header = '__Host-a=1; \u2003__Host-a=2; b="x y"; b=3; =4'.encode()
    answer = shown(view).get("/", headers=[(b"cookie", header)])
    assert answer.json()["__Host-a"] == "1"
    assert answer.json()["b"] == "x y"


@pytest.mark.parametrize(("https", "scheme"), [(True, "https"), (False, "http")])
def test_addresses_of_the_request(https, scheme):
    def view():
        return {
            "path": request.path,
            "full": request.get_full_path(),
            "secure": request.is_secure(),
            "host": request.get_host(),
            "own": request.build_absolute_uri(),
            "other": request.build_absolute_uri("/b?c=d"),
        }

    app = site()
    app.route("/a b/")(view)
    answer = browser(app, https=https).get("/a%20b/?x=%C3%A4")
    assert answer.json() == {
        "path": "/a b/",
        "full": "/a%20b/?x=%C3%A4",
        "secure": https,
        "host": "testserver",
        "own": f"{scheme}://testserver/a%20b/?x=%C3%A4",
        "other": f"{scheme}://testserver/b?c=d",
    }
