"""The counters with Bottle, Falcon and no framework at all, served as they are."""

import shutil
from pathlib import Path

import pytest

from tests.integrations.wsgi.servers import Client, crowd, gunicorn

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("name", ["wsgi_counter", "bottle_counter", "falcon_counter"])
def test_every_visit_of_one_browser_counts_also_at_once(tmp_path, name):
    shutil.copy(EXAMPLES / f"{name}.py", tmp_path)
    with gunicorn(f"{name}:app", tmp_path) as port, Client(port) as browser:
        assert "1" in browser.get("/")
        assert "2" in browser.get("/")
        statuses = crowd(port, browser.cookies, lambda client, number: "/", requests=5)
        assert statuses == {200: 16 * 5}
        assert str(16 * 5 + 3) in browser.get("/")


@pytest.mark.parametrize(
    ("name", "method", "path"),
    [("bottle_counter", "POST", "/forget"), ("falcon_counter", "DELETE", "/")],
)
def test_a_visitor_can_be_forgotten(tmp_path, name, method, path):
    shutil.copy(EXAMPLES / f"{name}.py", tmp_path)
    with gunicorn(f"{name}:app", tmp_path, workers=1) as port, Client(port) as browser:
        browser.get("/")
        cookies = dict(browser.cookies)
        browser.send(method, path)
        assert browser.cookies == {}
        with Client(port, cookies) as thief:
            assert "1" in thief.get("/")
