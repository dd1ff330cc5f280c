"""What our middleware does beyond the engine."""

import logging
import sqlite3
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext

from coatcheck.core.events import EventName
from coatcheck.core.policy import DAY
from coatcheck.integrations.django import SessionMiddleware, configuration
from coatcheck.integrations.django.engine import SessionStore
from coatcheck.integrations.django.models import Session
from tests.integrations.django import site
from tests.integrations.django.asynchronous import run

SERIALIZABLE = override_settings(COATCHECK={"ISOLATION": "serializable"})


def through(
    view: Callable[[HttpRequest], HttpResponse], method: str = "GET", **cookies: str
) -> Any:
    """The response of *view*, called through the middleware alone."""
    request = RequestFactory().generic(method, "/")
    request.COOKIES.update(cookies)
    response = SessionMiddleware(view)(request)
    response.request = request
    return response


def answer(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


def kept(**values: Any) -> SessionStore:
    store = SessionStore()
    store.update(values)
    store.save()
    return store


def test_the_key_that_applications_see_is_no_cookie_and_outlasts_the_login():
    seen = []

    def view(request: HttpRequest) -> HttpResponse:
        request.session.cycle_key()
        seen.append(request.session.session_key)
        request.session["a"] = 1
        return HttpResponse()

    response = through(view)
    token = response.cookies["sessionid"].value
    assert seen == [token.partition(".")[0]]
    assert len(seen[0]) <= 40, "a column made for Django's keys takes it"
    again = through(view, sessionid=token)
    assert again.cookies["sessionid"].value != token
    assert seen[0] == seen[1]


def test_a_request_that_fails_leaves_everything_as_it_was():
    store = kept(a=1)

    def view(request: HttpRequest) -> HttpResponse:
        request.session["a"] = 2
        request.session.cycle_key()
        request.session.flush()
        return HttpResponse(status=500)

    response = through(view, sessionid=store.session_key)
    assert "sessionid" not in response.cookies
    assert SessionStore(store.session_key).load() == {"a": 1}


def test_the_session_is_saved_outside_of_the_views_transaction():
    client = Client()
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        client.get("/missing?value=noted")  # its transaction is rolled back
        assert client.get("/get?key=missed").content == b"'noted'"
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False


def test_it_asks_the_store_no_more_than_djangos_does():
    client = Client()

    def asked(path: str) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            client.get(path)
        return [query["sql"].split()[0] for query in captured]

    assert asked("/untouched") == []
    assert asked("/count") == ["INSERT"]
    assert asked("/untouched") == []
    assert asked("/get?key=count") == ["SELECT"]
    assert asked("/count") == ["SELECT", "UPDATE"]


def test_a_store_that_cannot_save_is_a_503_and_the_log_has_the_reason(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    client = Client()
    client.get("/count")
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.01)
    connection.close()
    connection.ensure_connection()
    other = sqlite3.connect(site.DATABASE)
    other.execute("BEGIN IMMEDIATE")  # as another process that writes for long
    with caplog.at_level(logging.ERROR, "coatcheck"):
        response = client.get("/count")
    other.close()
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert "sessionid" not in response.cookies
    assert b"locked" not in response.content
    assert "database is locked" in caplog.text
    assert client.get("/count").content == b"2"


def test_a_safe_request_that_lost_a_race_runs_once_more_from_what_it_came_with():
    store = kept(count=0)
    runs: list[tuple[Any, Any]] = []

    def view(request: HttpRequest) -> HttpResponse:
        runs.append((getattr(request, "mark", None), request.META.get("mark")))
        request.mark = request.META["mark"] = "first"
        count = request.session["count"]
        if len(runs) == 1:
            other = SessionStore(store.session_key)
            other["count"] = 10
            other.save()
        request.session["count"] = count + 1
        return HttpResponse(str(count + 1))

    with SERIALIZABLE:
        response = through(view, sessionid=store.session_key)
        assert response.content == b"11"
        assert runs == [(None, None), (None, None)]
        assert SessionStore(store.session_key)["count"] == 11
    assert Session.objects.get().lease_holder is None


def test_a_request_that_lost_its_race_and_has_no_body_any_more_is_a_409():
    store = kept(count=0)

    def view(request: HttpRequest) -> HttpResponse:
        assert request.body == b""
        other = SessionStore(store.session_key)
        other.increment("count")
        other.save()
        request.session["count"] = request.session["count"] + 1
        return HttpResponse()

    def reads_first(request: HttpRequest) -> HttpResponse:
        _ = request.session["count"]
        return view(request)

    with SERIALIZABLE:
        assert through(reads_first, sessionid=store.session_key).status_code == 409


def test_an_unsafe_request_has_the_lease_from_its_first_touch_to_its_response():
    store = kept(count=0)
    held = []

    def view(request: HttpRequest) -> HttpResponse:
        held.append(Session.objects.get().lease_holder)
        _ = request.session["count"]
        held.append(Session.objects.get().lease_holder)
        return HttpResponse()

    with SERIALIZABLE:
        through(view, "POST", sessionid=store.session_key)
    assert held[0] is None
    assert held[1] is not None
    assert Session.objects.get().lease_holder is None


def test_a_view_that_raises_gives_the_lease_back():
    client = Client(raise_request_exception=False)
    client.get("/count")
    with SERIALIZABLE:
        assert client.post("/raise?value=1").status_code == 500
    assert Session.objects.get().lease_holder is None


def test_a_response_with_the_sessions_cookie_is_private_whatever_the_view_says():
    def view(request: HttpRequest) -> HttpResponse:
        request.session["a"] = 1
        return HttpResponse(headers={"Cache-Control": "public, max-age=60"})

    response = through(view)
    assert "private" in response["Cache-Control"]
    assert "public" not in response["Cache-Control"]
    assert response["Vary"] == "Cookie"


@override_settings(
    MIDDLEWARE=[
        "django.middleware.cache.UpdateCacheMiddleware",
        site.OURS,
        *site.INNER,
        "django.middleware.cache.FetchFromCacheMiddleware",
    ],
    SESSION_SAVE_EVERY_REQUEST=True,
)
def test_djangos_page_cache_never_hands_a_session_to_somebody_else():
    # CVE-2026-35192: no Vary with SAVE_EVERY_REQUEST. CVE-2026-48588: another cookie was present.
    cache.clear()
    client, other = Client(), Client()
    client.cookies["lang"] = other.cookies["lang"] = "en"
    assert "sessionid" in client.get("/count").cookies
    assert "sessionid" not in other.get("/untouched").cookies
    assert other.get("/count").content == b"1"
    assert other.cookies["sessionid"].value != client.cookies["sessionid"].value


def test_the_cookie_is_secure_over_https_without_being_told():
    response = Client().get("/count", secure=True)
    assert response.cookies["sessionid"]["secure"]
    assert not Client().get("/count").cookies["sessionid"]["secure"]


def test_blanks_beyond_ascii_before_a_cookies_name_forge_nothing():
    token = kept(a=1).session_key
    request = RequestFactory().get("/", HTTP_COOKIE=f"\xc2\xa0sessionid={token}")
    assert request.COOKIES["sessionid"] == token, "Django takes it for the cookie"
    SessionMiddleware(answer)(request)
    assert request.session.get("a") is None


def test_two_cookies_of_the_name_are_none():
    events: list[Any] = []
    sessions = configuration.current().sessions
    sessions.lifecycle.notify = events.append
    first, second = kept(a=1).session_key, kept(a=2).session_key
    request = RequestFactory().get("/", HTTP_COOKIE=f"sessionid={first}; sessionid={second}")
    SessionMiddleware(answer)(request)
    assert request.session.get("a") is None
    assert EventName.TOSSED in [event.name for event in events]


def test_save_every_request_counts_pages_that_do_not_touch_the_session():
    client = Client()
    client.get("/count")
    before = time.time() - 2 * DAY
    Session.objects.update(seen=before)
    client.get("/untouched")
    assert Session.objects.get().seen == before
    with override_settings(SESSION_SAVE_EVERY_REQUEST=True):
        client.get("/untouched")
    assert Session.objects.get().seen > before + DAY


def test_a_view_that_says_nothing_is_modified_saves_nothing():
    store = kept(a=1)

    def view(request: HttpRequest) -> HttpResponse:
        request.session["a"] = 2
        request.session.modified = False
        return HttpResponse()

    through(view, sessionid=store.session_key)
    assert SessionStore(store.session_key)["a"] == 1


def test_saving_within_a_view_works_and_the_cookie_follows():
    def view(request: HttpRequest) -> HttpResponse:
        request.session["a"] = 1
        request.session.save()
        assert Session.objects.count() == 1
        request.session["b"] = 2
        return HttpResponse()

    response = through(view)
    store = SessionStore(response.cookies["sessionid"].value)
    assert store.load() == {"a": 1, "b": 2}


def test_a_session_that_code_puts_in_its_place_is_saved_as_django_would():
    def view(request: HttpRequest) -> HttpResponse:
        request.session = SessionStore()
        request.session["a"] = 1
        return HttpResponse()

    response = through(view)
    assert SessionStore(response.cookies["sessionid"].value).load() == {"a": 1}


def test_async_views_use_the_session_in_place_as_it_is_loaded_before_them():
    async def scenario() -> list[bytes]:
        client = AsyncClient()
        with override_settings(ROOT_URLCONF="tests.integrations.django.asgi"):
            await client.get("/set?key=a&value=1")
            return [(await client.get(f"/{path}")).content for path in ("flashes", "get?key=a")]

    assert run(scenario()) == [b"", b"'1'"]


def test_a_transaction_of_the_application_around_the_request_is_left_alone():
    with transaction.atomic():
        through(lambda request: HttpResponse(str(request.session.get("a"))))
        kept(a=1)
        transaction.set_rollback(True)
    assert not Session.objects.exists()
