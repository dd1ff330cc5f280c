"""Promise P1 under Django's usual servers: two processes, sixteen clients, one cookie."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.services.valkey import free_port, until

CLIENTS, REQUESTS = 16, 50
ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent

SERVERS: dict[str, tuple[list[str], str]] = {
    "gunicorn": (
        [
            "gunicorn",
            "tests.integrations.django.wsgi",
            "-k",
            "gthread",
            "-w",
            "2",
            "--threads",
            "8",
        ],
        "tests.integrations.django.routes",
    ),
    "uvicorn": (
        ["uvicorn", "tests.integrations.django.asgi:application", "--workers", "2"],
        "tests.integrations.django.asgi",
    ),
}


@contextmanager
def served(server: str, isolation: str, folder: Path) -> Iterator[str]:
    """The address of the project under *server*."""
    command, routes = SERVERS[server]
    port = free_port()
    at = ["-b", f"127.0.0.1:{port}"] if server == "gunicorn" else ["--port", str(port)]
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SITE_DATABASE": str(folder / "site.sqlite3"),
        "SITE_ISOLATION": isolation,
        "SITE_ROUTES": routes,
    }
    made = [sys.executable, "-c", "import tests.integrations.django.site"]
    subprocess.run(made, cwd=ROOT, env=env, check=True)
    program = [str(BIN / command[0]), *command[1:], *at]
    with subprocess.Popen(
        program, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: answers(url))
            yield url
        finally:
            running.terminate()
            running.wait(timeout=20)


def answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/untouched", timeout=5).status_code == 200
    except httpx2.TransportError:
        return False


def load(url: str, path: Callable[[int, int], str], asked: str, method: str = "GET") -> str:
    """Let every client send its requests at once with one cookie; what *asked* then says."""

    async def scenario() -> str:
        limits = httpx2.Limits(max_connections=CLIENTS)
        async with httpx2.AsyncClient(base_url=url, timeout=60, limits=limits) as browser:
            await browser.get("/set?key=first&value=1")

            async def client(number: int) -> None:
                for turn in range(REQUESTS):
                    answer = await browser.request(method, path(number, turn))
                    assert answer.status_code == 200, answer.text

            await asyncio.gather(*[client(number) for number in range(CLIENTS)])
            return (await browser.get(asked)).text

    return asyncio.run(scenario())


@pytest.mark.parametrize("server", SERVERS)
def test_merging_loses_no_key_of_another_request(server: str, tmp_path: Path) -> None:
    with served(server, "merge", tmp_path) as url:
        held = load(url, lambda client, turn: f"/set?key=k-{client}-{turn}&value=1", "/keys")
    assert held == str(CLIENTS * REQUESTS + 1)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_requests_that_take_turns_lose_no_increment(
    server: str, method: str, tmp_path: Path
) -> None:
    with served(server, "serializable", tmp_path) as url:
        counted = load(url, lambda client, turn: "/count", "/get?key=count", method)
    assert counted == str(CLIENTS * REQUESTS)
