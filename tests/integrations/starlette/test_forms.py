"""Forms in Starlette: where they come from, and that each is processed once."""

import asyncio
import re
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from coatcheck import ConfigurationError, SessionPolicy, Sessions
from coatcheck.integrations.starlette import SessionMiddleware, session_of
from coatcheck.integrations.starlette.forms import Forms, SentBefore
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import CountingStore, FaultyStore
from tests.integrations.clients import client, run

KEY = "a key of this site's own"
SAME = {"Sec-Fetch-Site": "same-origin"}
FIELD = re.compile(r'value="([^"]+)"')


class Shop:
    """A site that takes orders, and counts how often it did."""

    def __init__(self, store: Any = None, isolation: Any = "merge") -> None:
        self.forms = Forms(KEY, trusted_origins=["https://friend.example"])
        self.orders: list[str] = []
        self.started = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.status = 200
        self.raises: Exception | None = None
        self.store = CountingStore(store or MemoryStore())
        self.app = Starlette(
            routes=[
                Route("/form", self.form),
                Route("/checked", self.checked, methods=["GET", "POST"]),
                Route("/order", self.order, methods=["POST"]),
                Route("/login", self.login, methods=["POST"]),
            ]
        )
        sessions = Sessions(self.store, policy=SessionPolicy(isolation=isolation))
        self.app.add_middleware(SessionMiddleware, sessions=sessions)

    async def form(self, request: Request) -> Response:
        return HTMLResponse(f"<form>{await self.forms.field(request)}</form>")

    async def checked(self, request: Request) -> Response:
        await self.forms.check(request)
        return PlainTextResponse("checked")

    async def order(self, request: Request) -> Response:
        await self.forms.once(request)
        form = await request.form()
        self.orders.append(str(form["item"]))
        request.session["orders"] = len(self.orders)
        self.started.set()
        await self.go_on.wait()
        if self.raises is not None:
            raise self.raises
        if self.status == 303:
            return RedirectResponse("/thanks", 303)
        return PlainTextResponse(f"order {len(self.orders)}", self.status)

    async def login(self, request: Request) -> Response:
        await self.forms.once(request)
        session_of(request).login("ann")
        return PlainTextResponse("in")

    def browser(self) -> TestClient:
        return TestClient(self.app, raise_server_exceptions=False)


def token_in(page: Any) -> str:
    found = FIELD.search(page.text)
    assert found is not None
    return found[1]


# -- where it comes from ------------------------------------------------------------------------


def test_a_page_with_a_form_writes_no_session_and_is_kept_from_caches() -> None:
    shop = Shop()
    page = shop.browser().get("/form")
    assert shop.store.calls == {}
    assert page.headers["set-cookie"].startswith("coatcheck_csrf=")
    assert page.headers["vary"] == "Cookie"
    assert "private" in page.headers["cache-control"]


def test_a_browser_gets_the_cookie_of_its_forms_once() -> None:
    browser = Shop().browser()
    browser.get("/form")
    assert "set-cookie" not in browser.get("/form").headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (SAME, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "https://friend.example"}, 200),
        ({"Origin": "http://testserver"}, 200),
        ({"Origin": "https://testserver"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
def test_the_browser_s_word_decides_where_it_gives_one(
    headers: dict[str, str], status: int
) -> None:
    browser = Shop().browser()
    browser.get("/form")
    assert browser.post("/checked", headers=headers).status_code == status
    assert browser.get("/checked", headers={"Origin": "null"}).status_code == 200


def test_where_the_browser_says_nothing_the_token_does() -> None:
    shop = Shop()
    browser = shop.browser()
    token = token_in(browser.get("/form"))
    sent = {"csrfmiddlewaretoken": token}
    assert browser.post("/checked", data=sent).status_code == 200
    assert browser.post("/checked", headers={"X-CSRFToken": token}).status_code == 200
    assert shop.browser().post("/checked", data=sent).status_code == 403
    assert browser.post("/checked", data={"csrfmiddlewaretoken": token[:-1]}).status_code == 403


def test_a_token_from_before_the_session_began_counts_until_somebody_logs_in() -> None:
    browser = Shop().browser()
    token = token_in(browser.get("/form"))
    sent = {"csrfmiddlewaretoken": token, "item": "hat"}
    browser.post("/order", data=sent)
    assert "session" in browser.cookies
    assert browser.post("/checked", data=sent).status_code == 200
    browser.post("/login", headers=SAME)
    assert browser.post("/checked", data=sent).status_code == 403


def test_without_the_session_middleware_it_says_what_is_missing() -> None:
    request = Request({"type": "http", "headers": [], "session": {}})
    with pytest.raises(ConfigurationError, match="SessionMiddleware"):
        asyncio.run(Forms(KEY).token(request))


# -- once ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 303])
def test_the_same_form_sent_twice_is_processed_once_and_answered_alike(status: int) -> None:
    shop = Shop()
    shop.status = status
    browser = shop.browser()
    sent = {"csrfmiddlewaretoken": token_in(browser.get("/form")), "item": "hat"}
    answers = [browser.post("/order", data=sent, follow_redirects=False) for _ in range(3)]
    assert shop.orders == ["hat"]
    assert {answer.status_code for answer in answers} == {status}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers.get("location") for answer in answers}) == 1


def test_a_file_counts_by_its_content_and_not_by_the_boundary_around_it() -> None:
    shop = Shop()
    browser = shop.browser()
    sent = {"csrfmiddlewaretoken": token_in(browser.get("/form")), "item": "hat"}
    for _ in range(2):
        answer = browser.post("/order", data=sent, files={"photo": ("a.txt", b"hello")})
        assert answer.text == "order 1"
    assert shop.orders == ["hat"]


def test_the_same_form_with_other_values_is_not_processed_and_says_so() -> None:
    shop = Shop()
    shop.status = 303
    seen: list[tuple[tuple[str, str], ...]] = []

    def sorry(request: Request, error: Exception) -> Response:
        assert isinstance(error, SentBefore)
        seen.append(error.answer.fields)
        return PlainTextResponse("before", 409)

    shop.app.add_exception_handler(SentBefore, sorry)
    browser = shop.browser()
    token = token_in(browser.get("/form"))
    for item, status in (("hat", 303), ("coat", 409)):
        sent = {"csrfmiddlewaretoken": token, "item": item}
        answer = browser.post("/order", data=sent, follow_redirects=False)
        assert answer.status_code == status
    assert shop.orders == ["hat"]
    assert seen == [(("item", "hat"),)]


def test_two_forms_are_two_submissions_though_they_say_the_same() -> None:
    shop = Shop()
    browser = shop.browser()
    for _ in range(2):
        sent = {"csrfmiddlewaretoken": token_in(browser.get("/form")), "item": "hat"}
        assert browser.post("/order", data=sent).status_code == 200
    assert shop.orders == ["hat", "hat"]


@pytest.mark.parametrize("status", [400, 422, 500])
def test_a_form_that_was_refused_can_be_sent_again(status: int) -> None:
    shop = Shop()
    browser = shop.browser()
    sent = {"csrfmiddlewaretoken": token_in(browser.get("/form")), "item": "hat"}
    shop.status = status
    assert browser.post("/order", data=sent).status_code == status
    shop.status = 200
    assert browser.post("/order", data=sent).text == "order 2"


def test_a_form_whose_view_failed_can_be_sent_again() -> None:
    shop = Shop()
    browser = shop.browser()
    sent = {"csrfmiddlewaretoken": token_in(browser.get("/form")), "item": "hat"}
    shop.raises = RuntimeError("on purpose")
    assert browser.post("/order", data=sent).status_code == 500
    shop.raises = None
    assert browser.post("/order", data=sent).text == "order 2"


@pytest.mark.parametrize("isolation", ["merge", "serializable"])
@pytest.mark.parametrize("ticket", [True, False])
def test_a_double_click_is_processed_once_and_both_get_the_answer(
    ticket: bool, isolation: str
) -> None:
    async def scenario() -> None:
        shop = Shop(isolation=isolation)
        async with client(shop.app) as browser:
            sent = {"item": "hat"}
            token = token_in(await browser.get("/form"))
            if ticket:
                sent["csrfmiddlewaretoken"] = token
            shop.go_on.clear()
            first = asyncio.create_task(browser.post("/order", data=sent, headers=SAME))
            await shop.started.wait()
            second = asyncio.create_task(browser.post("/order", data=sent, headers=SAME))
            await asyncio.sleep(0)
            shop.go_on.set()
            answers = await asyncio.gather(first, second)
            assert [answer.text for answer in answers] == ["order 1", "order 1"]
            assert shop.orders == ["hat"]

    run(scenario)


def test_a_double_click_on_a_login_ends_logged_in_whichever_answer_arrives() -> None:
    shop = Shop()
    browser = shop.browser()
    sent = {"csrfmiddlewaretoken": token_in(browser.get("/form"))}
    first = browser.post("/login", data=sent)
    cookie = browser.cookies["session"]
    browser.cookies.delete("session")
    again = browser.post("/login", data=sent)
    assert again.text == first.text
    assert browser.cookies["session"] == cookie


def test_while_the_store_is_down_nothing_is_processed() -> None:
    store = FaultyStore(MemoryStore())
    shop = Shop(store)
    browser = shop.browser()
    sent = {"csrfmiddlewaretoken": token_in(browser.get("/form")), "item": "hat"}
    store.down = True
    assert browser.post("/order", data=sent).status_code == 503
    store.down = False
    assert browser.post("/order", data=sent).text == "order 1"


def test_a_page_too_large_to_keep_is_answered_and_not_processed_again() -> None:
    shop = Shop()
    browser = shop.browser()

    async def large(request: Request) -> Response:
        await shop.forms.once(request)
        shop.orders.append("large")
        return PlainTextResponse("x" * 300_000)

    shop.app.router.routes.append(Route("/large", large, methods=["POST"]))
    sent = {"csrfmiddlewaretoken": token_in(browser.get("/form"))}
    assert len(browser.post("/large", data=sent).text) == 300_000
    assert browser.post("/large", data=sent).status_code == 200
    assert shop.orders == ["large"]
