"""Sessions in an SQL database: SQLite, PostgreSQL, MySQL or MariaDB, over one schema.

``schema`` is the table, ``statements`` what is asked of it, ``rows`` how a record lies in it, and
``verbs`` the laws of a store in these terms. ``blocking`` and ``awaitable`` run them through
``sqlite`` or ``postgresql``, which know the driver and its errors. ``protocol`` is how prepared
statements are spoken to PostgreSQL, and ``address`` reads URLs.
"""

from .awaitable import AsyncSQLStore
from .blocking import SQLStore
from .schema import MissingTable

__all__ = ["AsyncSQLStore", "MissingTable", "SQLStore"]
