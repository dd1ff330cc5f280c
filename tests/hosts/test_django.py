"""Django's own tests with coatcheck in its place, from its source distribution: ``make hosts``.

Where a test does not hold, ``django/exceptions.py`` says why.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hosts.sources import source_of

ROOT = Path(__file__).parents[2]
MIDDLEWARES = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "coatcheck.integrations.django.SessionMiddleware",
)
SUITES = {
    "sessions": ("sessions_tests", "tests.hosts.django.cases"),
    "messages": ("messages_tests",),
    "csrf": ("csrf_tests",),
    "auth": ("auth_tests",),
    "test_client": ("test_client", "test_client_regress"),
}


@pytest.mark.parametrize("middleware", MIDDLEWARES, ids=["djangos middleware", "our middleware"])
@pytest.mark.parametrize("suite", SUITES)
def test_djangos_own_tests_pass(suite: str, middleware: str) -> None:
    labels = SUITES[suite]
    if suite == "sessions":
        # An app has to be named for its models to be there; one test of each is enough.
        labels = (*labels, "messages_tests.test_session", "csrf_tests.test_context_processor")
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.hosts.django.runner",
            source_of("django"),
            middleware,
            *labels,
        ],
        cwd=ROOT,
        env={**os.environ, "COATCHECK_STORE": "django", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    found = re.search(r"Ran (\d+) tests", run.stderr)
    assert found, run.stderr
    assert int(found[1]) > 50
