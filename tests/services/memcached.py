"""A real memcached, from the system's packages: started where a test asks for it, or skipped."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.services.valkey import free_port


@contextmanager
def running_memcached(
    *options: str, port: int | None = None, path: Path | None = None
) -> Iterator[str]:
    """The URL of a memcached of one's own. Skips the test where there is no such program."""
    program = shutil.which("memcached")
    if program is None:
        pytest.skip("no memcached: there is no such program on PATH")
    port = port or free_port()
    where = ["-s", str(path)] if path else ["-l", "127.0.0.1", "-p", str(port), "-U", "0"]
    if os.geteuid() == 0:
        where += ["-u", "root"]
    with subprocess.Popen([program, *where, *options]) as process:
        try:
            _wait_until_it_answers(process, str(path) if path else ("127.0.0.1", port))
            yield f"memcached://{path or f'127.0.0.1:{port}'}"
        finally:
            process.kill()


def _wait_until_it_answers(
    process: subprocess.Popen[bytes], address: str | tuple[str, int]
) -> None:
    deadline = time.monotonic() + 10
    kind = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket(kind) as connection:
            connection.settimeout(1)
            try:
                connection.connect(address)
                connection.sendall(b"stats\r\n")
                # The process id: the port may have gone to a stranger's server.
                if b"STAT pid %d\r" % process.pid in connection.recv(4096):
                    return
            except OSError:
                pass
        time.sleep(0.01)
    raise RuntimeError("memcached did not start")


@pytest.fixture(scope="session")
def memcached_url() -> Iterator[str]:
    """The URL of the server that the whole run shares: tests keep apart by prefixes."""
    with running_memcached() as url:
        yield url
