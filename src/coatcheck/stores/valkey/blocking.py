"""The blocking store: verbs stepped on the thread that asks, over connections of its own."""

import os
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import libvalkey
from valkey import Connection, SSLConnection, Valkey, ValkeyCluster
from valkey.exceptions import ResponseError

from coatcheck.core.bridge import step
from coatcheck.core.errors import ConfigurationError
from coatcheck.core.record import Lease, Record
from coatcheck.core.store import Busy, Capabilities, Commit, Committed, Conflict, Gone

from .address import Address, Options, Place, borrowed, parsed
from .routes import Command, Connections
from .verbs import Verbs

IDLE: Final = 60.0
"""Seconds after which an idle connection is opened anew: what lies between may have dropped it."""


class ValkeyStore:
    """Records in Valkey (7.2 or newer) or Redis (6.2 or newer). Safe for many threads.

    *source* is a URL (``valkey://``, ``valkey+sentinel://``, ``valkey+cluster://``; see
    ``address``), or a client of valkey-py whose servers and user the store takes: it opens
    connections of its own. Keys begin with *prefix*. One answer may take *timeout* seconds, and
    *connect_timeout* to connect. Nothing connects before the first verb; a forked process connects
    anew.

    What is acknowledged is as durable as the server: with ``appendfsync everysec`` a power cut may
    take the last second with it, and a failover what the replica had not heard of. A server that
    evicts (any ``maxmemory-policy`` but ``noeviction``) logs visitors out when it is full.

    Raises ``ConfigurationError`` for a URL or options that cannot work; the verbs raise
    ``StoreUnavailable``, and ``UnreadableRecord`` for what another version wrote.
    """

    capabilities: Capabilities = Verbs.capabilities

    def __init__(
        self,
        source: "str | Valkey | ValkeyCluster",
        *,
        prefix: str = "coatcheck",
        timeout: float = 2.0,
        connect_timeout: float = 2.0,
    ) -> None:
        options = Options(prefix, timeout, connect_timeout)
        if isinstance(source, str):
            address, options = parsed(source, options)
        elif isinstance(source, Valkey | ValkeyCluster):
            address = borrowed(source)
        else:
            raise ConfigurationError(
                f"a {type(source).__module__}.{type(source).__qualname__} cannot be used by a "
                "blocking store: give it a URL or a blocking client of valkey-py."
            )
        self._connections = _Blocking(address, options)
        self._verbs = Verbs(address, options, self._connections)

    def __repr__(self) -> str:
        return f"<ValkeyStore: {self._verbs.name}>"

    def load(self, id: str, lease: Lease | None = None, now: float = 0.0) -> Record | Busy | None:
        return step(self._verbs.load(id, lease, now))

    def create(self, record: Record) -> bool:
        return step(self._verbs.create(record))

    def commit(self, commit: Commit) -> Committed | Conflict | Busy | Gone:
        return step(self._verbs.commit(commit))

    def end(self, id: str) -> bool:
        return step(self._verbs.end(id))

    def touch(self, id: str, seen: float, expires: float) -> bool:
        return step(self._verbs.touch(id, seen, expires))

    def release(self, id: str, holder: str) -> None:
        step(self._verbs.release(id, holder))

    def sweep(self, now: float, limit: int) -> int:
        return step(self._verbs.sweep(now, limit))

    def of_user(self, user: str) -> Sequence[Record]:
        return step(self._verbs.of_user(user))

    def close(self) -> None:
        """Close the connections. The store is not used afterwards."""
        step(self._connections.close())


class _Blocking(Connections):
    """Connections for threads: as many as threads ask at once. The one given back last comes first.

    The client's own pool looks for unread data before each use, at half the cost of a command. Here
    a connection is given back only when its answer was read to the end, and closed otherwise, so
    that no visitor is ever given another one's answer.
    """

    def __init__(self, address: Address, options: Options) -> None:
        timeouts = {
            "socket_timeout": options.timeout,
            "socket_connect_timeout": options.connect_timeout,
        }
        self._kind = SSLConnection if address.tls else Connection
        self._settings = {**address.settings, **timeouts}
        self._of_sentinels = {**address.sentinels, **timeouts}
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._idle: defaultdict[Place, list[tuple[Any, float]]] = defaultdict(list)

    async def tell(self, place: Place, command: Command) -> Any:
        packed = libvalkey.pack_command(command)
        connection = self._take(place)
        try:
            connection.send_packed_command((packed,), check_health=False)
            answer = connection.read_response(disconnect_on_error=True)
        except ResponseError:
            self._give(place, connection)
            raise
        except BaseException:
            connection.disconnect()
            raise
        self._give(place, connection)
        return answer

    async def tell_all(self, place: Place, commands: Sequence[Command]) -> list[Any]:
        packed = [libvalkey.pack_command(command) for command in commands]
        answers: list[Any] = []
        connection = self._take(place)
        try:
            connection.send_packed_command((b"".join(packed),), check_health=False)
            for _ in commands:
                try:
                    answers.append(connection.read_response(disconnect_on_error=True))
                except ResponseError as error:
                    answers.append(error)
        except BaseException:
            connection.disconnect()
            raise
        self._give(place, connection)
        return answers

    def _take(self, place: Place) -> Any:
        if self._process != os.getpid():
            self._begin()  # the connections are the parent's
        try:
            connection, since = self._idle[place].pop()
        except IndexError:
            settings = self._of_sentinels if place.sentinel else self._settings
            return self._kind(host=place.host, port=place.port, **settings)
        if time.monotonic() - since > IDLE:
            connection.disconnect()  # it connects again when it sends
        return connection

    def _give(self, place: Place, connection: Any) -> None:
        if self._closed:
            connection.disconnect()
        else:
            self._idle[place].append((connection, time.monotonic()))

    async def forget(self, place: Place) -> None:
        idle = self._idle.pop(place, [])
        while idle:
            idle.pop()[0].disconnect()

    async def close(self) -> None:
        self._closed = True
        for place in list(self._idle):
            await self.forget(place)
