"""Prepared statements on a PostgreSQL connection of psycopg's, in binary both ways.

A cursor of psycopg finds out for every call which types the values and columns have; the few
statements of a store have the same ones each time. Connecting and errors are psycopg's.
"""

import re
import select
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from struct import Struct
from typing import Any, Generic, NamedTuple, TypeVar

from psycopg import AsyncConnection, Connection
from psycopg.abc import PQGen
from psycopg.errors import error_from_result
from psycopg.generators import execute
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from .rows import Row
from .statements import Statement

N = TypeVar("N", Connection[Any], AsyncConnection[Any])

BINARY = 1
_DONE = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK})


class _Kind(NamedTuple):
    """A type on its way: PostgreSQL's number for it, and to its bytes and back."""

    oid: int
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


_DOUBLE = Struct("!d")
_BIGINT = Struct("!q")
_KINDS = {
    str: _Kind(25, str.encode, bytes.decode),
    bytes: _Kind(17, bytes, bytes),
    float: _Kind(701, _DOUBLE.pack, lambda data: _DOUBLE.unpack(data)[0]),
    # All whole numbers are sent as bigint, and read at the size of their column.
    int: _Kind(20, _BIGINT.pack, lambda data: int.from_bytes(data, signed=True)),
}


@dataclass(frozen=True)
class Plan:
    """A statement as it is prepared."""

    name: bytes
    text: bytes
    types: list[int]
    formats: list[int]
    encoders: list[Callable[[Any], bytes]]
    decoders: list[Callable[[bytes], Any]]
    arrange: Callable[[Row], Row]


def plan(statement: Statement[Any]) -> Plan:
    """How *statement* is prepared and spoken."""
    numbers = count(1)
    text = re.sub("%s", lambda _: f"${next(numbers)}", statement.text)
    parameters = [_KINDS[kind] for kind in statement.parameters]
    return Plan(
        name=f"coatcheck {statement.name}".encode(),
        text=text.encode(),
        types=[kind.oid for kind in parameters],
        formats=[BINARY] * len(parameters),
        encoders=[kind.encode for kind in parameters],
        decoders=[_KINDS[kind].decode for kind in statement.rows],
        arrange=statement.arrange,
    )


class Line(Generic[N]):
    """A connection, and what it has prepared."""

    def __init__(self, connection: N) -> None:
        self.connection: N = connection
        self.pgconn = connection.pgconn
        self.prepared: set[bytes] = set()
        self._cooperative = select.select.__module__ != "select"

    def ask(self, plan: Plan, values: Row) -> Any:
        """Ask, and give the rows or the number of rows.

        Waiting in libpq itself takes a third off a short question. Where gevent has put its own
        ``select`` in place, threads are none, and psycopg has to do the waiting.
        """
        if self._cooperative:
            return self.connection.wait(self.asking(plan, values))
        pgconn = self.pgconn
        if plan.name not in self.prepared:
            _checked(pgconn.prepare(plan.name, plan.text, plan.types))
            self.prepared.add(plan.name)
        parameters = _parameters(plan, values)
        result = pgconn.exec_prepared(plan.name, parameters, plan.formats, BINARY)
        return _answer(plan, _checked(result))

    def asking(self, plan: Plan, values: Row) -> PQGen[Any]:
        """The same as steps, for psycopg to wait between them."""
        pgconn = self.pgconn
        if plan.name not in self.prepared:
            pgconn.send_prepare(plan.name, plan.text, plan.types)
            _checked((yield from execute(pgconn))[-1])
            self.prepared.add(plan.name)
        parameters = _parameters(plan, values)
        pgconn.send_query_prepared(plan.name, parameters, plan.formats, BINARY)
        return _answer(plan, _checked((yield from execute(pgconn))[-1]))


def _parameters(plan: Plan, values: Row) -> list[Any]:
    """Each value as bytes, or None."""
    return [
        None if value is None else encode(value)
        for encode, value in zip(plan.encoders, plan.arrange(values), strict=True)
    ]


def _answer(plan: Plan, result: PGresult) -> Any:
    if not plan.decoders:
        return result.command_tuples or 0
    get = result.get_value
    return [
        tuple(
            [
                None if (data := get(number, column)) is None else decode(data)
                for column, decode in enumerate(plan.decoders)
            ]
        )
        for number in range(result.ntuples)
    ]


def _checked(result: PGresult) -> PGresult:
    if result.status not in _DONE:
        raise error_from_result(result)
    return result
