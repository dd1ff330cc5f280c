"""Functions that run around every view, and those that answer errors."""

import pytest

from coatcheck.core.errors import ConfigurationError
from coatcheck.web import App, Http404, abort, g, redirect, request, session
from tests.web.sites import KEY, OWN_PAGE, browser, site


def asynchronous(function):
    async def call(*values):
        return function(*values)

    return call


def plain(function):
    return function


@pytest.fixture(params=[plain, asynchronous], ids=["sync view", "async view"])
def view_kind(request):
    return request.param


@pytest.fixture(params=[plain, asynchronous], ids=["sync hook", "async hook"])
def hook_kind(request):
    return request.param


def test_what_runs_before_runs_in_order_with_request_session_and_form(view_kind, hook_kind):
    app = site()
    seen: list[object] = []

    def first():
        seen.append((request.path, request.POST.get("a"), session.get("n", 0)))
        g.name = "al"

    app.before_request(hook_kind(first))
    app.before_request(hook_kind(lambda: seen.append("second")))
    app.route("/", methods=["POST"])(view_kind(lambda: f"hello {g.name}"))
    answer = browser(app, headers=OWN_PAGE).post("/", data={"a": "1"})
    assert answer.text == "hello al"
    assert seen == [("/", "1", 0), "second"]


def test_what_runs_before_may_answer_in_the_views_place(view_kind, hook_kind):
    app = site()
    called = []
    app.before_request(hook_kind(lambda: redirect("/login")))
    app.before_request(hook_kind(lambda: called.append("second")))
    app.route("/")(view_kind(lambda: called.append("view")))
    answer = browser(app).get("/")
    assert (answer.status_code, answer.headers["location"]) == (302, "/login")
    assert called == []


def test_what_it_does_to_session_is_kept_and_undone_with_the_views(view_kind, hook_kind):
    app = site()

    def count():
        session["n"] = session.get("n", 0) + 1

    app.before_request(hook_kind(count))

    @app.route("/")
    def view():
        if request.GET:
            raise ZeroDivisionError
        return str(session["n"])

    client = browser(app)
    client.get("/")
    assert client.get("/?fail=1").status_code == 500
    assert client.get("/").text == "2"


def test_it_does_not_run_for_a_form_that_is_refused_or_a_page_that_is_not_there():
    app = site()
    called = []
    app.before_request(lambda: called.append(1))
    app.route("/", methods=["POST"])(lambda: "x")
    client = browser(app)
    assert client.post("/", headers={"Origin": "https://evil.example"}).status_code == 403
    assert client.get("/nothing").status_code == 404
    assert called == []


def test_what_runs_after_gets_each_answer_last_one_first(view_kind, hook_kind):
    app = site()
    seen = []

    def mark(name):
        def after(response):
            seen.append(name)
            response.headers[f"X-{name}"] = str(response.status_code)
            return response

        return hook_kind(after)

    app.after_request(mark("first"))
    app.after_request(mark("second"))
    app.route("/")(view_kind(lambda: "x"))
    client = browser(app)
    answer = client.get("/")
    assert (answer.headers["x-first"], answer.headers["x-second"]) == ("200", "200")
    assert seen == ["second", "first"]
    assert client.get("/nothing").headers["x-first"] == "404"


def test_one_that_forgets_to_return_the_answer_is_told():
    app = site()
    app.after_request(lambda response: None)
    app.route("/")(lambda: "x")
    answer = browser(app).get("/")
    assert answer.status_code == 500
    assert "runs after each view, returned NoneType" in answer.text
    assert "return response" in answer.text


@pytest.mark.parametrize("debug", [True, False])
def test_a_handler_answers_the_errors_of_its_status(debug, hook_kind):
    app = site(debug=debug)
    app.errorhandler(404)(hook_kind(lambda error: f"sorry: {error}"))

    @app.route("/user")
    def user():
        session["looked"] = True
        raise Http404("no such user")

    app.route("/looked")(lambda: str(session.get("looked")))
    client = browser(app)
    answer = client.get("/user")
    assert (answer.status_code, answer.text) == (404, "sorry: no such user")
    assert client.get("/nothing").status_code == 404
    assert client.get("/looked").text == "True"


def test_its_own_status_and_headers_win():
    app = site()
    app.errorhandler(404)(lambda error: ("gone", 410, {"X-A": "b"}))
    app.errorhandler(403)(lambda error: redirect("/"))
    app.route("/no")(lambda: abort(403))
    client = browser(app)
    answer = client.get("/nothing")
    assert (answer.status_code, answer.text, answer.headers["x-a"]) == (410, "gone", "b")
    assert client.get("/no").headers["location"] == "/"


class Broken(Exception):
    pass


class VeryBroken(Broken):
    pass


@pytest.mark.parametrize("debug", [True, False])
def test_a_handler_answers_a_class_and_those_below_it(debug):
    app = site(debug=debug)
    app.errorhandler(Broken)(lambda error: f"broken by {error} at {request.path}")

    @app.route("/")
    def view():
        session["n"] = 1
        raise VeryBroken("hand")

    app.route("/n")(lambda: str(session.get("n")))
    client = browser(app)
    answer = client.get("/")
    assert (answer.status_code, answer.text) == (500, "broken by hand at /")
    assert "set-cookie" not in answer.headers
    assert client.get("/n").text == "None"  # nothing of a failed view is kept


def test_the_most_special_class_answers():
    app = site()
    app.errorhandler(Broken)(lambda error: "broken")
    app.errorhandler(VeryBroken)(lambda error: "very")

    @app.route("/")
    def view():
        raise VeryBroken

    assert browser(app).get("/").text == "very"


@pytest.mark.parametrize("kind", [500, Exception])
def test_a_handler_of_everything_gives_way_to_the_debug_page(kind):
    for debug in (True, False):
        app = site(debug=debug)
        app.errorhandler(kind)(lambda error: "we are sorry")
        app.route("/")(lambda: 1 // 0)
        answer = browser(app).get("/")
        assert answer.status_code == 500
        assert (answer.text == "we are sorry") is not debug
        assert ("ZeroDivisionError" in answer.text) is debug


def test_a_handler_that_fails_leaves_our_own_page(caplog):
    app = site(debug=False)
    app.errorhandler(Broken)(lambda error: 1 // 0)

    @app.route("/")
    def view():
        raise Broken

    answer = browser(app).get("/")
    assert answer.status_code == 500
    assert "noted" in answer.text
    assert "handler of" in caplog.text


def test_a_handler_of_403_does_not_take_away_what_was_typed():
    app = site(debug=False)
    app.errorhandler(403)(lambda error: "no")
    app.route("/", methods=["POST"])(lambda: "x")
    client = browser(app)
    assert "Please send this once more" in client.post("/", data={"a": "1"}).text
    assert client.post("/", data={"a": "1"}, headers={"Origin": "null"}).text == "no"


@pytest.mark.parametrize("kind", [200, 999, "404", ValueError("x"), dict])
def test_what_is_no_error_is_refused_at_start(kind):
    with pytest.raises(ConfigurationError, match="names no error"):
        App(__name__, settings={"SECRET_KEY": KEY}).errorhandler(kind)
