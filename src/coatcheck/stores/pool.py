"""Connections kept open between verbs, each used by one thread or task at a time.

The one given back last is taken first. A pool of SQLAlchemy's costs as much as a whole statement
on SQLite, because it keeps books that no verb here needs.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from coatcheck.core.errors import StoreUnavailable

C = TypeVar("C")


def exhausted(size: int, timeout: float) -> StoreUnavailable:
    """What a verb raises that found no connection free for *timeout* seconds."""
    return StoreUnavailable(
        f"all {size} connections to the session store have been in use for {timeout:g} s. "
        "Raise connections=… of the store, or find out what keeps the database busy."
    )


class Pool(Generic[C]):
    """Blocking connections: at most *size* stay open, and with *bounded* there are never more.

    A bounded pool makes a thread wait for up to *timeout* seconds. A process that was forked off
    opens connections of its own.
    """

    def __init__(
        self,
        connect: Callable[[], C],
        close: Callable[[C], None],
        usable: Callable[[C], bool],
        *,
        size: int,
        bounded: bool,
        timeout: float,
    ) -> None:
        self._connect = connect
        self._close = close
        self._usable = usable
        self._size = size
        self._bounded = bounded
        self._timeout = timeout
        self._closed = False
        self._begin()
        _pools.add(self)

    def _begin(self) -> None:
        self._idle: list[C] = []
        # One token for each connection that there may be: a semaphore, written in C.
        self._places: SimpleQueue[None] | None = None
        if self._bounded:
            self._places = SimpleQueue()
            for _ in range(self._size):
                self._places.put(None)

    def take(self, *, sure: bool) -> C:
        """A connection, for the caller alone until ``give`` or ``drop``.

        *sure* looks whether it still works before it is handed out.
        """
        if self._places is not None:
            try:
                self._places.get(timeout=self._timeout)
            except Empty:
                raise exhausted(self._size, self._timeout) from None
        try:
            while True:
                try:
                    connection = self._idle.pop()
                except IndexError:
                    break  # outside: what goes wrong while connecting did not follow from this
                if not sure or self._usable(connection):
                    return connection
                self._close(connection)
            return self._connect()
        except BaseException:
            self._leave()
            raise

    def give(self, connection: C) -> None:
        """Take *connection* back, to be used again."""
        if self._closed or len(self._idle) >= self._size:
            self._close(connection)
        else:
            self._idle.append(connection)
        self._leave()

    def drop(self, connection: C) -> None:
        """Take *connection* back and close it."""
        try:
            self._close(connection)
        finally:
            self._leave()

    def _leave(self) -> None:
        if self._places is not None:
            self._places.put(None)

    def close(self) -> None:
        """Close what is idle now, and what is in use when it is given back."""
        self._closed = True
        while self._idle:
            self._close(self._idle.pop())

    def forget(self) -> None:
        """Begin anew in a forked process, and leave the parent's connections alone.

        Not even closed: to close a copy would end the parent's conversation with a server, or
        meddle with its locks on a file.
        """
        _left_alone.append(self._idle)
        self._begin()


class AsyncPool(Generic[C]):
    """The same for the tasks of one event loop at a time, always bounded.

    Another event loop, and a process that was forked off, begin with all places free.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[C]],
        close: Callable[[C], Awaitable[None]],
        usable: Callable[[C], bool],
        *,
        size: int,
        timeout: float,
    ) -> None:
        self._connect = connect
        self._close = close
        self._usable = usable
        self._size = size
        self._timeout = timeout
        self._closed = False
        self._idle: list[C] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._places = asyncio.Semaphore(size)
        _pools.add(self)

    async def take(self, *, sure: bool) -> C:
        """A connection, for the caller alone until ``give`` or ``drop``."""
        await self._enter()
        try:
            while self._idle:
                connection = self._idle.pop()
                if not sure or self._usable(connection):
                    return connection
                await self._close(connection)
            return await self._connect()
        except BaseException:
            self._places.release()
            raise

    async def _enter(self) -> None:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            # Tasks of a loop that is gone give nothing back.
            self._loop, self._places = loop, asyncio.Semaphore(self._size)
        if not self._places.locked():
            await self._places.acquire()  # does not suspend
            return
        try:
            async with asyncio.timeout(self._timeout):
                await self._places.acquire()
        except TimeoutError:
            raise exhausted(self._size, self._timeout) from None

    async def give(self, connection: C) -> None:
        """Take *connection* back, to be used again."""
        if self._closed:
            await self.drop(connection)
            return
        self._idle.append(connection)
        self._places.release()

    async def drop(self, connection: C) -> None:
        """Take *connection* back and close it."""
        try:
            await self._close(connection)
        finally:
            self._places.release()

    async def close(self) -> None:
        """Close what is idle now, and what is in use when it is given back."""
        self._closed = True
        while self._idle:
            await self._close(self._idle.pop())

    def forget(self) -> None:
        """Begin anew in a forked process, and leave the parent's connections alone."""
        _left_alone.append(self._idle)
        self._idle = []
        self._loop = None


_pools: WeakSet[Pool[Any] | AsyncPool[Any]] = WeakSet()
_left_alone: list[object] = []


def _forget_all() -> None:
    for pool in list(_pools):
        pool.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
