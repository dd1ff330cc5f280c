"""The table in the docs and the tests of this folder say the same; its last row names others."""

import re
from pathlib import Path

HERE = Path(__file__).parent
TABLE = HERE.parents[1] / "docs" / "reference" / "course-notes.md"


def rows() -> dict[int, set[str]]:
    """The tests that each numbered row names."""
    lines = re.findall(r"^\| (\d+) \|.*\| ([^|]+) \|$", TABLE.read_text(), re.M)
    return {int(number): set(re.findall(r"`(test_\w+)`", named)) for number, named in lines}


def facts_in(folder: Path) -> set[str]:
    return {
        name
        for file in folder.rglob("test_*.py")
        if file != Path(__file__)
        for name in re.findall(r"^def (test_\w+)", file.read_text(), re.M)
    }


def test_every_row_names_its_tests_and_every_test_stands_in_a_row() -> None:
    named = rows()
    exercises = named.pop(22)
    assert sorted(named) == list(range(1, 22))
    assert all(named.values())
    assert set().union(*named.values()) == facts_in(HERE)
    assert exercises
    assert exercises <= facts_in(HERE.parent / "examples") | facts_in(HERE.parent / "browser")
