"""A real MariaDB, from the system's packages: started where a test asks for it, or skipped.

It keeps its data in a folder of its own, and listens on a socket there and on a free port.
"""

import itertools
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from tests.services.valkey import free_port

if TYPE_CHECKING:
    from pymysql import Connection
    from pymysql.cursors import Cursor

_numbers = itertools.count(1)

USER, PASSWORD = "keeper", "p@ss: of/keeper?"
QUOTED = "p%40ss%3A%20of%2Fkeeper%3F"


class MariaDB:
    """A server over the data in *folder*, which can be stopped and started again."""

    def __init__(self, folder: Path, *options: str) -> None:
        program = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")
        install = shutil.which("mariadb-install-db")
        if program is None or install is None:
            pytest.skip("no MariaDB: there are no mariadbd and mariadb-install-db on PATH")
        self.socket = folder / "socket"
        self.port = free_port()
        self.log = folder / "log"
        # A starting server removes all temporary files of others, so it gets a folder of its own.
        (folder / "tmp").mkdir()
        data = [f"--datadir={folder / 'data'}", f"--tmpdir={folder / 'tmp'}"]
        data += ["--user=root"] if os.geteuid() == 0 else []
        self._command = [
            *(program, "--no-defaults", *data, f"--socket={self.socket}"),
            *(f"--port={self.port}", "--bind-address=127.0.0.1", "--skip-name-resolve"),
            f"--log-error={self.log}",
            # Nothing here has to survive a power cut.
            *("--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync"),
            *("--innodb-buffer-pool-size=32M", *options),
        ]
        made = subprocess.run(
            [install, "--no-defaults", *data, "--auth-root-authentication-method=normal"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if made.returncode != 0:
            raise RuntimeError(f"MariaDB cannot be set up: {made.stdout[-4000:]}")
        self.start()
        self.execute(
            "DELETE FROM mysql.global_priv WHERE user = ''",  # everybody, who would go first
            "FLUSH PRIVILEGES",
            f"CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}'",
        )

    def start(self) -> None:
        """Start the server, and come back when it answers."""
        self._process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while self._process.poll() is None and time.monotonic() < deadline:
            # Not by PyMySQL, which leaves the file of a failed call open.
            with socket.socket(socket.AF_UNIX) as call:
                if call.connect_ex(str(self.socket)) == 0:
                    return
            time.sleep(0.01)
        raise RuntimeError(f"MariaDB did not start: {self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        """Stop the server as an administrator does."""
        self._process.terminate()
        self._process.wait(timeout=30)

    def kill(self) -> None:
        """End the server without a word, as a crash does."""
        self._process.kill()
        self._process.wait(timeout=30)
        self.socket.unlink(missing_ok=True)

    def connect(self, database: str | None = None, **options: Any) -> "Connection[Cursor]":
        """A connection of the administrator's, each of whose statements commits itself."""
        import pymysql

        return pymysql.connect(
            unix_socket=str(self.socket),
            ssl_disabled=True,  # PyMySQL would read the system's certificates for each connection
            user="root",
            database=database,
            autocommit=True,
            **options,
        )

    def execute(self, *statements: str) -> None:
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def database(self, name: str) -> str:
        """The URL of a new database of the user ``keeper``, over TCP."""
        # Not utf8mb4: a store must not depend on how somebody made the database.
        self.execute(
            f"CREATE DATABASE {name} CHARACTER SET latin1", f"GRANT ALL ON {name}.* TO {USER}@'%'"
        )
        return f"mariadb://{USER}:{QUOTED}@127.0.0.1:{self.port}/{name}"


@contextmanager
def running_mariadb(*options: str) -> Iterator[MariaDB]:
    """A server of one's own. Skips the test where there is no such program."""
    # Not in tmp_path, which can be longer than the path of a socket may be.
    with TemporaryDirectory(prefix="coatcheck-mariadb-") as folder:
        server = MariaDB(Path(folder), *options)
        try:
            yield server
        finally:
            server.kill()


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDB]:
    """The server that the whole run shares."""
    with running_mariadb() as server:
        yield server


@pytest.fixture(scope="module")
def mariadb_database(mariadb_server: MariaDB) -> Iterator[str]:
    """The URL of an empty database that only this test module has."""
    name = f"module_{next(_numbers)}"
    yield mariadb_server.database(name)
    mariadb_server.execute(f"DROP DATABASE {name}")
