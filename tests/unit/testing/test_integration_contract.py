"""The contract of integrations finds out those that do not keep it, and outsiders can run it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from coatcheck.testing.integration.client import Asked, Browser, Host, interface_of, nothing

# Starlette's own middleware, whose whole session is in the cookie: it promises less.
STOCK = """
from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import PlainTextResponse, RedirectResponse, StreamingResponse
from starlette.routing import Route

from coatcheck.testing import IntegrationContract

def route(act):
    def view(request):
        return PlainTextResponse(str(act(request.session, request.query_params)))
    return view

def count(session, query):
    session["count"] = session.get("count", 0) + 1
    return session["count"]

def nested(session, query):
    session.setdefault("cart", {"items": []})
    session["cart"]["items"].append(query["value"])

VIEWS = {
    "count": count,
    "nested": nested,
    "get": lambda session, query: repr(session.get(query["key"])),
    "set": lambda session, query: session.__setitem__(query["key"], query["value"]),
    "delete": lambda session, query: session.pop(query["key"], None),
    "login": lambda session, query: session.__setitem__("user", query["user"]),
    "logout": lambda session, query: session.clear(),
    "who": lambda session, query: session.get("user", "nobody"),
}

class TestStock(IntegrationContract):
    exceptions = {"test_a_flash_is_shown_once": "Starlette has no messages"}

    def make_app(self, sessions):
        routes = [
            Route(f"/{name}", route(act), methods=["GET", "POST"]) for name, act in VIEWS.items()
        ]
        routes.append(Route("/untouched", lambda request: PlainTextResponse("untouched")))
        app = Starlette(routes=routes)
        app.add_middleware(SessionMiddleware, secret_key="x" * 32, https_only=True)
        return app

    def session_cookie(self, *, https):
        return "session"
"""

BROKEN = {
    "test_different_keys_of_two_overlapping_requests_are_both_kept",
    "test_a_race_for_one_key_is_settled_by_the_later_write_and_reported",
    "test_overlapping_increments_of_safe_requests_both_count_when_they_take_turns",
    "test_a_logout_ends_the_session_and_deletes_its_cookie",
    "test_changes_inside_a_value_are_saved_without_a_word",
    "test_while_the_store_is_down_pages_that_need_it_answer_503",
    "test_the_store_holds_no_cookie_that_would_work",
    "test_two_cookies_of_the_name_with_other_values_are_both_ignored",
    "test_a_page_from_the_session_is_kept_from_shared_caches",
}
KEPT = {
    "test_an_untouched_page_asks_no_store_and_carries_nothing_of_the_session",
    "test_a_visitor_without_a_session_who_only_looks_is_given_none",
    "test_a_deleted_key_is_gone_and_the_others_stay",
}


def test_an_integration_that_keeps_less_fails_by_name_and_its_exceptions_are_skipped(
    tmp_path: Path,
) -> None:
    # Its patience is for slow machines, not for requests that never come to a store.
    (tmp_path / "conftest.py").write_text(
        "import coatcheck.testing.integration.harness as harness\nharness.PATIENCE = 0.2\n"
    )
    (tmp_path / "test_stock.py").write_text(STOCK, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "--tb=no", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    failed = set(re.findall(r"^FAILED \S+::(test_\w+)", run.stdout, re.MULTILINE))
    passed = set(re.findall(r"^PASSED \S+::(test_\w+)", run.stdout, re.MULTILINE))
    assert failed >= BROKEN, run.stdout[-3000:]
    assert passed >= KEPT
    assert "Starlette has no messages" in run.stdout


# -- the browser of the contract ----------------------------------------------------------------


def test_a_wsgi_application_that_fails_is_answered_with_500_and_told_apart() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("X", "1"), ("X", "2")])
        if environ["PATH_INFO"] == "/fail":
            raise RuntimeError("on purpose")
        yield b"a"
        if environ["PATH_INFO"] == "/late":
            raise RuntimeError("on purpose")

    with Host(app) as host:
        browser = Browser(host, "session")
        assert browser.host.interface == "wsgi"
        assert (browser.get("/").text, browser.get("/").all("x")) == ("a", ["1", "2"])
        failed, late = browser.get("/fail"), browser.get("/late")
    assert (failed.status, str(failed.error)) == (500, "on purpose")
    assert (late.status, late.text, str(late.error)) == (200, "a", "on purpose")


def test_what_is_called_as_asgi_is_known_by_its_call() -> None:
    class Application:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    async def function(scope: Any, receive: Any, send: Any) -> None: ...

    assert interface_of(Application()) == interface_of(function) == "asgi"
    assert interface_of(lambda environ, start_response: []) == "wsgi"


def test_a_browser_forgets_a_cookie_that_is_expired_in_either_way() -> None:
    lines = ["a=1; Path=/", "b=2"]

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Set-Cookie", line) for line in lines])
        return [environ.get("HTTP_COOKIE", "").encode()]

    with Host(app) as host:
        browser = Browser(host, "a")
        browser.get("/")
        assert (browser.cookie, browser.get("/").text) == ("1", "a=1; b=2")
        lines[:] = ["a=; Max-Age=0", "b=null; expires=Thu, 01-Jan-1970 00:00:00 GMT"]
        browser.get("/")
        assert browser.cookies == {}
    assert Asked("GET", "/", "", [], https=False, began=nothing).port == 80
