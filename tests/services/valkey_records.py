"""Records, commits and stores for the tests of the Valkey store, said in few words."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

import pytest

from coatcheck.core.record import Record
from coatcheck.core.store import BlockingStore, Commit
from coatcheck.stores.valkey import AsyncValkeyStore, ValkeyStore
from coatcheck.wire.tokens import Token


def a_record(**attributes: Any) -> Record:
    """A record of its own, made just now and good for an hour."""
    token = Token.new()
    now = time.time()
    fields = {"count": b"\x01\x00", "name": b"\x01\xa3Ann"}
    record = Record(token.id, token.digest, now, now, now + 3600, now, fields)
    return record._replace(**attributes)


def over(
    base: Record,
    fields: Mapping[str, bytes] | None = None,
    *,
    holder: str | None = None,
    later: float = 1.0,
    **attributes: Any,
) -> Commit:
    """A commit that gives *base* the *fields* and *attributes*, some seconds *later*."""
    after = dict(base.fields if fields is None else fields)
    record = base._replace(version=base.version + 1, fields=after, lease=None, **attributes)
    put = frozenset(name for name, data in after.items() if base.fields.get(name) != data)
    removed = frozenset(base.fields.keys() - after.keys())
    return Commit(base.version, record, put, removed, holder, base.seen + later)


def key_of(record: Record) -> str:
    """The key under which a store with the usual prefix keeps *record*."""
    return f"coatcheck:{{{record.id}}}"


class Opener(Protocol):
    """Opens a store at a URL, blocking or made to block, and closes it when the test ends."""

    def __call__(self, source: Any, **options: Any) -> BlockingStore: ...


class Driven:
    """An awaitable store whose verbs are called as those of a blocking one."""

    def __init__(self, store: AsyncValkeyStore, loop: asyncio.Runner) -> None:
        self.store = store
        self.capabilities = store.capabilities
        self._loop = loop

    def __getattr__(self, verb: str) -> Any:
        called = getattr(self.store, verb)
        return lambda *arguments, **named: self._loop.run(called(*arguments, **named))


@contextmanager
def opening(kind: str) -> Iterator[Opener]:
    """What opens stores of *kind*."""
    with ExitStack() as opened:
        loop = opened.enter_context(asyncio.Runner()) if kind == "awaitable" else None

        def open_store(source: Any, **options: Any) -> Any:
            store = (
                ValkeyStore(source, **options)
                if loop is None
                else Driven(AsyncValkeyStore(source, **options), loop)
            )
            opened.callback(store.close)
            return store

        yield open_store


@pytest.fixture(params=["blocking", "awaitable"])
def open_store(request: pytest.FixtureRequest) -> Iterator[Opener]:
    """Both kinds of store, one after the other."""
    with opening(request.param) as opener:
        yield opener
