"""Sessions in an SQL database: SQLite and PostgreSQL, one schema and one set of statements.

``schema`` is the table, ``statements`` what is asked of it, ``rows`` how a record lies in it, and
``verbs`` the laws of a store in these terms. ``blocking`` and ``awaitable`` run them.
"""

from .awaitable import AsyncSQLStore
from .blocking import SQLStore
from .schema import MissingTable

__all__ = ["AsyncSQLStore", "MissingTable", "SQLStore"]
