"""Sessions for Django. One line brings them into a project that runs::

    SESSION_ENGINE = "coatcheck.integrations.django.engine"

with this package in ``INSTALLED_APPS`` for its table, and ``SessionMiddleware`` of this package in
place of Django's for all that an engine alone cannot do. What else there is to set stands in one
dict, ``COATCHECK``; see ``configuration``. Nothing here imports models before Django is ready.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .configuration import sessions
    from .middleware import SessionMiddleware
    from .submissions import once

__all__ = ["SessionMiddleware", "once", "sessions"]

_PLACES = {"SessionMiddleware": "middleware", "once": "submissions", "sessions": "configuration"}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
