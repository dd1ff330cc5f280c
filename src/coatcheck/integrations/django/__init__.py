"""Sessions for Django. One line brings them into a project that runs::

    SESSION_ENGINE = "coatcheck.integrations.django.engine"

with this package in ``INSTALLED_APPS`` for its table, and ``SessionMiddleware`` of this package in
place of Django's for all that an engine alone cannot do. What else there is to set stands in one
dict, ``COATCHECK``; see ``configuration``. Nothing here imports models before Django is ready.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .middleware import SessionMiddleware

__all__ = ["SessionMiddleware"]


def __getattr__(name: str) -> object:
    if name == "SessionMiddleware":
        from .middleware import SessionMiddleware

        return SessionMiddleware
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
