"""Take over the sessions that a project's visitors have with another engine: ``MOVE_FROM``.

The other engine reads them itself, by its own rules: any that is a ``SESSION_ENGINE`` will do,
with the signatures of ``SECRET_KEY_FALLBACKS`` where it signs. It keeps its records; see
``..moving_in``.
"""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from coatcheck.core.errors import StoreUnavailable
from coatcheck.core.expiry import EXPIRY
from coatcheck.core.http import RequestView
from coatcheck.wire.cookies import CookieAttributes

from ..moving_in import shown
from .engine import EXPIRY_KEY, kept_expiry


class DjangoIncumbent:
    """The sessions that the engine *module* kept, under the cookie of Django's settings."""

    inline = False

    def __init__(self, module: str) -> None:
        try:
            self._kind = import_module(module).SessionStore
        except (ImportError, AttributeError) as error:
            raise ImproperlyConfigured(
                f"COATCHECK['MOVE_FROM'] is {module!r}, which is no session engine ({error}): name "
                "the SESSION_ENGINE from before, such as 'django.contrib.sessions.backends.db'."
            ) from error
        self._module = module
        self.cookie = CookieAttributes(
            settings.SESSION_COOKIE_NAME,
            settings.SESSION_COOKIE_PATH,
            settings.SESSION_COOKIE_DOMAIN,
            bool(settings.SESSION_COOKIE_SECURE),
        )

    def read(self, view: RequestView) -> dict[str, Any] | None:
        """What the session of the request held. Raises ``StoreUnavailable``."""
        key = shown(view, self.cookie.name)
        if key is None:
            return None
        try:
            session = self._kind(key)
            held = dict(session.load())
        except (DatabaseError, OSError) as error:
            raise StoreUnavailable(
                f"the sessions of {self._module} cannot be read, from which COATCHECK['MOVE_FROM'] "
                f"takes them over: {error}"
            ) from error
        if EXPIRY_KEY in held:
            held[EXPIRY] = kept_expiry(held.pop(EXPIRY_KEY))
        return held or None


def incumbent_of(module: str) -> DjangoIncumbent:
    """The engine *module*. Raises ``ImproperlyConfigured`` where it is none."""
    return DjangoIncumbent(module)
