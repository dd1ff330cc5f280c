"""A real memcached, from the system's packages: started where a test asks for it, or skipped."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.services.valkey import free_port


@contextmanager
def running_memcached(*options: str, port: int | None = None) -> Iterator[str]:
    """The URL of a memcached of one's own. Skips the test where there is no such program."""
    program = shutil.which("memcached")
    if program is None:
        pytest.skip("no memcached: there is no such program on PATH")
    port = port or free_port()
    command = [program, "-l", "127.0.0.1", "-p", str(port), "-U", "0", *options]
    if os.geteuid() == 0:
        command += ["-u", "root"]
    with subprocess.Popen(command) as process:
        try:
            _wait_until_it_answers(process, port)
            yield f"memcached://127.0.0.1:{port}"
        finally:
            process.kill()


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as connection:
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
