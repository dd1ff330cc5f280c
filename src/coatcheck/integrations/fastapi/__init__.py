"""Sessions as FastAPI's dependencies, over the middleware of ``coatcheck.integrations.starlette``.

::

    app.add_middleware(SessionMiddleware, store="sqlite:///sessions.sqlite3")

    @app.post("/cart")
    def add(item: str, session: SessionDep, user: LoggedInUser) -> list[str]: ...

``request.session`` is the same session. ``Forms`` checks forms and processes each once, ``form_of``
(in ``forms``, which needs Pydantic and Jinja) binds one. No dependency shows in the OpenAPI schema.
"""

from coatcheck.integrations.starlette import SessionMiddleware, SignedCookie, Starsessions
from coatcheck.integrations.starlette.forms import Forms

from .session import CurrentUser, LoggedInUser, NotLoggedIn, SessionDep

__all__ = [
    "CurrentUser",
    "Forms",
    "LoggedInUser",
    "NotLoggedIn",
    "SessionDep",
    "SessionMiddleware",
    "SignedCookie",
    "Starsessions",
]
