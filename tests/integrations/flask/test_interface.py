"""Flask's contract, kept: when a session is opened, loaded and saved, and what its cookie says."""

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import flask
import pytest
from flask import Flask, Response, flash, get_flashed_messages, session, stream_with_context
from markupsafe import Markup

from coatcheck import (
    ConfigurationError,
    Event,
    EventName,
    SessionCookie,
    SessionPolicy,
    Sessions,
    StoreUnavailable,
)
from coatcheck.core.bridge import Awaitable
from coatcheck.core.errors import SessionReadOnly
from coatcheck.integrations.flask import Coatcheck, FlaskSession, SessionInterface, session_mode
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import BarrierStore, CountingStore, FakeClock, FaultyStore


def own_session() -> FlaskSession:
    """``flask.session`` as what it is."""
    found = session._get_current_object()  # type: ignore[attr-defined]
    assert isinstance(found, FlaskSession)
    return found


def site(store: Any = None, events: list[Event] | None = None, **policy: Any) -> Flask:
    app = Flask(__name__)
    listener = (lambda event: None) if events is None else events.append
    sessions = Sessions(store or MemoryStore(), policy=SessionPolicy(**policy), listener=listener)
    Coatcheck(app, sessions)

    @app.route("/count", methods=["GET", "POST"])
    def count() -> str:
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    @app.get("/read")
    def read() -> str:
        return repr(session.get("n"))

    @app.route("/untouched", methods=["GET", "POST"])
    def untouched() -> str:
        return "page"

    @app.get("/permanent")
    def permanent() -> str:
        session.permanent = True
        return "kept"

    return app


# -- what is asked of the store -------------------------------------------------------------------


def test_opening_asks_nothing_a_read_asks_once_and_a_write_twice():
    store = CountingStore(MemoryStore())
    browser = site(store).test_client()
    browser.get("/count")
    assert store.calls == {"create": 1}
    for path, calls in {
        "/untouched": {},
        "/nowhere": {},
        "/static/none.css": {},
        "/read": {"load": 1},
        "/count": {"load": 1, "commit": 1},
    }.items():
        store.forget()
        browser.get(path)
        assert store.calls == calls, path
    store.forget()
    browser.options("/count")
    assert store.calls == {}


def test_naming_the_session_without_touching_it_varies_by_cookie_and_asks_nothing():
    store = CountingStore(MemoryStore())
    app = site(store)

    @app.get("/named")
    def named() -> str:
        own_session()
        return "named"

    browser = app.test_client()
    browser.get("/count")
    store.forget()
    answer = browser.get("/named")
    assert answer.headers["Vary"] == "Cookie"
    assert store.calls == {}


# -- saving ---------------------------------------------------------------------------------------


def test_a_view_that_fails_or_answers_500_saves_nothing_and_404_saves():
    app = site()

    @app.get("/fails")
    def fails() -> str:
        session["half"] = "done"
        raise RuntimeError("on purpose")

    @app.get("/says/<int:status>")
    def says(status: int) -> tuple[str, int]:
        session[str(status)] = "noted"
        return "said", status

    browser = app.test_client()
    browser.get("/count")
    assert browser.get("/fails").status_code == 500
    browser.get("/says/503")
    browser.get("/says/404")
    with browser.session_transaction() as held:
        assert set(held) == {"n", "404"}


def test_saving_twice_is_the_same_as_saving_once():
    store = CountingStore(MemoryStore())
    app = site(store)
    interface = app.session_interface

    @app.get("/appended")
    def appended() -> str:
        own_session().append("list", "x")
        return "ok"

    browser = app.test_client()
    with browser:
        first = browser.get("/appended")
        again = app.response_class()
        interface.save_session(app, own_session(), again)
        assert again.headers["Set-Cookie"] == first.headers["Set-Cookie"]
    with browser.session_transaction() as held:
        assert held["list"] == ["x"]
    assert store.calls["create"] == 1
    assert "commit" not in store.calls


def test_an_error_after_the_save_answers_500_and_the_cookie_comes_along():
    app = site()

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a signal's receiver fails")

    browser = app.test_client()
    with flask.request_finished.connected_to(broken, app):
        answer = browser.get("/count")
    assert answer.status_code == 500
    assert "Set-Cookie" in answer.headers
    assert browser.get("/count").text == "2"


def test_none_and_a_foreign_object_in_place_of_a_session_are_let_be():
    app = site()
    interface = app.session_interface
    assert isinstance(interface, SessionInterface)
    with app.test_request_context():
        for odd in (None, interface.make_null_session(app)):
            response = app.response_class()
            interface.save_session(app, odd, response)
            assert "Set-Cookie" not in response.headers


def test_a_null_session_reads_as_empty_and_says_why_it_takes_nothing():
    app = site()
    null = app.session_interface.make_null_session(app)
    assert app.session_interface.is_null_session(null)
    assert null.get("anything") is None
    for act in (
        lambda: null.__setitem__("a", 1),
        lambda: null.pop("a"),
        lambda: null.update(a=1),
        lambda: null.setdefault("a", 1),
        null.clear,
    ):
        with pytest.raises(RuntimeError, match="session is unavailable"):
            act()


def test_a_session_needs_no_secret_key():
    app = site()
    assert app.secret_key is None
    browser = app.test_client()
    browser.get("/count")
    assert browser.get("/count").text == "2"


def test_what_after_request_changes_is_saved():
    app = site()

    @app.after_request
    def late(response: Response) -> Response:
        session["late"] = "but in time"
        return response

    browser = app.test_client()
    browser.get("/untouched")
    with browser.session_transaction() as held:
        assert held["late"] == "but in time"


def test_a_stream_reads_the_session_and_its_changes_are_refused_aloud():
    app = site()
    refused: list[str] = []

    @app.get("/stream")
    def stream() -> Response:
        session["before"] = 1

        def words() -> Iterator[str]:
            yield f"{session['before']}"
            try:
                session["after"] = 1
            except SessionReadOnly as error:
                refused.append(str(error))
            yield "end"

        return Response(stream_with_context(words()))

    browser = app.test_client()
    assert browser.get("/stream").text == "1end"
    assert "not while streaming" in refused[0]


def test_nested_changes_are_saved_without_a_word():
    app = site()

    @app.get("/cart/<item>")
    def cart(item: str) -> str:
        session.setdefault("cart", []).append(item)
        return repr(session["cart"])

    browser = app.test_client()
    browser.get("/cart/hat")
    assert browser.get("/cart/coat").text == "['hat', 'coat']"


def test_flask_s_attributes_may_be_set_and_read():
    app = site()

    @app.get("/attributes")
    def attributes() -> dict[str, Any]:
        fresh = (session.new, session.modified, session.permanent)
        session.modified = True
        session.new = False
        session.accessed = True
        return {"fresh": fresh, "set": (session.new, session.modified, session.accessed)}

    answer = app.test_client().get("/attributes")
    assert answer.json == {"fresh": [True, False, False], "set": [False, True, True]}
    assert "Set-Cookie" not in answer.headers


def test_a_test_reads_the_session_after_the_request_and_between_requests():
    app = site()
    browser = app.test_client()
    with browser:
        browser.get("/count")
        assert session["n"] == 1
        assert session.modified
    with browser.session_transaction() as held:
        held["n"] = 41
    assert browser.get("/count").text == "42"
    with browser.session_transaction() as held:
        held.clear()
    assert browser.get_cookie("session") is None


def test_an_error_in_a_session_transaction_saves_nothing():
    browser = site().test_client()
    browser.get("/count")

    def fails() -> None:
        with browser.session_transaction() as held:
            held["n"] = 41
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        fails()
    assert browser.get("/count").text == "2"


def test_a_copied_request_context_shares_the_session():
    app = site()
    seen: list[int] = []

    @app.get("/threads")
    def threads() -> str:
        session["n"] = 5

        @flask.copy_current_request_context
        def elsewhere() -> None:
            seen.append(session["n"])

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        return "ok"

    app.test_client().get("/threads")
    assert seen == [5]


def test_a_test_request_context_reads_and_is_never_saved():
    store = CountingStore(MemoryStore())
    app = site(store)
    with app.test_request_context("/count"):
        session["n"] = 1
        assert session["n"] == 1
    assert store.calls == {}


# -- the cookie -----------------------------------------------------------------------------------


def cookie_of(app: Flask, url: str = "http://localhost/count") -> str:
    return app.test_client().get(url).headers["Set-Cookie"]


def test_over_https_the_cookie_is_a_host_cookie_and_over_http_a_plain_one():
    assert re.match(r"session=\S+; HttpOnly; Path=/; SameSite=Lax$", cookie_of(site()))
    secure = cookie_of(site(), "https://localhost/count")
    assert re.match(r"__Host-session=\S+; Secure; HttpOnly; Path=/; SameSite=Lax$", secure)


def test_the_names_in_flask_s_config_say_how_the_cookie_looks_at_any_time():
    app = site()
    app.config.update(
        SESSION_COOKIE_NAME="mine",
        SESSION_COOKIE_DOMAIN="example.com",
        SESSION_COOKIE_PATH="/shop",
        SESSION_COOKIE_HTTPONLY=False,
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_PARTITIONED=True,
    )
    cookie = cookie_of(app)
    assert cookie.startswith("mine=")
    assert "HttpOnly" not in cookie
    for part in ("Domain=example.com", "Path=/shop", "Secure", "SameSite=Strict", "Partitioned"):
        assert f"; {part}" in cookie


def test_an_impossible_cookie_is_refused_at_start():
    app = Flask(__name__)
    app.config.update(SESSION_COOKIE_SAMESITE="None", SESSION_COOKIE_SECURE=True)
    Coatcheck(app, Sessions(MemoryStore()))
    app = Flask(__name__)
    app.config["SESSION_COOKIE_SAMESITE"] = "Sometimes"
    with pytest.raises(ValueError, match="Sometimes"):
        Coatcheck(app, Sessions(MemoryStore()))


def test_methods_of_the_interface_may_be_overridden():
    app = site()

    class Short(SessionInterface):
        def get_cookie_path(self, app: Flask) -> str:
            return "/short"

        def get_expiration_time(self, app: Flask, session: Any) -> datetime | None:
            return datetime(2031, 1, 2, tzinfo=UTC)

    app.session_interface = Short(app.extensions["coatcheck"])
    cookie = cookie_of(app)
    assert "Path=/short" in cookie
    assert "Expires=Thu, 02 Jan 2031" in cookie


def test_a_permanent_session_s_cookie_lasts_as_long_as_the_session_can():
    browser = site(lifetime=90 * 86400).test_client()
    with browser.session_transaction() as held:
        held["n"] = 1
    cookie = browser.get("/permanent").headers["Set-Cookie"]
    expires = re.search("Expires=([^;]+)", cookie)
    assert expires is not None
    until = datetime.strptime(expires[1], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    assert abs(until - datetime.now(UTC) - timedelta(days=90)) < timedelta(minutes=1)
    assert "Set-Cookie" not in browser.get("/read").headers
    assert "Set-Cookie" not in browser.get("/count").headers


def test_saying_permanent_in_every_request_writes_nothing_and_begins_nothing():
    store = CountingStore(MemoryStore())
    app = site(store)

    @app.before_request
    def stay() -> None:
        session.permanent = True

    browser = app.test_client()
    assert "Set-Cookie" not in browser.get("/untouched").headers
    assert store.calls == {}
    assert "Expires" in browser.get("/count").headers["Set-Cookie"]
    store.forget()
    browser.get("/untouched")
    assert store.calls == {"load": 1}


def test_turning_permanent_sends_the_same_cookie_for_longer():
    browser = site().test_client()
    before = browser.get("/count").headers["Set-Cookie"]
    after = browser.get("/permanent").headers["Set-Cookie"]
    assert "Expires" not in before
    assert "Expires" in after
    assert before.partition(";")[0] == after.partition(";")[0]
    assert browser.get("/count").text == "2"


def test_the_permanent_lifetime_ends_a_session_that_nobody_uses():
    clock = FakeClock()
    app = Flask(__name__)
    app.config["PERMANENT_SESSION_LIFETIME"] = 3600
    Coatcheck(app, Sessions(MemoryStore(), clock=clock))

    @app.get("/")
    def count() -> str:
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    browser = app.test_client()
    browser.get("/")
    clock.advance(3000)
    assert browser.get("/").text == "2"
    clock.advance(3000)
    assert browser.get("/").text == "3"
    clock.advance(3601)
    assert browser.get("/").text == "1"


def test_headers_of_the_application_s_own_are_kept():
    app = site()

    @app.get("/own")
    def own() -> Response:
        session.get("n")
        return Response("x", headers={"Vary": "Accept", "Cache-Control": "public"})

    answer = app.test_client().get("/own")
    assert answer.headers["Vary"] == "Accept, Cookie"
    assert answer.headers["Cache-Control"] == "public"
    assert app.test_client().get("/read").headers["Cache-Control"] == "private, no-cache"


# -- flash ----------------------------------------------------------------------------------------


def test_parallel_flashes_are_all_shown_and_shown_once():
    store = BarrierStore(MemoryStore())
    events: list[Event] = []
    app = site(store, events)

    @app.get("/flash/<text>")
    def flashing(text: str) -> str:
        flash(text)
        return "ok"

    @app.get("/shown")
    def shown() -> str:
        return "|".join(map(str, get_flashed_messages()))

    browser = app.test_client()
    browser.get("/count")
    cookie = browser.get_cookie("session")
    assert cookie is not None

    def another() -> None:
        other = app.test_client()
        other.set_cookie("session", cookie.value)
        other.get("/flash/second")

    store.run_before("commit", another)  # where there was no message yet
    browser.get("/flash/first")
    store.run_before("commit", another)
    browser.get("/flash/third")
    assert browser.get("/shown").text == "second|first|second|third"
    assert browser.get("/shown").text == ""
    browser.get("/flash/fourth")
    store.run_before("commit", another)
    assert browser.get("/shown").text == "fourth"
    assert browser.get("/shown").text == "second"
    assert EventName.CONFLICT not in [event.name for event in events]


def test_a_flash_that_is_marked_as_html_still_is_on_the_next_page():
    app = site()

    @app.get("/flash")
    def flashing() -> str:
        flash(Markup("<b>bold</b>"), "note")
        flash("<plain>")
        return "ok"

    @app.get("/shown")
    def shown() -> str:
        return flask.render_template_string(
            "{% for category, message in get_flashed_messages(with_categories=True) %}"
            "{{ category }}:{{ message }};{% endfor %}"
        )

    browser = app.test_client()
    browser.get("/flash")
    assert browser.get("/shown").text == "note:<b>bold</b>;message:&lt;plain&gt;;"


def test_messages_of_a_page_that_was_answered_can_still_be_asked_in_a_test():
    app = site()

    @app.get("/flash")
    def flashing() -> str:
        flash("hello")
        return "ok"

    with app.test_client() as browser:
        browser.get("/flash")
        assert get_flashed_messages() == ["hello"]


# -- turns ----------------------------------------------------------------------------------------


def test_a_safe_request_that_lost_a_race_is_run_again_and_only_its_second_answer_is_sent():
    store = BarrierStore(MemoryStore())
    events: list[Event] = []
    app = site(store, events, isolation="serializable")
    torn_down: list[None] = []
    app.teardown_request(lambda error: torn_down.append(None))
    browser = app.test_client()
    browser.get("/count")
    cookie = browser.get_cookie("session")
    assert cookie is not None

    def another() -> None:
        other = app.test_client()
        other.set_cookie("session", cookie.value)
        assert other.get("/count").text == "2"

    store.run_before("commit", another)
    del torn_down[:]
    with browser:
        assert browser.get("/count").text == "3"
        assert session["n"] == 3
        assert len(torn_down) == 3  # the other's, and both runs
    assert [event.name for event in events].count(EventName.RERUN) == 1


def test_an_unsafe_request_that_does_not_touch_the_session_asks_nothing():
    store = CountingStore(MemoryStore())
    app = site(store, isolation="serializable")

    @app.post("/fails")
    def fails() -> str:
        session["half"] = "done"
        raise RuntimeError("on purpose")

    browser = app.test_client()
    browser.post("/count")
    store.forget()
    browser.post("/untouched")
    assert store.calls == {}
    browser.post("/fails")
    assert store.calls == {"load": 1, "release": 1}
    store.forget()
    assert browser.post("/count").text == "2"
    assert store.calls == {"load": 1, "commit": 1}


def test_a_view_may_have_a_mode_of_its_own():
    store = BarrierStore(MemoryStore())
    app = site(store)

    @app.get("/careful")
    @session_mode("serializable")
    def careful() -> str:
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    @app.get("/only-reads")
    @session_mode("read")
    def only_reads() -> str:
        if flask.request.args:
            session["n"] = 0
        return repr(session.get("n"))

    browser = app.test_client()
    browser.get("/count")
    cookie = browser.get_cookie("session")
    assert cookie is not None

    def another() -> None:
        other = app.test_client()
        other.set_cookie("session", cookie.value)
        other.get("/count")

    store.run_before("commit", another)
    assert browser.get("/careful").text == "3"
    assert browser.get("/only-reads").text == "3"
    assert browser.get("/only-reads?change=1").status_code == 500
    assert browser.get("/only-reads").text == "3"


@pytest.mark.parametrize("streamed", [False, True])
def test_middleware_between_us_and_flask_may_stream_or_take_the_connection_over(streamed):
    app = Flask(__name__)
    inner = app.wsgi_app

    def generated(environ: Any, start_response: Any) -> Iterator[bytes]:
        yield from inner(environ, start_response)

    def between(environ: Any, start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/socket":
            return []  # whoever serves it has the connection by now
        return (generated if streamed else inner)(environ, start_response)

    app.wsgi_app = between  # type: ignore[method-assign]
    Coatcheck(app, Sessions(MemoryStore(), policy=SessionPolicy(isolation="serializable")))
    app.add_url_rule("/set", "set", lambda: session.setdefault("n", "one"))
    assert app.test_client().get("/set").text == "one"
    environ = app.test_request_context("/socket").request.environ
    started: list[Any] = []

    def start_response(*head: Any) -> Any:
        started.append(head)

    assert list(app(environ, start_response)) == []
    assert started == []


# -- the store is away ----------------------------------------------------------------------------


def test_pages_that_need_a_store_that_is_away_answer_503_also_under_test():
    store = FaultyStore(MemoryStore())
    app = site(store)
    app.testing = True
    browser = app.test_client()
    browser.get("/count")
    store.down = True
    for path in ("/count", "/read"):
        answer = browser.get(path)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "2"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers
    assert browser.get("/untouched").text == "page"
    store.down = False
    assert browser.get("/count").text == "2"


def test_what_could_not_be_saved_is_not_answered_with_the_view_s_page():
    store = FaultyStore(MemoryStore())
    app = site(store)

    @app.get("/away")
    def away() -> Response:
        session["n"] = 1
        response = flask.redirect("/elsewhere")
        response.set_cookie("view", "was here")
        return response  # type: ignore[return-value]

    browser = app.test_client()
    store.lose_request("create")
    answer = browser.get("/away")
    assert answer.status_code == 503
    assert "Location" not in answer.headers
    assert "Set-Cookie" not in answer.headers
    assert "elsewhere" not in answer.text


def test_the_application_s_own_page_for_503_or_for_the_error_is_shown():
    for key in (503, "by type"):
        store = FaultyStore(MemoryStore())
        app = site(store)
        app.register_error_handler(
            StoreUnavailable if key == "by type" else 503,
            lambda error: (f"our page for {type(error).__name__}", 503),
        )
        browser = app.test_client()
        browser.get("/count")
        store.down = True
        answer = browser.get("/count")
        assert answer.status_code == 503
        assert "our page for" in answer.text


# -- setting up -----------------------------------------------------------------------------------


def test_two_apps_of_one_factory_have_sessions_of_their_own_settings():
    coatcheck = Coatcheck(sessions=Sessions(MemoryStore()))
    apps = [Flask(f"app{number}") for number in range(2)]
    for app in apps:
        coatcheck.init_app(app)
    with pytest.raises(RuntimeError, match="app_context"):
        coatcheck.sessions.of("7")
    with apps[0].app_context():
        assert list(coatcheck.sessions.of("7")) == []


def test_setting_up_twice_is_refused():
    app = site()
    with pytest.raises(ConfigurationError, match="set up twice"):
        Coatcheck(app, Sessions(MemoryStore()))


def test_a_store_that_is_awaited_and_a_cookie_of_its_own_are_refused():
    with pytest.raises(ConfigurationError, match="blocking store"):
        Coatcheck(Flask(__name__), Sessions(Awaitable(MemoryStore())))
    with pytest.raises(ConfigurationError, match="SESSION_COOKIE_NAME"):
        Coatcheck(Flask(__name__), Sessions(MemoryStore(), cookie=SessionCookie(name="sid")))
