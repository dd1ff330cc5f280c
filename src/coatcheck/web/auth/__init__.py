"""Users: who they are, and logging them in and out on the session's own ``login`` and ``logout``.

To use it, list ``"coatcheck.web.auth"`` in INSTALLED_APPS and migrate. An anonymous visitor costs
no database call. SQLAlchemy is imported when the first user is looked up, not before.
"""

from typing import TYPE_CHECKING, Any

from coatcheck.web.auth.access import login_required, staff_required
from coatcheck.web.auth.visitor import AnonymousUser, login, logout, user_of

if TYPE_CHECKING:
    from coatcheck.web.auth.accounts import (
        UserExists,
        WrongCredentials,
        authenticate,
        authenticate_async,
        check,
        create,
        create_user,
        create_user_async,
    )
    from coatcheck.web.auth.models import User

__all__ = [
    "AnonymousUser",
    "User",
    "UserExists",
    "WrongCredentials",
    "authenticate",
    "authenticate_async",
    "check",
    "create",
    "create_user",
    "create_user_async",
    "login",
    "login_required",
    "logout",
    "staff_required",
    "user_of",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"coatcheck.web.auth has no {name!r}; it has {', '.join(__all__)}.")
    if name == "User":
        from coatcheck.web.auth import models

        return models.User
    from coatcheck.web.auth import accounts

    return getattr(accounts, name)
