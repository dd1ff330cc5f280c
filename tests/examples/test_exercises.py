"""What holds for every exercise: its size, its two styles, and that pages need no script."""

import ast
import re

import pytest

from tests.examples.conftest import ADDRESSES
from tests.web.demo import EXAMPLES

EXERCISES = EXAMPLES / "exercises"


def lines(files):
    return sum(bool(line.strip()) for file in files for line in file.read_text().splitlines())


def test_every_exercise_is_in_the_demo():
    there = {file.parent.name for file in EXERCISES.glob("*/route_style.py")}
    assert there == set(ADDRESSES)


@pytest.mark.parametrize("exercise", ADDRESSES)
def test_no_style_takes_more_than_sixty_lines(exercise):
    folder = EXERCISES / exercise
    path_style = [folder / name for name in ("views.py", "urls.py", "models.py")]
    assert lines([file for file in path_style if file.exists()]) <= 60
    assert lines([folder / "route_style.py"]) <= 60


@pytest.mark.parametrize("exercise", ADDRESSES)
def test_both_styles_have_the_same_pages_under_the_same_names(exercise):
    named = set(re.findall(r'name="(\w+)"', (EXERCISES / exercise / "urls.py").read_text()))
    tree = ast.parse((EXERCISES / exercise / "route_style.py").read_text())
    views = {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list
    }
    assert named <= views


@pytest.mark.parametrize("exercise", ADDRESSES)
def test_a_template_holds_no_script_and_every_form_its_token(exercise):
    for file in (EXERCISES / exercise).glob("templates/*.html"):
        text = file.read_text()
        assert "<script" not in text
        assert " style=" not in text
        assert text.count("<form") == text.count("{% csrf_token")


GUIDE = EXAMPLES.parent / "docs" / "tutorial" / "exercises.md"


def test_the_guide_shows_lines_that_are_there_and_leads_to_both_styles():
    text = GUIDE.read_text(encoding="utf-8")
    sources = [file.read_text() for file in EXERCISES.glob("*/*.py")]
    shown = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(shown) == len(ADDRESSES)
    assert [lines for lines in shown if not any(lines in source for source in sources)] == []
    for exercise in ADDRESSES:
        for file in ("views.py", "route_style.py"):
            assert f"(../../examples/exercises/{exercise}/{file})" in text
