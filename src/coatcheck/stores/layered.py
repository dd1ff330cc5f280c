"""A cache in front of a database: the database decides, the cache only saves it the reads.

The cache holds copies, and three rules keep them honest:

- **Never backwards.** A copy is put only over an older version, by the cache's own compare and put.
  A node that read the database long ago and is slow to fill the cache changes nothing.
- **The database first.** A commit, a lease and an end are the database's; then the cache is told.
  A session that ends leaves a gravestone in the cache, which is newer than any version.
- **Trust runs out.** Each copy says when the database was last asked about it. One that is older
  than *trust* is asked about again: that bounds what a node can miss that changed the database and
  could not tell the cache.

A commit that was made from a stale copy costs one ``Conflict``, never an update.
"""

import inspect
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import ormsgpack

from coatcheck.core import bridge
from coatcheck.core.errors import (
    ConfigurationError,
    SessionTooLarge,
    StoreUnavailable,
    UnreadableRecord,
)
from coatcheck.core.events import logger
from coatcheck.core.record import Lease, Record
from coatcheck.core.store import (
    BlockingStore,
    Busy,
    Capabilities,
    Commit,
    Committed,
    Conflict,
    Gone,
    Store,
)

T = TypeVar("T")

ENDED: Final = 2**52
"""The version of a gravestone."""

REST: Final = 5.0
"""Seconds for which a cache that did not answer is left alone."""

GRAVESTONE_DAYS: Final = 1

_NOTE: Final = ""
"""The field of a copy that says when it was asked about, whose it is, and whether it is whole.

The session's own fields have a dot before their names, so that none can be called like this one.
"""

_MOST_TRIES: Final = 20


class AsyncLayeredStore:
    """An awaitable store over two others: *cache* is asked first, *durable* decides.

    A read that the cache can answer costs no call of *durable*. Copies are trusted for *trust*
    seconds, counted from when the database was asked. So long, and no longer, a node may see a
    session as it was before a change that did not reach the cache: because the cache was down for
    the node that made it, or because somebody wrote to the database past this store.
    While the cache does not answer, everything works on *durable* alone, and the log says so once.

    All processes have to share the cache. *clock* gives seconds since the epoch.
    Raises ``ConfigurationError`` for stores that block.
    """

    def __init__(
        self,
        cache: Store,
        durable: Store,
        *,
        trust: float = 30.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        for store in (cache, durable):
            if not inspect.iscoroutinefunction(store.load):
                raise ConfigurationError(
                    f"{type(store).__name__} blocks and AsyncLayeredStore awaits: use LayeredStore "
                    "over two blocking stores."
                )
        if trust <= 0:
            raise ConfigurationError(f"trust={trust:g} s: it must be more than 0.")
        self.cache = cache
        self.durable = durable
        self._trust = trust
        self._clock = clock
        self._resting = False
        self._rested_at = -math.inf
        self._doubted_before = -math.inf
        self._swept_until = -math.inf
        able, quick = durable.capabilities, cache.capabilities
        self.capabilities = Capabilities(
            by_user=able.by_user,
            lease=able.lease,
            inline=able.inline and quick.inline,
            instant=able.instant and quick.instant,
            revoke=able.revoke,
            sweep=able.sweep,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.cache!r} before {self.durable!r}>"

    # -- verbs --------------------------------------------------------------------------------

    async def load(
        self, id: str, lease: Lease | None = None, now: float = 0.0
    ) -> Record | Busy | None:
        if lease is not None:
            return await self.durable.load(id, lease, now)
        copy = await self._if_it_answers(lambda: self._look(id))
        if copy is not None:
            if copy.version == ENDED:
                return None
            if self._trusted(copy):
                return _original(copy)
        asked = self._clock()
        found = await self.durable.load(id)
        if isinstance(found, Record):
            record = found
            await self._if_it_answers(lambda: self._put(record, asked, copy))
        elif copy is not None:
            await self._if_it_answers(lambda: self._bury(id))
        return found

    async def create(self, record: Record) -> bool:
        asked = self._clock()
        created = await self.durable.create(record)
        if created:
            await self._if_it_answers(lambda: self._put(record, asked, None))
        return created

    async def commit(self, commit: Commit) -> Committed | Conflict | Busy | Gone:
        record, asked = commit.record, self._clock()
        outcome = await self.durable.commit(commit)
        if isinstance(outcome, Committed):
            await self._if_it_answers(lambda: self._replace(commit, asked))
        elif isinstance(outcome, Conflict):
            fresh = outcome.fresh
            await self._if_it_answers(lambda: self._renew(fresh, asked))
        elif isinstance(outcome, Gone):
            await self._if_it_answers(lambda: self._bury(record.id, only_over_a_copy=True))
        return outcome

    async def end(self, id: str) -> bool:
        ended = await self.durable.end(id)
        await self._if_it_answers(lambda: self._bury(id, only_over_a_copy=not ended))
        return ended

    async def touch(self, id: str, seen: float, expires: float) -> bool:
        touched = await self.durable.touch(id, seen, expires)
        if touched:
            await self._if_it_answers(lambda: self.cache.touch(id, seen, expires))
        else:
            await self._if_it_answers(lambda: self._bury(id, only_over_a_copy=True))
        return touched

    async def release(self, id: str, holder: str) -> None:
        await self.durable.release(id, holder)

    async def sweep(self, now: float, limit: int) -> int:
        """Sweep both; how many the database removed."""
        self._swept_until = max(self._swept_until, now)
        if self.cache.capabilities.sweep:
            await self._if_it_answers(lambda: self.cache.sweep(now, limit))
        return await self.durable.sweep(now, limit)

    async def of_user(self, user: str) -> Sequence[Record]:
        return await self.durable.of_user(user)

    async def close(self) -> None:
        try:
            await self.cache.close()
        finally:
            await self.durable.close()

    # -- the cache ----------------------------------------------------------------------------

    async def _look(self, id: str) -> Record | None:
        """The copy, or None. The cache holds no leases, so it never says ``Busy``."""
        found = await self.cache.load(id)
        return found if isinstance(found, Record) else None

    def _trusted(self, copy: Record) -> bool:
        """Whether *copy* is what the database has, as far as one has to know."""
        asked, _, whole = ormsgpack.unpackb(copy.fields[_NOTE])
        now = self._clock()
        return (
            whole
            and abs(now - asked) < self._trust
            and asked >= self._doubted_before
            # It may have been swept, or a touch that moved its deadline did not reach the cache.
            and not copy.expired(max(now, self._swept_until))
        )

    async def _replace(self, commit: Commit, asked: float) -> None:
        """Put the record of *commit* over its base, which is most likely what the cache holds."""
        removed = frozenset(f".{name}" for name in commit.removed)
        outcome = await self._offer(_copy(commit.record, asked), commit.base, removed)
        if not isinstance(outcome, Committed):
            copy = outcome.fresh if isinstance(outcome, Conflict) else None
            await self._put(commit.record, asked, copy)

    async def _renew(self, record: Record, asked: float) -> None:
        await self._put(record, asked, await self._look(record.id))

    async def _put(self, record: Record, asked: float, copy: Record | None) -> None:
        """Put a copy of *record*, unless the cache has a newer one. *copy* is what it has now."""
        new = _copy(record, asked)
        for _ in range(_MOST_TRIES):
            if copy is None:
                if await self._add(new):
                    return
            elif (copy.version, _asked(copy)) >= (new.version, asked):
                return
            else:
                removed = frozenset(copy.fields.keys() - new.fields.keys())
                if isinstance(await self._offer(new, copy.version, removed), Committed):
                    return
            copy = await self._look(record.id)

    async def _bury(self, id: str, *, only_over_a_copy: bool = False) -> None:
        """Leave a gravestone, so that no slow node puts a copy of the ended session back."""
        now = self._clock()
        until = now + GRAVESTONE_DAYS * 86400 + self._trust
        fields = {_NOTE: ormsgpack.packb([now, None, False])}
        stone = Record(id, bytes(32), now, now, until, now, fields, version=ENDED)
        for _ in range(_MOST_TRIES):
            copy = await self._look(id)
            if copy is None:
                if only_over_a_copy or await self.cache.create(stone):
                    return
            elif copy.version == ENDED:
                return
            else:
                removed = frozenset(copy.fields.keys() - fields.keys())
                if isinstance(await self._offer(stone, copy.version, removed), Committed):
                    return

    async def _add(self, new: Record) -> bool:
        try:
            return await self.cache.create(new)
        except SessionTooLarge:
            return await self.cache.create(_hollow(new))

    async def _offer(
        self, new: Record, base: int, removed: frozenset[str]
    ) -> Committed | Conflict | Busy | Gone:
        put = frozenset(new.fields)  # all: what is there may be hollow
        commit = Commit(base, new, put, removed, None, self._clock())
        try:
            return await self.cache.commit(commit)
        except SessionTooLarge:
            hollow = _hollow(new)
            gone = removed | (new.fields.keys() - hollow.fields.keys())
            return await self.cache.commit(
                commit._replace(record=hollow, put=frozenset(hollow.fields), removed=gone)
            )

    async def _if_it_answers(self, question: Callable[[], Awaitable[T]]) -> T | None:
        """The cache's answer, or None while it does not answer."""
        now = self._clock()
        if self._resting:
            if now < self._rested_at + REST:
                return None
            # What changed meanwhile may be unknown to it: copies from before are asked about.
            self._doubted_before = now
        try:
            answer = await question()
        except StoreUnavailable as error:
            if not self._resting:
                logger.warning(
                    "the session cache does not answer, reads go to the store: %s", error
                )
            self._resting = True
            self._rested_at = now
            return None
        except UnreadableRecord as error:
            logger.warning("a copy in the session cache is not used: %s", error)
            return None
        if self._resting:
            logger.warning("the session cache answers again")
            self._resting = False
        return answer


class LayeredStore(bridge.Stepped):
    """The same over two blocking stores. Raises ``ConfigurationError`` for awaitable ones."""

    def __init__(
        self,
        cache: BlockingStore,
        durable: BlockingStore,
        *,
        trust: float = 30.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        for store in (cache, durable):
            if inspect.iscoroutinefunction(store.load):
                raise ConfigurationError(
                    f"{type(store).__name__} is awaited and LayeredStore blocks: use "
                    "AsyncLayeredStore over two awaitable stores."
                )
        self.cache = cache
        self.durable = durable
        layers = AsyncLayeredStore(
            bridge.awaitable(cache), bridge.awaitable(durable), trust=trust, clock=clock
        )
        super().__init__(layers)

    def __repr__(self) -> str:
        return f"<LayeredStore: {self.cache!r} before {self.durable!r}>"


def _copy(record: Record, asked: float) -> Record:
    """*record* as the cache keeps it: its user in the note, so that the cache lists nobody."""
    fields = {f".{name}": data for name, data in record.fields.items()}
    fields[_NOTE] = ormsgpack.packb([asked, record.user, True])
    return record._replace(fields=fields, user=None, lease=None)


def _hollow(copy: Record) -> Record:
    """*copy* for a cache that cannot take it: its version only, so that no older one is read."""
    asked, user, _ = ormsgpack.unpackb(copy.fields[_NOTE])
    return copy._replace(fields={_NOTE: ormsgpack.packb([asked, user, False])})


def _original(copy: Record) -> Record:
    """The record that *copy* was made of."""
    _, user, _ = ormsgpack.unpackb(copy.fields[_NOTE])
    fields = {name[1:]: data for name, data in copy.fields.items() if name != _NOTE}
    return copy._replace(fields=fields, user=user)


def _asked(copy: Record) -> float:
    asked: float = ormsgpack.unpackb(copy.fields[_NOTE])[0]
    return asked
