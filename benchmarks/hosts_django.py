"""What a request costs beside Django's own engines, over the same database, in the same run.

``python benchmarks/hosts_django.py [ROUNDS]``. Requests go straight into Django's WSGI handler: no
network, no server. The engines take turns, a batch each, so that whatever else the machine does
meets them alike; of each the median of its batches is shown, in microseconds a request.
"""

import statistics
import sys
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 15
BATCH = 100
OURS = "coatcheck.integrations.django.SessionMiddleware"
DJANGOS = "django.contrib.sessions.middleware.SessionMiddleware"
ENGINE = "coatcheck.integrations.django.engine"

ENGINES: dict[str, dict[str, Any]] = {
    "Django, db": {"SESSION_ENGINE": "django.contrib.sessions.backends.db"},
    "Django, cached_db": {"SESSION_ENGINE": "django.contrib.sessions.backends.cached_db"},
    "coatcheck, Django's middleware": {"SESSION_ENGINE": ENGINE},
    "coatcheck": {"SESSION_ENGINE": ENGINE, "MIDDLEWARE": [OURS]},
    "coatcheck, sqlite:///": {
        "SESSION_ENGINE": ENGINE,
        "MIDDLEWARE": [OURS],
        "COATCHECK": {"STORE": "sqlite:///{folder}/own.sqlite3"},
    },
    "Django, cache (in memory)": {"SESSION_ENGINE": "django.contrib.sessions.backends.cache"},
    "coatcheck, memory://": {
        "SESSION_ENGINE": ENGINE,
        "MIDDLEWARE": [OURS],
        "COATCHECK": {"STORE": "memory://"},
    },
}
VIEWS = ("untouched", "read", "write")


def set_up(folder: Path) -> None:
    import django

    settings.configure(
        ALLOWED_HOSTS=["*"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": folder / "site.sqlite3",
                "CONN_MAX_AGE": None,
                "OPTIONS": {
                    "transaction_mode": "IMMEDIATE",
                    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
                },
            }
        },
        INSTALLED_APPS=["django.contrib.sessions", "coatcheck.integrations.django"],
        MIDDLEWARE=[DJANGOS],
        ROOT_URLCONF=__name__,
        SECRET_KEY="a key that opens nothing, of fifty characters or more",  # noqa: S106
        USE_TZ=True,
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def requests_of(options: dict[str, Any]) -> Callable[[str], None]:
    """How the view of a name is requested once, by a visitor with a session."""
    from django.core.handlers.wsgi import WSGIHandler
    from django.test import override_settings

    with override_settings(**options):
        handler = WSGIHandler()
    cookie = ""

    def request(view: str) -> None:
        nonlocal cookie
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": f"/{view}",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(),
            "wsgi.errors": sys.stderr,
            "HTTP_COOKIE": cookie,
        }

        def start(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
            nonlocal cookie
            assert status == "200 OK", status
            for name, value in headers:
                if name == "Set-Cookie" and "sessionid=" in value:
                    cookie = value.strip().partition(";")[0]

        handler(environ, start).close()

    return request


def main() -> None:
    from django.test import override_settings

    with TemporaryDirectory() as folder:
        set_up(Path(folder))
        contestants = {}
        for name, options in ENGINES.items():
            given = dict(options.get("COATCHECK", {}))
            given["STORE"] = given.get("STORE", "django").format(folder=folder)
            settled = {**options, "COATCHECK": given}
            contestants[name] = override_settings(**settled), requests_of(settled)
        taken: dict[tuple[str, str], list[float]] = {}
        for _ in range(ROUNDS):
            for name, (settings_of, request) in contestants.items():
                with settings_of:
                    request("write")
                    for view in VIEWS:
                        began = time.perf_counter()
                        for _ in range(BATCH):
                            request(view)
                        spent = (time.perf_counter() - began) / BATCH * 1e6
                        taken.setdefault((name, view), []).append(spent)
        width = max(map(len, ENGINES))
        print(f"{'µs a request':{width}}" + "".join(f"{view:>11}" for view in VIEWS))
        for name in ENGINES:
            row = "".join(f"{statistics.median(taken[name, view]):11.0f}" for view in VIEWS)
            print(f"{name:{width}}{row}")


def untouched(request: Any) -> Any:
    from django.http import HttpResponse

    return HttpResponse("ok")


def read(request: Any) -> Any:
    request.session.get("count")
    return untouched(request)


def write(request: Any) -> Any:
    request.session["count"] = request.session.get("count", 0) + 1
    return untouched(request)


def __getattr__(name: str) -> Any:
    if name != "urlpatterns":
        raise AttributeError(name)
    from django.urls import path

    return [path(view, globals()[view]) for view in VIEWS]


if __name__ == "__main__":
    main()
