"""The verbs of a store inside somebody else's transaction: done when that commits, or not at all.

For who keeps records and data of their own in one database and wants both or neither. Another
transaction sees nothing of it before, and the caller commits.
"""

from typing import Any, TypeVar

from sqlalchemy.engine import Connection

from coatcheck.core.store import Capabilities

from .rows import Row
from .statements import Statement, statements
from .verbs import Verbs

A = TypeVar("A")


class JoinedVerbs(Verbs):
    """Awaitable verbs that never suspend, on *connection* and in the transaction that it is in.

    What fails raises the driver's own error, as the transaction is lost with it.
    """

    capabilities = Capabilities()

    def __init__(self, connection: Connection) -> None:
        name = connection.dialect.name
        self.statements = statements("mysql" if name == "mariadb" else name)
        self._connection: Any = connection.connection

    async def run(self, statement: Statement[A], values: Row) -> A:
        cursor = self._connection.cursor()
        try:
            cursor.execute(statement.text, statement.arrange(values))
            answer: Any = cursor.fetchall() if statement.rows else cursor.rowcount
        finally:
            cursor.close()
        result: A = answer
        return result

    async def close(self) -> None:
        """Nothing to give back: the connection is the caller's."""
