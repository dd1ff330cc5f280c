"""Take over the sessions that a project's visitors have with another engine: ``MOVE_FROM``.

The other engine reads them itself, by its own rules: any that is a ``SESSION_ENGINE`` will do,
with the signatures of ``SECRET_KEY_FALLBACKS`` where it signs. What was taken over is retired: for
requests that are on their way with the old cookie it stays for a minute, and is gone then, so that
whoever logs out here is logged out. See ``..moving_in``.
"""

from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, cast

from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.utils import timezone

from coatcheck.core.errors import StoreUnavailable
from coatcheck.core.events import logger
from coatcheck.core.expiry import EXPIRY
from coatcheck.core.http import RequestView
from coatcheck.wire.cookies import CookieAttributes

from ..moving_in import shown

EXPIRY_KEY = "_session_expiry"
"""Where Django keeps a session's own time."""

RETIRED = "_coatcheck_retired"
"""In a session that was taken over: its own time from before, or None."""

GRACE = 60
"""Seconds for which a session that was taken over can be read once more."""


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
            held = dict(self._kind(key).load())
        except (DatabaseError, OSError) as error:
            raise StoreUnavailable(
                f"the sessions of {self._module} cannot be read, from which COATCHECK['MOVE_FROM'] "
                f"takes them over: {error}"
            ) from error
        expiry = held.pop(EXPIRY_KEY, None)
        if RETIRED in held:
            expiry = held.pop(RETIRED)
        if expiry is not None:
            held[EXPIRY] = kept_expiry(expiry)
        return held or None

    def retire(self, view: RequestView, *, at_once: bool) -> None:
        """Let what ``read`` found go, soon: it lives on under a token of ours.

        *at_once* where its visitor has logged out. A failure is reported, not raised: what the
        request did is stored already.
        """
        key = shown(view, self.cookie.name)
        try:
            session = self._kind(key)
            if at_once:
                session.delete(key)
                return
            if RETIRED in session:
                return
            session[RETIRED] = session.get(EXPIRY_KEY)
            session.set_expiry(GRACE)
            session.save()
        except (UpdateError, DatabaseError, OSError) as error:
            logger.warning("a session that was taken over stays in %s: %s", self._module, error)


def incumbent_of(module: str | None) -> DjangoIncumbent | None:
    """The engine *module*. Raises ``ImproperlyConfigured`` where it is none."""
    return None if module is None else DjangoIncumbent(module)


def kept_expiry(value: Any) -> int | datetime | None:
    """What Django keeps of a session's own time, as coatcheck keeps it. Raises ValueError."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    elif value is not None and value < 0:
        value = timezone.now() + timedelta(seconds=value)
    if isinstance(value, datetime) and timezone.is_naive(value):
        return cast(datetime, timezone.make_aware(value))
    return cast("int | datetime | None", value)
