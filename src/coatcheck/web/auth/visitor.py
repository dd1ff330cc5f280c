"""Who a request comes from: the session knows the user's id, this file the user."""

from typing import TYPE_CHECKING, Any

from coatcheck.core.errors import ConfigurationError
from coatcheck.core.session import Session

if TYPE_CHECKING:
    from coatcheck.web.auth.models import User
    from coatcheck.web.requests import Request

APP = "coatcheck.web.auth"


class AnonymousUser:
    """A visitor who is not logged in. False in ``if``."""

    id = None
    username = ""
    email = None
    is_active = False
    is_authenticated = False
    is_staff = False

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return ""

    def __repr__(self) -> str:
        return "<AnonymousUser>"


def user_of(session: Session) -> "User | AnonymousUser":
    """The user that *session* is bound to.

    Somebody who was deleted or switched off since is anonymous. Raises ConfigurationError where a
    user is logged in and the app with the users is not installed.
    """
    key = session.user
    if key is None:
        return AnonymousUser()
    require_installed()
    from coatcheck.web.auth.models import User
    from coatcheck.web.database import db

    user = db.get(User, int(key)) if key.isdecimal() else None
    return user if user is not None and user.is_active else AnonymousUser()


def login(request: "Request", user: Any) -> None:
    """Bind the session to *user* under a new secret: an older cookie of it opens nothing.

    What the visitor did before as nobody is kept; what another user left is not.
    """
    request.session.login(user)
    request.user = user


def logout(request: "Request") -> None:
    """End the session and everything in it."""
    request.session.logout()
    request.user = AnonymousUser()


def require_installed() -> None:
    """Raise ConfigurationError unless the site has installed the app with the users."""
    from coatcheck.web.context import current_app

    settings = current_app().settings
    if APP not in settings.installed_apps:
        raise ConfigurationError(
            f"Users are not installed on this site.\nAdd {APP!r} to INSTALLED_APPS in "
            f"{settings.where}, then migrate: `python manage.py migrate`."
        )
