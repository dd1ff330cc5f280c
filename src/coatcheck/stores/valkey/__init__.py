"""Sessions in Valkey or Redis: one server, one watched by Sentinel, or a cluster.

``hashes`` is how a record lies in a hash, ``scripts`` what runs inside the server, ``verbs`` the
laws of a store in these terms. ``routes`` knows which server keeps a key, ``address`` reads URLs,
``faults`` errors. ``blocking`` and ``awaitable`` hold the connections.
"""

from .awaitable import AsyncValkeyStore
from .blocking import ValkeyStore

__all__ = ["AsyncValkeyStore", "ValkeyStore"]
