"""``request`` and ``session`` as names: inside a request they are its own, outside they explain."""

import contextvars
import threading
from collections.abc import MutableMapping

import pytest

from coatcheck.core.session import Session
from coatcheck.web import flash, get_flashed_messages, request, reverse, session, url_for
from coatcheck.web.context import using
from coatcheck.web.errors import OutsideRequest
from coatcheck.web.requests import Request
from tests.web.sites import shown, site


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("request", lambda: request.method),
        ("session", lambda: session["x"]),
        ("session", lambda: session.get("x")),
        ("session", lambda: "x" in session),
        ("session", session.__len__),
        ("flash()", lambda: flash("x")),
        ("get_flashed_messages()", get_flashed_messages),
    ],
    ids=["attribute", "item", "get", "in", "len", "flash", "messages"],
)
def test_outside_a_request_the_name_that_was_used_is_explained(name, use):
    with pytest.raises(OutsideRequest) as raised:
        use()
    assert str(raised.value).startswith(f"{name} was used where no request is being answered")
    assert "Use it inside a view" in str(raised.value)


def test_repr_and_isinstance_need_no_request():
    assert repr(session) == "<session, of no request here>"
    assert repr(request) == "<request, of no request here>"
    assert isinstance(session, Session)
    assert isinstance(session, MutableMapping)
    assert isinstance(request, Request)
    assert dir(session) == []


def test_session_behaves_as_a_dict_inside_a_view():
    def view():
        session["a"] = 1
        session.update(b=2)
        session.setdefault("c", []).append(3)
        del session["a"]
        return {
            "dict": dict(session),
            "spread": {**session},
            "len": len(session),
            "in": "a" in session,
            "bool": bool(session),
            "keys": list(session),
            "equal": session == {"b": 2, "c": [3]},
        }

    client = shown(view)
    assert client.get("/").json() == {
        "dict": {"b": 2, "c": [3]},
        "spread": {"b": 2, "c": [3]},
        "len": 2,
        "in": False,
        "bool": True,
        "keys": ["b", "c"],
        "equal": True,
    }


def test_two_requests_at_once_each_see_their_own():
    met = threading.Barrier(2, timeout=10)

    def view():
        session["who"] = request.args["who"]
        met.wait()
        return {"session": session["who"], "request": request.args["who"]}

    app = site()
    app.route("/")(view)
    answers = {}

    def ask(who):
        from tests.web.sites import browser

        answers[who] = browser(app).get("/", params={"who": who}).json()

    threads = [threading.Thread(target=ask, args=[who]) for who in ("al", "bo")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {who: {"session": who, "request": who} for who in ("al", "bo")}


def test_a_thread_of_the_views_own_sees_nothing_unless_it_takes_the_context_along():
    def view():
        seen = []

        def look():
            try:
                seen.append(request.path)
            except OutsideRequest:
                seen.append("nothing")

        for run in (look, lambda: contextvars.copy_context().run(look)):
            thread = threading.Thread(target=run)
            thread.start()
            thread.join()
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=[look])
        thread.start()
        thread.join()
        return seen

    assert shown(view).get("/").json() == ["nothing", "nothing", "/"]


def test_a_request_that_is_over_leaves_nothing_behind():
    shown(lambda: "x").get("/")
    with pytest.raises(OutsideRequest):
        _ = request.path


def test_flashed_messages_are_the_same_for_every_part_of_one_page_and_gone_on_the_next():
    def view():
        if request.method == "POST":
            flash("saved", "success")
            flash("also saved")
            return "x"
        return [
            get_flashed_messages(),
            get_flashed_messages(with_categories=True),
            get_flashed_messages(category_filter=["success"]),
        ]

    client = shown(view)
    client.post("/")
    assert client.get("/").json() == [
        ["saved", "also saved"],
        [["success", "saved"], ["message", "also saved"]],
        ["saved"],
    ]
    assert client.get("/").json() == [[], [], []]


def test_addresses_are_built_from_names():
    app = site()

    @app.route("/users/<int:id>")
    def user(id):
        return ""

    with using(app):
        assert url_for("user", id=7) == "/users/7"
        assert url_for("user", id=7, page=2, tag=["a", "b"]) == "/users/7?page=2&tag=a&tag=b"
        assert url_for("user", id=7, page=None, _anchor="top") == "/users/7#top"
        assert url_for("static", filename="a b.css") == "/static/a%20b.css"
        assert reverse("user", args=[7]) == "/users/7"


def test_addresses_outside_of_any_app_are_explained():
    with pytest.raises(OutsideRequest, match="which application is meant"):
        reverse("user")


def test_an_external_address_names_the_host_that_was_asked():
    def view():
        return url_for("view", _external=True)

    assert shown(view).get("/").text == "http://testserver/"
