"""The table in the docs and the tests of this folder say the same."""

import re
from pathlib import Path

HERE = Path(__file__).parent
TABLE = HERE.parents[1] / "docs" / "reference" / "course-notes.md"


def rows() -> dict[int, set[str]]:
    """The tests that each numbered row names."""
    lines = re.findall(r"^\| (\d+) \|.*\| ([^|]+) \|$", TABLE.read_text(), re.M)
    return {int(number): set(re.findall(r"`(test_\w+)`", named)) for number, named in lines}


def test_every_row_names_its_tests_and_every_test_stands_in_a_row() -> None:
    there = {
        name
        for file in HERE.glob("test_*.py")
        if file != Path(__file__)
        for name in re.findall(r"^def (test_\w+)", file.read_text(), re.M)
    }
    named = rows()
    assert sorted(named) == list(range(1, 22))
    assert all(named.values())
    assert set().union(*named.values()) == there
