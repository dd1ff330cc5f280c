"""A pool hands a connection to one at a time, and keeps no more than it was told to."""

import asyncio
import os
import threading

import pytest

from coatcheck.core.errors import StoreUnavailable
from coatcheck.stores.pool import AsyncPool, Pool


class Line:
    """A connection that says what became of it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.closed = False
        self.usable = True

    def __repr__(self) -> str:
        return f"<Line {self.number}>"


class Exchange:
    """Makes lines, and remembers them."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.down = False

    def connect(self) -> Line:
        if self.down:
            raise ConnectionRefusedError
        self.lines.append(Line(len(self.lines)))
        return self.lines[-1]

    def close(self, line: Line) -> None:
        line.closed = True

    async def connect_async(self) -> Line:
        return self.connect()

    async def close_async(self, line: Line) -> None:
        self.close(line)

    def pool(self, size: int = 2, *, bounded: bool = True, timeout: float = 5.0) -> Pool[Line]:
        return Pool(
            self.connect,
            self.close,
            lambda line: line.usable,
            size=size,
            bounded=bounded,
            timeout=timeout,
        )

    def async_pool(self, size: int = 2, timeout: float = 5.0) -> AsyncPool[Line]:
        return AsyncPool(
            self.connect_async,
            self.close_async,
            lambda line: line.usable,
            size=size,
            timeout=timeout,
        )


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


def test_the_connection_given_back_last_is_taken_first(exchange):
    pool = exchange.pool()
    first, second = pool.take(sure=False), pool.take(sure=False)
    assert first is not second
    pool.give(first)
    pool.give(second)
    assert pool.take(sure=False) is second
    assert len(exchange.lines) == 2


def test_a_bounded_pool_says_that_no_connection_came_free(exchange):
    pool = exchange.pool(size=1, timeout=0.01)
    taken = pool.take(sure=False)
    with pytest.raises(StoreUnavailable, match=r"all 1 connections .* for 0\.01 s"):
        pool.take(sure=False)
    pool.give(taken)
    assert pool.take(sure=False) is taken


def test_a_thread_that_waits_gets_the_connection_that_is_given_back(exchange):
    pool = exchange.pool(size=1)
    taken = pool.take(sure=False)
    got: list[Line] = []
    waiter = threading.Thread(target=lambda: got.append(pool.take(sure=False)))
    waiter.start()
    pool.give(taken)
    waiter.join(5)
    assert got == [taken]


def test_an_unbounded_pool_opens_more_for_a_moment_and_keeps_its_size(exchange):
    pool = exchange.pool(size=1, bounded=False)
    first, second = pool.take(sure=False), pool.take(sure=False)
    pool.give(first)
    pool.give(second)
    assert (first.closed, second.closed) == (False, True)


def test_a_connection_that_stopped_working_is_replaced_for_one_who_must_be_sure(exchange):
    pool = exchange.pool(size=2)
    lines = [pool.take(sure=False), pool.take(sure=False)]
    for line in lines:
        pool.give(line)
        line.usable = False
    fresh = pool.take(sure=True)
    assert fresh not in lines
    assert all(line.closed for line in lines)


def test_a_dropped_connection_makes_room_for_another(exchange):
    pool = exchange.pool(size=1, timeout=0.01)
    dropped = pool.take(sure=False)
    pool.drop(dropped)
    assert dropped.closed
    assert pool.take(sure=False) is not dropped


def test_a_refused_connection_makes_room_for_the_next_try(exchange):
    pool = exchange.pool(size=1, timeout=0.01)
    exchange.down = True
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError) as caught:
            pool.take(sure=False)
        assert caught.value.__context__ is None  # whoever reads the log is shown no other error
    exchange.down = False
    assert pool.take(sure=False).number == 0


def test_closing_closes_what_is_idle_and_later_what_comes_back(exchange):
    pool = exchange.pool()
    idle, used = pool.take(sure=False), pool.take(sure=False)
    pool.give(idle)
    pool.close()
    assert (idle.closed, used.closed) == (True, False)
    pool.give(used)
    assert used.closed


def test_threads_share_a_bounded_pool_and_no_two_hold_one_connection(exchange):
    pool = exchange.pool(size=3)
    held: set[int] = set()
    twice: list[int] = []

    def work() -> None:
        for _ in range(200):
            line = pool.take(sure=False)
            if line.number in held:
                twice.append(line.number)
            held.add(line.number)
            held.discard(line.number)
            pool.give(line)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert twice == []
    assert len(exchange.lines) <= 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # it has other threads
def test_a_forked_process_leaves_its_parents_connections_alone_and_opens_its_own(exchange):
    pool = exchange.pool(size=1, timeout=0.01)
    inherited = pool.take(sure=False)
    child = os.fork()
    if child == 0:
        own = pool.take(sure=False)
        pool.close()
        os._exit(0 if own is not inherited and not inherited.closed else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    pool.give(inherited)
    assert pool.take(sure=False) is inherited


def test_an_async_pool_reuses_and_is_bounded(exchange):
    async def visit() -> None:
        pool = exchange.async_pool(size=1, timeout=0.01)
        taken = await pool.take(sure=False)
        with pytest.raises(StoreUnavailable, match="all 1 connections"):
            await pool.take(sure=False)
        await pool.give(taken)
        assert await pool.take(sure=False) is taken
        await pool.drop(taken)
        assert taken.closed
        assert await pool.take(sure=False) is not taken

    asyncio.run(visit())


def test_a_task_that_waits_gets_the_connection_that_is_given_back(exchange):
    async def visit() -> None:
        pool = exchange.async_pool(size=1)
        taken = await pool.take(sure=False)
        waiter = asyncio.create_task(pool.take(sure=True))
        await asyncio.sleep(0)
        assert not waiter.done()
        await pool.give(taken)
        assert await waiter is taken

    asyncio.run(visit())


def test_a_task_that_is_cancelled_while_it_waits_takes_nothing_along(exchange):
    async def visit() -> None:
        pool = exchange.async_pool(size=1, timeout=0.01)
        taken = await pool.take(sure=False)
        waiter = asyncio.create_task(pool.take(sure=False))
        await asyncio.sleep(0)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        await pool.give(taken)
        assert await pool.take(sure=False) is taken

    asyncio.run(visit())


def test_an_async_pool_serves_one_event_loop_after_another(exchange):
    pool = exchange.async_pool(size=1)

    async def crowd() -> list[Line]:
        async def visit() -> Line:
            line: Line = await pool.take(sure=False)
            await asyncio.sleep(0)
            await pool.give(line)
            return line

        return await asyncio.gather(*(visit() for _ in range(5)))

    async def is_left_behind() -> None:
        await pool.take(sure=False)

    first = asyncio.run(crowd())
    assert asyncio.run(crowd()) == first
    assert len(exchange.lines) == 1
    asyncio.run(is_left_behind())
    asyncio.run(crowd())
    assert len(exchange.lines) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # it has other threads
def test_a_forked_process_does_not_speak_on_its_parents_async_connections(exchange):
    pool = exchange.async_pool(size=1)

    async def visit() -> Line:
        line: Line = await pool.take(sure=False)
        await pool.give(line)
        return line

    inherited = asyncio.run(visit())
    child = os.fork()
    if child == 0:
        own = asyncio.run(visit())
        os._exit(0 if own is not inherited and not inherited.closed else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert asyncio.run(visit()) is inherited


def test_closing_an_async_pool_closes_what_is_idle_and_later_what_comes_back(exchange):
    async def visit() -> None:
        pool = exchange.async_pool()
        idle, used = await pool.take(sure=False), await pool.take(sure=False)
        await pool.give(idle)
        await pool.close()
        assert (idle.closed, used.closed) == (True, False)
        await pool.give(used)
        assert used.closed

    asyncio.run(visit())


def test_an_async_pool_replaces_what_stopped_working(exchange):
    async def visit() -> None:
        pool = exchange.async_pool()
        stale = await pool.take(sure=False)
        await pool.give(stale)
        stale.usable = False
        assert await pool.take(sure=True) is not stale
        assert stale.closed

    asyncio.run(visit())
