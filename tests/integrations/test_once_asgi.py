"""Submissions on an event loop: kept alive while their view works, by one timer for all."""

import asyncio
import dataclasses
import threading

import pytest

from coatcheck.core import bridge
from coatcheck.core.engine import Sessions
from coatcheck.core.record import Record
from coatcheck.forms.answers import Answer
from coatcheck.forms.once import Once, Replay, StillRunning, Submission
from coatcheck.forms.tickets import ClaimKey
from coatcheck.integrations.once_asgi import Attempt, Submissions, TakenOver
from coatcheck.integrations.threaded import Phases
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import CountingStore, FakeClock
from coatcheck.wire.signing import Keyring

KEYS = Keyring(["a key for tests, of no use to anybody"])
SUBMISSION = Submission(ClaimKey.of("ticket", b"nonce"), b"what was sent")
THANKS = Answer.of(303, [("Location", "/thanks")], b"")


def shop(store: CountingStore | MemoryStore, lease: float = 30.0, **options: object) -> Submissions:
    sessions = Sessions(store, **options)  # type: ignore[arg-type]
    return Submissions(Once.of(sessions, KEYS, lease=lease), Phases(sessions))


async def claimed(submissions: Submissions) -> Attempt:
    attempt = await submissions.claim(SUBMISSION)
    assert isinstance(attempt, Attempt)
    return attempt


def test_a_view_that_takes_long_is_kept_alive_and_let_go_when_it_ends():
    async def scenario() -> None:
        store = CountingStore(MemoryStore())
        submissions = shop(store, lease=0.3)
        attempt = await claimed(submissions)
        async with asyncio.timeout(10):
            while store.calls.get("load", 0) < 6:  # noqa: ASYNC110 (our own timer is tried)
                await asyncio.sleep(0.01)
        assert isinstance(await submissions.claim(SUBMISSION, wait=0), StillRunning)
        await submissions.phases.run(attempt.finish(THANKS))
        await attempt.close()
        calls = dict(store.calls)
        await asyncio.sleep(0.4)
        assert store.calls == calls
        assert isinstance(await submissions.claim(SUBMISSION), Replay)

    asyncio.run(scenario())


def test_an_attempt_that_is_closed_without_an_end_has_failed():
    async def scenario() -> None:
        submissions = shop(MemoryStore())
        await (await claimed(submissions)).close()
        assert isinstance(await submissions.claim(SUBMISSION), Attempt)

    asyncio.run(scenario())


def test_the_session_is_not_waited_for_by_who_waits_for_an_answer():
    async def scenario() -> None:
        submissions = shop(MemoryStore())
        loads = []

        async def load() -> None:
            loads.append(1)

        assert isinstance(await submissions.claim(SUBMISSION, load), Attempt)
        assert isinstance(await submissions.claim(SUBMISSION, load, wait=0), StillRunning)
        assert loads == [1]

    asyncio.run(scenario())


def test_a_session_that_cannot_be_loaded_leaves_nothing_claimed():
    async def scenario() -> None:
        submissions = shop(MemoryStore())

        async def fail() -> None:
            raise RuntimeError("the session is busy")

        with pytest.raises(RuntimeError):
            await submissions.claim(SUBMISSION, fail)
        assert isinstance(await submissions.claim(SUBMISSION), Attempt)

    asyncio.run(scenario())


def test_who_leaves_while_a_submission_is_claimed_leaves_nothing_claimed():
    async def scenario() -> None:
        creating, go_on = threading.Event(), threading.Event()

        class Slow(MemoryStore):
            capabilities = dataclasses.replace(
                MemoryStore.capabilities, instant=False, inline=False
            )

            def create(self, record: Record) -> bool:
                creating.set()
                assert go_on.wait(10)
                return super().create(record)

        submissions = shop(Slow())
        leaving = asyncio.create_task(submissions.claim(SUBMISSION))
        assert await asyncio.to_thread(creating.wait, 10)
        leaving.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert isinstance(await submissions.claim(SUBMISSION, wait=0), Attempt)

    asyncio.run(scenario())


def test_who_leaves_while_the_session_is_waited_for_leaves_nothing_claimed():
    async def scenario() -> None:
        submissions = shop(MemoryStore())

        async def wait_for_the_lease() -> None:
            await bridge.pause(60)

        leaving = asyncio.create_task(submissions.claim(SUBMISSION, wait_for_the_lease))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert isinstance(await submissions.claim(SUBMISSION, wait=0), Attempt)

    asyncio.run(scenario())


def test_who_was_taken_over_is_told_before_the_application_commits():
    async def scenario() -> None:
        clock = FakeClock()
        submissions = shop(MemoryStore(), clock=clock)
        stalled = await claimed(submissions)
        await stalled.require()
        clock.advance(31)
        await claimed(submissions)
        with pytest.raises(TakenOver):
            await stalled.require()
        with pytest.raises(TakenOver):
            await asyncio.to_thread(asyncio.run, stalled.require())

    asyncio.run(scenario())
