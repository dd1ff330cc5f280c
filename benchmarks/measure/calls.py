"""What a load, and a load with a commit, cannot do without, as one writes it with the driver.

Nothing is made of the answers. These bare calls are the floor under a store.
"""

from collections.abc import Callable
from typing import Any

import valkey

from coatcheck.core.record import Record
from coatcheck.stores.sql.rows import to_row
from coatcheck.stores.sql.statements import statements
from coatcheck.stores.valkey import hashes, scripts

from .turns import Work


def with_cursor(execute: Callable[..., Any], kind: str, record: Record) -> tuple[Work, Work]:
    """A load, and a load with a commit, as the bare statements."""
    texts = statements(kind)
    load, commit = texts.load, texts.commit_in_place or texts.commit
    row, key = to_row(record), (record.id,)
    version = record.version

    def loads() -> object:
        return execute(load.text, key).fetchall()

    def commits() -> object:
        nonlocal version
        execute(load.text, key).fetchall()
        base, version = version, version + 1
        values = (*row[:7], version, *row[8:], base, record.seen + 1, None)
        changed = execute(commit.text, commit.arrange(values)).rowcount
        assert changed == 1
        return changed

    return loads, commits


def _commands(record: Record) -> tuple[tuple[Any, ...], Callable[[], tuple[Any, ...]]]:
    """HGETALL, and the next EVALSHA that stores one changed field: what the verbs send."""
    key = b"coatcheck:{" + record.id.encode() + b"}"
    latest = record

    def commit() -> tuple[Any, ...]:
        nonlocal latest
        base, latest = latest.version, latest._replace(version=latest.version + 1)
        after = latest._replace(fields={**latest.fields, "visits": b"\x01\x12"})
        values = hashes.pairs(after, ["visits"])
        judged = hashes.base(base), hashes.text(latest.user), b"", hashes.moment(latest.seen + 1)
        return ("EVALSHA", scripts.COMMIT.sha, 1, key, *judged, b"", 6 + len(values), *values)

    return ("HGETALL", key), commit


def with_client(client: valkey.Valkey, record: Record) -> tuple[Work, Work]:
    (_, key), commit = _commands(record)

    def loads() -> object:
        return client.hgetall(key)

    def commits() -> object:
        client.hgetall(key)
        _, *arguments = commit()
        answer = client.evalsha(*arguments)
        assert answer == 1, answer
        return answer

    return loads, commits
