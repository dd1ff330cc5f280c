"""What Starlette adds to plain ASGI: exception handlers, a typed session, a clear refusal."""

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


def test_the_options_of_starlette_s_own_middleware_are_refused_with_the_remedy() -> None:
    app = Starlette()
    app.add_middleware(SessionMiddleware, secret_key="x")
    with pytest.raises(ConfigurationError, match=r"sessions=Sessions\(store"):
        TestClient(app).get("/")


def test_a_request_without_the_middleware_says_what_is_missing() -> None:
    request = Request({"type": "http", "headers": []})
    with pytest.raises(ConfigurationError, match="add_middleware"):
        session_of(request)
