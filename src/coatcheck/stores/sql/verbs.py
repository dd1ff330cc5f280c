"""The verbs of a store over an SQL database, once for blocking and awaitable ones.

Each is one statement. Only when a row was not to be had is there a second one, which tells why, and
where a database does not hand out the row that it has leased (MySQL, MariaDB).
What runs a statement is ``blocking`` or ``awaitable``.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeVar

from coatcheck.core.record import Lease, Record
from coatcheck.core.store import Busy, Capabilities, Commit, Committed, Conflict, Gone

from .rows import Row, to_listed, to_record, to_row
from .statements import Statement, Statements

A = TypeVar("A")


class Verbs(ABC):
    """The laws of ``coatcheck.core.store``, in SQL."""

    capabilities: Capabilities
    statements: Statements

    @abstractmethod
    async def run(self, statement: Statement[A], values: Row) -> A:
        """The answer to *statement* with *values*. Raises ``StoreUnavailable``."""

    @abstractmethod
    async def close(self) -> None:
        """Close the connections. The store is not used afterwards."""

    async def load(
        self, id: str, lease: Lease | None = None, now: float = 0.0
    ) -> Record | Busy | None:
        if lease is None:
            rows = await self.run(self.statements.load, (id,))
            return to_record(rows[0]) if rows else None
        while True:
            taken = await self.run(self.statements.lease, (id, lease.holder, lease.until, now))
            if taken and not isinstance(taken, int):
                return to_record(taken[0])
            rows = await self.run(self.statements.load, (id,))
            if not rows:
                return None
            held = _live_lease(rows[0], lease.holder, now)
            if held is not None:
                return Busy(held.until)
            if taken:
                return to_record(rows[0])

    async def create(self, record: Record) -> bool:
        return await self.run(self.statements.create, to_row(record)) == 1

    async def commit(self, commit: Commit) -> Committed | Conflict | Busy | Gone:
        values = (*to_row(commit.record), commit.base, commit.now, commit.holder)
        in_place = self.statements.commit_in_place
        if in_place is not None and commit.record.seen < commit.now:
            # The deadline stays, and in most commits the user does.
            changed = await self.run(in_place, values)
            if changed:
                return Committed()
        while True:
            if await self.run(self.statements.commit, values):
                return Committed()
            rows = await self.run(self.statements.load, (commit.record.id,))
            if not rows:
                return Gone()
            held = _live_lease(rows[0], commit.holder, commit.now)
            if held is not None:
                return Busy(held.until)
            fresh = to_record(rows[0])
            if fresh.version != commit.base:
                return Conflict(fresh)
            # Given back between the two statements: try again.

    async def end(self, id: str) -> bool:
        return await self.run(self.statements.end, (id,)) == 1

    async def touch(self, id: str, seen: float, expires: float) -> bool:
        return await self.run(self.statements.touch, (id, seen, expires)) == 1

    async def release(self, id: str, holder: str) -> None:
        await self.run(self.statements.release, (id, holder))

    async def sweep(self, now: float, limit: int) -> int:
        removed = await self.run(self.statements.sweep, (now, limit))
        return removed if isinstance(removed, int) else len(removed)

    async def of_user(self, user: str) -> Sequence[Record]:
        return [to_listed(row) for row in await self.run(self.statements.of_user, (user,))]

    async def define(self) -> None:
        """Make the table where there is none."""
        for statement in self.statements.define:
            await self.run(statement, ())


def _live_lease(row: Row, holder: str | None, now: float) -> Lease | None:
    """The lease in *row* if another than *holder* has it and it counts at *now*."""
    *_, other, until = row
    if other is None or other == holder:
        return None
    lease = Lease(other, until)
    return lease if lease.held(now) else None
