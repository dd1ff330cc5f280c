"""The URL of a store, read as SQLAlchemy reads it: sessions and the site's tables can share one."""

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from coatcheck.core.errors import ConfigurationError


def parsed(url: str) -> URL:
    """*url* in its parts. Raises ``ConfigurationError``, which does not show it: passwords."""
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigurationError(
            "the store's URL cannot be read: write sqlite:///FILE or "
            "postgresql://USER:PASSWORD@HOST:PORT/DATABASE (or mysql:// or mariadb://), with "
            "%-escapes for / : @ and ? in a password."
        ) from None
    if address.get_backend_name() not in ("sqlite", "postgresql", "mysql", "mariadb"):
        raise ConfigurationError(
            f"no SQL store is known for {address.drivername}:// addresses: use sqlite:///FILE, "
            "postgresql://…, mysql://… or mariadb://…"
        )
    return address


def checked_limits(timeout: float, connections: int) -> None:
    """Raise ``ConfigurationError`` for limits under which nothing could run."""
    if timeout <= 0:
        raise ConfigurationError(f"timeout={timeout}: it must be more than 0 seconds.")
    if connections < 1:
        raise ConfigurationError(f"connections={connections}: a store needs at least 1.")
