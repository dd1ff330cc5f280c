"""Sessions of websockets: read where they are touched, saved where the code says so."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket

from coatcheck import Event, EventName, SessionPolicy, Sessions
from coatcheck.core import bridge
from coatcheck.core.errors import SessionReadOnly
from coatcheck.integrations.starlette import SessionMiddleware, session_of
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import CountingStore, FaultyStore

Handler = Callable[[WebSocket], Awaitable[None]]


def page(request: Request) -> Response:
    count = session_of(request).increment("count")
    return PlainTextResponse(f"{count} {request.session.get('said')}")


class Place:
    """A site with one page and one websocket, and a browser that was on the page once."""

    def __init__(self, handler: Handler, store: Any = None, **policy: Any) -> None:
        self.events: list[Event] = []
        self.store = CountingStore(store or MemoryStore())
        sessions = Sessions(self.store, policy=SessionPolicy(**policy), listener=self.events.append)
        app = Starlette(routes=[Route("/", page), WebSocketRoute("/socket", handler)])
        app.add_middleware(SessionMiddleware, sessions=sessions)
        self.browser = TestClient(app)

    def dropped(self) -> list[frozenset[str]]:
        return [event.keys for event in self.events if event.name is EventName.DROPPED]


@contextmanager
def opened(place: Place) -> Iterator[Any]:
    with place.browser.websocket_connect("/socket") as connection:
        yield connection


async def deaf(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


def test_a_websocket_that_never_names_its_session_asks_no_store() -> None:
    place = Place(deaf)
    place.browser.get("/")
    place.store.forget()
    with opened(place):
        pass
    assert place.store.calls == {}


@pytest.mark.parametrize("awaited", [False, True])
def test_what_was_committed_is_there_for_the_next_request(awaited: bool) -> None:
    async def chat(websocket: WebSocket) -> None:
        await websocket.accept()
        async for word in websocket.iter_text():
            websocket.session["said"] = word
            await session_of(websocket).commit()
            await websocket.send_text(str(websocket.session["count"]))

    place = Place(chat, bridge.Awaitable(MemoryStore()) if awaited else None)
    place.browser.get("/")
    with opened(place) as connection:
        for number, word in enumerate(("one", "two"), start=1):
            connection.send_text(word)
            # What a page has changed meanwhile is seen after a commit.
            assert connection.receive_text() == str(number)
            assert place.browser.get("/").text == f"{number + 1} {word}"
    assert place.dropped() == []


def test_what_was_not_committed_is_not_saved_and_reported() -> None:
    async def forgetful(websocket: WebSocket) -> None:
        websocket.session["said"] = "nothing"
        await websocket.accept()
        await websocket.close()

    place = Place(forgetful)
    place.browser.get("/")
    place.store.forget()
    with opened(place):
        pass
    assert place.store.calls == {"load": 1}
    assert place.dropped() == [{"said"}]


def test_a_session_begins_with_the_handshake_and_not_after_it() -> None:
    async def early(websocket: WebSocket) -> None:
        websocket.session["said"] = "early"
        await session_of(websocket).commit()
        await websocket.accept()
        await websocket.close()

    async def late(websocket: WebSocket) -> None:
        await websocket.accept()
        websocket.session["said"] = "late"
        with pytest.raises(SessionReadOnly, match="before accepting"):
            await session_of(websocket).commit()
        await websocket.close()

    place = Place(early)
    with opened(place) as connection:
        headers = dict(connection.extra_headers)
    assert headers[b"set-cookie"].startswith(b"session=")
    place.browser.headers["cookie"] = headers[b"set-cookie"].partition(b";")[0].decode()
    assert place.browser.get("/").text == "1 early"

    place = Place(late)
    with opened(place) as connection:
        assert b"set-cookie" not in dict(connection.extra_headers)
    assert place.store.calls == {}
    assert place.dropped() == [{"said"}]


def test_a_login_needs_the_handshake_and_a_logout_does_not() -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        session = session_of(websocket)
        session.login("ann")
        with pytest.raises(SessionReadOnly):
            await session.commit()
        session.logout()
        await session.commit()
        await websocket.close()

    place = Place(handler)
    place.browser.get("/")
    with opened(place):
        pass
    assert place.dropped() == []
    assert place.browser.get("/").text == "1 None"


def test_the_lease_of_a_block_is_given_back_when_the_websocket_fails_in_it() -> None:
    async def failing(websocket: WebSocket) -> None:
        await websocket.accept()
        async with session_of(websocket).exclusive():
            raise RuntimeError("on purpose")

    place = Place(failing, isolation="serializable")
    place.browser.get("/")
    with pytest.raises(RuntimeError, match="on purpose"), opened(place):
        pass
    assert place.browser.get("/").text == "2 None"


def test_while_the_store_is_down_the_handshake_is_denied_with_503() -> None:
    async def reading(websocket: WebSocket) -> None:
        websocket.session.get("count")

    store = FaultyStore(MemoryStore())
    place = Place(reading, store)
    place.browser.get("/")
    store.down = True
    with pytest.raises(WebSocketDenialResponse) as denied, opened(place):
        pass
    assert denied.value.status_code == 503
    assert denied.value.headers["retry-after"] == "2"


def test_a_server_that_cannot_deny_with_a_response_closes_the_websocket() -> None:
    import asyncio

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"].get("count")

    store = FaultyStore(MemoryStore())
    store.down = True
    middleware = SessionMiddleware(app, sessions=Sessions(store))
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    cookie = b"session=" + b"a" * 22 + b"." + b"b" * 43
    scope = {"type": "websocket", "headers": [(b"cookie", cookie)], "scheme": "ws"}
    asyncio.run(middleware(scope, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1013}]


def test_an_outage_after_the_handshake_is_the_application_s_own() -> None:
    async def reading(websocket: WebSocket) -> None:
        await websocket.accept()
        websocket.session.get("count")

    store = FaultyStore(MemoryStore())
    place = Place(reading, store)
    place.browser.get("/")
    store.down = True
    with pytest.raises(Exception, match="lost"), opened(place) as connection:
        connection.receive_text()
