"""Every problem's code is explained, on the command line and in the reference."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from coatcheck.cli.main import coatcheck
from coatcheck.web import problems
from coatcheck.web.codes import CODES
from tests.architecture.source import ROOT


def told(*arguments: str) -> str:
    run = CliRunner().invoke(coatcheck, ["explain", *arguments])
    return run.output


def plain(text: str) -> str:
    return " ".join(text.replace("`", "").split())


def test_every_code_that_a_page_can_show_is_explained_under_the_same_title():
    source = Path(problems.__file__).read_text(encoding="utf-8")
    given = set(re.findall(r'"(CC\d{3})"', source))
    assert given - {"CC500"} == CODES.keys()  # that is the site's own error
    for code, title in re.findall(r'"(CC\d{3})",\s+"([^"]+)"', source):
        assert CODES[code].title == title


@pytest.mark.parametrize("code", CODES)
def test_the_command_and_the_reference_say_the_same(code):
    said = plain(told(code))
    for part in CODES[code]:
        assert plain(part) in said
    page = plain((ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8"))
    assert f"## {code}: {CODES[code].title}" in page
    assert plain(CODES[code].why) in page
    assert f"To mend it: {plain(CODES[code].mend)}" in page


def test_a_code_is_found_however_it_is_written():
    assert told("cc030") == told("30") == told("CC030")
    assert "Not Found" in told("CC404")
    assert "Did you mean" in told("CC031")
    assert "CC001  The view returned nothing" in told()
