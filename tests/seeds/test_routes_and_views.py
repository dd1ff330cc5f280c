"""Notes 003: a route that renders a template, and the session in a template."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from starlette.testclient import TestClient

from tests.seeds.servers import project
from tests.seeds.snippets import Notes

Module = Callable[..., ModuleType]


def test_the_route_renders_its_users(notes: Notes, module: Module) -> None:
    site = module(
        "from coatcheck.web import App, render_template\n"
        "app = App(__name__)\nusers = ['ann', 'bob']\n" + notes.python(3, 1),
        users="{% for user in users %}<li>{{ user }}</li>{% endfor %}",
    )
    assert TestClient(site.app).get("/users").text == "<li>ann</li><li>bob</li>"


@pytest.mark.parametrize("key", ["username", "items", "get", "keys", "pop"])
def test_a_template_finds_the_item_first(notes: Notes, module: Module, key: str) -> None:
    assert "`request.session['key']`" in notes.text(3)
    assert "`request.session.username`" in notes.text(3)
    site = module(
        "from coatcheck.web import App, path, render\n"
        "def page(request):\n    return render(request, 'page.html')\n"
        f"def put(request):\n    request.session[{key!r}] = 'ann'\n    return 'ok'\n"
        "app = App(__name__, urlpatterns=[path('', page), path('put/', put)])\n",
        page=f"[{{{{ request.session.{key} }}}}]",
    )
    browser = TestClient(site.app)
    browser.get("/put/")
    assert browser.get("/").text == "[ann]"


def test_a_template_shows_nothing_for_a_key_that_is_missing(module: Module) -> None:
    site = module(
        "from coatcheck.web import App, path, render\n"
        "def page(request):\n    return render(request, 'page.html')\n"
        "app = App(__name__, urlpatterns=[path('', page)])\n",
        page="[{{ request.session.username }}]",
    )
    assert TestClient(site.app).get("/").text == "[]"


@pytest.mark.parametrize(("file", "block"), [(0, 2), (3, 2)])
def test_the_commands_of_the_notes_bring_the_table(
    notes: Notes, tmp_path: Path, file: int, block: int
) -> None:
    folder = project(tmp_path)
    outputs = []
    for words in [*notes.commands(file, block), ["python", "manage.py", "migrate"]]:
        assert words[0] == "python"
        done = subprocess.run(
            [sys.executable, *words[1:]], cwd=folder, timeout=60, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout.rstrip().splitlines())
    _, first, second = outputs
    assert f"`{first[-1].strip()}`" in notes.text(0)
    assert second[-1].strip() == "No migrations to apply."
