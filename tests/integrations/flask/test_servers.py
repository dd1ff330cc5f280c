"""Flask under gunicorn, 2 workers with 8 threads each: nothing lost, none failing (P1, P3)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.integrations.wsgi.servers import CLIENTS, REQUESTS, Client, crowd, gunicorn
from tests.services.valkey import until

SITE = "tests.integrations.flask.crowd_site:app"


def test_merge_loses_no_key_of_sixteen_clients_with_one_cookie(tmp_path):
    store = f"sqlite:///{tmp_path}/sessions.sqlite3"
    with gunicorn(SITE, tmp_path, SITE_COATCHECK_STORE=store) as port, Client(port) as first:
        first.get("/count")
        statuses = crowd(port, first.cookies, lambda client, number: f"/set/k{client}-{number}")
        assert statuses == {200: CLIENTS * REQUESTS}
        assert len(first.get("/keys").split()) == CLIENTS * REQUESTS + 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_serializable_loses_no_increment_of_sixteen_clients_with_one_cookie(tmp_path, method):
    store = f"sqlite:///{tmp_path}/sessions.sqlite3"
    settings: dict[str, Any] = {
        "SITE_COATCHECK_STORE": store,
        "SITE_COATCHECK_ISOLATION": "serializable",
        "SITE_COATCHECK_WAIT": "50",
    }
    with gunicorn(SITE, tmp_path, **settings) as port, Client(port) as first:
        first.get("/count")
        statuses = crowd(port, first.cookies, lambda client, number: "/count", method)
        assert statuses == {200: CLIENTS * REQUESTS}
        assert first.get("/count") == str(CLIENTS * REQUESTS + 2)


def test_login_and_logout_beside_a_slow_request_stay_what_they_are(tmp_path):
    store = f"sqlite:///{tmp_path}/sessions.sqlite3"
    waiting, go = tmp_path / "waiting", tmp_path / "go"
    with (
        gunicorn(SITE, tmp_path, SITE_COATCHECK_STORE=store) as port,
        ThreadPoolExecutor() as pool,
        Client(port) as browser,
    ):
        browser.get("/set/basket")
        with Client(port, browser.cookies) as late:
            slow = pool.submit(late.get, "/slow")
            until(waiting.exists)
            browser.get("/login/7")
            go.touch()
            assert slow.result(30) == "slow"
        assert browser.get("/who") == "7"
        assert browser.get("/keys").split() == ["basket", "user_id"]

        waiting.unlink()
        go.unlink()
        before = dict(browser.cookies)
        with Client(port, before) as late:
            slow = pool.submit(late.get, "/slow")
            until(waiting.exists)
            browser.get("/logout")
            go.touch()
            assert slow.result(30) == "slow"
            assert late.cookies == before  # nothing was set
        assert browser.get("/who") == "nobody"
        with Client(port, before) as late:
            assert late.get("/who") == "nobody"
