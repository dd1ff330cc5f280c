"""Sessions as FastAPI's dependencies, over the middleware of ``coatcheck.integrations.starlette``.

::

    app.add_middleware(SessionMiddleware, store="sqlite:///sessions.sqlite3")

    @app.post("/cart")
    def add(item: str, session: SessionDep, user: LoggedInUser) -> list[str]: ...

``request.session`` is the same session. None of the dependencies shows in the OpenAPI schema.
"""

from coatcheck.integrations.starlette import SessionMiddleware, SignedCookie, Starsessions

from .session import CurrentUser, LoggedInUser, NotLoggedIn, SessionDep

__all__ = [
    "CurrentUser",
    "LoggedInUser",
    "NotLoggedIn",
    "SessionDep",
    "SessionMiddleware",
    "SignedCookie",
    "Starsessions",
]
