"""Promise P1 and P3 under uvicorn: two worker processes, sixteen clients, one cookie.

Starlette and FastAPI, endpoints of both kinds, a store that blocks and one that is awaited.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest

from tests.services.valkey import free_port, until

CLIENTS, REQUESTS = 16, 50
SECONDS = 300

COMMON = """
import asyncio, time
from pathlib import Path
from coatcheck import SessionPolicy, Sessions
from coatcheck.stores import from_url

store = from_url({store!r}, {awaited!r})
sessions = Sessions(store, policy=SessionPolicy(wait=60))
options = dict(
    sessions=sessions,
    mode=lambda scope: "serializable" if scope["path"].startswith("/turns/") else None,
)

def counted(session):
    session["count"] = session.get("count", 0) + 1

def own(session, name):
    session[name] = session.get(name, 0) + 1

def begin(session, name):
    session.get("count")
    session[name] = 1
    Path(f"began-{{name}}").touch()

def waits():
    return not Path("go").exists()
"""

STARLETTE = """
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from coatcheck.integrations.starlette import SessionMiddleware

def sync_turns(request):
    counted(request.session)
    time.sleep(0.001)
    return JSONResponse(None)

async def async_turns(request):
    counted(request.session)
    await asyncio.sleep(0.001)
    return JSONResponse(None)

def sync_own(request):
    own(request.session, request.path_params["name"])
    return JSONResponse(None)

async def async_own(request):
    own(request.session, request.path_params["name"])
    return JSONResponse(None)

def sync_slow(request):
    begin(request.session, request.path_params["name"])
    while waits():
        time.sleep(0.01)
    return JSONResponse(None)

async def async_slow(request):
    begin(request.session, request.path_params["name"])
    while waits():
        await asyncio.sleep(0.01)
    return JSONResponse(None)

async def login(request):
    request.session.login("ann")
    return JSONResponse(None)

async def logout(request):
    request.session.logout()
    return JSONResponse(None)

async def held(request):
    return JSONResponse({"user": request.session.user, "held": request.session})

both = ["GET", "POST"]
app = Starlette(routes=[
    Route("/turns/sync", sync_turns, methods=both),
    Route("/turns/async", async_turns, methods=both),
    Route("/own/sync/{name}", sync_own),
    Route("/own/async/{name}", async_own),
    Route("/slow/{name}/sync", sync_slow),
    Route("/slow/{name}/async", async_slow),
    Route("/login", login, methods=both),
    Route("/logout", logout, methods=both),
    Route("/held", held),
])
app.add_middleware(SessionMiddleware, **options)
"""

FASTAPI = """
from fastapi import FastAPI
from coatcheck.integrations.fastapi import CurrentUser, SessionDep, SessionMiddleware

app = FastAPI()
app.add_middleware(SessionMiddleware, **options)

@app.api_route("/turns/sync", methods=["GET", "POST"])
def sync_turns(session: SessionDep):
    counted(session)
    time.sleep(0.001)

@app.api_route("/turns/async", methods=["GET", "POST"])
async def async_turns(session: SessionDep):
    counted(session)
    await asyncio.sleep(0.001)

@app.get("/own/sync/{name}")
def sync_own(name: str, session: SessionDep):
    own(session, name)

@app.get("/own/async/{name}")
async def async_own(name: str, session: SessionDep):
    own(session, name)

@app.get("/slow/{name}/sync")
def sync_slow(name: str, session: SessionDep):
    begin(session, name)
    while waits():
        time.sleep(0.01)

@app.get("/slow/{name}/async")
async def async_slow(name: str, session: SessionDep):
    begin(session, name)
    while waits():
        await asyncio.sleep(0.01)

@app.post("/login")
def login(session: SessionDep):
    session.login("ann")

@app.post("/logout")
def logout(session: SessionDep):
    session.logout()

@app.get("/held")
async def held(session: SessionDep, user: CurrentUser):
    return {"user": user, "held": dict(session)}
"""


class Site(NamedTuple):
    """Where it is, and where its views leave word of how far they are."""

    url: str
    folder: Path


@pytest.fixture(
    scope="module", params=["starlette-sqlite", "fastapi-sqlite", "starlette-valkey-awaited"]
)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A site in two worker processes."""
    folder: Path = tmp_path_factory.mktemp("site")
    awaited = request.param.endswith("awaited")
    store = f"sqlite:///{folder}/sessions.db"
    if awaited:
        store = request.getfixturevalue("valkey_database")
    else:
        from coatcheck.stores import from_url

        made = from_url(store)
        made.create_tables()  # type: ignore[attr-defined]
        made.close()
    host = STARLETTE if request.param.startswith("starlette") else FASTAPI
    folder.joinpath("site_here.py").write_text(COMMON.format(store=store, awaited=awaited) + host)
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "site_here:app", "--port", str(port)]
    with subprocess.Popen(
        [*command, "--workers", "2", "--log-level", "error"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
    ) as server:
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: _answers(url), seconds=120)
            yield Site(url, folder)
        finally:
            server.terminate()
            server.wait(timeout=20)


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/nothing", timeout=5).status_code == 404
    except httpx2.TransportError:
        return False


def browser_of(url: str) -> httpx2.AsyncClient:
    limits = httpx2.Limits(max_connections=CLIENTS + 1)
    return httpx2.AsyncClient(base_url=url, timeout=120, limits=limits)


async def held(browser: httpx2.AsyncClient) -> dict[str, object]:
    found: dict[str, object] = (await browser.get("/held")).json()["held"]
    return found


def crowd(url: str, method: str, path: str) -> dict[str, object]:
    """Every client sends its requests at once, turn about to either kind of endpoint."""

    async def scenario() -> dict[str, object]:
        async with browser_of(url) as browser:
            await browser.get("/own/async/first")

            async def client(number: int) -> None:
                for turn in range(REQUESTS):
                    kind = ("sync", "async")[(number + turn) % 2]
                    wanted = path.format(kind=kind, name=f"key-{number}-{turn}")
                    answer = await browser.request(method, wanted)
                    assert answer.status_code == 200, answer.text

            await asyncio.gather(*[client(number) for number in range(CLIENTS)])
            return await held(browser)

    return asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_merging_loses_no_key_of_another_request(site: Site) -> None:
    found = crowd(site.url, "GET", "/own/{kind}/{name}")
    assert len(found) == CLIENTS * REQUESTS + 1
    assert set(found.values()) == {1}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_taking_turns_counts_every_increment(site: Site, method: str) -> None:
    found = crowd(site.url, method, "/turns/{kind}")
    assert found["count"] == CLIENTS * REQUESTS


async def beside_slow_requests(
    site: Site, browser: httpx2.AsyncClient, path: str
) -> list[httpx2.Response]:
    """The answers of slow requests, whose views have all begun when *path* is sent and answered."""
    for left in (*site.folder.glob("began-*"), *site.folder.glob("go")):
        left.unlink()
    old = {"Cookie": f"session={browser.cookies['session']}"}
    slow = [
        asyncio.create_task(browser.get(f"/slow/{kind}-{number}/{kind}", headers=old))
        for number in range(CLIENTS // 2)
        for kind in ("sync", "async")
    ]
    await asyncio.to_thread(until, lambda: len(list(site.folder.glob("began-*"))) == CLIENTS)
    await browser.post(path, headers=old)
    site.folder.joinpath("go").touch()
    return await asyncio.gather(*slow)


def test_a_logout_beside_slow_requests_stays_a_logout(site: Site) -> None:
    async def scenario() -> None:
        async with browser_of(site.url) as browser:
            await browser.post("/login")
            old = {"Cookie": f"session={browser.cookies['session']}"}
            answers = await beside_slow_requests(site, browser, "/logout")
            assert {answer.status_code for answer in answers} == {200}
            assert [answer.headers.get("set-cookie") for answer in answers] == [None] * CLIENTS
            found = (await browser.get("/held", headers=old)).json()
            assert found == {"user": None, "held": {}}

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))


def test_a_login_beside_slow_requests_stays_a_login(site: Site) -> None:
    async def scenario() -> None:
        async with browser_of(site.url) as browser:
            await browser.get("/own/async/first")
            answers = await beside_slow_requests(site, browser, "/login")
            assert {answer.status_code for answer in answers} == {200}
            assert [answer.headers.get("set-cookie") for answer in answers] == [None] * CLIENTS
            found = (await browser.get("/held")).json()
            assert found["user"] == "ann"
            assert found["held"]["first"] == 1

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))
