"""Open the store whose address stands in the host's own configuration.

The one place where an integration reaches the stores, by address only: which one that is, and what
it needs, is the application's choice.
"""

from coatcheck.core.store import BlockingStore
from coatcheck.stores import from_url


def store_at(address: str) -> BlockingStore:
    """The blocking store at *address*, with its table where that is an SQLite file.

    On a database server the table is made on purpose, by a command or a migration. Raises
    ``ConfigurationError`` for an address that names no store.
    """
    store = from_url(address)
    if address.startswith("sqlite:"):
        # A file that this application alone has; there is nobody else to make its table.
        make_tables(store)
    return store


def make_tables(store: object) -> bool:
    """Make the tables of *store* where there are none; False if it is a store without tables."""
    make = getattr(store, "create_tables", None)
    if make is None:
        return False
    make()
    return True
