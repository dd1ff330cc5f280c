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

SECONDS = 300
"""How long pip may take: it makes a source's metadata with the build tools that it asks for."""


def source_of(distribution: str) -> Path:
    """The unpacked source distribution of what is installed. Skips the test where there is none."""
    place = CACHE / f"{distribution}-{version(distribution)}"
    if not place.is_dir():
        _fetch(distribution, place)
    inner = [path for path in place.iterdir() if path.is_dir()]
    # The archive names its folder as it likes: Flask-Login-0.6.3, flask_wtf-1.3.0.
    return inner[0] if len(inner) == 1 else place


def library(name: str) -> Path:
    """A folder for PYTHONPATH with the library *name*, which only a host's tests import."""
    place = CACHE / "libraries" / name
    if not place.is_dir():
        _pip(name, "install", "--no-deps", "--target", str(place), name)
    return place


def _fetch(distribution: str, place: Path) -> None:
    fetched = place.with_name(f"{place.name}.fetching")
    fetched.mkdir(parents=True, exist_ok=True)
    wanted = f"{distribution}=={version(distribution)}"
    options = ["--no-deps", "--no-binary", ":all:", "--dest", str(fetched)]
    _pip(distribution, "download", *options, wanted)
    (archive,) = fetched.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(fetched, filter="data")
    archive.unlink()
    fetched.rename(place)


def _pip(name: str, *arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        pytest.skip(f"the source of {name} cannot be fetched: no answer in {SECONDS} s")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"the source of {name} cannot be fetched: {error.stderr.strip()[-300:]}")
