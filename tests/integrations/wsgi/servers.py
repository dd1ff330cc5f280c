"""gunicorn as people deploy it, and a crowd of clients that share one cookie."""

import http.client
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.services.valkey import free_port

ROOT = Path(__file__).parents[3]

CLIENTS, REQUESTS = 16, 50


@contextmanager
def gunicorn(
    target: str, folder: Path, *, workers: int = 2, threads: int = 8, **variables: str
) -> Iterator[int]:
    """The port of a gunicorn that serves *target* from *folder*, with these *variables* set."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", target]
    command += ["--workers", str(workers), "--threads", str(threads), "--worker-class", "gthread"]
    command += ["--keep-alive", "60", "--no-control-socket", "--worker-tmp-dir", str(folder)]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    log = folder / "gunicorn.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", **variables},
            stdout=output,
            stderr=output,
        ) as server,
    ):
        try:
            _wait_until_it_answers(server, port, log)
            yield port
        finally:
            server.terminate()
            server.wait(20)


def _wait_until_it_answers(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + 30
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with Client(port) as probe:
                probe.get("/untouched")
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"gunicorn did not start; its log says:\n{log.read_text()}")


class Client:
    """One browser over one connection, which keeps its cookies."""

    def __init__(self, port: int, cookies: dict[str, str] | None = None) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.cookies = dict(cookies or {})
        self.status = 0

    def get(self, path: str) -> str:
        return self.send("GET", path)

    def send(self, method: str, path: str, body: str | None = None) -> str:
        headers = {}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        self.status = answer.status
        for line in answer.headers.get_all("Set-Cookie") or ():
            pair, *attributes = line.split(";")
            name, _, value = pair.partition("=")
            gone = any(part.strip().lower() == "max-age=0" for part in attributes)
            if gone:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return text

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def crowd(
    port: int,
    cookies: dict[str, str],
    path: Callable[[int, int], str],
    method: str = "GET",
    requests: int = REQUESTS,
) -> Counter[int]:
    """Let 16 clients send *requests* each, all with *cookies*; how often which status came."""

    def one(client: int) -> Counter[int]:
        statuses: Counter[int] = Counter()
        with Client(port, cookies) as browser:
            for number in range(requests):
                browser.send(method, path(client, number))
                statuses[browser.status] += 1
        return statuses

    with ThreadPoolExecutor(CLIENTS) as threads:
        return sum(threads.map(one, range(CLIENTS)), Counter())
