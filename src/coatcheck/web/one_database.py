"""Whether sessions and the site's own tables are in one database, for one transaction over both.

``once(atomic=True)`` asks at start: in two databases the promise could not be kept.
"""

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from coatcheck.core.errors import ConfigurationError
from coatcheck.stores import apart
from coatcheck.web.setting_checks import is_in_memory
from coatcheck.web.settings import Settings


def require_one_database(settings: Settings, view_name: str) -> None:
    """Raise ConfigurationError unless sessions are in the database of the site's own tables."""
    around, store = apart(settings.session_store)
    if around in ("", "encrypted+") and _same(store, settings.database_url):
        return
    raise ConfigurationError(
        f"{view_name} says once(atomic=True), and the sessions of {settings.where}, with which "
        "submissions are kept, are not in the database of its own tables: one transaction cannot "
        "hold both.\nLeave SESSION_STORE out, which keeps them there, or leave atomic=True out."
    )


def _same(store: str, database: str) -> bool:
    if is_in_memory(database):
        return False  # each engine has a database of its own there
    try:
        return _place(make_url(store)) == _place(make_url(database))
    except ArgumentError:
        return False


def _place(url: URL) -> tuple[object, ...]:
    kind = url.get_backend_name().replace("mariadb", "mysql")
    return kind, url.host, url.port, url.database
