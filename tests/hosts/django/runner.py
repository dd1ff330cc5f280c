"""Runs Django's own tests from its source distribution: ``python -m tests.hosts.django.runner``.

Arguments: the folder of the source distribution, a session middleware, and test labels. A test that
``exceptions`` lists is expected to fail; if it passes, the run fails, so that no exception outlives
its reason.
"""

import inspect
import os
import sys
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.test.runner import DiscoverRunner

from .exceptions import EXCEPTIONS

DJANGOS = "django.contrib.sessions.middleware.SessionMiddleware"


class Runner(DiscoverRunner):
    """Django's runner, with our exceptions."""

    def build_suite(self, *args: Any, **kwargs: Any) -> Any:
        suite = super().build_suite(*args, **kwargs)
        for test in tests_in(suite):
            *_, case, name = test.id().split(".")
            if f"{case}.{name}" in EXCEPTIONS:
                test.__unittest_expecting_failure__ = True
        return suite


def tests_in(suite: Any) -> Iterator[Any]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_in(test)
        else:
            yield test


def main(source: str, middleware: str, *labels: str) -> int:
    """The number of tests that failed."""
    tests = Path(source) / "tests"
    os.chdir(tests)
    sys.path.insert(0, str(tests))
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.hosts.django.settings"
    os.environ.setdefault("TMPDIR", tempfile.gettempdir())
    import runtests  # type: ignore[import-not-found]  # Django's own, from its source

    runtests.ALWAYS_INSTALLED_APPS.append("coatcheck.integrations.django")
    chain = runtests.ALWAYS_MIDDLEWARE
    chain[chain.index(DJANGOS)] = middleware
    given = {"verbosity": 1, "test_labels": list(labels), "parallel": 1, "interactive": False}
    missing = dict.fromkeys(inspect.signature(runtests.django_tests).parameters)
    failures: int = runtests.django_tests(**{**missing, "shuffle": False, **given})
    return failures


if __name__ == "__main__":
    sys.exit(bool(main(*sys.argv[1:])))
