"""The contract catches stores that break it, each by a law that says what is wrong."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

import pytest

from coatcheck.core import bridge
from coatcheck.core.record import Record
from coatcheck.core.store import Busy, Capabilities, Committed, Conflict
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import FakeClock, StoreContract


class Broken(MemoryStore):
    """A correct store, whose records can be reached by those that break it."""

    @property
    def records(self) -> dict[str, Record]:
        return self._records


class Upserts(Broken):
    """Saves what is not there: the bug behind most sessions that came back."""

    def commit(self, commit):
        if commit.record.id not in self.records:
            self.records[commit.record.id] = commit.record
            return Committed()
        return super().commit(commit)


class LastWriterWins(Broken):
    def commit(self, commit):
        stored = self.records.get(commit.record.id)
        if stored is not None and stored.lease is None:
            self.records[commit.record.id] = commit.record
            return Committed()
        return super().commit(commit)


class ChecksThenWrites(Broken):
    """Compares and puts in two steps, as a read followed by an update does."""

    def commit(self, commit):
        stored = self.records.get(commit.record.id)
        if stored is not None and stored.version == commit.base and stored.lease is None:
            time.sleep(0)  # other threads have their turn
            if commit.record.id in self.records:
                self.records[commit.record.id] = commit.record
                return Committed()
        return super().commit(commit)


class CreateReplaces(Broken):
    def create(self, record):
        self.records[record.id] = record
        return True


class TouchMakesOne(Broken):
    def touch(self, id, seen, expires):
        if id not in self.records:
            self.records[id] = Record(id, b"", seen, seen, expires, seen, {})
        return super().touch(id, seen, expires)


class TouchGoesBack(Broken):
    def touch(self, id, seen, expires):
        if id in self.records:
            self.records[id] = self.records[id]._replace(seen=seen, expires=expires)
        return id in self.records


class TouchMovesTheVersion(Broken):
    def touch(self, id, seen, expires):
        if id in self.records:
            moved = self.records[id]._replace(version=self.records[id].version + 1)
            self.records[id] = moved
        return super().touch(id, seen, expires)


class CommitForgetsTheTouch(Broken):
    def commit(self, commit):
        answer = super().commit(commit)
        if answer == Committed():
            self.records[commit.record.id] = commit.record
        return answer


class EndTellsNothing(Broken):
    def end(self, id):
        self.records.pop(id, None)
        return True


class FoldsCase(Broken):
    def create(self, record):
        return super().create(record._replace(id=record.id.lower()))

    def load(self, id, lease=None, now=0.0):
        return super().load(id.lower(), lease, now)


class FoldsCaseOfUsers(Broken):
    def of_user(self, user):
        mine = [r for r in self.records.values() if (r.user or "").lower() == user.lower()]
        return sorted(mine, key=lambda record: record.seen, reverse=True)


class ListsInAnyOrder(Broken):
    def of_user(self, user):
        return super().of_user(user)[::-1]


class KeepsTheUserOfTheFirstRecord(Broken):
    def commit(self, commit):
        stored = self.records.get(commit.record.id)
        if stored is not None:
            commit = commit._replace(record=commit.record._replace(user=stored.user))
        return super().commit(commit)


class DecodesText(Broken):
    def create(self, record):
        fields = {
            name: data.decode("utf-8", "replace").encode() for name, data in record.fields.items()
        }
        return super().create(record._replace(fields=fields))


class RoundsTimes(Broken):
    def create(self, record):
        return super().create(record._replace(expires=round(record.expires)))


class CutsLongValues(Broken):
    def create(self, record):
        fields = {name: data[:32_767] for name, data in record.fields.items()}
        return super().create(record._replace(fields=fields))


class EmptyTextIsNothing(Broken):
    def create(self, record):
        return super().create(record._replace(previous=record.previous or b""))


class AddsFieldsOnly(Broken):
    """Writes what changed and forgets what was removed."""

    def commit(self, commit):
        stored = self.records.get(commit.record.id)
        if stored is not None:
            fields = {**stored.fields, **commit.record.fields}
            commit = commit._replace(record=commit.record._replace(fields=fields))
        return super().commit(commit)


class LeaseForAnybody(Broken):
    def load(self, id, lease=None, now=0.0):
        found = self.records.get(id)
        if found is not None and lease is not None:
            self.records[id] = found._replace(lease=None)
        return super().load(id, lease, now)


class LeaseForEver(Broken):
    def load(self, id, lease=None, now=0.0):
        found = self.records.get(id)
        if lease is not None and found is not None and found.lease is not None:
            return Busy(found.lease.until)
        return super().load(id, lease, now)


class ReadersWait(Broken):
    def load(self, id, lease=None, now=0.0):
        found = self.records.get(id)
        if found is not None and found.lease is not None and lease is None:
            return Busy(found.lease.until)
        return super().load(id, lease, now)


class AnybodyReleases(Broken):
    def release(self, id, holder):
        if id in self.records:
            self.records[id] = self.records[id]._replace(lease=None)


class CommitIgnoresTheLease(Broken):
    def commit(self, commit):
        stored = self.records.get(commit.record.id)
        if stored is not None:
            self.records[commit.record.id] = stored._replace(lease=None)
        return super().commit(commit)


class CommitKeepsTheLease(Broken):
    def commit(self, commit):
        stored = self.records.get(commit.record.id)
        answer = super().commit(commit)
        if answer == Committed() and stored is not None:
            kept = self.records[commit.record.id]._replace(lease=stored.lease)
            self.records[commit.record.id] = kept
        return answer


class ConflictShowsTheLosersRecord(Broken):
    def commit(self, commit):
        answer = super().commit(commit)
        return Conflict(commit.record) if isinstance(answer, Conflict) else answer


class SweepsTheLiving(Broken):
    def sweep(self, now, limit):
        return super().sweep(now + 60, limit)


class SweepsWithoutEnd(Broken):
    def sweep(self, now, limit):
        return super().sweep(now, 10**9)


class SweepsNothing(Broken):
    def sweep(self, now, limit):
        return 0


class DropsBeforeTheDeadline(Broken):
    def load(self, id, lease=None, now=0.0):
        found = self.records.get(id)
        if found is not None and found.expires - found.seen < 60:
            del self.records[id]
        return super().load(id, lease, now)


CAUGHT = {
    Upserts: "test_a_late_commit_does_not_bring_an_ended_record_back",
    LastWriterWins: "test_a_commit_over_an_older_version_changes_nothing_and_shows_what_is_there",
    CreateReplaces: "test_create_never_replaces_a_record",
    TouchMakesOne: "test_a_late_touch_does_not_bring_an_ended_record_back",
    TouchGoesBack: "test_an_earlier_touch_changes_nothing",
    TouchMovesTheVersion: "test_a_commit_after_a_touch_is_no_conflict_and_keeps_its_deadline",
    CommitForgetsTheTouch: "test_a_commit_after_a_touch_is_no_conflict_and_keeps_its_deadline",
    EndTellsNothing: "test_end_says_whether_there_was_a_record",
    FoldsCase: "test_ids_that_differ_in_case_are_different_sessions",
    FoldsCaseOfUsers: "test_users_are_told_apart_by_every_character",
    ListsInAnyOrder: "test_the_record_seen_last_comes_first",
    KeepsTheUserOfTheFirstRecord: "test_a_commit_that_binds_a_user_makes_the_record_theirs",
    DecodesText: "test_every_byte_comes_back_in_a_digest_and_in_a_value",
    RoundsTimes: "test_every_attribute_of_a_record_comes_back",
    CutsLongValues: "test_a_value_of_64_kilobytes_comes_back",
    EmptyTextIsNothing: "test_attributes_that_are_not_set_stay_so",
    AddsFieldsOnly: "test_a_commit_takes_fields_away",
    LeaseForAnybody: "test_a_second_taker_is_told_until_when_at_most",
    LeaseForEver: "test_a_lease_lapses_at_its_moment_and_not_before",
    ReadersWait: "test_a_reader_is_not_held_up_by_a_lease",
    AnybodyReleases: "test_only_the_holder_gives_a_lease_back",
    CommitIgnoresTheLease: "test_a_commit_by_another_than_the_holder_changes_nothing",
    CommitKeepsTheLease: "test_a_commit_under_the_lease_stands_and_gives_it_back",
    ConflictShowsTheLosersRecord: (
        "test_a_commit_over_an_older_version_changes_nothing_and_shows_what_is_there"
    ),
    SweepsTheLiving: "test_a_sweep_removes_what_has_expired_and_nothing_else",
    SweepsWithoutEnd: "test_a_sweep_removes_no_more_than_its_limit",
    SweepsNothing: "test_a_sweep_removes_what_has_expired_and_nothing_else",
    DropsBeforeTheDeadline: "test_a_record_is_there_until_its_deadline",
}


def named(broken: type) -> str:
    return broken.__name__


def verdict(law: str, make: Callable[[], Any], unreachable: Callable[[], Any] | None = None) -> str:
    """How *law* ends for the store that *make* makes."""

    class Checked(StoreContract):
        def make_store(self, clock: FakeClock) -> Any:
            return make()

        def make_unreachable_store(self, clock: FakeClock) -> Any:
            return None if unreachable is None else unreachable()

    try:
        getattr(Checked(), law)()
    except pytest.skip.Exception as skipped:
        return f"skipped: {skipped}"
    except (AssertionError, pytest.fail.Exception) as error:
        return f"failed: {type(error).__name__}"
    return "passed"


@pytest.mark.parametrize("broken", CAUGHT, ids=named)
def test_a_store_that_breaks_a_law_is_caught_by_the_test_that_states_it(broken):
    assert verdict(CAUGHT[broken], MemoryStore) == "passed"
    assert verdict(CAUGHT[broken], broken) == "failed: AssertionError"


def test_a_store_that_compares_and_puts_in_two_steps_is_caught_by_its_racing_writers():
    law = "test_eight_writers_that_try_again_lose_no_increment"
    assert verdict(law, ChecksThenWrites) == "failed: AssertionError"


LIVED_THROUGH = {
    Upserts: "test_a_slow_request_does_not_undo_a_logout",
    LastWriterWins: "test_writers_of_different_keys_keep_what_both_wrote",
    CommitIgnoresTheLease: "test_a_writer_that_waited_too_long_is_told_so_and_saves_nothing",
    KeepsTheUserOfTheFirstRecord: (
        "test_two_logins_at_once_give_two_sessions_and_both_cookies_work"
    ),
}


@pytest.mark.parametrize("broken", LIVED_THROUGH, ids=named)
def test_and_by_what_visitors_live_through_on_it(broken):
    assert verdict(LIVED_THROUGH[broken], MemoryStore) == "passed"
    assert verdict(LIVED_THROUGH[broken], broken).startswith("failed")


def test_the_laws_are_the_same_for_an_awaitable_store():
    law = "test_a_late_commit_does_not_bring_an_ended_record_back"
    assert verdict(law, lambda: bridge.Awaitable(MemoryStore())) == "passed"
    assert verdict(law, lambda: bridge.Awaitable(Upserts())) == "failed: AssertionError"


def test_a_store_may_be_made_in_the_event_loop_it_will_live_in():
    made_in: list[bool] = []

    class Checked(StoreContract):
        async def make_store(self, clock: FakeClock) -> bridge.Awaitable:
            made_in.append(asyncio.get_running_loop().is_running())
            return bridge.Awaitable(MemoryStore())

    Checked().test_a_created_record_is_loaded_as_it_was()
    assert made_in == [True]


def test_a_store_is_closed_after_each_law_even_if_it_broke_it():
    closed: list[str] = []

    class Closing(Upserts):
        def close(self):
            closed.append("closed")

    assert verdict("test_a_created_record_is_loaded_as_it_was", Closing) == "passed"
    assert verdict("test_a_commit_never_makes_a_record", Closing) == "failed: AssertionError"
    assert closed == ["closed", "closed"]


@pytest.mark.parametrize(
    ("capability", "law"),
    [
        ("lease", "test_a_lease_lapses_at_its_moment_and_not_before"),
        ("by_user", "test_an_unknown_user_has_no_records"),
        ("revoke", "test_an_ended_record_is_nobody"),
    ],
)
def test_what_a_store_declares_it_cannot_do_is_skipped_by_name_and_not_passed(capability, law):
    class Limited(MemoryStore):
        capabilities = Capabilities(**cast(Any, {capability: False}))

    assert verdict(law, Limited) == f"skipped: Limited declares {capability}=False"


def test_an_outage_is_only_tried_where_there_is_a_store_to_try_it_with():
    law = "test_every_verb_of_an_unreachable_store_raises_store_unavailable"
    assert verdict(law, MemoryStore) == "skipped: Checked defines no make_unreachable_store"
    assert verdict(law, MemoryStore, unreachable=MemoryStore) == "failed: Failed"


def test_a_contract_without_a_store_says_what_to_define():
    class Empty(StoreContract):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty must define make_store"):
        Empty().test_a_created_record_is_loaded_as_it_was()
