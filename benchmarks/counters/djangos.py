"""Django with its session engines: database, cache and files."""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path

from .requests import KEY, SHOP, Counter, Where

MIDDLEWARE = "django.contrib.sessions.middleware.SessionMiddleware"


def untouched(request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello")


def read(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(request.session["visits"]))


def visit(request: HttpRequest) -> HttpResponse:
    request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse(str(request.session["visits"]))


def slow(request: HttpRequest) -> HttpResponse:
    count = request.session.get("visits", 0)
    time.sleep(0.001)
    request.session["visits"] = count + 1
    return HttpResponse(str(count + 1))


def fill(request: HttpRequest) -> HttpResponse:
    request.session.update(SHOP)
    return HttpResponse("filled")


urlpatterns = [path(view.__name__, view) for view in (untouched, read, visit, slow, fill)]


class Router:
    """Sends sessions to the database of the app that is measured."""

    alias = "default"

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return Router.alias

    db_for_write = db_for_read


def on(alias: str, handler: WSGIHandler) -> Any:
    """*handler* with its sessions in the database *alias*."""

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        Router.alias = alias
        return handler(environ, start_response)

    return app


def peers(where: Where) -> Iterator[Counter]:
    """Django's engines, with connections kept open and SQLite's log, as one sets up a busy site."""
    kept: dict[str, Any] = {"CONN_MAX_AGE": None}
    prepare = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL"
    options = {"init_command": prepare, "transaction_mode": "IMMEDIATE", "timeout": 20}
    parts = urlsplit(where.postgresql)
    host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
    settings.configure(
        ALLOWED_HOSTS=["*"],
        SECRET_KEY=KEY,
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=["django.contrib.sessions"],
        DATABASE_ROUTERS=[f"{__name__}.Router"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(where.folder / "django.sqlite3"),
                "OPTIONS": options,
                **kept,
            },
            "postgresql": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": parts.path.lstrip("/"),
                "USER": parts.username or "",
                "PASSWORD": parts.password or "",
                "HOST": host,
                "PORT": str(parts.port or ""),
                **kept,
            },
        },
        CACHES={
            "default": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": f"redis://127.0.0.1:{where.valkey}/6",
            }
        },
        SESSION_FILE_PATH=str(where.folder / "django-files"),
        LOGGING_CONFIG=None,
        USE_TZ=True,
    )
    (where.folder / "django-files").mkdir()
    django.setup()
    for alias in ("default", "postgresql"):
        call_command("migrate", database=alias, verbosity=0)
    with override_settings(MIDDLEWARE=[]):
        bare = WSGIHandler()
    engines = {
        "SQLite": ("db", "default"),
        "PostgreSQL": ("db", "postgresql"),
        "Valkey": ("cache", "default"),
        "files": ("file", "default"),
    }
    for name, (engine, alias) in engines.items():
        module = f"django.contrib.sessions.backends.{engine}"
        with override_settings(MIDDLEWARE=[MIDDLEWARE], SESSION_ENGINE=module):
            handler = WSGIHandler()
        yield Counter(f"Django {engine}, {name}", on(alias, handler), bare, asgi=False)
