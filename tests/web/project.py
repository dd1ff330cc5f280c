"""A project in a folder of its own, used as a person would: by its commands, in other processes."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from textwrap import dedent

import httpx2

COATCHECK = [str(Path(sys.executable).with_name("coatcheck"))]
PATIENCE = 60
"""Seconds after which something that was to happen has failed to."""

_MANAGE_ALL = """
import contextlib, io, json, os, runpy, sys
commands = json.loads(sys.argv[1])
sys.path.insert(0, "")
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    sys.argv = ["manage.py", "help"]
    runpy.run_path("manage.py", run_name="__main__")
from coatcheck.cli.manage import manage
printed = []
for command in commands:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        manage(command, standalone_mode=False)
    printed.append(out.getvalue().splitlines())
print(json.dumps(printed))
"""


def environment(**more: str) -> dict[str, str]:
    """This process's, without what would change what a site does; with what saves time."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("COATCHECK")}
    clean.pop("PYTHONDONTWRITEBYTECODE", None)  # dozens of processes would compile us anew
    return {**clean, "PYTHONUNBUFFERED": "1", **more}


@dataclass
class Folder:
    """A folder to run commands in."""

    path: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def write(self, file: str, text: str) -> None:
        target = self.path / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(dedent(text).lstrip("\n"))

    def run(self, *command: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.path,
            env=environment(**self.environment, **more),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def coatcheck(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return self.run(*COATCHECK, *arguments, **more)

    def manage(
        self, *arguments: str, stdin: str = "", **more: str
    ) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "manage.py", *arguments, stdin=stdin, **more)

    def manage_all(self, *commands: Sequence[str]) -> list[list[str]]:
        """The lines that several commands of manage.py print, in one process to save time."""
        run = self.run(sys.executable, "-c", _MANAGE_ALL, json.dumps(commands))
        assert run.returncode == 0, run.stderr
        printed: list[list[str]] = json.loads(run.stdout)
        return printed

    def start(self, *command: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.path,
            env=environment(**self.environment, **more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    @contextmanager
    def serving(self, *command: str, **more: str) -> "Iterator[Server]":
        """A server started by *command*, at a port that it says itself; stopped at the end."""
        process = self.start(*command, **more)
        server = Server(process)
        try:
            yield server
        finally:
            server.stop()


class Server:
    """A server process and what it printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._queue: Queue[str | None] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as out:
            for line in out:
                self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first line from here on that has *pattern*; fails if the process ends before."""
        while True:
            try:
                line = self._queue.get(timeout=PATIENCE)
            except Empty:
                raise AssertionError(f"{pattern!r} was not printed: {self.lines}") from None
            if line is None:
                raise AssertionError(f"ended before {pattern!r}: {self.lines}")
            self.lines.append(line)
            if found := re.search(pattern, line):
                return found

    def url(self) -> str:
        return self.wait_for(r"http://\S+:\d+/")[0]

    def get(self, url: str, **options: object) -> httpx2.Response:
        return httpx2.get(url, timeout=PATIENCE, **options)  # type: ignore[arg-type]

    def is_alone(self) -> bool:
        """Whether nothing is left of the process nor of any that it started.

        They all print to one pipe, which ends when the last of them has ended.
        """
        self._reader.join(PATIENCE)
        return not self._reader.is_alive()

    def stop(self, *, only_parent: bool = False) -> int:
        """Interrupt it as Ctrl-C does, which reaches all its processes; its exit code."""
        if self.process.poll() is None:
            send = os.kill if only_parent else os.killpg
            send(self.process.pid, signal.SIGINT)
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise
        self._reader.join(PATIENCE)
        while not self._queue.empty():
            if (line := self._queue.get()) is not None:
                self.lines.append(line)
        return code
