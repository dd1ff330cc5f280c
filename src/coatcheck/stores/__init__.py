"""Where records are kept: one file or folder per store, native to its driver.

``from_url`` chooses by URL and imports only what that store needs.
"""

from typing import Literal, overload

from coatcheck.core.errors import ConfigurationError
from coatcheck.core.store import BlockingStore, Store


@overload
def from_url(url: str, asynchronous: Literal[False] = False) -> BlockingStore: ...


@overload
def from_url(url: str, asynchronous: Literal[True]) -> Store: ...


def from_url(url: str, asynchronous: bool = False) -> BlockingStore | Store:
    """The store that *url* names: ``memory://``, ``sqlite:///FILE`` or ``postgresql://…``.

    Blocking, or with *asynchronous* awaitable, which only PostgreSQL is. Raises
    ``ConfigurationError`` for another address, or when the store's extra is not installed.
    """
    scheme = url.partition(":")[0].partition("+")[0]
    if scheme == "memory":
        if asynchronous:
            raise ConfigurationError(
                "there is no awaitable store for memory:// as it never waits: use the blocking "
                "one, which ASGI hosts read in place."
            )
        from .memory import MemoryStore

        return MemoryStore()
    if scheme in ("sqlite", "postgresql"):
        try:
            from .sql import AsyncSQLStore, SQLStore

            return AsyncSQLStore(url) if asynchronous else SQLStore(url)
        except ImportError as error:
            extra = "postgresql" if scheme == "postgresql" else "sql"
            raise ConfigurationError(
                f"a {scheme}:// store needs a library that cannot be loaded ({error}): "
                f"pip install 'coatcheck[{extra}]'"
            ) from error
    raise ConfigurationError(
        f"no store is known for {scheme}:// addresses. Use sqlite:///FILE, postgresql://… or memory://."
    )
