"""The awaitable store: the same verbs for an event loop."""

import asyncio
import builtins
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import libvalkey
from valkey.asyncio import Connection, SSLConnection, Valkey, ValkeyCluster
from valkey.exceptions import ResponseError, TimeoutError

from coatcheck.core.errors import ConfigurationError, StoreUnavailable

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

    async def close(self) -> None:
        """Close the connections. The store is not used afterwards."""
        await self.connections.close()


class _Awaitable(Connections):
    """Connections for the tasks of one event loop at a time; in another loop it starts anew.

    A connection belongs to the loop that opened it, and some test clients start one per request.
    """

    def __init__(self, address: Address, options: Options, connections: int) -> None:
        self._name = address.name
        self._options = options
        self._most = connections
        # One limit around sending and receiving costs less than the client's two.
        timeouts = {"socket_timeout": None, "socket_connect_timeout": options.connect_timeout}
        self._kind = SSLConnection if address.tls else Connection
        self._settings = {**address.settings, **timeouts}
        self._of_sentinels = {**address.sentinels, **timeouts}
        self._closed = False
        self._here: _Here | None = None

    async def tell(self, place: Place, command: Command) -> Any:
        (answer,) = await self._exchange(place, libvalkey.pack_command(command), 1)
        if isinstance(answer, ResponseError):
            raise answer
        return answer

    async def tell_all(self, place: Place, commands: Sequence[Command]) -> list[Any]:
        packed = b"".join(libvalkey.pack_command(command) for command in commands)
        return await self._exchange(place, packed, len(commands))

    async def _exchange(self, place: Place, packed: bytes, count: int) -> list[Any]:
        loop = asyncio.get_running_loop()
        here = self._here
        if here is None or here.loop is not loop:
            here = self._here = _Here(loop, self._most)
        await self._enter(here)
        try:
            connection = await self._take(here, place)
            try:
                answers = await self._spoken(connection, packed, count)
            except BaseException:
                # Also when the task is cancelled: its answer is not for the next one.
                await connection.disconnect(nowait=True)
                raise
            if self._closed or here is not self._here:
                await connection.disconnect(nowait=True)
            else:
                here.idle[place].append((connection, time.monotonic()))
            return answers
        finally:
            here.free.release()

    async def _spoken(self, connection: Any, packed: bytes, count: int) -> list[Any]:
        answers: list[Any] = []
        try:
            if not connection.is_connected:
                async with asyncio.timeout(self._options.connect_timeout):
                    await connection.connect()
            async with asyncio.timeout(self._options.timeout):
                await connection.send_packed_command(packed, check_health=False)
                for _ in range(count):
                    try:
                        answers.append(await connection.read_response())
                    except ResponseError as error:
                        answers.append(error)
        except builtins.TimeoutError:
            raise TimeoutError from None
        return answers

    async def _enter(self, here: "_Here") -> None:
        if not here.free.locked():
            await here.free.acquire()  # does not suspend
            return
        try:
            async with asyncio.timeout(self._options.timeout):
                await here.free.acquire()
        except builtins.TimeoutError:
            raise StoreUnavailable(
                f"all {self._most} connections to {self._name} have been in use for "
                f"{self._options.timeout:g} s. Raise connections=… of the store, or find out what "
                "keeps the server busy."
            ) from None

    async def _take(self, here: "_Here", place: Place) -> Any:
        if idle := here.idle[place]:
            connection, since = idle.pop()
            if time.monotonic() - since > IDLE:
                await connection.disconnect(nowait=True)  # it is opened again
            return connection
        settings = self._of_sentinels if place.sentinel else self._settings
        return self._kind(host=place.host, port=place.port, **settings)

    async def forget(self, place: Place) -> None:
        if self._here is not None:
            for connection, _ in self._here.idle.pop(place, []):
                await connection.disconnect(nowait=True)

    async def close(self) -> None:
        self._closed = True
        if self._here is not None:
            for place in list(self._here.idle):
                await self.forget(place)


class _Here:
    """What belongs to one event loop: *free* counts connections, *idle* keeps them by server."""

    def __init__(self, loop: asyncio.AbstractEventLoop, most: int) -> None:
        self.loop = loop
        self.free = asyncio.Semaphore(most)
        self.idle: defaultdict[Place, list[tuple[Any, float]]] = defaultdict(list)
