"""coatcheck: what visitors send (forms) and what a site remembers of them (sessions).

The engine's public names. Stores stand in ``coatcheck.stores``, glue for frameworks in
``coatcheck.integrations``, the standalone stack in ``coatcheck.web``. Importing this package loads
no framework and no driver.
"""

from coatcheck.core.engine import Sessions
from coatcheck.core.errors import (
    CoatcheckError,
    ConfigurationError,
    SessionBusy,
    SessionConflict,
    StoreUnavailable,
    UnsupportedValue,
)
from coatcheck.core.events import Event, EventName
from coatcheck.core.policy import SessionCookie, SessionPolicy
from coatcheck.core.record import Record
from coatcheck.core.session import Session

__version__ = "0.1.0"

__all__ = [
    "CoatcheckError",
    "ConfigurationError",
    "Event",
    "EventName",
    "Record",
    "Session",
    "SessionBusy",
    "SessionConflict",
    "SessionCookie",
    "SessionPolicy",
    "Sessions",
    "StoreUnavailable",
    "UnsupportedValue",
    "__version__",
]
