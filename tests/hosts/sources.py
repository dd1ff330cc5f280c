"""Source distributions of the hosts, for their own tests, which their wheels do not carry.

They are fetched with pip, in the very version that is installed, and kept outside of the repository
(``XDG_CACHE_HOME``, or ``~/.cache``). Nothing of them is copied into it.
"""

import os
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "coatcheck-hosts"


def source_of(distribution: str) -> Path:
    """The unpacked source distribution of what is installed. Skips the test where there is none."""
    name = f"{distribution}-{version(distribution)}"
    folder = CACHE / name
    if not folder.is_dir():
        _fetch(distribution, folder)
    return folder


def _fetch(distribution: str, folder: Path) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    wanted = f"{distribution}=={version(distribution)}"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    fetched = subprocess.run(
        [*pip, "--no-binary", ":all:", "--dest", str(CACHE), wanted],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    archives = sorted(CACHE.glob(f"{folder.name}.tar.gz"), key=lambda path: path.name)
    if fetched.returncode or not archives:
        pytest.skip(f"the source distribution of {wanted} cannot be fetched: {fetched.stderr}")
    with tarfile.open(archives[0]) as archive:
        archive.extractall(CACHE, filter="data")
    archives[0].unlink()
