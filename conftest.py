"""README and docs are tests: every Python block in them is run.

A document is one program, its blocks run in order and share their names. It runs
in an empty folder of its own, so what it writes is gone afterwards. A block that
cannot run here has ``<!-- skip: next -->`` above it, which readers do not see.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sybil import Sybil
from sybil.integration.pytest import SybilItem
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests are shuffled; the blocks of a document go back into the order they are written in."""
    places = [place for place, item in enumerate(items) if isinstance(item, SybilItem)]
    blocks = sorted((items[place] for place in places), key=lambda item: item.location[:2])
    for place, block in zip(places, blocks, strict=True):
        items[place] = block
