"""Open the store whose address stands in the host's own configuration.

The one place where an integration reaches the stores, by address only: which one that is, and what
it needs, is the application's choice.
"""

from collections.abc import Sequence

from coatcheck.core.errors import ConfigurationError
from coatcheck.core.store import BlockingStore, Store
from coatcheck.stores import apart, from_url


def store_at(address: str, keys: Sequence[str] = ()) -> BlockingStore:
    """The blocking store at *address*, with its table where that is an SQLite file.

    On a database server the table is made on purpose, by a command or a migration. *keys* seal
    sessions in ``cookie://``, newest first. Raises
    ``ConfigurationError`` for an address that names no store.
    """
    store = from_url(address, keys=keys)
    if apart(address)[1].startswith("sqlite:"):
        # A file that this application alone has; there is nobody else to make its table.
        make_tables(store)
    return store


def awaitable_store_at(address: str) -> Store | None:
    """The awaitable store at *address*, or None where there is only the blocking one."""
    try:
        return from_url(address, asynchronous=True)
    except ConfigurationError:
        return None


def make_tables(store: object) -> bool:
    """Make the tables of *store*, or of the one that it stands around, where there are none.

    False if it is a store without tables.
    """
    make = getattr(store, "create_tables", None)
    if make is not None:
        make()
        return True
    inner = getattr(store, "store", None) or getattr(store, "durable", None)
    return inner is not None and make_tables(inner)
