"""Many stored sessions at once, put there by the fastest way in: the verbs would take hours."""

import random
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import valkey

from coatcheck.core.record import Record
from coatcheck.stores.sql.rows import COLUMNS, to_row
from coatcheck.stores.sql.schema import sessions
from coatcheck.stores.valkey import hashes
from coatcheck.wire.tokens import Token

from .places import Place
from .visitors import shop_fields, used_session

EACH = 4
"""Sessions of one user: every second one has expired."""

SAMPLE = 2000
"""Sessions that are measured, twice as many at most: from first to last, as they were put in."""

BATCH = 1000


def fill(place: Place, count: int) -> list[Record]:
    """Put *count* sessions into *place*, half of them expired; some live ones of all, shuffled."""
    put = {"SQLite": _into_sqlite, "PostgreSQL": _into_postgresql, "Valkey": _into_valkey}
    sample: list[Record] = []
    put[place.name](place.url, _sampled(crowd(count), max(count // SAMPLE, 1), sample))
    random.shuffle(sample)
    return sample


def _sampled(records: Iterator[Record], step: int, sample: list[Record]) -> Iterator[Record]:
    for number, record in enumerate(records):
        if number // 2 % step == 0 and not _expired(record):
            sample.append(record)
        yield record


def crowd(count: int) -> Iterator[Record]:
    """*count* sessions, alike but for id, user and time."""
    live, _ = used_session(shop_fields())
    long_ago = live.created - 20 * 86400
    expired = live._replace(
        created=long_ago, seen=long_ago, renewed=long_ago, expires=time.time() - 60
    )
    for number in range(count):
        kind = expired if number % 2 else live
        yield kind._replace(id=Token.new().id, user=str(number // EACH))


def _expired(record: Record) -> bool:
    return record.expires < time.time()


def _into_sqlite(url: str, records: Iterator[Record]) -> None:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    marks = ", ".join("?" * len(COLUMNS))
    text = f"INSERT INTO {sessions.name} ({', '.join(COLUMNS)}) VALUES ({marks})"  # noqa: S608
    connection.execute("BEGIN")
    connection.executemany(text, map(to_row, records))
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _into_postgresql(url: str, records: Iterator[Record]) -> None:
    types = {"id": "varchar", "user_id": "varchar", "user_agent": "varchar", "address": "varchar"}
    types |= {"digest": "bytea", "previous": "bytea", "data": "bytea", "commits": "bytea"}
    types |= {"version": "int8", "epoch": "int4", "lease_holder": "varchar"}
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        text: Any = f"COPY {sessions.name} ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)"
        with cursor.copy(text) as copy:
            copy.set_types([types.get(name, "float8") for name in COLUMNS])
            for record in records:
                copy.write_row(to_row(record))
        connection.execute(f"VACUUM ANALYZE {sessions.name}")


# names and values, how many of them there are, and then id and user in turn
_COPIES = """
local values, last = {}, tonumber(ARGV[1])
for i = 1, last do values[i] = ARGV[i + 1] end
for i = last + 2, #ARGV, 2 do
  local id, user = ARGV[i], ARGV[i + 1]
  local key, index = 'coatcheck:{' .. id .. '}', 'coatcheck:user:' .. user
  redis.call('HSET', key, '\\255u', '=' .. user, unpack(values))
  redis.call('PEXPIRE', key, 86400000)
  redis.call('ZADD', index, (redis.call('TIME')[1] + 86400) * 1000, id)
  redis.call('PEXPIRE', index, 86400000)
end
"""


def _into_valkey(url: str, records: Iterator[Record]) -> None:
    with valkey.Valkey.from_url(url) as client:
        copies = client.register_script(_COPIES)
        kinds: dict[bool, list[Record]] = {True: [], False: []}
        for record in records:
            same = kinds[_expired(record)]
            same.append(record)
            if len(same) == BATCH:
                _copied(copies, same)
        for left in kinds.values():
            if left:
                _copied(copies, left)


def _copied(copies: Any, records: list[Record]) -> None:
    values = hashes.pairs(records[0], records[0].fields)
    each = [part for record in records for part in (record.id, record.user)]
    copies(args=[len(values), *values, *each])
    records.clear()
