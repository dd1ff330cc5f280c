"""Make users and check who somebody says they are. Imports SQLAlchemy; ``visitor`` does not.

The functions here hash passwords, which takes a tenth of a second: async views await the ones
called ``…_async``, which run in a thread.
"""

import unicodedata

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from starlette.concurrency import run_in_threadpool

from coatcheck.forms.typed.errors import FieldError
from coatcheck.forms.typed.sentences import said
from coatcheck.web.auth.models import User
from coatcheck.web.auth.passwords import waste_a_verification
from coatcheck.web.database import db


class UserExists(FieldError):
    """A name or e-mail address that another user has. ``field`` says which."""

    status = 409

    def __init__(self, field: str) -> None:
        super().__init__(field, TAKEN[field].one)


class WrongCredentials(FieldError):
    """A name and a password that do not belong together; which of them is wrong is not said."""

    def __init__(self) -> None:
        super().__init__(None, NOT_TOGETHER.one)


TAKEN = {
    "username": said("This name is taken by another user. Choose another one."),
    "email": said("This e-mail address is taken by another user. Choose another one."),
}
NOT_TOGETHER = said("No account has this name or address with this password.")


def create_user(
    username: str, password: str, email: str | None = None, *, is_staff: bool = False
) -> User:
    """Add a user; the commit of the request makes it stand. Raises UserExists."""
    user = User(username=_name(username), email=_email(email), is_active=True, is_staff=is_staff)
    user.set_password(password)
    by_address = user.username == user.email  # who registers so has no name that could be taken
    taken = [("email", user.email), ("username", user.username)]
    for field, value in taken if by_address else reversed(taken):
        if value is not None and db.scalar(select(User.id).filter_by(**{field: value})):
            raise UserExists(field)
    try:
        with db.begin_nested():
            db.add(user)
    except IntegrityError as taken:  # by a request that was a moment earlier
        raise UserExists("email" if by_address else _field_of(taken)) from None
    return user


def _field_of(error: IntegrityError) -> str:
    """The field whose unique constraint *error* is about.

    The message is no help: it holds what was typed, and a name may well contain "email".
    """
    diagnosis = getattr(error.orig, "diag", None)  # PostgreSQL's
    constraint = diagnosis.constraint_name if diagnosis else str(error.orig).rstrip("'\")")
    # SQLite ends its message with the column, MySQL and MariaDB with the constraint.
    return "email" if str(constraint).endswith(("uq_auth_user_email", ".email")) else "username"


def create(email: str, password: str) -> User:
    """``create_user`` for people who log in with their address. Raises UserExists at "email"."""
    address = _email(email) or ""
    return create_user(address, password, address)


def check(name: str, password: str) -> User:
    """``authenticate``, for a form: raises WrongCredentials, which the form shows, for None."""
    user = authenticate(name, password)
    if user is None:
        raise WrongCredentials
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
