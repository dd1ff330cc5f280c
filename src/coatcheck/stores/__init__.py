"""Where records are kept: one file or folder per store, native to its driver.

``from_url`` chooses by URL and imports only what that store needs.
"""

from coatcheck.core.errors import ConfigurationError
from coatcheck.core.store import BlockingStore


def from_url(url: str) -> BlockingStore:
    """The blocking store that *url* names: ``memory://``, ``sqlite:///FILE`` or ``postgresql://…``.

    Raises ``ConfigurationError`` for another scheme, or when the store's extra is not installed.
    """
    scheme = url.partition(":")[0].partition("+")[0]
    if scheme == "memory":
        from .memory import MemoryStore

        return MemoryStore()
    if scheme in ("sqlite", "postgresql"):
        try:
            from .sql import SQLStore
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"a {scheme} store needs {error.name}: pip install 'coatcheck[sql]'"
            ) from error
        return SQLStore(url)
    raise ConfigurationError(
        f"no store is known for {scheme}:// addresses. Use sqlite:///FILE, postgresql://… or memory://."
    )
