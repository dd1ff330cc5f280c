"""Sessions for Starlette and FastAPI: the line of Starlette's own middleware, with a store in it.

::

    app.add_middleware(SessionMiddleware, store="sqlite:///sessions.sqlite3")

``request.session`` is then a coatcheck ``Session`` that is a ``dict`` too. With the ``secret_key``
and the options that Starlette's own middleware had, visitors keep the sessions they have.
"""

from .incumbents import SignedCookie, Starsessions
from .middleware import SessionMiddleware, session_of
from .session import StarletteSession

__all__ = ["SessionMiddleware", "SignedCookie", "StarletteSession", "Starsessions", "session_of"]
