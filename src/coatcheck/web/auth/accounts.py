"""Make users and check who somebody says they are. Imports SQLAlchemy; ``visitor`` does not.

The functions here hash passwords, which takes a tenth of a second: async views await the ones
called ``…_async``, which run in a thread.
"""

import unicodedata

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from starlette.concurrency import run_in_threadpool

from coatcheck.core.errors import BadRequest
from coatcheck.web.auth.models import User
from coatcheck.web.auth.passwords import waste_a_verification
from coatcheck.web.database import db


class UserExists(BadRequest, ValueError):
    """A name or e-mail address that another user has. ``field`` says which."""

    status = 409

    def __init__(self, field: str) -> None:
        self.field = field
        words = {"username": "This name", "email": "This e-mail address"}[field]
        super().__init__(f"{words} is taken by another user.\nChoose another.")


def create_user(
    username: str, password: str, email: str | None = None, *, is_staff: bool = False
) -> User:
    """Add a user; the commit of the request makes it stand. Raises UserExists."""
    user = User(username=_name(username), email=_email(email), is_active=True, is_staff=is_staff)
    user.set_password(password)
    for field, value in (("username", user.username), ("email", user.email)):
        if value is not None and db.scalar(select(User.id).filter_by(**{field: value})):
            raise UserExists(field)
    try:
        with db.begin_nested():
            db.add(user)
    except IntegrityError as taken:  # by a request that was a moment earlier
        field = "email" if "email" in str(taken.orig) else "username"
        raise UserExists(field) from None
    return user


def authenticate(name: str, password: str) -> User | None:
    """The active user whose username or e-mail address is *name*, if *password* is right.

    None otherwise, after as long a time also for a name that nobody has.
    """
    found = db.scalars(
        select(User).where(or_(User.username == _name(name), User.email == _email(name)))
    ).all()
    # One user's name may be another's address; the name decides.
    user = next((one for one in found if one.username == _name(name)), None) or next(
        iter(found), None
    )
    if user is None:
        waste_a_verification(password)
        return None
    return user if user.check_password(password) and user.is_active else None


async def create_user_async(
    username: str, password: str, email: str | None = None, *, is_staff: bool = False
) -> User:
    """``create_user`` in a thread, for async views."""
    return await run_in_threadpool(create_user, username, password, email, is_staff=is_staff)


async def authenticate_async(name: str, password: str) -> User | None:
    """``authenticate`` in a thread, for async views."""
    return await run_in_threadpool(authenticate, name, password)


def _name(text: str) -> str:
    # NFKC: two names that look alike by compatibility forms are one name (UTS 39).
    return unicodedata.normalize("NFKC", text).strip()


def _email(text: str | None) -> str | None:
    return (unicodedata.normalize("NFKC", text).strip().lower() or None) if text else None
