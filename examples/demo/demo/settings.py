"""Settings of the demo: SQLite for everything, and debug pages unless DEBUG=0 says otherwise."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = os.environ.get("DEBUG", "1") == "1"
SECRET_KEY = os.environ.get("SECRET_KEY", "")

INSTALLED_APPS = [
    "coatcheck.web.sessions",
    "coatcheck.web.auth",
    "exercises.visit_counter",
    "exercises.shopping_cart",
    "exercises.preferences",
    "exercises.ninja_gold",
    "exercises.disappearing_ninjas",
    "exercises.email_validation",
    "exercises.login_registration",
    "exercises.look",
]

MIDDLEWARE = [
    "coatcheck.web.middleware.SessionMiddleware",
    "coatcheck.web.middleware.CsrfMiddleware",
    "pages.policy.ContentPolicy",
    "pages.changes.NoteChanges",
]

ROOT_URLCONF = "demo.urls"

TEMPLATES = [BASE_DIR / "templates"]

# Sessions are kept here, so they outlive the server.
DATABASE_URL = os.environ.get("DATABASE_URL", f"sqlite:///{BASE_DIR / 'db.sqlite3'}")
