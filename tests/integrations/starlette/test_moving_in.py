"""Visitors of Starlette's own middleware, and of starsessions, keep the sessions they have."""

import json
from typing import Any

import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware as StockMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket
from starsessions import SessionAutoloadMiddleware
from starsessions import SessionMiddleware as StarsessionsMiddleware
from starsessions.stores.redis import RedisStore

from coatcheck import SessionCookie, SessionPolicy, Sessions
from coatcheck.core import bridge
from coatcheck.integrations.starlette import SessionMiddleware, SignedCookie, Starsessions
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import CountingStore
from tests.integrations.clients import client, run

KEY = "a key that nobody has"


async def fill(request: Request) -> Response:
    request.session.update({"user_id": 7, "cart": ["hat"]})
    return PlainTextResponse("filled")


async def show(request: Request) -> Response:
    return JSONResponse(dict(request.session))


def add(request: Request) -> Response:
    request.session["cart"].append("coat")
    return PlainTextResponse("added")


async def untouched(request: Request) -> Response:
    return PlainTextResponse("untouched")


async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json(dict(websocket.session))
    await websocket.close()


def site(middleware: Any, **options: Any) -> Starlette:
    routes: list[Any] = [Route(f"/{view.__name__}", view) for view in (fill, show, add, untouched)]
    app = Starlette(routes=[*routes, WebSocketRoute("/socket", socket)])
    app.add_middleware(middleware, **options)
    return app


def stock_browser(url: str = "http://testserver", **options: Any) -> TestClient:
    """A browser that Starlette's own middleware has given a session."""
    browser = TestClient(site(StockMiddleware, secret_key=KEY, **options), base_url=url)
    browser.get("/fill")
    return browser


def moved(browser: TestClient, app: Starlette) -> TestClient:
    """The same browser, after the application has moved."""
    url = str(browser.base_url)
    return TestClient(app, base_url=url, cookies=browser.cookies)


@pytest.mark.parametrize("url", ["http://testserver", "https://testserver"])
def test_a_signed_cookie_is_taken_over_and_replaced(url: str) -> None:
    sessions = Sessions(MemoryStore())
    browser = moved(
        stock_browser(url),
        site(SessionMiddleware, sessions=sessions, incumbent=SignedCookie(KEY)),
    )
    old = browser.cookies["session"]
    assert browser.get("/untouched").text == "untouched"
    assert browser.cookies["session"] == old
    assert browser.get("/show").json() == {"user_id": 7, "cart": ["hat"]}
    assert list(browser.cookies) == ["__Host-session" if url.startswith("https") else "session"]
    assert old not in browser.cookies.values()
    browser.get("/add")
    assert browser.get("/show").json() == {"user_id": 7, "cart": ["hat", "coat"]}
    (record,) = sessions.of(7)
    sessions.revoke(record.id)
    assert browser.get("/show").json() == {}


def test_the_secret_key_in_the_line_that_there_was_is_enough() -> None:
    browser = moved(
        stock_browser(session_cookie="sid", max_age=60),
        site(
            SessionMiddleware, secret_key=KEY, session_cookie="sid", max_age=60, store="memory://"
        ),
    )
    assert browser.get("/show").json()["user_id"] == 7


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: ("A" if text[0] != "A" else "B") + text[1:],
        lambda text: text.partition(".")[0],
        lambda text: "",
        lambda text: "null",
    ],
    ids=["forged", "unsigned", "empty", "cleared"],
)
def test_a_cookie_that_starlette_would_not_believe_is_ignored(spoil: Any) -> None:
    browser = stock_browser()
    value = spoil(browser.cookies["session"])
    browser.cookies.clear()
    browser.cookies.set("session", value)
    there = moved(browser, site(SessionMiddleware, secret_key=KEY, store="memory://"))
    answer = there.get("/show")
    assert answer.json() == {}
    assert "set-cookie" not in answer.headers


def test_a_cookie_that_is_signed_and_older_than_its_max_age_is_ignored() -> None:
    browser = moved(
        stock_browser(), site(SessionMiddleware, secret_key=KEY, max_age=3600, store="memory://")
    )
    from itsdangerous import TimestampSigner

    class Yesterday(TimestampSigner):
        def get_timestamp(self) -> int:
            return super().get_timestamp() - 86400

    payload = browser.cookies["session"].partition(".")[0]
    old = Yesterday(KEY).sign(payload).decode()
    browser.cookies.clear()
    browser.cookies.set("session", old)
    assert browser.get("/show").json() == {}


@pytest.mark.parametrize("payload", [b"no base64 ", b"bm8ganNvbg==", b"WzEsIDJd", b"IjEi"])
def test_a_signed_cookie_that_holds_no_object_is_ignored(payload: bytes) -> None:
    from itsdangerous import TimestampSigner

    browser = TestClient(site(SessionMiddleware, secret_key=KEY, store="memory://"))
    value = TimestampSigner(KEY).sign(payload).decode()
    assert browser.get("/show", headers={"Cookie": f"session={value}"}).json() == {}


def test_a_websocket_reads_what_is_to_be_taken_over_and_leaves_that_to_a_request() -> None:
    store = CountingStore(MemoryStore())
    app = site(SessionMiddleware, sessions=Sessions(store), incumbent=SignedCookie(KEY))
    browser = moved(stock_browser(), app)
    with browser.websocket_connect("/socket") as connection:
        assert connection.receive_json() == {"user_id": 7, "cart": ["hat"]}
    assert store.calls == {"load": 1}  # whether that session has ended here
    assert browser.get("/show").json() == {"user_id": 7, "cart": ["hat"]}


def test_the_way_back_finds_the_cookies_of_those_who_were_not_there() -> None:
    browser = stock_browser()
    assert TestClient(site(StockMiddleware, secret_key=KEY), cookies=browser.cookies).get(
        "/show"
    ).json() == {"user_id": 7, "cart": ["hat"]}


# -- starsessions ------------------------------------------------------------------------------


@pytest.mark.parametrize("awaited", [False, True])
def test_a_row_of_starsessions_is_taken_over_and_left_there(
    valkey_database: str, awaited: bool
) -> None:
    store: Any = bridge.Awaitable(MemoryStore()) if awaited else MemoryStore()
    sessions = Sessions(
        store, policy=SessionPolicy(isolation="serializable"), cookie=SessionCookie(name="ours")
    )

    async def scenario() -> None:
        async with Redis.from_url(valkey_database.replace("valkey://", "redis://")) as redis:
            before = site(SessionAutoloadMiddleware)
            before.add_middleware(
                StarsessionsMiddleware,
                store=RedisStore(connection=redis),
                cookie_https_only=False,
                lifetime=3600,
            )
            async with client(before) as browser:
                await browser.get("/fill")
                old = browser.cookies["session"]
            after = site(SessionMiddleware, sessions=sessions, incumbent=Starsessions(redis))
            async with client(after) as browser:
                browser.cookies.set("session", old, domain="localhost.local")
                answers = [await browser.get("/show"), await browser.get("/add")]
                assert answers[0].json() == {"user_id": 7, "cart": ["hat"]}
                assert list(browser.cookies) == ["ours"]
                assert (await browser.get("/show")).json()["cart"] == ["hat", "coat"]
            async with client(after) as browser:
                unknown = {"Cookie": "session=" + "0" * 32}
                assert (await browser.get("/show", headers=unknown)).json() == {}
            async with client(before) as browser:
                again = await browser.get("/show", headers={"Cookie": f"session={old}"})
                assert again.json() == {"user_id": 7, "cart": ["hat"]}

    run(scenario)


def test_while_the_rows_cannot_be_read_the_visitor_is_told_so() -> None:
    class Down:
        async def get(self, name: str, /) -> bytes:
            raise ConnectionError(name)

    there = site(SessionMiddleware, store="memory://", incumbent=Starsessions(Down()))
    answer = TestClient(there, cookies={"session": "a" * 32}).get("/show")
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert TestClient(there).get("/show").json() == {}


@pytest.mark.parametrize("row", [None, b"", b"{", b"[1]", json.dumps({"__metadata__": {}})])
def test_a_row_that_holds_no_session_is_ignored(row: Any) -> None:
    class Rows:
        async def get(self, name: str, /) -> Any:
            return row

    there = site(SessionMiddleware, store="memory://", incumbent=Starsessions(Rows()))
    answer = TestClient(there, cookies={"session": "a" * 32}).get("/show")
    assert answer.json() == {}
    assert "set-cookie" not in answer.headers
