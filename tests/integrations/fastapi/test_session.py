"""FastAPI's dependencies: the session and who is logged in, in endpoints of every kind."""

from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Request, WebSocket
from fastapi.responses import RedirectResponse
from starlette.testclient import TestClient

from coatcheck import Event, EventName, Sessions
from coatcheck.core import bridge
from coatcheck.core.errors import SessionReadOnly
from coatcheck.integrations.fastapi import (
    CurrentUser,
    LoggedInUser,
    NotLoggedIn,
    SessionDep,
    SessionMiddleware,
)
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import CountingStore


class Place:
    """An application, its store, and a browser."""

    def __init__(self, *, awaited: bool = False, **options: Any) -> None:
        memory = MemoryStore()
        self.store = CountingStore(bridge.Awaitable(memory) if awaited else memory)
        self.events: list[Event] = []
        self.app = FastAPI()
        sessions = Sessions(self.store, listener=self.events.append)
        self.app.add_middleware(SessionMiddleware, sessions=sessions, **options)
        self.browser = TestClient(self.app)


def shop(**options: Any) -> Place:
    """A place with endpoints of both kinds."""
    place = Place(**options)
    app = place.app

    @app.get("/plain")
    def plain(session: SessionDep) -> int:
        return int(session.increment("count"))

    @app.get("/awaited")
    async def awaited(session: SessionDep, request: Request) -> int:
        assert session is request.session
        return int(session.increment("count"))

    @app.get("/whole")
    async def whole(session: SessionDep) -> dict[str, Any]:
        return dict(session)

    @app.post("/login/{user}")
    def login(user: str, session: SessionDep) -> None:
        session.login(user)

    @app.post("/logout")
    def logout(session: SessionDep) -> None:
        session.logout()

    @app.get("/who")
    async def who(user: CurrentUser) -> str | None:
        return user

    @app.get("/mine")
    def mine(user: LoggedInUser) -> str:
        return user

    @app.get("/untouched")
    def untouched() -> str:
        return "untouched"

    return place


@pytest.mark.parametrize("awaited", [False, True])
@pytest.mark.parametrize("preload", [False, True])
def test_endpoints_of_both_kinds_share_one_session(awaited: bool, preload: bool) -> None:
    browser = shop(awaited=awaited, preload=preload).browser
    paths = ["/plain", "/awaited", "/awaited", "/plain"]
    assert [browser.get(path).json() for path in paths] == [1, 2, 3, 4]
    assert browser.get("/whole").json() == {"count": 4}


def test_an_endpoint_that_does_not_ask_for_the_session_asks_no_store() -> None:
    place = shop()
    place.browser.get("/plain")
    place.store.forget()
    place.browser.get("/untouched")
    assert place.store.calls == {}


def test_who_is_logged_in_is_a_dependency_and_nobody_gets_401_where_somebody_is_needed() -> None:
    browser = shop().browser
    assert browser.get("/who").json() is None
    refused = browser.get("/mine")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Session"
    assert refused.json() == {"detail": "Log in first."}
    browser.post("/login/ann")
    assert [browser.get(path).json() for path in ("/who", "/mine")] == ["ann", "ann"]
    browser.post("/logout")
    assert browser.get("/mine").status_code == 401


def test_a_site_for_people_sends_nobody_to_its_login_page() -> None:
    place = shop()

    @place.app.exception_handler(NotLoggedIn)
    async def to_login(request: Request, error: Exception) -> RedirectResponse:
        return RedirectResponse(f"/login?next={request.url.path}", 303)

    answer = place.browser.get("/mine", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/mine")


def test_the_schema_shows_nothing_of_the_session() -> None:
    place = shop()
    schema = place.app.openapi()
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            names = [parameter["name"] for parameter in operation.get("parameters", [])]
            assert names == (["user"] if path == "/login/{user}" else []), path
            assert "requestBody" not in operation
    assert "securitySchemes" not in schema.get("components", {})
    assert "Session" not in str(schema.get("components", {}).get("schemas", {}))


# -- dependencies that go on after the endpoint --------------------------------------------------


def test_what_a_dependency_changes_before_the_response_is_saved() -> None:
    place = shop()

    async def counting(session: SessionDep) -> AsyncIterator[None]:
        yield
        session["after"] = True

    @place.app.get("/counted")
    async def counted(
        _: Annotated[None, Depends(counting, scope="function")], session: SessionDep
    ) -> None:
        session["during"] = True

    place.browser.get("/counted")
    assert place.browser.get("/whole").json() == {"during": True, "after": True}


def test_what_a_dependency_changes_after_the_response_is_refused_aloud() -> None:
    place = shop()
    refusals: list[str] = []

    def counting(session: SessionDep) -> Iterator[None]:
        yield
        try:
            session["after"] = True
        except SessionReadOnly as error:
            refusals.append(str(error))

    @place.app.get("/counted", dependencies=[Depends(counting)])
    async def counted(session: SessionDep) -> None:
        session["during"] = True

    place.browser.get("/counted")
    assert place.browser.get("/whole").json() == {"during": True}
    assert len(refusals) == 1


def test_a_websocket_has_the_session_and_the_user_too() -> None:
    place = shop()

    @place.app.websocket("/socket")
    async def socket(websocket: WebSocket, session: SessionDep, user: CurrentUser) -> None:
        await websocket.accept()
        session["said"] = await websocket.receive_text()
        await session.commit()
        await websocket.send_text(user or "nobody")
        await websocket.close()

    place.browser.post("/login/ann")
    with place.browser.websocket_connect("/socket") as connection:
        connection.send_text("hello")
        assert connection.receive_text() == "ann"
    assert place.browser.get("/whole").json() == {"said": "hello"}
    assert EventName.DROPPED not in [event.name for event in place.events]
