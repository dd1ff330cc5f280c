"""The tutorial, done as its reader does it: files saved, pages opened, forms sent."""

import re
import sys
from pathlib import Path

import pytest

from coatcheck.cli.target import load_app
from tests.web.sites import browser

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial" / "first-site.md"


@pytest.fixture
def client(tmp_path, monkeypatch):
    text = TUTORIAL.read_text(encoding="utf-8")
    (tmp_path / "templates").mkdir()
    for name, page in re.findall(r"`(templates/\w+\.html)`.*?```html\n(.*?)```", text, re.DOTALL):
        (tmp_path / name).write_text(page)
    program = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    (tmp_path / "shop_of_the_tutorial.py").write_text(program)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("COATCHECK_DEBUG", "1")
    with browser(load_app(str(tmp_path / "shop_of_the_tutorial.py"))) as client:
        yield client
    del sys.modules["shop_of_the_tutorial"]


def send(client, page, **fields):
    """Fill in the form on *page* and press its button; the page that follows."""
    form = client.get(page).text
    (action,) = re.findall(r'<form method="post" action="(.*?)"', form)
    (token,) = re.findall(r'name="csrfmiddlewaretoken" value="(.*?)"', form)
    assert set(re.findall(r'<input name="(\w+)"', form)) == set(fields)
    answer = client.post(action, data={"csrfmiddlewaretoken": token, **fields})
    assert answer.status_code == 303
    return client.get(answer.headers["location"]).text


def test_the_counter_counts(client):
    assert [client.get("/").text[-8:] for _ in range(2)] == ["1 times.", "2 times."]


def test_the_form_welcomes_once_and_remembers_the_name(client):
    assert "<p>Welcome, Ada.</p>" in send(client, "/name", username="Ada")
    again = client.get("/name").text
    assert "Welcome" not in again
    assert "<p>Ada</p>" in again


def test_the_cart_keeps_every_item(client):
    send(client, "/cart", item="tea")
    assert re.findall(r"<li>(.*?)</li>", send(client, "/cart", item="cup")) == ["tea", "cup"]
