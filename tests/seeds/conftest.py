"""Every acceptance test runs on our own equivalents, and on the course notes where they are."""

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.seeds.snippets import Notes

OWN = Path(__file__).parent / "own"
VARIABLE = "COATCHECK_SEEDS"


@pytest.fixture(params=["own", "course"])
def notes(request: pytest.FixtureRequest) -> Notes:
    if request.param == "own":
        return Notes(OWN)
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"{VARIABLE} names no folder with the course notes")
    found = Notes(Path(folder))
    assert len(found.files) == 5, f"{folder} holds {len(found.files)} notes, not 5"
    return found


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ModuleType]]:
    """Write code into a file of its own folder and import it, as a one-file site would be."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("COATCHECK_DEBUG", "1")  # as ``coatcheck run`` does
    made: list[str] = []

    def make(code: str, name: str = "site_under_test", **templates: str) -> ModuleType:
        tmp_path.joinpath(f"{name}.py").write_text(code)
        for template, text in templates.items():
            tmp_path.joinpath("templates").mkdir(exist_ok=True)
            tmp_path.joinpath("templates", f"{template}.html").write_text(text)
        made.append(name)
        return importlib.import_module(name)

    yield make
    for name in made:
        sys.modules.pop(name, None)
