"""A site from the outside: routes of both styles, methods, results, sessions, start and end."""

import asyncio
import contextlib
import functools
import threading
from pathlib import Path
from types import ModuleType

import pytest
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient

from coatcheck.core.errors import CoatcheckError, ConfigurationError
from coatcheck.web import (
    App,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    include,
    path,
    redirect,
    request,
    session,
)
from coatcheck.web.settings import InvalidSettings
from tests.web.sites import KEY, OWN_PAGE, browser, calls_of, shown, site


def test_both_styles_of_routes_live_in_one_app():
    def path_style(request, name):
        return HttpResponse(f"{request.method} {name}")

    app = site([path("users/<name>/", path_style)])

    @app.route("/users/<int:id>")
    def route_style(id):
        return f"{request.method} {id}"

    client = browser(app)
    assert client.get("/users/al/").text == "GET al"
    assert client.get("/users/7").text == "GET 7"


def test_routes_may_come_from_a_module_by_name():
    app = App(
        __name__,
        urlpatterns="tests.web.urls_for_tests",
        settings={"SECRET_KEY": KEY, "SESSION_STORE": "memory://"},
    )
    assert browser(app).get("/hello/al/").text == "Hello al"


def test_routes_may_come_from_the_settings():
    app = App(
        __name__,
        settings={
            "SECRET_KEY": KEY,
            "SESSION_STORE": "memory://",
            "ROOT_URLCONF": "tests.web.urls_for_tests",
        },
    )
    assert browser(app).get("/hello/al/").text == "Hello al"


def test_settings_may_be_a_module():
    module = ModuleType("settings_for_tests")
    vars(module).update(SECRET_KEY=KEY, SESSION_STORE="memory://", DEBUG=True, lower="x")
    app = App(__name__, settings=module)
    assert app.debug
    assert app.secret_key == KEY


@pytest.mark.parametrize("shorthand", ["get", "post", "put", "patch", "delete"])
def test_each_shorthand_takes_its_method_only(shorthand):
    app = site()
    getattr(app, shorthand)("/x")(lambda: "x")
    client = browser(app, headers=OWN_PAGE)
    assert client.request(shorthand, "/x").status_code == 200
    other = "get" if shorthand != "get" else "post"
    assert client.request(other, "/x").status_code == 405


def test_two_views_of_one_name_are_refused_with_the_remedy():
    app = site()

    @app.route("/a")
    def submit():
        return ""

    with pytest.raises(ConfigurationError, match="Two views are called 'submit'"):

        @app.route("/b", endpoint="submit")
        def another():
            return ""


def test_methods_as_a_text_are_refused_with_the_remedy():
    with pytest.raises(ConfigurationError, match=r"methods=\['POST'\]"):
        site().route("/x", methods="POST")


def test_one_view_may_have_several_rules():
    app = site()
    app.route("/a")(app.route("/b")(lambda: "x"))
    client = browser(app)
    assert client.get("/a").text == client.get("/b").text == "x"


def test_a_missing_last_slash_is_added_for_get_with_the_query():
    client = browser(site([path("setsession/", lambda request: "x")]))
    answer = client.get("/setsession?a=%C3%A4&b=")
    assert answer.status_code == 301
    assert answer.headers["location"] == "/setsession/?a=%C3%A4&b="


def test_a_missing_last_slash_is_never_added_for_a_form():
    reached: list[object] = []
    client = browser(site([path("x/", reached.append)]), headers=OWN_PAGE)
    answer = client.post("/x", data={"a": "b"})
    assert answer.status_code == 404
    assert "lacks its last slash" in answer.text
    assert "action=&#34;/x/&#34;" in answer.text
    assert not reached


def test_a_missing_last_slash_is_explained_for_a_route_that_takes_forms_only():
    app = site()
    app.route("/x/", methods=["POST"])(lambda: "x")
    client = browser(app, headers=OWN_PAGE)
    assert "lacks its last slash" in client.post("/x").text
    assert client.get("/x").status_code == 404


def test_adding_a_slash_never_leads_to_another_site():
    client = browser(site([path("<path:anything>/", lambda request, anything: "x")]))
    location = client.get("http://testserver//evil.example").headers["location"]
    assert location == "/%2Fevil.example/"


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_head_is_answered_from_get_without_its_body(method):
    app = site()
    app.route("/")(lambda: ("hello", {"X-A": "b"}))
    answer = browser(app).request(method, "/")
    assert answer.headers["content-length"] == "5"
    assert answer.headers["x-a"] == "b"
    assert answer.text == ("hello" if method == "GET" else "")


def test_options_names_the_methods_and_runs_no_view():
    app = site()
    ran = []
    app.route("/", methods=["GET", "POST"])(lambda: ran.append(1))
    answer = browser(app).options("/")
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    assert not ran


def test_a_wrong_method_is_405_with_allow():
    app = site()
    app.route("/submit", methods=["POST"], name="submit")(lambda: "x")
    answer = browser(app).get("/submit")
    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")


def test_sync_views_run_in_threads_and_async_views_on_the_loop():
    app = site()

    @app.route("/sync")
    def sync():
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return {"main": threading.current_thread() is threading.main_thread()}

    @app.route("/async")
    async def on_loop():
        return {"loop": asyncio.get_running_loop().is_running()}

    client = browser(app)
    assert client.get("/sync").json() == {"main": False}
    assert client.get("/async").json() == {"loop": True}


def decorated(view):
    @functools.wraps(view)
    def wrapper(*args, **kwargs):
        return view(*args, **kwargs)

    return wrapper


class CallableView:
    async def __call__(self, request):
        return f"{asyncio.get_running_loop().is_running()}"


async def async_view(request):
    return f"{asyncio.get_running_loop().is_running()}"


@pytest.mark.parametrize(
    "view",
    [async_view, decorated(async_view), functools.partial(async_view), CallableView()],
    ids=["plain", "decorated", "partial", "object"],
)
def test_an_async_view_is_known_below_its_wrapping(view):
    assert browser(site([path("", view)])).get("/").text == "True"


def test_results_become_answers():
    app = site()
    app.route("/text")(lambda: "<b>")
    app.route("/json", name="json")(lambda: {"a": [1]})
    app.route("/made", name="made")(lambda: ("made", 201))
    app.route("/stream", name="stream")(lambda: StreamingResponse(iter(["a", "b"])))
    client = browser(app)
    assert client.get("/text").headers["content-type"] == "text/html; charset=utf-8"
    assert client.get("/json").json() == {"a": [1]}
    assert client.get("/made").status_code == 201
    assert client.get("/stream").text == "ab"


def test_a_redirect_is_303_after_a_form_and_302_otherwise():
    client = shown(lambda: redirect("/thankyou"))
    assert client.get("/").status_code == 302
    assert client.post("/").status_code == 303
    assert client.post("/").headers["location"] == "/thankyou"
    assert shown(lambda: HttpResponseRedirect("/x")).post("/").status_code == 303


def test_a_redirect_finds_a_route_by_its_name():
    app = site()
    app.route("/users/<int:id>", name="user")(lambda **values: "")
    app.route("/")(lambda: redirect("user", id=7))
    assert browser(app).get("/").headers["location"] == "/users/7"


def test_a_redirect_to_no_address_and_no_name_is_explained():
    answer = shown(lambda: redirect("thankyou")).get("/")
    assert answer.status_code == 500
    assert "redirect(&#39;/thankyou&#39;)" in answer.text


# Sessions


def count():
    session["visit_count"] = session.get("visit_count", 0) + 1
    return f"You have visited this page {session['visit_count']} times."


def test_a_session_counts_the_visits_of_one_browser_and_not_of_another():
    app = site()
    app.route("/")(count)
    one, other = browser(app), browser(app)
    assert [one.get("/").text[-8:] for _ in range(3)] == ["1 times.", "2 times.", "3 times."]
    assert other.get("/").text.endswith("1 times.")


async def count_async(request):
    request.session["n"] = request.session.get("n", 0) + 1
    return f"{request.session['n']}"


def test_an_async_view_counts_too():
    client = browser(site([path("", count_async)]))
    assert [client.get("/").text for _ in range(3)] == ["1", "2", "3"]


def test_a_page_that_leaves_the_session_alone_makes_no_store_call_and_no_cookie():
    app = site()
    app.route("/")(lambda: "x")
    app.route("/set", name="set")(count)
    client = browser(app)
    client.get("/set")
    calls = calls_of(app)
    answer = client.get("/")
    assert calls == []
    assert "set-cookie" not in answer.headers
    assert "vary" not in answer.headers


def test_a_page_that_reads_makes_one_store_call_and_one_that_writes_two():
    app = site()
    app.route("/")(lambda: str(session.get("visit_count")))
    app.route("/set", name="set")(count)
    client = browser(app)
    client.get("/set")
    calls = calls_of(app)
    client.get("/")
    assert calls == ["load"]
    calls.clear()
    client.get("/set")
    assert calls == ["load", "commit"]


def test_a_form_takes_its_turn_beforehand_unless_its_route_says_that_it_needs_none():
    app = site()
    app.route("/set", name="set")(count)
    for mode in ("read", "merge"):
        app.post(f"/{mode}", name=mode, session=mode)(lambda: "taken")
    app.post("/form", name="form")(lambda: "taken")
    client = browser(app, headers=OWN_PAGE)
    client.get("/set")
    calls = calls_of(app)
    assert client.post("/read").text == client.post("/merge").text == "taken"
    assert calls == []
    assert client.post("/form").text == "taken"
    assert calls == ["load", "release"]


def test_an_answer_of_500_saves_nothing():
    def view():
        session["a"] = 1
        return "sorry", 500

    client = shown(view)
    answer = client.get("/")
    assert answer.status_code == 500
    assert "set-cookie" not in answer.headers


def test_what_a_view_did_before_a_404_stands():
    from coatcheck.web import Http404

    def view():
        if "x" not in session:
            session["x"] = 1
            raise Http404("not here")
        return "kept"

    client = shown(view)
    assert client.get("/").status_code == 404
    assert client.get("/").text == "kept"


def test_a_route_that_only_reads_refuses_to_write():
    app = site()

    @app.route("/", session="read")
    def view():
        session["a"] = 1
        return "x"

    answer = browser(app).get("/")
    assert answer.status_code == 500
    assert "CC045" in answer.text


def test_no_visit_is_lost_when_one_browser_asks_many_times_at_once():
    app = site()
    app.route("/")(count)
    client = browser(app)
    client.get("/")
    cookie = client.cookies["session"]

    def ask(times):
        mine = TestClient(app, cookies={"session": cookie})
        for _ in range(times):
            assert mine.get("/").status_code == 200

    threads = [threading.Thread(target=ask, args=[10]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.get("/").text == "You have visited this page 42 times."


# MIDDLEWARE, starting, ending


class Stamp:
    """ASGI middleware of a site's own."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        has_session = "session" in scope

        async def stamped(message):
            if message["type"] == "http.response.start":
                message["headers"].append((b"x-stamp", str(has_session).encode()))
            await send(message)

        await self.app(scope, receive, stamped)


class NoMiddleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)


def test_middleware_of_the_sites_own_stands_inside_the_session():
    client = shown(lambda: "x", MIDDLEWARE=[f"{__name__}.Stamp"])
    assert client.get("/").headers["x-stamp"] == "True"


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["coatcheck.web.middleware.SessionMiddleware", "coatcheck.web.middleware.CsrfMiddleware"],
    ],
)
def test_sessions_and_the_form_check_are_there_whether_listed_or_not(names):
    client = shown(count, MIDDLEWARE=names)
    client.get("/")
    assert client.get("/").text.endswith("2 times.")
    assert client.post("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("tests.web.nowhere.Thing", "cannot be imported"),
        (f"{__name__}.Nothing", "cannot be imported"),
        (f"{__name__}.NoMiddleware", "makes no ASGI application"),
    ],
)
def test_middleware_that_cannot_work_stops_the_start(name, hint):
    with pytest.raises(ConfigurationError, match=hint):
        shown(lambda: "x", MIDDLEWARE=[name]).get("/")


def test_app_secret_key_is_taken_in_flasks_way():
    app = App(__name__, settings={"SESSION_STORE": "memory://"})
    app.secret_key = "supersecretkey"
    app.route("/")(count)
    assert app.secret_key == "supersecretkey"
    assert browser(app).get("/").status_code == 200


def test_app_secret_key_is_refused_once_the_site_answers():
    app = site()
    browser(app).get("/")
    with pytest.raises(ConfigurationError, match="after the first request"):
        app.secret_key = "another secret key"


def test_a_site_without_a_key_in_production_does_not_start(tmp_path):
    app = App(__name__, settings={"SESSION_STORE": "memory://", "BASE_DIR": tmp_path})
    with pytest.raises(InvalidSettings, match="SECRET_KEY is not set"):
        browser(app).get("/")


def lifespan(app):
    """What *app* says to a server that starts and stops."""
    said = []

    async def run():
        messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive():
            return next(messages)

        async def send(message):
            said.append(message)

        # A start that failed is raised too, after it was told.
        with contextlib.suppress(StopIteration, CoatcheckError):
            await app({"type": "lifespan"}, receive, send)

    asyncio.run(run())
    return said


def test_a_server_starts_and_stops_a_site():
    assert [message["type"] for message in lifespan(site())] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


def test_a_mistake_stops_the_server_before_the_first_visitor(tmp_path):
    (said,) = lifespan(App(__name__, settings={"BASE_DIR": tmp_path, "SECRET_KEI": "x"}))
    assert said["type"] == "lifespan.startup.failed"
    assert "Did you mean SECRET_KEY?" in said["message"]


def test_a_client_in_a_test_gets_the_mistake_instead_of_waiting(tmp_path):
    # Starlette's client waits for ever for an application that ends without raising.
    app = App(__name__, settings={"BASE_DIR": tmp_path, "SECRET_KEI": "x"})
    with pytest.raises(InvalidSettings, match="Did you mean SECRET_KEY"), TestClient(app):
        pass


@pytest.mark.parametrize("name", ["tests.web.no_such_urls", "tests.no_such_package.urls"])
@pytest.mark.parametrize("given", ["urlpatterns", "ROOT_URLCONF"])
def test_a_urls_module_that_is_not_there_stops_the_server_with_the_remedy(name, given):
    settings = {"SECRET_KEY": KEY, "SESSION_STORE": "memory://"}
    if given == "ROOT_URLCONF":
        app = App(__name__, settings={**settings, "ROOT_URLCONF": name})
    else:
        app = App(__name__, urlpatterns=name, settings=settings)
    (said,) = lifespan(app)
    assert said["type"] == "lifespan.startup.failed"
    assert said["message"].startswith(f"There is no module {name!r}")
    assert "Traceback" not in said["message"]


def test_a_urls_module_that_fails_stops_the_server_with_its_own_traceback(tmp_path, monkeypatch):
    (tmp_path / "urls_of_nothing.py").write_text("import nothing_of_this_name\n")
    monkeypatch.syspath_prepend(tmp_path)
    settings = {"SECRET_KEY": KEY, "SESSION_STORE": "memory://"}
    app = App(__name__, urlpatterns="urls_of_nothing", settings=settings)
    with pytest.raises(ModuleNotFoundError, match="nothing_of_this_name"):
        lifespan(app)


def test_a_site_can_start_again_after_it_ended():
    app = site()
    app.route("/")(lambda: "x")
    for _ in range(2):
        with TestClient(app) as client:
            assert client.get("/").text == "x"


def test_a_websocket_is_refused():
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), browser(site()).websocket_connect("/"):
        pass


def test_templates_and_static_lie_beside_a_file_of_its_own():
    assert site().folder == Path(__file__).parent


def test_a_fresh_site_shows_a_welcome_at_its_root_in_debug_only():
    answer = browser(site()).get("/")
    assert answer.status_code == 200
    assert "It runs." in answer.text
    assert browser(site()).get("/other").status_code == 404
    assert browser(site(debug=False)).get("/").status_code == 404


def test_a_site_with_only_the_admin_still_shows_the_welcome():
    from coatcheck.web import admin

    client = browser(site([path("admin/", admin.site.urls)]))
    assert "It runs." in client.get("/").text


def test_included_views_are_found_by_namespace():
    shop = include(([path("cart/", lambda request: JsonResponse([1]), name="cart")], "shop"))
    app = site([path("shop/", shop)])
    app.route("/go")(lambda: redirect("shop:cart"))
    assert browser(app).get("/go").headers["location"] == "/shop/cart/"
