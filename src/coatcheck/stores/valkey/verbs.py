"""The verbs of a store over Valkey, once for blocking and awaitable ones.

Each is one command, a script where it reads before it writes. ``blocking`` and ``awaitable`` only
bring connections.

The index of a user is another key, in a cluster on another server, and so another command. It is
told before the record is bound to the user and before its deadline moves on, and it forgets an
entry only when the record's time is over: it can name too many records, never too few. The scripts
refuse what it has not been told, whatever the caller does.
"""

from collections.abc import Sequence
from typing import Any

from valkey.exceptions import NoScriptError, ValkeyError

from coatcheck.core.errors import StoreUnavailable
from coatcheck.core.record import Lease, Record
from coatcheck.core.store import Busy, Capabilities, Commit, Committed, Conflict, Gone

from . import hashes, scripts
from .address import Address, Options, Place
from .faults import translated
from .routes import ROUTES, Argument, Command, Connections
from .scripts import SLACK, Script

BATCH = 500
"""How many keys a sweep looks at in one go."""


class Verbs:
    """The laws of ``coatcheck.core.store``, in commands."""

    capabilities = Capabilities()

    def __init__(self, address: Address, options: Options, connections: Connections) -> None:
        self.name = address.name
        self.connections = connections
        self._timeout = options.timeout
        self._route = ROUTES[address.kind](address, connections)
        self._records = options.prefix.encode() + b":{"
        self._users = options.prefix.encode() + b":user:"
        self._swept: tuple[Place, bytes] | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.name}>"

    async def load(
        self, id: str, lease: Lease | None = None, now: float = 0.0
    ) -> Record | Busy | None:
        key = self._key(id)
        if lease is None:
            reply = await self._ask(key, ("HGETALL", key))
        else:
            holder = hashes.text(lease.holder)
            reply = await self._run(
                scripts.LEASE, key, holder, hashes.moment(now), hashes.lease(lease)
            )
        if not reply:
            return None
        return hashes.record(id, reply) if isinstance(reply, list) else Busy(hashes.until(reply))

    async def create(self, record: Record) -> bool:
        await self._enter(record.user, record.id, record.expires - record.seen)
        key = self._key(record.id)
        values = hashes.pairs(record, record.fields)
        if record.user is not None:
            values += hashes.USER, hashes.text(record.user)
        done = await self._run(scripts.CREATE, key, b"", *values, again=(b"1", *values))
        return bool(done)

    async def commit(self, commit: Commit) -> Committed | Conflict | Busy | Gone:
        record = commit.record
        entered = False
        if commit.now in (record.seen, record.renewed):
            # A login, or a deadline that moves on: the script would ask for it.
            entered = await self._enter(record.user, record.id, record.expires - record.seen)
        values = hashes.pairs(record, commit.put)
        arguments = [
            hashes.base(commit.base),
            hashes.text(record.user),
            hashes.text(commit.holder),
            hashes.moment(commit.now),
            b"1" if entered else b"",
            6 + len(values),
            *values,
            *map(str.encode, commit.removed),
        ]
        key = self._key(record.id)
        reply = await self._run(scripts.COMMIT, key, *arguments)
        if reply == 2:
            await self._enter(record.user, record.id, record.expires - record.seen)
            arguments[4] = b"1"
            reply = await self._run(scripts.COMMIT, key, *arguments)
        if reply == 1:
            return Committed()
        if reply == 0:
            return Gone()
        if isinstance(reply, list):
            return Conflict(hashes.record(record.id, reply))
        return Busy(hashes.until(reply))

    async def end(self, id: str) -> bool:
        key = self._key(id)
        user = await self._run(scripts.END, key)
        if isinstance(user, bytes):
            index = self._users + user[1:]
            try:
                await self._ask(index, ("ZREM", index, id))
            except StoreUnavailable:
                pass  # The record is gone, and that is what was asked. Its entry leaves with time.
        return bool(user)

    async def touch(self, id: str, seen: float, expires: float) -> bool:
        key = self._key(id)
        moments = hashes.moment(seen), hashes.moment(expires)
        user = b""
        while True:
            reply = await self._run(scripts.TOUCH, key, *moments, user)
            if not isinstance(reply, bytes):
                return bool(reply)
            user = reply
            await self._enter(user[1:].decode(), id, expires - seen)

    async def release(self, id: str, holder: str) -> None:
        await self._run(scripts.RELEASE, self._key(id), hashes.text(holder))

    async def sweep(self, now: float, limit: int) -> int:
        """Remove expired records before the server does, which is ``SLACK`` seconds after.

        Nobody needs to call it: records leave by themselves. It looks through all keys, ``BATCH``
        at a time, and goes on where it stopped at *limit*.
        """
        try:
            places = await self._route.places()
            begun = self._swept if self._swept and self._swept[0] in places else None
            removed = 0
            if begun is not None:
                removed = await self._sweep_from(begun, places, now, limit)
            if removed < limit:
                removed += await self._sweep_from((places[0], b"0"), places, now, limit - removed)
        except (ValkeyError, OSError) as error:
            raise self._fault(error) from error
        return removed

    async def _sweep_from(
        self, here: tuple[Place, bytes], places: Sequence[Place], now: float, limit: int
    ) -> int:
        """Sweep from a place and the server's cursor there, to the last key of the last place."""
        removed = 0
        for place in places[places.index(here[0]) :]:
            cursor = here[1] if place == here[0] else b"0"
            while True:
                here = place, cursor
                cursor, keys = await self.connections.tell(
                    place,
                    ("SCAN", cursor, "MATCH", self._records + b"*", "COUNT", BATCH, "TYPE", "hash"),
                )
                for key in await self._expired(keys, now):
                    removed += int(await self._run(scripts.SWEEP, key, hashes.moment(now)))
                    if removed >= limit:
                        self._swept = here
                        return removed
                if cursor == b"0":
                    break
        self._swept = None
        return removed

    async def _expired(self, keys: Sequence[bytes], now: float) -> list[bytes]:
        """Those of *keys* whose record seems to have expired."""
        heads = await self._ask_all([(key, ("HGET", key, hashes.HEADER)) for key in keys])
        found = []
        for key, head in zip(keys, heads, strict=True):
            deadline = hashes.expires(head)
            if deadline is not None and now >= deadline:
                found.append(key)
        return found

    async def close(self) -> None:
        """Close the connections. The store is not used afterwards."""
        await self.connections.close()

    async def of_user(self, user: str) -> Sequence[Record]:
        ids = [id.decode() for id in await self._run(scripts.LIST, self._users + user.encode())]
        keys = [self._key(id) for id in ids]
        replies = await self._ask_all([(key, ("HGETALL", key)) for key in keys])
        records = [
            hashes.listed(id, reply) for id, reply in zip(ids, replies, strict=True) if reply
        ]
        mine = [record for record in records if record.user == user]
        return sorted(mine, key=lambda record: record.seen, reverse=True)

    # -- keys and commands --------------------------------------------------------------------

    def _key(self, id: str) -> bytes:
        """The record's key. What is in braces decides where a cluster keeps it."""
        return self._records + id.encode() + b"}"

    async def _enter(self, user: str | None, id: str, seconds: float) -> bool:
        """Tell the index of *user*, if there is one, that a record lives for *seconds* from now."""
        if user is None:
            return False
        milliseconds = int(min((max(seconds, 0) + SLACK) * 1000, 1e15))
        await self._run(scripts.ENTER, self._users + user.encode(), id, milliseconds)
        return True

    async def _run(
        self, script: Script, key: bytes, *arguments: Argument, again: tuple[Argument, ...] = ()
    ) -> Any:
        """The answer of *script*; *again* are its arguments where it may be the second try."""
        called = "EVALSHA", script.sha, 1, key
        try:
            return await self._ask(key, (*called, *arguments), again and (*called, *again))
        except NoScriptError:
            # The server has just started, or somebody flushed its scripts. EVAL keeps it there.
            called = "EVAL", script.text, 1, key
            return await self._ask(key, (*called, *arguments), again and (*called, *again))

    async def _ask(self, key: bytes, command: Command, again: Command = ()) -> Any:
        try:
            return await self._route.ask(key, command, again)
        except (ValkeyError, OSError) as error:
            raise self._fault(error) from error

    async def _ask_all(self, commands: Sequence[tuple[bytes, Command]]) -> list[Any]:
        try:
            return await self._route.ask_all(commands)
        except (ValkeyError, OSError) as error:
            raise self._fault(error) from error

    def _fault(self, error: Exception) -> Exception:
        return translated(error, self.name, self._timeout) or error
