"""Starlette's own tests of its session middleware, with ours in its place.

``EXCEPTIONS`` says which of them cannot hold, and why; each must fail, so that the list stays true.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.hosts.sources import source_of

ROOT = Path(__file__).parents[2]

PAST = "a session that ends before it begins is refused at start, with the remedy"
EXCEPTIONS = {
    "test_session[asyncio]": (
        "the cookie lasts as long as the session can at most, not for max_age after the last "
        "change: the server judges when it has been unused for that long"
    ),
    "test_session_expires[asyncio]": PAST,
    "test_session_zero_max_age[asyncio]": PAST,
    "test_session_tracks_modification": (
        "a look for a missing key is an access: the page says what is not in the session"
    ),
}


def test_starlette_s_own_tests_pass_but_for_the_exceptions() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", "--tb=line", "-c", os.devnull]
    # By its bare name: the tests there are a package of the name that ours have.
    command += ["-p", "starlette_substitution", "-p", "no:randomly", "-p", "no:cacheprovider"]
    source = source_of("starlette")
    paths = [str(ROOT / "tests" / "hosts"), str(ROOT / "src")]
    run = subprocess.run(
        [*command, "--rootdir", str(source), "tests/middleware/test_session.py"],
        cwd=source,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    failed = set(re.findall(r"^(?:FAILED|ERROR) \S+::(\S+)", run.stdout, re.MULTILINE))
    assert failed == set(EXCEPTIONS), run.stdout[-6000:] + run.stderr[-2000:]
    assert re.search(r"\d+ passed", run.stdout)
