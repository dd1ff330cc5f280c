"""Promise P1 with real servers: two worker processes, sixteen clients, one cookie, every store."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.services.valkey import free_port, until

CLIENTS, REQUESTS = 16, 50

SITE = """
from coatcheck.web import App, JsonResponse, request, session

app = App(__name__, settings={{
    "DEBUG": True,
    "SECRET_KEY": "a key for tests, of no use to anybody",
    "SESSION_STORE": {store!r},
}})


@app.route("/")
def visit_counter():
    count = session.get("visit_count", 0)
    count += 1
    session["visit_count"] = count
    return f"You have visited this page {{count}} times."


@app.post("/cart")
def add():
    session.setdefault("cart", [])
    session["cart"].append(request.form["item"])
    return "ok"


@app.route("/own/<name>", session="merge")
def own_key(name):
    session[name] = session.get(name, 0) + 1
    return "ok"


@app.route("/all")
def everything():
    return JsonResponse(dict(session))
"""


def where_postgresql(request: pytest.FixtureRequest, folder: Path) -> str:
    return str(request.getfixturevalue("postgresql_database"))


def where_mariadb(request: pytest.FixtureRequest, folder: Path) -> str:
    return str(request.getfixturevalue("mariadb_database"))


def where_valkey(request: pytest.FixtureRequest, folder: Path) -> str:
    return str(request.getfixturevalue("valkey_database"))


def where_sqlite(request: pytest.FixtureRequest, folder: Path) -> str:
    return f"sqlite:///{folder}/sessions.sqlite3"


def where_files(request: pytest.FixtureRequest, folder: Path) -> str:
    return f"file://{folder}/sessions"


@pytest.fixture(
    params=[where_sqlite, where_postgresql, where_mariadb, where_valkey, where_files],
    ids=["sqlite", "postgresql", "mariadb", "valkey", "file"],
)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a site in two worker processes, over each store."""
    where: Callable[[pytest.FixtureRequest, Path], str] = request.param
    tmp_path.joinpath("shop.py").write_text(SITE.format(store=where(request, tmp_path)))
    port = free_port()
    command = [str(Path(sys.executable).with_name("coatcheck")), "run", "shop.py"]
    with subprocess.Popen(
        [*command, "--port", str(port), "--workers", "2"], cwd=tmp_path, stderr=subprocess.DEVNULL
    ) as server:
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: _answers(url))
            yield url
        finally:
            server.terminate()
            server.wait(timeout=20)


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/nothing", timeout=5).status_code == 404
    except httpx2.TransportError:
        return False


def load(url: str, paths: Callable[[int, int], tuple[str, str]]) -> dict[str, object]:
    """Let every client send its requests at once with one cookie; what the session then holds."""

    async def scenario() -> dict[str, object]:
        limits = httpx2.Limits(max_connections=CLIENTS)
        async with httpx2.AsyncClient(base_url=url, timeout=60, limits=limits) as browser:
            await browser.get("/own/first")
            headers = {"Sec-Fetch-Site": "same-origin"}

            async def client(number: int) -> None:
                for turn in range(REQUESTS):
                    method, path = paths(number, turn)
                    data = {"item": f"{number}/{turn}"} if method == "POST" else None
                    answer = await browser.request(method, path, data=data, headers=headers)
                    assert answer.status_code == 200, answer.text

            await asyncio.gather(*[client(number) for number in range(CLIENTS)])
            held: dict[str, object] = (await browser.get("/all")).json()
            return held

    return asyncio.run(scenario())


def test_the_visit_counter_counts_every_visit(site: str) -> None:
    held = load(site, lambda client, turn: ("GET", "/"))
    assert held["visit_count"] == CLIENTS * REQUESTS


def test_the_cart_keeps_every_item_that_was_posted(site: str) -> None:
    held = load(site, lambda client, turn: ("POST", "/cart"))
    cart = held["cart"]
    assert isinstance(cart, list)
    assert sorted(cart) == sorted(f"{c}/{t}" for c in range(CLIENTS) for t in range(REQUESTS))


def test_merging_loses_no_key_of_another_request(site: str) -> None:
    held = load(site, lambda client, turn: ("GET", f"/own/key-{client}-{turn}"))
    assert len(held) == CLIENTS * REQUESTS + 1
    assert set(held.values()) == {1}
