"""A Django project for the tests: one process has one set of settings, and this is it.

Its database is an SQLite file, as threads have to share it. The file is made once for a run; a
server that a test starts is told of another one, and of other settings, by its environment.
"""

import os
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from django.conf import settings

DATABASE = Path(
    os.environ.get("SITE_DATABASE") or Path(mkdtemp(prefix="coatcheck-django-")) / "site.sqlite3"
)

OURS = "coatcheck.integrations.django.SessionMiddleware"
DJANGOS = "django.contrib.sessions.middleware.SessionMiddleware"
INNER = (
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
)

SETTINGS: dict[str, Any] = {
    "ALLOWED_HOSTS": ["*"],
    "DATABASES": {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(DATABASE),
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    },
    "INSTALLED_APPS": [
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "coatcheck.integrations.django",
    ],
    # Cheap on purpose: no test here is about passwords.
    "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
    "MESSAGE_STORAGE": "coatcheck.integrations.django.messages.Storage",
    "MIDDLEWARE": [OURS, *INNER],
    "COATCHECK": {"ISOLATION": os.environ.get("SITE_ISOLATION", "merge")},
    "ROOT_URLCONF": os.environ.get("SITE_ROUTES", "tests.integrations.django.routes"),
    "SECRET_KEY": "a key that opens nothing, of fifty characters or more",
    "SESSION_ENGINE": "coatcheck.integrations.django.engine",
    "TEMPLATES": [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    "STATIC_URL": "/static/",
    "USE_TZ": True,
}


def set_up() -> None:
    """Set Django up and make the tables, once."""
    if settings.configured:
        return
    import django
    from django.core.management import call_command

    settings.configure(**SETTINGS)
    django.setup()
    if not DATABASE.exists():
        call_command("migrate", verbosity=0)


set_up()
