"""Sessions for Flask: ``Coatcheck(app)``, and ``flask.session`` is kept in a store on the server.

``extension`` sets an application up from its config (``config``); ``interface`` is Flask's
``SessionInterface``, ``session`` what ``flask.session`` is; ``edge`` and ``visit`` make requests of
one session take turns; ``once`` processes forms once; ``commands`` are those of ``flask sessions``.
"""

from .extension import Coatcheck
from .interface import SessionInterface
from .once import NotProcessed, OutcomeUnknown, SentBefore, StillProcessed, once, once_token
from .session import FlaskSession
from .visit import session_mode

__all__ = [
    "Coatcheck",
    "FlaskSession",
    "NotProcessed",
    "OutcomeUnknown",
    "SentBefore",
    "SessionInterface",
    "StillProcessed",
    "once",
    "once_token",
    "session_mode",
]
