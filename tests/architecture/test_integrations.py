"""Importing one integration never imports another framework, nor a driver."""

import subprocess
import sys

import pytest

from tests.architecture.source import package_modules

FRAMEWORKS = {
    "aiohttp",
    "bottle",
    "django",
    "falcon",
    "fastapi",
    "flask",
    "litestar",
    "quart",
    "starlette",
    "werkzeug",
}
DRIVERS = {"psycopg", "pymemcache", "pymysql", "redis", "sqlalchemy", "sqlite3", "valkey"}

# What each integration is for, and what that stands on itself. Every other one loads nothing.
OWN = {
    "django": {"django"},
    "fastapi": {"fastapi", "starlette"},
    "flask": {"flask", "werkzeug"},
    "starlette": {"starlette"},
}
INTEGRATIONS = sorted(
    {
        module.parts[1].removesuffix(".py")
        for module in package_modules()
        if module.parts[0] == "integrations"
    }
    - {"__init__"}
)


@pytest.mark.parametrize("name", INTEGRATIONS)
def test_it_loads_its_own_framework_only_and_no_driver(name: str) -> None:
    program = f"""
import sys
import coatcheck.integrations.{name}
print(*{{module.partition(".")[0] for module in sys.modules}})
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    loaded = set(run.stdout.split())
    assert loaded & FRAMEWORKS <= OWN.get(name, set())
    assert loaded & DRIVERS == set()
