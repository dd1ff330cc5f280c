"""The session, and who is logged in, as dependencies. They work in requests and in websockets.

They are ``async``, so that none costs a thread. The session is loaded first, so that an ``async``
endpoint can use it whatever its store.
"""

from typing import Annotated

from fastapi import Depends, HTTPException
from starlette.requests import HTTPConnection

from coatcheck.core.session import Session
from coatcheck.integrations.starlette import session_of


class NotLoggedIn(HTTPException):
    """Nobody is logged in: 401. A site for people gives it an exception handler that redirects."""

    def __init__(self) -> None:
        # RFC 9110 15.5.2 wants a challenge; there is none for cookies, so it names what is asked.
        super().__init__(401, "Log in first.", {"WWW-Authenticate": "Session"})


async def session(connection: HTTPConnection) -> Session:
    """The session, loaded."""
    found = session_of(connection)
    await found.load()
    return found


SessionDep = Annotated[Session, Depends(session)]
"""The visitor's session: a dict that saves itself, with ``login``, ``logout`` and the rest."""


async def current_user(session: SessionDep) -> str | None:
    """Who is logged in, by ``session.login(...)`` or in the session that was taken over."""
    return session.user


CurrentUser = Annotated[str | None, Depends(current_user)]
"""The id of the user who is logged in, or None."""


async def logged_in_user(user: CurrentUser) -> str:
    """Who is logged in. Raises ``NotLoggedIn`` for nobody."""
    if user is None:
        raise NotLoggedIn
    return user


LoggedInUser = Annotated[str, Depends(logged_in_user)]
"""The id of the user who is logged in; 401 for nobody."""
