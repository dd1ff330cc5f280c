"""Serve a site from this machine with uvicorn: in this process, in several, or reloading.

The socket is bound here and handed to whatever serves, so that an occupied port is told before
anything is loaded, and no moment is left in which another process could take it. What uvicorn says
of its own comings and goings is left out; the commands say it in their words.
"""

import errno
import os
import signal
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uvicorn import Config, Server
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.basereload import BaseReload

from coatcheck.core.errors import CoatcheckError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

CANNOT_START = STARTUP_FAILURE
"""The exit code by which a process says that starting it again would not help."""

# Folders that hold no code of the site, however many files.
_SKIPPED = {"__pycache__", "node_modules", "site-packages"}

_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"()": "uvicorn.logging.DefaultFormatter", "fmt": "%(levelprefix)s %(message)s"},
        "access": {
            "()": "uvicorn.logging.AccessFormatter",
            "fmt": '[%(asctime)s] "%(request_line)s" %(status_code)s',
            "datefmt": "%d/%b/%Y %H:%M:%S",
        },
    },
    "handlers": {
        "plain": {"class": "logging.StreamHandler", "formatter": "plain"},
        "access": {"class": "logging.StreamHandler", "formatter": "access"},
    },
    "loggers": {
        "uvicorn": {"handlers": ["plain"], "level": "WARNING", "propagate": False},
        "uvicorn.access": {"handlers": ["access"], "level": "INFO", "propagate": False},
    },
}


class AddressUnusable(CoatcheckError):
    """An address that cannot be listened on. ``port_in_use`` says whether somebody else does."""

    def __init__(self, message: str, *, port_in_use: bool = False) -> None:
        self.port_in_use = port_in_use
        super().__init__(message)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes any free one. Raises AddressUnusable."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise _unusable(host, port, error) from error
    listener.set_inheritable(True)
    return listener


def _unusable(host: str, port: int, error: OSError) -> AddressUnusable:
    if error.errno == errno.EADDRINUSE:
        return AddressUnusable(f"port {port} is in use", port_in_use=True)
    if error.errno == errno.EACCES:
        return AddressUnusable(
            f"port {port} may only be opened by an administrator: use one above 1023."
        )
    return AddressUnusable(
        f"{host} is no address of this machine ({error.strerror}). Use 127.0.0.1 for this machine "
        "alone, or 0.0.0.0 for the network."
    )


def free_port(host: str, after: int) -> int | None:
    """The next port above *after* that can be listened on now, or None if the next 20 cannot."""
    for port in range(after + 1, min(after + 20, 65535)):
        try:
            listen(host, port).close()
        except AddressUnusable:
            continue
        return port
    return None


def url_of(host: str, port: int) -> str:
    """The address to open in a browser."""
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def serve(app: "ASGIApp", listener: socket.socket) -> bool:
    """Serve *app* from this process until it is told to stop; False if it could not start."""
    server = Server(_config(app))
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass  # uvicorn has shut down in good order, and raises the signal again
    return server.started


def serve_with_workers(factory: str, listener: socket.socket, workers: int) -> bool:
    """Serve what *factory* ("module:function") makes, from *workers* processes, until stopped.

    A worker that dies is replaced. One that cannot start ends all, and False is the answer.
    """
    supervisor = _Workers(_config(factory, workers=workers), sockets=[listener])
    supervisor.run()
    return CANNOT_START not in [process.exitcode for process in supervisor.processes]


def serve_with_reload(factory: str, listener: socket.socket, folder: Path) -> bool:
    """Serve what *factory* makes from a process that starts anew when a file in *folder* changes.

    Ends when it is told to stop; or if the very first start fails, and False is the answer. Later
    failures wait for the next change: somebody is editing.
    """
    config = _config(factory)
    reloader = _Reloader(config, target=Server(config).run, sockets=[listener])
    reloader.config.reload_dirs = [folder]
    reloader.run()
    return not reloader.failed


class _Workers(Multiprocess):
    """Ends when its terminal is closed, unless it was started to outlive it (``nohup``).

    At that signal uvicorn's own starts all workers anew, and would hold the port for ever.
    """

    def __init__(self, config: Config, sockets: list[socket.socket]) -> None:
        hangup: int = getattr(signal, "SIGHUP", 0)  # Windows has none
        outlives = bool(hangup) and signal.getsignal(hangup) is signal.SIG_IGN
        super().__init__(config, sockets)
        if outlives:
            signal.signal(hangup, signal.SIG_IGN)

    def handle_hup(self) -> None:
        self.should_exit.set()


class _Reloader(BaseReload):
    """Looks at the times of all files, four times a second.

    Unlike uvicorn's own it compares with what was there when the running process began, so a file
    that is saved a second time while that process starts is not missed.
    """

    failed = False
    _restarted = False
    _times: Mapping[Path, float]

    def startup(self) -> None:
        self.reloader_name = "StatReloader"
        self._times = self._look()
        super().startup()

    def should_restart(self) -> list[Path] | None:
        self.pause()
        if self.process.exitcode and not self._restarted:
            self.failed = True
            raise StopIteration
        before, self._times = self._times, self._look()
        changed = before.items() ^ self._times.items()
        return sorted({file for file, _ in changed}) or None

    def restart(self) -> None:
        self._restarted = True
        super().restart()

    def _look(self) -> dict[Path, float]:
        times = {}
        for file in self._files():
            try:
                times[file] = file.stat().st_mtime
            except FileNotFoundError:
                pass  # editors save by replacing the file
        return times

    def _files(self) -> Iterator[Path]:
        for top in self.config.reload_dirs:
            for folder, inner, files in os.walk(top):
                # A virtual environment in the project would cost thousands of looks a second.
                inner[:] = [name for name in inner if not _is_foreign(Path(folder, name))]
                yield from (Path(folder, name) for name in files if name.endswith(".py"))


def _is_foreign(folder: Path) -> bool:
    hidden = folder.name.startswith(".") or folder.name in _SKIPPED
    return hidden or (folder / "pyvenv.cfg").exists()


def _config(app: "ASGIApp | str", workers: int = 1) -> Config:
    return Config(
        app,
        factory=isinstance(app, str),
        workers=workers,
        interface="asgi3",
        ws="none",
        log_config=_LOGGING,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
