"""The admin's pages, the commands and the system checks."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client, override_settings

from coatcheck.integrations.django import configuration, sessions
from coatcheck.integrations.django.checks import check_deployed, check_settings
from coatcheck.integrations.django.engine import SessionStore
from coatcheck.integrations.django.models import Session
from coatcheck.wire.tokens import handle
from tests.integrations.django import site

LIST = "/admin/coatcheck/session/"


def visitor(name: str, device: str = "Firefox", **attributes: Any) -> Client:
    User.objects.get_or_create(username=name, defaults=attributes)
    client = Client(headers={"user-agent": device})
    client.post(f"/login?user={name}")
    return client


@pytest.fixture
def staff() -> Client:
    return visitor("boss", "Konqueror", is_staff=True, is_superuser=True)


def handles(name: str) -> list[str]:
    return [handle(record.id) for record in sessions().of(User.objects.get(username=name))]


def test_the_list_says_who_is_here_and_on_what(staff: Client):
    visitor("ann", "Lynx/2.9")
    Client().get("/count")
    page = staff.get(LIST).content.decode()
    assert "Lynx/2.9" in page
    assert "127.0.0.1" in page
    assert ">ann</a>" in page
    assert page.count('alt="True"') == 1, "one of them is this session"
    assert handles("ann")[0] in page


def test_what_has_expired_and_what_is_no_session_is_not_in_the_list(staff: Client):
    visitor("ann", "Lynx/2.9")
    visitor("bob", "Mosaic/1.0")
    ann, bob = (User.objects.get(username=name).pk for name in ("ann", "bob"))
    Session.objects.filter(user_id=ann).update(expires=1.0)
    Session.objects.filter(user_id=bob).update(id="once:claim")
    page = staff.get(LIST).content.decode()
    assert "Lynx" not in page
    assert "Mosaic" not in page


def test_the_action_ends_the_sessions_that_are_selected(staff: Client):
    ann, bob = visitor("ann"), visitor("bob")
    chosen = Session.objects.get(user_id=User.objects.get(username="ann").pk).pk
    answer = staff.post(LIST, {"action": "end", "_selected_action": [chosen]}, follow=True)
    assert "1 session was ended." in answer.content.decode()
    assert ann.get("/who").content == b"nobody"
    assert bob.get("/who").content == b"bob"


def test_the_devices_of_a_user_are_listed_and_ended_one_by_one(staff: Client):
    there, here = visitor("ann", "Lynx/2.9"), visitor("ann", "Mosaic/1.0")
    address = f"{LIST}of/{User.objects.get(username='ann').pk}/"
    page = staff.get(address).content.decode()
    assert "Lynx/2.9" in page
    assert "Mosaic/1.0" in page
    assert "(this session)" not in page
    (lynx,) = (
        record
        for record in sessions().of(User.objects.get(username="ann"))
        if record.user_agent == "Lynx/2.9"
    )
    staff.post(address, {"session": handle(lynx.id)})
    assert there.get("/who").content == b"nobody"
    assert here.get("/who").content == b"ann"
    boss = staff.get(f"{LIST}of/{User.objects.get(username='boss').pk}/")
    assert "(this session)" in boss.content.decode()


def test_who_may_only_look_ends_nothing():
    looking = visitor("clerk", is_staff=True)
    ann = visitor("ann")
    clerk = User.objects.get(username="clerk")
    address = f"{LIST}of/{User.objects.get(username='ann').pk}/"
    assert looking.get(address).status_code == 403
    clerk.user_permissions.add(
        Permission.objects.get(codename="view_session", content_type__app_label="coatcheck")
    )
    page = looking.get(address)
    assert page.status_code == 200
    assert b">End</button>" not in page.content
    assert looking.post(address, {"session": handles("ann")}).status_code == 403
    looking.post(
        LIST,
        {"action": "end", "_selected_action": list(Session.objects.values_list("pk", flat=True))},
    )
    assert ann.get("/who").content == b"ann"


def test_nobody_writes_sessions_in_the_admin(staff: Client):
    assert staff.get(f"{LIST}add/").status_code == 403


def test_the_command_lists_and_revokes(capsys: pytest.CaptureFixture[str]):
    ann, other = visitor("ann", "Lynx/2.9"), visitor("ann", "Mosaic/1.0")
    call_command("coatcheck_sessions", "list", "ann")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    (lynx,) = (line for line in lines if line.endswith("127.0.0.1  Lynx/2.9"))
    call_command("coatcheck_sessions", "revoke", "ann", lynx.split()[0])
    assert capsys.readouterr().out == "Ended 1 session of ann.\n"
    assert ann.get("/who").content == b"nobody"
    call_command("coatcheck_sessions", "revoke", "ann")
    assert other.get("/who").content == b"nobody"
    call_command("coatcheck_sessions", "list", "ann")
    assert capsys.readouterr().out.endswith("ann has no session.\n")


def test_the_command_says_what_is_wrong(capsys: pytest.CaptureFixture[str]):
    visitor("ann")
    with pytest.raises(CommandError, match="There is no user 'eve'"):
        call_command("coatcheck_sessions", "list", "eve")
    with pytest.raises(CommandError, match="ann has no session 0123"):
        call_command("coatcheck_sessions", "revoke", "ann", "0123")


@pytest.mark.parametrize("words", [("list", "ann"), ("revoke", "ann"), ("sweep",)])
def test_the_command_says_that_the_store_is_away(words: tuple[str, ...]):
    visitor("ann")
    away = override_settings(COATCHECK={"STORE": "valkey://127.0.0.1:9/0"})
    with away, pytest.raises(CommandError, match="cannot be reached"):
        call_command("coatcheck_sessions", *words)


def test_the_command_sweeps(capsys: pytest.CaptureFixture[str]):
    store = SessionStore()
    store.set_expiry(-5)
    store.save()
    call_command("coatcheck_sessions", "sweep")
    assert capsys.readouterr().out == "Deleted 1 session that had expired.\n"


def ids(found: list[Any]) -> list[str]:
    return [message.id for message in found]


def test_settings_that_work_are_not_complained_of():
    assert check_settings() == []


WRONG = {
    "a misspelt key": (
        {"ISOLATON": "merge"},
        "'ISOLATON'] is no setting: do you mean 'ISOLATION'?",
    ),
    "an unknown key": ({"COLOUR": 1}, "there are STORE, ISOLATION"),
    "an isolation": ({"ISOLATION": "serialisable"}, "isolation='serialisable': use 'merge' or"),
    "a time": ({"LIFETIME": 60}, "idle_timeout .* is longer than lifetime"),
    "a store": ({"STORE": "mongodb://x"}, "no store is known for mongodb://"),
    "no store": ({"STORE": None}, 'STORE is a NoneType: it must be "django", the URL'),
    "an engine": ({"MOVE_FROM": "no.such"}, "'no.such', which is no session engine"),
    "no dict": ("serializable", "is a str: it must be a dict"),
}


@pytest.mark.parametrize("given", WRONG)
def test_settings_that_cannot_work_are_refused_at_start(given: str):
    value, words = WRONG[given]
    with override_settings(COATCHECK=value):
        (error,) = check_settings()
    assert error.id == "coatcheck.E001"
    assert error.is_serious()
    assert re.search(words, error.msg)


def test_an_engine_without_its_app_says_which_line_is_missing():
    others = [app for app in site.SETTINGS["INSTALLED_APPS"] if "coatcheck" not in app]
    with override_settings(INSTALLED_APPS=others):
        (error,) = check_settings()
    assert '"coatcheck.integrations.django" to INSTALLED_APPS' in error.msg


MIXTURES: dict[str, dict[str, Any]] = {
    "coatcheck.E002": {"SESSION_ENGINE": "django.contrib.sessions.backends.db"},
    "coatcheck.W001": {
        "SESSION_ENGINE": "django.contrib.sessions.backends.db",
        "MIDDLEWARE": [site.DJANGOS, *site.INNER],
    },
    "coatcheck.E003": {
        "COATCHECK": {"ISOLATION": "serializable"},
        "MIDDLEWARE": [site.DJANGOS, *site.INNER],
    },
    "coatcheck.E004": {"MIDDLEWARE": [site.DJANGOS, site.OURS, *site.INNER]},
}


@pytest.mark.parametrize("id", MIXTURES)
def test_settings_that_contradict_each_other_are_named(id: str):
    with override_settings(**MIXTURES[id]):
        assert ids(check_settings()) == [id]


def test_check_deploy_warns_of_what_a_public_site_should_not_have():
    assert ids(check_deployed()) == []
    with override_settings(MIDDLEWARE=[site.DJANGOS, *site.INNER]):
        assert ids(check_deployed()) == ["coatcheck.W002"]
    with override_settings(SESSION_COOKIE_SECURE=True):
        assert ids(check_deployed()) == ["coatcheck.W003"]
    with override_settings(COATCHECK={"STORE": "memory://"}):
        assert ids(check_deployed()) == ["coatcheck.W004"]


@pytest.fixture
def url_store(tmp_path: Any) -> Iterator[None]:
    with override_settings(COATCHECK={"STORE": f"sqlite:///{tmp_path}/sessions.sqlite3"}):
        yield
        configuration.current().sessions.close()


@pytest.mark.usefixtures("url_store")
def test_a_store_of_a_url_takes_the_place_of_djangos_connection():
    ann = visitor("ann")
    assert ann.get("/who").content == b"ann"
    assert not Session.objects.exists()
    assert len(handles("ann")) == 1
    call_command("coatcheck_sessions", "revoke", "ann")
    assert ann.get("/who").content == b"nobody"
