"""Nobody is logged out by the change of engine, whatever engine there was."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session as DjangosSession
from django.core.cache import cache
from django.test import AsyncClient, Client, override_settings

from coatcheck.integrations.django import configuration
from coatcheck.integrations.django.engine import SessionStore
from coatcheck.integrations.django.models import Session
from coatcheck.wire.tokens import Token
from tests.integrations.django import site
from tests.integrations.django.asynchronous import run

ENGINES = tuple(
    f"django.contrib.sessions.backends.{name}"
    for name in ("db", "cached_db", "cache", "file", "signed_cookies")
)
# Without the mark of what an old cookie has become.
SESSIONS = Session.objects.exclude(id__startswith="moved:")


@pytest.fixture(params=ENGINES, ids=lambda engine: str(engine).rpartition(".")[2])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    cache.clear()
    with override_settings(SESSION_FILE_PATH=str(tmp_path), COATCHECK={"MOVE_FROM": request.param}):
        yield request.param


def kept_by(engine: str, client: Client, **values: Any) -> str:
    """The cookie of a visitor who logs in under *engine*."""
    user, _ = User.objects.get_or_create(username="ann")
    with override_settings(SESSION_ENGINE=engine, MIDDLEWARE=[site.DJANGOS, *site.INNER]):
        client.force_login(user)
        session = client.session
        session.update(values)
        session.save()
        client.cookies["sessionid"] = session.session_key
    return str(client.cookies["sessionid"].value)


@pytest.mark.parametrize("middleware", [site.DJANGOS, site.OURS], ids=["djangos", "ours"])
def test_a_visitor_stays_logged_in_and_keeps_what_he_had(engine: str, middleware: str):
    client = Client()
    old = kept_by(engine, client, basket=["hat"])
    with override_settings(MIDDLEWARE=[middleware, *site.INNER]):
        assert client.get("/who").content == b"ann"
        new = client.cookies["sessionid"].value
        assert new != old
        assert Token.parse(new)
        assert client.get("/get?key=basket").content == b"['hat']"
        assert client.cookies["sessionid"].value == new, "it moves in once"
    record = SESSIONS.get()
    assert record.user_id == str(User.objects.get().pk)


def test_requests_on_their_way_with_the_old_cookie_are_logged_in_too(engine: str):
    client, parallel = Client(), Client()
    parallel.cookies["sessionid"] = kept_by(engine, client)
    assert client.get("/who").content == b"ann"
    assert parallel.get("/who").content == b"ann"


def test_a_page_that_does_not_touch_the_session_moves_nothing(engine: str):
    client = Client()
    old = kept_by(engine, client)
    assert client.get("/untouched").content == b"untouched"
    assert client.cookies["sessionid"].value == old
    assert not Session.objects.exists()


def test_an_expired_session_is_not_taken_over(engine: str):
    if engine.endswith("signed_cookies"):
        pytest.skip("Django's signed cookies know no time of their own (ticket 19201)")
    client = Client()
    kept_by(engine, client)
    with override_settings(SESSION_ENGINE=engine):
        session = import_module(engine).SessionStore(client.cookies["sessionid"].value)
        session.set_expiry(-5)
        session.save()
    assert client.get("/who").content == b"nobody"


def test_junk_moves_nothing_in(engine: str):
    client = Client()
    for junk in ("x", "a" * 32, "a" * 3000, "a:b:c", "../../etc/passwd"):
        client.cookies["sessionid"] = junk
        assert client.get("/who").content == b"nobody"
    assert not Session.objects.exists()


def test_the_old_session_is_gone_a_minute_after_it_was_taken_over():
    client, thief = Client(), Client()
    thief.cookies["sessionid"] = old = kept_by(configuration.DJANGOS_ENGINE, client)
    before = DjangosSession.objects.get(session_key=old).expire_date
    client.get("/who")
    left = DjangosSession.objects.get(session_key=old).expire_date
    assert left < before
    DjangosSession.objects.update(expire_date="2001-01-01T00:00Z")  # a minute later
    client.post("/logout")
    assert thief.get("/who").content == b"nobody"


def test_who_logs_out_with_the_first_request_is_logged_out():
    client, thief = Client(), Client()
    thief.cookies["sessionid"] = kept_by(configuration.DJANGOS_ENGINE, client)
    answer = client.post("/logout")
    assert answer.cookies["sessionid"]["max-age"] == 0
    assert thief.get("/who").content == b"nobody"
    assert not SESSIONS.exists()
    assert not DjangosSession.objects.exists()


def test_a_rotated_secret_key_logs_nobody_out():
    client = Client()
    with override_settings(SECRET_KEY="the key of last year"):
        kept_by(configuration.DJANGOS_ENGINE, client)
    with override_settings(SECRET_KEY_FALLBACKS=["the key of last year"]):
        assert client.get("/who").content == b"ann"
        assert client.get("/who").content == b"ann"


def test_a_session_with_a_time_of_its_own_keeps_it():
    client, parallel = Client(), Client()
    kept_by(configuration.DJANGOS_ENGINE, client, _session_expiry=300)
    parallel.cookies["sessionid"] = client.cookies["sessionid"].value
    for visitor in (client, parallel):
        visitor.get("/who")
        store = SessionStore(visitor.cookies["sessionid"].value)
        assert store.get_expiry_age() == 300
        assert set(store.load()) >= {"_auth_user_id", "_session_expiry"}
        assert "_coatcheck_retired" not in store.load()


def test_async_views_find_it_moved_in_as_well():
    client = Client()
    kept_by(configuration.DJANGOS_ENGINE, client)

    async def scenario() -> bytes:
        visitor = AsyncClient()
        visitor.cookies = client.cookies
        with override_settings(ROOT_URLCONF="tests.integrations.django.asgi"):
            await visitor.get("/count")
            content: bytes = (await visitor.get("/who")).content
            return content

    assert run(scenario()) == b"ann"
