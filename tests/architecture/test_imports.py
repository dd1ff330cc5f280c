"""Third-party code comes in only through the doors that are named here.

The order of the layers themselves is import-linter's: see pyproject.toml, `make check`.
"""

import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import PurePath

import pytest
from packaging.utils import canonicalize_name

from tests.architecture.source import imported, package_modules, required_libraries

# Where a third-party module may be imported: a file, or a folder with all that is in it.
# A new line here wants its library in an extra and in docs/decisions/dependencies.md.
DOORS = {
    "wire/codec.py": {"ormsgpack"},
    "forms/answers.py": {"cryptography"},
    "forms/parser.py": {"multipart"},
    "forms/typed": {"email_validator", "jinja2", "markupsafe", "pydantic"},
    "forms/wtforms.py": {"markupsafe", "wtforms"},
    "stores": {"ormsgpack"},
    "stores/sql": {"psycopg", "sqlalchemy"},
    "stores/sql/mysql.py": {"pymysql"},
    "stores/valkey": {"libvalkey", "valkey"},
    "stores/memcached.py": {"pymemcache"},
    "stores/cookie.py": {"cryptography"},
    "stores/encrypted.py": {"cryptography"},
    "integrations/asgi.py": {"anyio"},
    "integrations/flask": {
        "click",
        "flask",
        "itsdangerous",
        "markupsafe",
        "ormsgpack",
        "werkzeug",
    },
    "integrations/asgi_websockets.py": {"anyio"},
    "integrations/once_asgi.py": {"anyio"},
    "integrations/fastapi": {"fastapi", "starlette"},
    "integrations/starlette": {"itsdangerous", "starlette"},
    "integrations/django": {"asgiref", "django"},
    "integrations/django/database.py": {"ormsgpack"},
    "testing": {"hypothesis", "pytest"},
    "web/body.py": {"anyio"},
    "web/hooks.py": {"anyio"},
    "web": {"alembic", "jinja2", "markupsafe", "pwdlib", "sqlalchemy", "starlette", "uvicorn"},
    "cli": {"click"},
}
OURS_OR_PYTHONS = sys.stdlib_module_names | {"coatcheck"}


def places(module: PurePath) -> set[str]:
    return {module.as_posix(), *(folder.as_posix() for folder in module.parents)}


def allowed_in(module: PurePath) -> set[str]:
    return set().union(*(names for door, names in DOORS.items() if door in places(module)))


def test_third_party_modules_are_imported_only_where_their_extra_is_known():
    strays = [
        f"src/coatcheck/{module}:{line} imports {name}"
        for module in package_modules()
        for name, line in imported(module)
        if name not in OURS_OR_PYTHONS and name not in allowed_in(module)
    ]
    assert strays == []


@pytest.mark.parametrize("layer", ["wire", "core"])
def test_the_inner_layers_need_only_python_and_the_codec(layer):
    modules = [module for module in package_modules() if module.parts[0] == layer]
    assert modules, f"src/coatcheck/{layer} has no modules: was it renamed?"
    third_party = {
        name for module in modules for name, _ in imported(module) if name not in OURS_OR_PYTHONS
    }
    assert third_party <= {"ormsgpack"}


def test_every_door_is_used():
    used = {
        (place, name)
        for module in package_modules()
        for name, _ in imported(module)
        for place in places(module)
    }
    listed = {(door, name) for door, names in DOORS.items() for name in names}
    assert sorted(listed - used) == []


def test_every_module_behind_a_door_is_a_declared_dependency():
    declared = required_libraries(development=False)
    providers = packages_distributions()
    for name in set().union(*DOORS.values()):
        assert declared & {canonicalize_name(found) for found in providers[name]}, name


@pytest.mark.parametrize("name", ["coatcheck", "coatcheck.stores"])
def test_importing_it_loads_no_framework_and_no_driver(name):
    program = f"""
import sys
before = set(sys.modules)
import {name}
print(*{{module.partition(".")[0] for module in set(sys.modules) - before}})
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    # Part of Python too, under a name that tells the platform; zoneinfo reads it.
    loaded = {part for part in run.stdout.split() if not part.startswith("_sysconfigdata_")}
    assert "coatcheck" in loaded
    # Stronger than a list of frameworks: nothing but Python, ourselves and the codec.
    assert loaded - OURS_OR_PYTHONS <= {"ormsgpack"}
