"""Start what a newcomer starts: a project, its server."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2


def project(folder: Path, name: str = "mysite") -> Path:
    """A project fresh from ``coatcheck startproject``."""
    command = [str(Path(sys.executable).with_name("coatcheck")), "startproject", name]
    subprocess.run(command, cwd=folder, check=True, timeout=60, capture_output=True)
    return folder / name


def answering(url: str, seconds: float = 20) -> None:
    """Return as soon as something answers at *url*."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            httpx2.get(url, timeout=5)
        except httpx2.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def stopped(server: "subprocess.Popen[bytes]") -> None:
    """Stop a server as a person does, with Ctrl-C."""
    server.send_signal(signal.SIGINT)
    try:
        server.wait(timeout=15)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(timeout=5)
        raise
