"""README and docs are tests: every Python block in them is run.

A document is one program, its blocks run in order and share their names. It runs
in an empty folder of its own, so what it writes is gone afterwards.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser


def enter_empty_folder(namespace: dict[str, Any]) -> None:
    folder = TemporaryDirectory(prefix="coatcheck-docs-")
    namespace["_folder"] = folder, Path.cwd()
    os.chdir(folder.name)


def leave_folder(namespace: dict[str, Any]) -> None:
    folder, came_from = namespace["_folder"]
    os.chdir(came_from)
    folder.cleanup()


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()],
    patterns=["*.md"],
    setup=enter_empty_folder,
    teardown=leave_folder,
).pytest()
