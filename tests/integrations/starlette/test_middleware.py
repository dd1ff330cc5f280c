"""What Starlette adds to plain ASGI: exception handlers, a typed session, a clear refusal."""

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from coatcheck import ConfigurationError, Sessions, StoreUnavailable
from coatcheck.integrations.starlette import SessionMiddleware, session_of
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import CountingStore
from coatcheck.testing.faulty import FaultyStore


def visits(request: Request) -> Response:
    return PlainTextResponse(str(session_of(request).increment("visit_count")))


def site(**handlers: object) -> Starlette:
    app = Starlette(routes=[Route("/", visits)], **handlers)  # type: ignore[arg-type]
    app.add_middleware(SessionMiddleware, sessions=Sessions(MemoryStore()))
    return app


def broken_site(**handlers: object) -> TestClient:
    """A site whose store does not take what the first visit saves."""
    store = FaultyStore(MemoryStore())
    store.lose_request("create")
    app = Starlette(routes=[Route("/", visits)], **handlers)  # type: ignore[arg-type]
    app.add_middleware(SessionMiddleware, sessions=Sessions(store))
    return TestClient(app)


def test_the_session_counts_through_add_middleware() -> None:
    browser = TestClient(site())
    assert [browser.get("/").text for _ in range(3)] == ["1", "2", "3"]


def test_a_handler_for_the_error_answers_it() -> None:
    async def sorry(request: Request, error: Exception) -> Response:
        assert isinstance(error, StoreUnavailable)
        return PlainTextResponse("sorry", status_code=error.status)

    answer = broken_site(exception_handlers={StoreUnavailable: sorry}).get("/")
    assert (answer.status_code, answer.text) == (503, "sorry")
    assert answer.headers["retry-after"] == "2"


def test_a_handler_for_the_status_answers_it() -> None:
    def sorry(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return PlainTextResponse("closed", status_code=error.status_code)

    answer = broken_site(exception_handlers={503: sorry}).get("/")
    assert (answer.status_code, answer.text) == (503, "closed")


def test_without_a_handler_the_answer_is_one_plain_sentence() -> None:
    answer = broken_site().get("/")
    assert answer.status_code == 503
    assert "try again" in answer.text


def asked(**options: Any) -> TestClient:
    app = Starlette(routes=[Route("/", visits)])
    app.add_middleware(SessionMiddleware, **options)
    return TestClient(app)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "add store="),
        ({"secret_key": "x"}, "add store="),
        ({"store": "memory://", "sessions": Sessions(MemoryStore())}, "leave store out"),
        ({"secret_key": "x", "sessions": Sessions(MemoryStore())}, "incumbent=SignedCookie"),
        ({"max_age": 60, "sessions": Sessions(MemoryStore())}, "SessionPolicy"),
        ({"store": "nowhere://"}, "no store is known"),
        ({"store": "memory://", "max_age": 0}, "idle_timeout"),
        ({"store": "memory://", "same_site": "none", "session_cookie": "a b"}, "token"),
        ({"store": "memory://", "user_keys": "user_id"}, r"such as \['user_id'\]"),
        ({"store": "memory://", "secret_key": ""}, "anybody can sign"),
    ],
)
def test_options_that_contradict_each_other_are_refused_with_the_remedy(
    options: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        asked(**options).get("/")


def test_an_address_is_enough_and_the_file_s_table_is_made(tmp_path: Path) -> None:
    first = asked(store=f"sqlite:///{tmp_path}/sessions.db")
    assert first.get("/").text == "1"
    again = asked(store=f"sqlite:///{tmp_path}/sessions.db")
    again.cookies.set("session", first.cookies["session"])
    assert again.get("/").text == "2"


def test_a_store_that_it_opened_itself_is_closed_with_the_application(tmp_path: Path) -> None:
    app = Starlette(routes=[Route("/", visits)])
    app.add_middleware(SessionMiddleware, store=f"sqlite:///{tmp_path}/sessions.db")
    cookies = None
    for count in ("1", "2"):  # tests start and stop one application many times
        with TestClient(app, cookies=cookies) as browser:
            assert browser.get("/").text == count
            cookies = browser.cookies
        assert not list(tmp_path.glob("*-wal"))  # SQLite removes it with the last connection


def test_a_store_that_was_given_is_left_to_who_gave_it() -> None:
    store = CountingStore(MemoryStore())
    app = Starlette(routes=[Route("/", visits)])
    app.add_middleware(SessionMiddleware, store=store)
    with TestClient(app) as browser:
        browser.get("/")
    assert store.calls == {"create": 1}


def test_starlette_s_options_say_how_the_cookie_looks_and_how_long_it_lasts() -> None:
    browser = asked(
        store="memory://",
        session_cookie="sid",
        max_age=3600,
        path="/app",
        same_site="strict",
        https_only=True,
        domain="testserver.local",
        partitioned=True,
    )
    line = browser.get("/").headers["set-cookie"]
    pair, age, *attributes = line.split("; ")
    assert pair.startswith("__Secure-sid=")
    assert int(age.removeprefix("Max-Age=")) == pytest.approx(90 * 86400, abs=5)
    assert attributes == [
        "path=/app",
        "domain=testserver.local",
        "secure",
        "httponly",
        "samesite=strict",
        "partitioned",
    ]


def test_without_a_max_age_the_cookie_ends_with_the_browser() -> None:
    assert "Max-Age" not in asked(store="memory://", max_age=None).get("/").headers["set-cookie"]


def test_a_max_age_beyond_the_usual_lifetime_is_the_lifetime() -> None:
    line = asked(store="memory://", max_age=200 * 86400).get("/").headers["set-cookie"]
    age = re.search(r"Max-Age=(\d+)", line)
    assert age is not None
    assert int(age[1]) == pytest.approx(200 * 86400, abs=5)


def test_a_request_without_the_middleware_says_what_is_missing() -> None:
    request = Request({"type": "http", "headers": []})
    with pytest.raises(ConfigurationError, match="add_middleware"):
        session_of(request)
