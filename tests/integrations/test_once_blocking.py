"""Submissions in a host whose views block: they wait on threads, and a thread keeps them alive."""

import threading
import time

import pytest

from coatcheck.core.engine import Sessions
from coatcheck.core.errors import UnreadableRecord
from coatcheck.core.record import Lease, Record
from coatcheck.core.store import Busy
from coatcheck.forms.answers import Answer
from coatcheck.forms.once import Once, Replay, StillRunning, Submission
from coatcheck.forms.tickets import ClaimKey
from coatcheck.integrations.once_blocking import Attempt, Submissions
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import CountingStore
from coatcheck.wire.signing import Keyring

KEYS = Keyring(["a key for tests, of no use to anybody"])
SUBMISSION = Submission(ClaimKey.of("ticket", b"nonce"), b"what was sent")
THANKS = Answer.of(303, [("Location", "/thanks")], b"")


def shop(store: CountingStore | None = None, lease: float = 30.0) -> Submissions:
    sessions = Sessions(store or MemoryStore())
    return Submissions(sessions, Once.of(sessions, KEYS, lease=lease))


def claimed(submissions: Submissions) -> Attempt:
    attempt = submissions.claim(SUBMISSION)
    assert isinstance(attempt, Attempt)
    return attempt


def test_who_comes_second_waits_on_its_thread_and_gets_the_answer():
    submissions = shop()
    outcomes: list[object] = []
    with claimed(submissions) as attempt:
        second = threading.Thread(target=lambda: outcomes.append(submissions.claim(SUBMISSION)))
        second.start()
        assert attempt.finish(THANKS).status == 303
    second.join(20)
    assert isinstance(outcomes[0], Replay)


def test_a_view_that_raises_frees_its_submission():
    submissions = shop()
    with pytest.raises(RuntimeError), claimed(submissions):
        raise RuntimeError("a mistake in the view")
    assert isinstance(submissions.claim(SUBMISSION), Attempt)


def test_who_does_not_want_to_wait_is_told_at_once():
    submissions = shop()
    with claimed(submissions):
        assert isinstance(submissions.claim(SUBMISSION, wait=0), StillRunning)


def test_a_view_that_takes_long_is_kept_alive_by_one_thread():
    store = CountingStore(MemoryStore())
    submissions = shop(store, lease=0.3)
    before = threading.active_count()
    with claimed(submissions) as attempt:
        # Real time: what is tried is a thread of our own that sleeps.
        deadline = time.monotonic() + 10
        while store.calls.get("load", 0) < 6 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert threading.active_count() == before + 1
        assert isinstance(submissions.claim(SUBMISSION, wait=0), StillRunning)
        assert attempt.holds()
        assert attempt.finish(THANKS).status == 303
    assert isinstance(submissions.claim(SUBMISSION), Replay)


def test_a_view_that_is_quick_is_never_renewed():
    store = CountingStore(MemoryStore())
    submissions = shop(store)
    for _ in range(3):
        with claimed(submissions) as attempt:
            attempt.free()
    assert "load" in store.calls
    assert store.calls["load"] == 4  # two looks at each claim that was freed before


def test_a_run_that_cannot_be_renewed_at_all_leaves_the_others_alive(
    caplog: pytest.LogCaptureFixture,
) -> None:
    renewed = threading.Event()

    class Broken(MemoryStore):
        broken = False

        def load(
            self, id: str, lease: Lease | None = None, now: float = 0.0
        ) -> Record | Busy | None:
            if lease is not None and not self.broken:
                self.broken = True
                raise UnreadableRecord("it was written by something else")
            renewed.set()
            return super().load(id, lease, now)

    sessions = Sessions(Broken())
    submissions = Submissions(sessions, Once.of(sessions, KEYS, lease=0.15))
    attempt = submissions.claim(SUBMISSION)
    assert isinstance(attempt, Attempt)
    with attempt:
        assert renewed.wait(10)
    assert "could not be kept alive" in caplog.text
