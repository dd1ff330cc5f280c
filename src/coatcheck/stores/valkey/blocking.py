"""The blocking store: verbs stepped on the thread that asks, over connections of its own."""

import time
from collections.abc import Sequence
from typing import Any, Final

import libvalkey
from valkey import Connection, SSLConnection, Valkey, ValkeyCluster
from valkey.exceptions import ResponseError

from coatcheck.core.bridge import Stepped
from coatcheck.core.errors import ConfigurationError

from ..pool import Pool
from .address import Address, Options, Place, borrowed, parsed
from .routes import Command, Connections
from .verbs import Verbs

IDLE: Final = 60.0
"""Seconds after which an idle connection is opened anew: what lies between may have dropped it."""

KEPT: Final = 100
"""Idle connections to one server; threads beyond them open one and close it again."""


class ValkeyStore(Stepped):
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
        verbs = Verbs(address, options, _Blocking(address, options))
        super().__init__(verbs)
        self._name = verbs.name

    def __repr__(self) -> str:
        return f"<ValkeyStore: {self._name}>"


class _Blocking(Connections):
    """Connections for threads: as many as threads ask at once, from a pool for each server.

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
        self._timeout = options.timeout
        self._pools: dict[Place, Pool[Any]] = {}

    async def tell(self, place: Place, command: Command) -> Any:
        packed = libvalkey.pack_command(command)
        pool = self._pools.get(place) or self._pool(place)
        connection = pool.take(sure=True)
        try:
            connection.send_packed_command((packed,), check_health=False)
            answer = connection.read_response(disconnect_on_error=True)
        except ResponseError:
            pool.give(connection)
            raise
        except BaseException:
            pool.drop(connection)
            raise
        connection.used = time.monotonic()
        pool.give(connection)
        return answer

    async def tell_all(self, place: Place, commands: Sequence[Command]) -> list[Any]:
        packed = b"".join(libvalkey.pack_command(command) for command in commands)
        answers: list[Any] = []
        pool = self._pools.get(place) or self._pool(place)
        connection = pool.take(sure=True)
        try:
            connection.send_packed_command((packed,), check_health=False)
            for _ in commands:
                try:
                    answers.append(connection.read_response(disconnect_on_error=True))
                except ResponseError as error:
                    answers.append(error)
        except BaseException:
            pool.drop(connection)
            raise
        pool.give(connection)
        return answers

    def _pool(self, place: Place) -> Pool[Any]:
        settings = self._of_sentinels if place.sentinel else self._settings

        def connect() -> Any:
            # It connects when it sends. Without *used* it would not be there to be asked for it.
            connection: Any = self._kind(host=place.host, port=place.port, **settings)
            connection.used = time.monotonic()
            return connection

        def close(connection: Any) -> None:
            connection.disconnect()

        def usable(connection: Any) -> bool:
            return bool(time.monotonic() - connection.used < IDLE)

        pool = Pool(connect, close, usable, size=KEPT, bounded=False, timeout=self._timeout)
        # Another thread may have been faster.
        return self._pools.setdefault(place, pool)

    async def forget(self, place: Place) -> None:
        pool = self._pools.pop(place, None)
        if pool is not None:
            pool.close()

    async def close(self) -> None:
        for pool in list(self._pools.values()):
            pool.close()
