"""The names that ``coatcheck.web`` gives out."""

import ast
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import coatcheck.web


@pytest.mark.parametrize("name", coatcheck.web.__all__)
def test_every_public_name_is_there(name):
    assert getattr(coatcheck.web, name) is not None
    assert name in dir(coatcheck.web)


def test_no_module_hides_a_public_name():
    # Importing coatcheck.web.x sets the attribute x of the package.
    modules = {module.name for module in pkgutil.iter_modules(coatcheck.web.__path__)}
    assert modules & set(coatcheck.web.__all__) == {"admin", "auth"}


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(coatcheck.web.__file__).read_text(encoding="utf-8"))
    seen = {
        alias.name
        for block in tree.body
        if isinstance(block, ast.If)
        for line in block.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }
    assert seen == set(coatcheck.web.__all__)


def test_an_unknown_name_brings_those_there_are():
    with pytest.raises(AttributeError, match="render_template"):
        _ = coatcheck.web.render_tempalte


def test_an_app_without_tables_and_templates_imports_no_library_for_them():
    code = (
        "import sys; from coatcheck.web import App, session, request, redirect, path; "
        "app = App('x'); print([m for m in ('sqlalchemy', 'jinja2', 'alembic', 'pydantic', "
        "'pwdlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
