"""Notes 001: a project with views.py and urls.py, its session methods, and ``runserver``."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import httpx2
import pytest
from starlette.testclient import TestClient

from coatcheck.web import App
from tests.seeds.servers import answering, project, stopped
from tests.seeds.snippets import SETTINGS, Notes


@pytest.fixture
def site(notes: Notes, tmp_path: Path, module: Callable[..., ModuleType]) -> Iterator[TestClient]:
    tmp_path.joinpath("myapp").mkdir()
    tmp_path.joinpath("myapp", "__init__.py").touch()
    tmp_path.joinpath("myapp", "views.py").write_text(notes.python(1, 1))
    urls = module(notes.python(1, 2, 3), name="urls_under_test")
    settings = {
        "DEBUG": True,
        "SECRET_KEY": "k" * 50,
        "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
        "SESSION_STORE": "memory://",
        "INSTALLED_APPS": ["coatcheck.web.auth", "coatcheck.web.admin", "myapp"],
    }
    app = App(__name__, urlpatterns=urls.urlpatterns, settings=settings)
    yield TestClient(app, follow_redirects=False, raise_server_exceptions=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "myapp"]:
        del sys.modules[name]


def test_set_then_get_redirects_as_django_does(site: TestClient, notes: Notes) -> None:
    first = site.get("/setsession/")
    assert first.status_code == 302
    spelled = notes.block(1, 1).split('HttpResponseRedirect("')[1].split('"')[0]
    assert first.headers["location"] == spelled.replace(" ", "%20")
    second = site.get("/getsession/")
    assert second.status_code == 302
    name, _, email = second.headers["location"].partition("%20")
    assert f"'{name}'" in notes.block(1, 1)
    assert f"'{email}'" in notes.block(1, 1)


def test_get_before_set_explains_the_missing_key(site: TestClient) -> None:
    answer = site.get("/getsession/")
    assert answer.status_code == 500
    assert "sname" in answer.text
    assert ".get(" in answer.text


def test_a_missing_slash_leads_to_the_page(site: TestClient) -> None:
    answer = site.get("/setsession")
    assert (answer.status_code, answer.headers["location"]) == (301, "/setsession/")


def test_admin_is_mounted_and_protected(site: TestClient) -> None:
    answer = site.get("/admin/")
    assert answer.status_code in (302, 303)
    assert "login" in answer.headers["location"]


def test_the_methods_that_the_notes_list_are_there(notes: Notes) -> None:
    from coatcheck import Session

    for name in ("__getitem__", "__setitem__", "__delitem__", "__contains__", "get"):
        assert f"<code>{name}(key" in notes.text(1)
        assert callable(getattr(Session, name))


def test_the_settings_that_the_notes_name_have_equivalents(notes: Notes, tmp_path: Path) -> None:
    for name in SETTINGS:
        assert f"**{name}**" in notes.text(1)
    settings = {
        "SECRET_KEY": "k" * 50,
        "SESSION_STORE": "memory://",
        "MIDDLEWARE": [SETTINGS["django.contrib.sessions.middleware.SessionMiddleware"]],
        "INSTALLED_APPS": [SETTINGS["django.contrib.sessions"]],
        "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
    }
    assert TestClient(App(__name__, settings=settings)).get("/nothing").status_code == 404


def test_runserver_serves_the_project_at_the_address_of_the_notes(
    notes: Notes, tmp_path: Path
) -> None:
    (command,) = notes.commands(1, 4)
    (address,) = notes.commands(1, 5)
    folder = project(tmp_path)
    folder.joinpath("myapp").mkdir()
    folder.joinpath("myapp", "__init__.py").touch()
    folder.joinpath("myapp", "views.py").write_text(notes.python(1, 1))
    next(folder.glob("*/urls.py")).write_text(notes.python(1, 2, 3))
    for words in notes.commands(0, 2):
        subprocess.run([sys.executable, *words[1:]], cwd=folder, check=True, timeout=60)
    url = address[0]
    extra: list[str] = []
    if not _free(8000):  # the notes' port is taken on this machine: use another one
        url = url.replace(":8000", ":8123")
        extra = ["127.0.0.1:8123"]
    server = subprocess.Popen([sys.executable, *command[1:], *extra], cwd=folder)
    try:
        answering(url)
        answer = httpx2.get(url, follow_redirects=True, timeout=10)
        assert [step.status_code for step in answer.history] == [301, 302]
    finally:
        stopped(server)


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
