"""What the drop-in loads: Django, and nothing of another framework."""

import subprocess
import sys

PROGRAM = """
import sys
from django.conf import settings
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["coatcheck.integrations.django"],
    SECRET_KEY="a key that opens nothing",
    SESSION_ENGINE="coatcheck.integrations.django.engine",
)
import django
django.setup()
from coatcheck.integrations.django import SessionMiddleware, once, sessions
sessions()
print(*{module.partition(".")[0] for module in sys.modules})
"""
OTHERS = {"anyio", "fastapi", "flask", "jinja2", "pydantic", "sqlalchemy", "starlette", "werkzeug"}


def test_it_loads_no_other_framework_and_no_driver():
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    loaded = set(run.stdout.split())
    assert "django" in loaded
    assert loaded & OTHERS == set()
