"""The fixtures that applications' tests get, over a WSGI and an ASGI application."""

import subprocess
import sys
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from coatcheck import SessionPolicy, Sessions
from coatcheck.core import bridge
from coatcheck.integrations import wsgi
from coatcheck.integrations.starlette import SessionMiddleware, session_of
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import FakeClock, SessionClient


def starlette_app(sessions: Sessions) -> Any:
    async def page(request: Request) -> Response:
        session = session_of(request)
        if request.method == "POST":
            session["said"] = (await request.form())["word"]
        return PlainTextResponse(f"{session.user} {session.get('said')}")

    app = Starlette(routes=[Route("/", page, methods=["GET", "POST"])])
    app.add_middleware(SessionMiddleware, sessions=sessions)
    return app


def wsgi_app(sessions: Sessions) -> Any:
    def page(environ: Any, start_response: Any) -> Any:
        session = environ[wsgi.SESSION]
        if environ["REQUEST_METHOD"] == "POST":
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode()
            session["said"] = body.partition("=")[2]
        text = f"{session.user} {session.get('said')}"
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [text.encode()]

    return wsgi.SessionMiddleware(page, sessions)


@pytest.fixture(params=["wsgi", "asgi", "asgi, awaited"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sessions(kind: str) -> Sessions:
    store: Any = MemoryStore()
    if kind.endswith("awaited"):
        store = bridge.Awaitable(store)
    return Sessions(store, policy=SessionPolicy(idle_timeout=60))


@pytest.fixture
def session_app(kind: str, sessions: Sessions) -> Any:
    return wsgi_app(sessions) if kind == "wsgi" else starlette_app(sessions)


def test_a_browser_has_no_session_at_first_and_looks_into_the_one_it_gets(
    session_client: SessionClient,
) -> None:
    assert session_client.get("/").text == "None None"
    assert session_client.session() == {}
    assert session_client.post("/", form={"word": "hello"}).text == "None hello"
    assert session_client.session() == {"said": "hello"}
    assert session_client.user() is None


def test_a_logged_in_browser_is_known_to_the_application(logged_in_client: SessionClient) -> None:
    assert logged_in_client.get("/").text == "1 None"
    assert logged_in_client.user() == "1"


def test_a_session_begins_with_what_a_test_says(session_client: SessionClient) -> None:
    session_client.begin_with(said="before").log_in("ann", more=1)
    assert session_client.get("/").text == "ann before"
    assert session_client.session() == {"said": "before", "more": 1}


def test_time_passes_when_the_test_says_so(
    logged_in_client: SessionClient, frozen_clock: FakeClock
) -> None:
    frozen_clock.advance(59)
    assert logged_in_client.get("/").text == "1 None"
    frozen_clock.advance(61)
    assert logged_in_client.get("/").text == "None None"


def test_a_test_that_does_not_say_which_application_is_told_what_to_define(tmp_path: Any) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["coatcheck.testing.plugin"]\n')
    (tmp_path / "test_mine.py").write_text("def test_page(session_client): ...\n")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "define a fixture 'session_app'" in run.stdout
