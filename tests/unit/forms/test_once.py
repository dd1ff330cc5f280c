"""Every row of the table of docs/explanation/once.md, and what happens between the rows."""

from collections.abc import Callable

import pytest

from coatcheck.core import bridge
from coatcheck.core.engine import Sessions
from coatcheck.core.errors import ConfigurationError, StoreUnavailable
from coatcheck.core.record import Record
from coatcheck.core.store import BlockingStore, Capabilities
from coatcheck.forms.answers import Answer
from coatcheck.forms.once import (
    CannotTell,
    Edited,
    Once,
    Replay,
    Run,
    StillRunning,
    Submission,
)
from coatcheck.forms.tickets import ClaimKey
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import BarrierStore, CountingStore, FakeClock, FaultyStore
from coatcheck.wire.signing import Keyring

KEYS = Keyring(["a key for tests, of no use to anybody"])
KEY = ClaimKey.of("ticket", b"one nonce")
SEEN_OTHER = Answer.of(303, [("Location", "/thanks"), ("Set-Cookie", "session=new")], b"")
PAGE = Answer.of(200, [("Content-Type", "text/html")], b"<p>Please correct this.</p>")
BAD = Answer.of(422, [("Content-Type", "text/html")], b"<p>Please correct this.</p>")


class Shop:
    """One worker: its claims, its clock, and what it did. Several share a store and a clock."""

    def __init__(self, store: BlockingStore, clock: FakeClock, **times: float) -> None:
        self.clock = clock
        # What a wait lets happen meanwhile, in the test's order.
        self.meanwhile: list[Callable[[], object]] = []
        self.once = Once(bridge.Awaitable(store), KEYS, clock, self._pause, **times)

    async def _pause(self, seconds: float) -> None:
        self.clock.advance(seconds)
        if self.meanwhile:
            self.meanwhile.pop(0)()

    def claim(
        self,
        payload: str = "3 apples",
        *,
        key: ClaimKey = KEY,
        minted: float = 0.0,
        at_most_once: bool = False,
    ) -> Run | Replay | Edited | StillRunning | CannotTell:
        submission = Submission(key, payload.encode(), minted, at_most_once)
        return bridge.step(self.once.claim(submission))

    def run(self, payload: str = "3 apples", *, at_most_once: bool = False) -> Run:
        run = self.claim(payload, at_most_once=at_most_once)
        assert isinstance(run, Run), run
        return run

    def done(self, answer: Answer = SEEN_OTHER, payload: str = "3 apples") -> Answer:
        return bridge.step(self.run(payload).finish(answer))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store() -> BarrierStore:
    return BarrierStore(MemoryStore())


@pytest.fixture
def shop(store: BarrierStore, clock: FakeClock) -> Shop:
    return Shop(store, clock)


@pytest.fixture
def other(store: BarrierStore, clock: FakeClock) -> Shop:
    """A second worker process over the same store."""
    return Shop(store, clock)


# -- nothing is known of it -------------------------------------------------------------------


def test_the_first_to_come_runs_it(shop):
    assert isinstance(shop.claim(), Run)


def test_an_undisturbed_submission_costs_two_store_calls(clock):
    store = CountingStore(MemoryStore())
    Shop(store, clock).done()
    assert store.calls == {"create": 1, "commit": 1}


# -- it is running ----------------------------------------------------------------------------


def test_the_second_waits_for_the_first_and_gets_its_answer(shop, other):
    run = shop.run()
    other.meanwhile = [lambda: None, lambda: bridge.step(run.finish(SEEN_OTHER))]
    assert isinstance(replay := other.claim(), Replay)
    assert replay.answer.status == 303
    assert replay.answer.headers == (("location", "/thanks"),)


def test_another_payload_waits_too_and_is_asked_about(shop, other):
    run = shop.run()
    other.meanwhile = [lambda: bridge.step(run.finish(SEEN_OTHER))]
    assert isinstance(other.claim("4 apples"), Edited)


def test_it_waits_for_ten_seconds_and_no_longer(shop, other, clock):
    shop.run()
    begun = clock()
    still = other.claim()
    assert still == StillRunning(begun)
    assert clock() - begun == pytest.approx(10.0)


def test_a_run_that_is_renewed_is_not_taken_over_however_long_it_takes(shop, other, clock):
    run = shop.run()
    for _ in range(20):
        clock.advance(shop.once.beat)
        assert bridge.step(run.renew())
    assert isinstance(other.claim(), StillRunning)
    assert bridge.step(run.finish(SEEN_OTHER)).status == 303
    assert isinstance(other.claim(), Replay)


def test_waiting_looks_at_first_often_and_then_less(store, shop, other, clock):
    shop.run()
    counted = CountingStore(store)
    Shop(counted, clock).claim()
    assert 40 < counted.calls["load"] < 60


# -- whoever ran it is gone -------------------------------------------------------------------


@pytest.mark.parametrize("payload", ["3 apples", "4 apples"])
def test_a_dead_workers_claim_lapses_and_the_next_runs_it(shop, other, clock, payload):
    shop.run()
    clock.advance(shop.once.lease)
    assert isinstance(other.claim(payload), Run)


def test_of_two_that_find_a_lapsed_claim_one_runs_it(shop, other, store, clock):
    shop.run()
    clock.advance(shop.once.lease)
    third = Shop(store, clock)
    second: list[object] = []
    # Both have seen that it lapsed; the second asks the store first.
    store.run_after("load", lambda: second.append(third.claim()))
    assert isinstance(other.claim(), StillRunning)
    assert isinstance(second[0], Run)


def test_a_stalled_worker_does_not_overwrite_the_answer_of_the_one_that_took_over(
    shop, other, clock
):
    stalled = shop.run()
    clock.advance(shop.once.lease)
    other.done(Answer.of(303, [("Location", "/orders/2")], b""))
    # It wakes up, and sends what stands instead of its own answer.
    sent = bridge.step(stalled.finish(Answer.of(303, [("Location", "/orders/1")], b"")))
    assert sent.headers == (("location", "/orders/2"),)
    assert stalled.lost
    assert isinstance(replay := shop.claim(), Replay)
    assert replay.answer.headers == (("location", "/orders/2"),)


def test_a_stalled_worker_does_not_free_the_claim_of_the_one_that_took_over(shop, other, clock):
    stalled = shop.run()
    clock.advance(shop.once.lease)
    running = other.run()
    bridge.step(stalled.free())
    assert isinstance(shop.claim(), StillRunning)
    bridge.step(running.finish(SEEN_OTHER))
    assert isinstance(shop.claim(), Replay)


def test_a_stalled_worker_is_told_before_it_commits_its_data(shop, other, clock):
    stalled = shop.run()
    assert bridge.step(stalled.holds())
    clock.advance(shop.once.lease)
    other.run()
    assert not bridge.step(stalled.holds())
    assert stalled.lost


def test_a_stalled_worker_that_nobody_replaced_goes_on(shop, other, clock):
    stalled = shop.run()
    clock.advance(shop.once.lease + 5)
    assert bridge.step(stalled.holds())
    assert isinstance(other.claim(), StillRunning)
    assert bridge.step(stalled.finish(SEEN_OTHER)).status == 303


def test_who_asks_whether_it_holds_in_time_asks_no_store(clock):
    store = CountingStore(MemoryStore())
    run = Shop(store, clock).run()
    assert bridge.step(run.holds())
    assert store.calls == {"create": 1}


def test_at_most_once_does_not_run_what_nobody_knows_the_end_of(shop, other, clock):
    shop.run(at_most_once=True)
    clock.advance(shop.once.lease)
    assert isinstance(other.claim(at_most_once=True), CannotTell)
    assert isinstance(other.claim("4 apples", at_most_once=True), CannotTell)


def test_at_most_once_waits_for_a_run_that_is_renewed(shop, other, clock):
    run = shop.run(at_most_once=True)
    clock.advance(shop.once.lease - 1)
    bridge.step(run.renew())
    clock.advance(shop.once.lease / 2)
    assert isinstance(other.claim(at_most_once=True), StillRunning)
    # Asking took nothing from the one that runs it.
    assert bridge.step(run.finish(SEEN_OTHER)).status == 303
    assert isinstance(other.claim(at_most_once=True), Replay)


def test_at_most_once_holds_what_raised(shop, other):
    run = shop.run(at_most_once=True)
    bridge.step(run.fail())
    assert isinstance(other.claim(at_most_once=True), CannotTell)


def test_at_most_once_frees_what_was_refused(shop, other):
    run = shop.run(at_most_once=True)
    bridge.step(run.finish(BAD))
    assert isinstance(other.claim(at_most_once=True), Run)


# -- it is finished ---------------------------------------------------------------------------


def test_a_redirect_is_replayed(shop, other, clock):
    shop.done()
    clock.advance(3600)
    assert isinstance(replay := other.claim(), Replay)
    assert replay.answer.redirects


def test_a_redirect_with_other_values_is_asked_about_and_keeps_the_first_fields(shop, other):
    shop.done(SEEN_OTHER._replace(fields=(("fruit", "3 apples"),)))
    assert isinstance(edited := other.claim("4 apples"), Edited)
    assert edited.answer.fields == (("fruit", "3 apples"),)
    # Asking changed nothing.
    assert isinstance(other.claim(), Replay)


def test_a_page_is_replayed(shop, other):
    shop.done(PAGE)
    assert isinstance(replay := other.claim(), Replay)
    assert replay.answer.body == PAGE.body


def test_a_page_with_other_values_is_a_new_attempt(shop, other):
    shop.done(PAGE)
    other.done(SEEN_OTHER, "4 apples")
    assert isinstance(shop.claim("4 apples"), Replay)
    assert isinstance(shop.claim("3 apples"), Edited)


def test_two_new_attempts_at_once_run_once(shop, other):
    shop.done(PAGE)
    run = shop.run("4 apples")
    other.meanwhile = [lambda: bridge.step(run.finish(SEEN_OTHER))]
    assert isinstance(other.claim("4 apples"), Replay)


@pytest.mark.parametrize("status", [400, 403, 404, 422, 500, 503])
def test_a_refusal_frees_it(shop, other, status):
    shop.done(BAD._replace(status=status))
    assert isinstance(other.claim(), Run)


def test_an_exception_frees_it(shop, other):
    bridge.step(shop.run().fail())
    assert isinstance(other.claim(), Run)


def test_what_was_freed_runs_once_too(shop, other):
    bridge.step(shop.run().free())
    run = shop.run()
    other.meanwhile = [lambda: bridge.step(run.finish(SEEN_OTHER))]
    assert isinstance(other.claim(), Replay)


def test_a_form_shown_after_the_answer_is_a_new_submission_of_its_name(shop, other, clock):
    shop.done()
    before = other.claim(minted=clock() - 60)
    assert isinstance(before, Replay)
    clock.advance(1)
    again = other.claim(minted=clock())
    assert isinstance(again, Run)
    bridge.step(again.finish(SEEN_OTHER))
    assert isinstance(shop.claim(minted=clock() - 1), Replay)


def test_a_form_shown_after_nobody_could_tell_is_a_new_try(shop, clock):
    bridge.step(shop.run(at_most_once=True).fail())
    clock.advance(1)
    assert isinstance(shop.claim(minted=clock(), at_most_once=True), Run)


# -- for how long -----------------------------------------------------------------------------


def test_an_answer_is_kept_for_a_day_and_swept_with_the_sessions(clock):
    store = MemoryStore()
    sessions = Sessions(store, clock=clock)
    shop = Shop(store, clock)
    shop.done()
    clock.advance(86399)
    assert sessions.delete_expired() == 0
    assert isinstance(shop.claim(), Replay)
    clock.advance(1)
    assert sessions.delete_expired() == 1
    assert isinstance(shop.claim(), Run)


def test_the_day_begins_anew_with_a_new_attempt(clock):
    store = MemoryStore()
    shop = Shop(store, clock)
    shop.done(PAGE)
    clock.advance(80_000)
    shop.done(SEEN_OTHER, "4 apples")
    clock.advance(80_000)
    assert Sessions(store, clock=clock).delete_expired() == 0
    assert isinstance(shop.claim("4 apples"), Replay)


def test_what_is_kept_for_a_minute_is_swept_after_it(clock):
    store = MemoryStore()
    shop = Shop(store, clock)
    run = bridge.step(shop.once.claim(Submission(KEY, b"", keep=60)))
    assert isinstance(run, Run)
    bridge.step(run.finish(SEEN_OTHER))
    clock.advance(60)
    assert Sessions(store, clock=clock).delete_expired() == 1


def test_a_claim_is_nobodys_session(shop, store, clock):
    shop.done()
    record = store.load(KEY.id)
    assert isinstance(record, Record)
    assert record.user is None
    assert ":" in record.id
    assert record.digest == bytes(32)


# -- what the store holds ---------------------------------------------------------------------


def test_a_stolen_store_shows_neither_answer_nor_cookie_nor_what_was_sent(shop, store):
    shop.done(
        Answer.of(
            200,
            [("Set-Cookie", "session=a-secret-cookie")],
            b"a private page",
            fields=[("note", "a private note")],
        )
    )
    record = store.load(KEY.id)
    assert isinstance(record, Record)
    held = b"".join(record.fields.values())
    for secret in (b"a-secret-cookie", b"private", b"note", b"3 apples", KEY.secret):
        assert secret not in held
    # With the store and the server's key, but without the ticket, it stays shut.
    stranger = ClaimKey(KEY.id, bytes(32))
    assert shop.once.opened(record, stranger) is None


def test_an_answer_under_a_key_that_is_gone_is_not_guessed(shop, store, clock):
    shop.done()
    other = Shop(store, clock)
    other.once = Once(bridge.Awaitable(store), Keyring(["quite another key"]), clock, clock.pause)
    assert isinstance(other.claim(), CannotTell)


# -- the store fails --------------------------------------------------------------------------


def test_a_store_that_is_down_claims_nothing(clock):
    store = FaultyStore(MemoryStore())
    store.down = True
    with pytest.raises(StoreUnavailable):
        Shop(store, clock).claim()


def test_a_claim_whose_acknowledgement_got_lost_is_still_ours(store, shop, other):
    def lost() -> None:
        raise StoreUnavailable("the answer got lost")

    store.run_after("create", lost)
    run = shop.run()
    assert isinstance(other.claim(), StillRunning)
    bridge.step(run.finish(SEEN_OTHER))
    assert isinstance(other.claim(), Replay)


def test_an_answer_whose_acknowledgement_got_lost_is_kept_and_sent(store, shop, other):
    def lost() -> None:
        raise StoreUnavailable("the answer got lost")

    run = shop.run()
    store.run_after("commit", lost)
    assert bridge.step(run.finish(SEEN_OTHER)).status == 303
    assert not run.lost
    assert isinstance(other.claim(), Replay)


def test_an_answer_that_cannot_be_kept_is_sent_all_the_same_and_reported(clock, caplog):
    store = FaultyStore(MemoryStore())
    run = Shop(store, clock).run()
    store.down = True
    assert bridge.step(run.finish(SEEN_OTHER)).status == 303
    assert "could not be kept" in caplog.text
    assert KEY.id not in caplog.text


def test_a_store_inside_the_cookie_is_refused_at_start(clock):
    store = MemoryStore()
    store.capabilities = Capabilities(lease=False)
    with pytest.raises(ConfigurationError, match="cannot keep what was submitted"):
        Shop(store, clock)


# -- whoever comes to see ---------------------------------------------------------------------


def test_a_result_is_shown_to_who_comes_for_it(shop, other):
    run = shop.run()
    assert isinstance(bridge.step(other.once.answer(KEY)), StillRunning)
    other.meanwhile = [lambda: bridge.step(run.finish(SEEN_OTHER))]
    assert isinstance(bridge.step(other.once.answer(KEY)), Replay)


def test_there_is_no_result_of_what_was_refused_or_never_sent(shop):
    assert bridge.step(shop.once.answer(KEY)) is None
    bridge.step(shop.run().free())
    assert bridge.step(shop.once.answer(KEY)) is None


def test_nobody_can_tell_the_result_of_what_is_held(shop):
    bridge.step(shop.run(at_most_once=True).fail())
    assert isinstance(bridge.step(shop.once.answer(KEY)), CannotTell)
