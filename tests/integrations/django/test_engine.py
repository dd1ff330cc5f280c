"""The engine under Django's own middleware: one line of settings, and what it is worth."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import UpdateError
from django.core.management import call_command
from django.db import connection
from django.test import AsyncClient, Client, override_settings
from django.test.utils import CaptureQueriesContext

from coatcheck.integrations.django.engine import SessionStore
from coatcheck.integrations.django.models import Session
from tests.integrations.django import site
from tests.integrations.django.asynchronous import run

STOCK = override_settings(MIDDLEWARE=[site.DJANGOS, *site.INNER])


@pytest.fixture(autouse=True)
def djangos_middleware() -> Iterator[None]:
    with STOCK:
        yield


def statements(client: Client, path: str) -> list[str]:
    """What one request asks the database about sessions."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return [query["sql"].split()[0] for query in captured if "coatcheck" in query["sql"]]


def test_a_page_that_does_not_touch_the_session_asks_nothing():
    client = Client()
    client.get("/count")
    assert statements(client, "/untouched") == []


def test_a_page_that_reads_asks_once_and_one_that_writes_twice():
    client = Client()
    assert statements(client, "/count") == ["INSERT"]
    assert statements(client, "/get?key=count") == ["SELECT"]
    assert statements(client, "/count") == ["SELECT", "UPDATE"]


def test_changes_inside_values_are_saved_and_types_come_back():
    client = Client()
    client.get("/values")
    client.get("/nested?value=hat")
    client.get("/nested?value=coat")
    session = client.session
    assert session["cart"] == {"items": ["hat", "coat"]}
    assert session["price"] == Decimal("12.50")
    assert session["when"] == datetime(2026, 11, 21, 12, 30, 0, 123456, tzinfo=UTC)


def test_the_database_holds_no_cookie_that_would_work():
    client = Client()
    client.get("/count")
    cookie = client.cookies["sessionid"].value
    (row,) = Session.objects.values_list()
    assert cookie not in repr(row)
    assert cookie.partition(".")[2] not in repr(row)
    thief = Client()
    thief.cookies["sessionid"] = f"{row[0]}.{'A' * 43}"
    assert thief.get("/get?key=count").content == b"None"


def test_a_session_that_has_an_id_only_opens_nothing():
    store = SessionStore()
    store["a"] = 1
    store.save()
    id = store.session_key.partition(".")[0]
    assert store.exists(id)
    assert SessionStore(id).get("a") is None


def test_two_sessions_opened_at_once_lose_no_key_of_each_other():
    first = SessionStore()
    first.save()
    second = SessionStore(first.session_key)
    assert second.get("x") is None
    first["a"] = 1
    second["b"] = 2
    first.save()
    second.save()
    assert SessionStore(first.session_key).load() == {"a": 1, "b": 2}


def test_a_slow_request_with_the_cookie_from_before_a_login_leaves_the_newer_one_alone():
    client, slow = Client(), Client()
    client.get("/set?key=basket&value=full")
    slow.cookies["sessionid"] = client.cookies["sessionid"].value
    client.post("/login?user=ann")
    for path in ("/who", "/set?key=late&value=1", "/get?key=late"):
        answer = slow.get(path)
        assert answer.status_code == 200
        assert "sessionid" not in answer.cookies
    assert client.get("/who").content == b"ann"
    assert client.get("/get?key=basket").content == b"'full'"


def test_a_dead_cookie_is_not_deleted_by_a_request_that_nobody_ended():
    client = Client()
    client.get("/count")
    Session.objects.all().delete()
    assert "sessionid" not in client.get("/get?key=count").cookies


def test_a_logout_deletes_the_cookie_and_the_record():
    client = Client()
    client.post("/login?user=ann")
    answer = client.post("/logout")
    assert answer.cookies["sessionid"]["max-age"] == 0
    assert not Session.objects.exists()


def test_saving_a_session_that_ended_meanwhile_does_not_revive_it():
    store = SessionStore()
    store["a"] = 1
    store.save()
    SessionStore().delete(store.session_key)
    store["a"] = 2
    with pytest.raises(UpdateError):
        store.save()
    assert not Session.objects.exists()


def test_changes_are_given_up_by_saying_that_nothing_is_modified():
    client = Client()
    client.get("/count")
    store = client.session
    store["count"] = 5
    store.modified = False
    assert not store.modified
    store["other"] = 1
    assert store.modified


def test_the_record_is_bound_to_the_user_who_logs_in():
    client = Client()
    client.get("/count")
    client.force_login(User.objects.create(username="ann"))
    (record,) = Session.objects.all()
    assert record.user_id == str(User.objects.get().pk)
    assert client.get("/who").content == b"ann"


def test_a_login_as_somebody_else_leaves_nothing_of_the_first_user():
    client = Client()
    client.post("/login?user=ann")
    client.get("/set?key=secret&value=1")
    client.post("/login?user=bob")
    assert client.get("/who").content == b"bob"
    assert client.get("/get?key=secret").content == b"None"
    assert Session.objects.count() == 1


def test_a_changed_password_ends_the_other_sessions():
    ann = User.objects.create_user("ann", password="before")
    here, there = Client(), Client()
    for client in (here, there):
        assert client.login(username="ann", password="before")
    ann.set_password("after")
    ann.save()
    assert there.get("/who").content == b"nobody"


def test_clearsessions_removes_what_has_expired_and_no_more():
    for seconds in (3600, -3600):
        store = SessionStore()
        store.set_expiry(seconds)
        store.save()
    call_command("clearsessions")
    assert Session.objects.count() == 1


def test_operations_of_coatcheck_never_conflict():
    first = SessionStore()
    first.save()
    second = SessionStore(first.session_key)
    for store in (first, second):
        store.increment("count")
        store.append("list", "item")
        store.add("set", "item")
    first.save()
    second.save()
    held = SessionStore(first.session_key).load()
    assert held == {"count": 2, "list": ["item", "item"], "set": {"item"}}


def test_async_methods_hop_to_a_thread_once():
    async def scenario() -> Any:
        store = SessionStore()
        await store.aset("a", [1])
        await store.asave()
        again = SessionStore(store.session_key)
        (await again.aget("a")).append(2)
        await again.asave()
        return await SessionStore(store.session_key).aload()

    assert run(scenario()) == {"a": [1, 2]}


def test_async_views_touch_a_loaded_session_under_djangos_middleware():
    async def scenario() -> bytes:
        client = AsyncClient()
        with override_settings(ROOT_URLCONF="tests.integrations.django.asgi"):
            await client.get("/count")
            content: bytes = (await client.get("/count")).content
            return content

    assert run(scenario()) == b"2"
