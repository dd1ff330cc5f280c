"""The site that the crowd of test_servers visits: ``gunicorn ...crowd_site:app``."""

import os
import time
from pathlib import Path

from flask import Flask, session

from coatcheck.integrations.flask import Coatcheck

app = Flask(__name__)
app.config.from_prefixed_env("SITE")
Coatcheck(app)


@app.route("/untouched")
def untouched() -> str:
    return "untouched"


@app.route("/count", methods=["GET", "POST"])
def count() -> str:
    seen = session.get("n", 0)
    time.sleep(0.002)  # so that requests overlap
    session["n"] = seen + 1
    return str(seen + 1)


@app.route("/set/<key>")
def put(key: str) -> str:
    time.sleep(0.002)
    session[key] = True
    return "set"


@app.route("/keys")
def keys() -> str:
    return " ".join(sorted(session))


@app.route("/slow")
def slow() -> str:
    """Change the session, and answer when the file ``go`` is there."""
    session["slow"] = True
    Path("waiting").touch()
    deadline = time.monotonic() + 30
    while not Path("go").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return "slow"


@app.route("/login/<user>")
def login(user: str) -> str:
    session["user_id"] = user
    return "in"


@app.route("/logout")
def logout() -> str:
    session.clear()
    return "out"


@app.route("/who")
def who() -> str:
    return str(session.get("user_id", "nobody"))


@app.route("/worker")
def worker() -> str:
    return str(os.getpid())
