"""The awaitable store: the same verbs for an event loop."""

import asyncio
import builtins
import time
from collections.abc import Sequence
from typing import Any, Final

import libvalkey
from valkey.asyncio import Connection, SSLConnection, Valkey, ValkeyCluster
from valkey.exceptions import ResponseError, TimeoutError

from coatcheck.core.errors import ConfigurationError

from ..pool import AsyncPool
from .address import Address, Options, Place, borrowed, parsed
from .blocking import IDLE
from .routes import Command, Connections
from .verbs import Verbs

CONNECTIONS: Final = 50
"""Connections of one store at most; further tasks wait for one."""


class AsyncValkeyStore(Verbs):
    """Records in Valkey or Redis, for an event loop. Its arguments are those of ``ValkeyStore``.

    A client given as *source* is one of ``valkey.asyncio``. At most *connections* are open at once.
    """

    def __init__(
        self,
        source: "str | Valkey | ValkeyCluster",
        *,
        prefix: str = "coatcheck",
        timeout: float = 2.0,
        connect_timeout: float = 2.0,
        connections: int = CONNECTIONS,
    ) -> None:
        options = Options(prefix, timeout, connect_timeout)
        if isinstance(source, str):
            address, options = parsed(source, options)
        elif isinstance(source, Valkey | ValkeyCluster):
            address = borrowed(source)
        else:
            raise ConfigurationError(
                f"a {type(source).__module__}.{type(source).__qualname__} cannot be used by an "
                "awaitable store: give it a URL or a client of valkey.asyncio."
            )
        if connections < 1:
            raise ConfigurationError(f"connections={connections}: a store needs at least 1.")
        super().__init__(address, options, _Awaitable(address, options, connections))


class _Awaitable(Connections):
    """Connections for the tasks of one event loop at a time, from a pool for each server.

    A connection belongs to the loop that opened it. Some test clients start a loop per request, so
    another loop gets others.
    """

    def __init__(self, address: Address, options: Options, connections: int) -> None:
        self._options = options
        self._most = connections
        # One limit around sending and receiving costs less than the client's two.
        timeouts = {"socket_timeout": None, "socket_connect_timeout": options.connect_timeout}
        self._kind = SSLConnection if address.tls else Connection
        self._settings = {**address.settings, **timeouts}
        self._of_sentinels = {**address.sentinels, **timeouts}
        self._pools: dict[Place, AsyncPool[Any]] = {}

    async def tell(self, place: Place, command: Command) -> Any:
        (answer,) = await self._exchange(place, libvalkey.pack_command(command), 1)
        if isinstance(answer, ResponseError):
            raise answer
        return answer

    async def tell_all(self, place: Place, commands: Sequence[Command]) -> list[Any]:
        packed = b"".join(libvalkey.pack_command(command) for command in commands)
        return await self._exchange(place, packed, len(commands))

    async def _exchange(self, place: Place, packed: bytes, count: int) -> list[Any]:
        pool = self._pools.get(place) or self._pool(place)
        answers: list[Any] = []
        connection = await pool.take(sure=True)
        try:
            async with asyncio.timeout(self._options.timeout):
                await connection.send_packed_command(packed, check_health=False)
                for _ in range(count):
                    try:
                        answers.append(await connection.read_response())
                    except ResponseError as error:
                        answers.append(error)
        except builtins.TimeoutError:
            await pool.drop(connection)
            raise TimeoutError from None
        except BaseException:
            # Also when the task is cancelled: its answer is not for the next one.
            await pool.drop(connection)
            raise
        connection.used = time.monotonic()
        await pool.give(connection)
        return answers

    def _pool(self, place: Place) -> AsyncPool[Any]:
        settings = self._of_sentinels if place.sentinel else self._settings

        async def connect() -> Any:
            connection: Any = self._kind(host=place.host, port=place.port, **settings)
            try:
                async with asyncio.timeout(self._options.connect_timeout):
                    await connection.connect()
            except BaseException as error:
                await close(connection)
                if isinstance(error, builtins.TimeoutError):
                    raise TimeoutError from None
                raise
            connection.loop, connection.used = asyncio.get_running_loop(), time.monotonic()
            return connection

        async def close(connection: Any) -> None:
            try:
                await connection.disconnect(nowait=True)
            except RuntimeError:
                pass  # its event loop is gone

        def usable(connection: Any) -> bool:
            mine = connection.loop is asyncio.get_running_loop()
            return mine and time.monotonic() - connection.used < IDLE

        pool = AsyncPool(connect, close, usable, size=self._most, timeout=self._options.timeout)
        self._pools[place] = pool
        return pool

    async def forget(self, place: Place) -> None:
        pool = self._pools.pop(place, None)
        if pool is not None:
            await pool.close()

    async def close(self) -> None:
        for pool in list(self._pools.values()):
            await pool.close()
