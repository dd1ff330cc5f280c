"""What ``manage.py check`` says of the settings, at each start; ``check --deploy`` says more."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from . import configuration

ENGINE = "coatcheck.integrations.django.engine"
MIDDLEWARE = "coatcheck.integrations.django.SessionMiddleware"
DJANGOS_MIDDLEWARE = "django.contrib.sessions.middleware.SessionMiddleware"


def check_settings(**_: Any) -> list[CheckMessage]:
    """Settings under which sessions could not work as they say."""
    found: list[CheckMessage] = []
    try:
        made = configuration.made()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="coatcheck.E001")]
    if not _is_ours(settings.SESSION_ENGINE):
        hint = f'Set SESSION_ENGINE = "{ENGINE}".'
        if MIDDLEWARE in settings.MIDDLEWARE:
            what = f"{MIDDLEWARE} needs the session engine of coatcheck."
            found.append(Error(what, hint=hint, id="coatcheck.E002"))
        else:
            what = "coatcheck is installed, and SESSION_ENGINE names another engine."
            found.append(Warning(what, hint=hint, id="coatcheck.W001"))
    if made.sessions.policy.isolation == "serializable" and MIDDLEWARE not in settings.MIDDLEWARE:
        what = 'COATCHECK["ISOLATION"] is "serializable", and nothing makes requests take turns.'
        hint = f"Put {MIDDLEWARE} in place of {DJANGOS_MIDDLEWARE}."
        found.append(Error(what, hint=hint, id="coatcheck.E003"))
    if MIDDLEWARE in settings.MIDDLEWARE and DJANGOS_MIDDLEWARE in settings.MIDDLEWARE:
        what = "MIDDLEWARE has two session middlewares, and the inner one would hide the outer."
        found.append(Error(what, hint=f"Remove {DJANGOS_MIDDLEWARE}.", id="coatcheck.E004"))
    return found


def _is_ours(engine: str) -> bool:
    try:
        store = import_string(f"{engine}.SessionStore")
    except ImportError:
        return False
    from .engine import SessionStore

    return isinstance(store, type) and issubclass(store, SessionStore)


def check_deployed(**_: Any) -> list[CheckMessage]:
    """Settings that work, and that a public site should not have."""
    found: list[CheckMessage] = []
    if MIDDLEWARE not in settings.MIDDLEWARE:
        what = (
            "Django's session middleware answers a store that is down with 500, and saves sessions "
            "of requests that fail half way."
        )
        hint = f"Put {MIDDLEWARE} in its place."
        found.append(Warning(what, hint=hint, id="coatcheck.W002"))
    if settings.SESSION_COOKIE_SECURE and not settings.SESSION_COOKIE_NAME.startswith("__"):
        what = "A subdomain, or a page over plain http, can plant a cookie under this name."
        hint = 'Set SESSION_COOKIE_NAME = "__Host-sessionid"; your visitors have to log in again.'
        if settings.SESSION_COOKIE_DOMAIN is None and settings.SESSION_COOKIE_PATH == "/":
            found.append(Warning(what, hint=hint, id="coatcheck.W003"))
    store = configuration.current().sessions.store
    if type(store).__name__ == "MemoryStore":
        what = "Sessions in memory are gone with the process, and each process has its own."
        hint = 'Set COATCHECK["STORE"] to "django" or to the URL of a store.'
        found.append(Warning(what, hint=hint, id="coatcheck.W004"))
    return found
