"""Flask's, Flask-Login's and Flask-WTF's own tests, with every application's sessions ours.

``EXCEPTIONS`` says which of them cannot hold, and why; each must fail, so that the list stays true.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hosts.sources import library, source_of

ROOT = Path(__file__).parents[2]

NO_KEY = "our sessions need no SECRET_KEY, so there is one without it too"
NOT_RESENT = (
    "a cookie is sent when it changes, not with every answer: one that was on its way could "
    "overwrite a newer one of a parallel login. The server moves the deadline."
)
EXCEPTIONS = {
    "flask": {
        "test_basic.py::test_missing_session": NO_KEY,
        "test_testing.py::test_session_transactions_no_null_sessions": NO_KEY,
        "test_basic.py::test_session_secret_key_fallbacks": "nothing in the cookie is signed",
        "test_basic.py::test_session_cookie_setting": NOT_RESENT,
        "test_basic.py::test_session_refresh_vary": NOT_RESENT,
        "test_basic.py::test_session_expiration": (
            "the cookie lasts as long as the session can at most; PERMANENT_SESSION_LIFETIME "
            "without use ends it on the server"
        ),
        "test_basic.py::test_session_using_samesite_attribute": (
            "where SESSION_COOKIE_SAMESITE says nothing the cookie says Lax"
        ),
        "test_basic.py::test_session_using_session_settings": (
            "a session whose last key was removed stays, as another request may be adding to it; "
            "session.clear() ends it, and its cookie"
        ),
        "test_basic.py::test_app_freed_on_zero_refcount": (
            "app.wsgi_app is wrapped in the way Flask's documentation has it, which is a cycle"
        ),
        "test_reqctx.py::test_bad_environ_raises_bad_request": (
            "fails without us too, with Werkzeug 3.1.4 and newer"
        ),
    },
    "flask-login": {},
    "flask-wtf": {
        "test_csrf_extension.py::test_same_origin": (
            "it sends a cookie of http over https, where ours is __Host-session"
        ),
    },
}
LIBRARIES = {"flask-login": "semantic-version"}


@pytest.mark.parametrize("host", EXCEPTIONS)
def test_the_host_s_own_tests_pass_but_for_the_exceptions(host: str) -> None:
    source = source_of(host)
    paths = [str(ROOT), str(ROOT / "src")]
    if host in LIBRARIES:
        paths.append(str(library(LIBRARIES[host])))
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", "--tb=line", "-c", os.devnull]
    command += ["--rootdir", str(source), "-p", "tests.hosts.flask_substitution"]
    command += ["-p", "no:randomly", "-p", "no:cacheprovider", "tests"]
    run = subprocess.run(
        command,
        cwd=source,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    failed = set(re.findall(r"^(?:FAILED|ERROR) tests/(\S+)", run.stdout, re.MULTILINE))
    failed = {name.replace("LoginTestCase::", "") for name in failed}
    assert failed == set(EXCEPTIONS[host]), run.stdout[-6000:] + run.stderr[-2000:]
    assert re.search(r"\d+ passed", run.stdout)
