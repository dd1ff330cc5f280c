"""The small sites of ASGI hosts count, and the FastAPI login moves with two lines."""

import difflib
import runpy
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

EXAMPLES = Path(__file__).parents[2] / "examples"
COUNTERS = ["asgi_counter", "litestar_counter", "quart_counter", "starlette_counter"]


def app_of(path: str) -> Any:
    return runpy.run_path(str(EXAMPLES / path))["app"]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", COUNTERS)
@pytest.mark.parametrize("url", ["http://localhost", "https://localhost"])
def test_the_counter_counts_each_visitor(name: str, url: str) -> None:
    app = app_of(f"{name}.py")
    browser = TestClient(app, base_url=url)
    said = [browser.get("/").text for _ in range(3)]
    assert said == [f"You have visited this page {count} times." for count in (1, 2, 3)]
    assert TestClient(app, base_url=url).get("/").text.endswith(" 1 times.")


# -- moving a FastAPI login ----------------------------------------------------------------------


def lines_of(path: str) -> list[str]:
    _, _, code = (EXAMPLES / path).read_text(encoding="utf-8").split('"""', 2)
    return code.splitlines()


def test_two_lines_are_different_in_the_site_that_has_moved() -> None:
    before, after = lines_of("fastapi_login/before.py"), lines_of("fastapi_login/main.py")
    changed = [line for line in difflib.ndiff(before, after) if line[2:].strip()]
    assert len([line for line in changed if line.startswith("- ")]) == 2
    assert len([line for line in changed if line.startswith("+ ")]) == 2


@pytest.mark.parametrize("url", ["http://localhost", "https://localhost"])
def test_who_was_logged_in_before_stays_logged_in_and_can_log_out(url: str) -> None:
    before = TestClient(app_of("fastapi_login/before.py"), base_url=url)
    before.post("/login", data={"name": "ann", "password": "open sesame"})
    assert "visit no. 2." in before.get("/").text
    moved = app_of("fastapi_login/main.py")
    browser = TestClient(moved, base_url=url, cookies=before.cookies)
    assert "Hello, ann. This is your visit no. 3." in browser.get("/").text
    assert "visit no. 4." in browser.get("/").text
    cookies = dict(browser.cookies)
    assert "not logged in" in browser.post("/logout").text
    assert not browser.cookies
    late = TestClient(moved, base_url=url, cookies=cookies)
    assert "not logged in" in late.get("/").text


def test_a_login_after_the_move_is_kept_in_the_store_and_replaces_the_cookie() -> None:
    browser = TestClient(app_of("fastapi_login/main.py"))
    assert "not logged in" in browser.get("/").text
    assert browser.post("/login", data={"name": "ann", "password": "no"}).url.path == "/login"
    page = browser.post("/login", data={"name": "ann", "password": "open sesame"})
    assert "visit no. 1." in page.text
    assert len(browser.cookies["session"]) == 66
