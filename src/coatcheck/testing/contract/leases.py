"""One writer at a time, for as long as it says: leases (law 3)."""

from coatcheck.core.record import Lease, Record
from coatcheck.core.store import Busy, Committed, Conflict

from .harness import HOUR, Contract, law, plain


class LeaseLaws(Contract):
    """A live lease holds up other writers only, and lapses by itself."""

    async def leased(self, id: str, holder: str, seconds: float = 30.0) -> Record | Busy | None:
        """What *holder* is told who asks for a lease of *seconds*."""
        now = self.clock()
        return await self.store.load(id, Lease(holder, now + seconds), now)

    @law
    async def test_taking_a_lease_gives_the_record_and_changes_nothing_in_it(self) -> None:
        self.requires("lease")
        record = await self.stored()
        taken = await self.leased(record.id, "first")
        assert isinstance(taken, Record)
        assert taken.lease == Lease("first", self.clock() + 30)
        assert plain(taken) == record
        assert await self.found(record.id) == record

    @law
    async def test_a_second_taker_is_told_until_when_at_most(self) -> None:
        self.requires("lease")
        record = await self.stored()
        await self.leased(record.id, "first", 30.0)
        assert await self.leased(record.id, "second", 500.0) == Busy(self.clock() + 30)

    @law
    async def test_a_holder_that_asks_again_is_not_held_up_by_its_own_lease(self) -> None:
        # It may not have heard the first answer.
        self.requires("lease")
        record = await self.stored()
        await self.leased(record.id, "first", 30.0)
        self.clock.advance(10)
        again = await self.leased(record.id, "first", 30.0)
        assert isinstance(again, Record)
        assert plain(again) == record
        assert await self.leased(record.id, "second") == Busy(self.clock() + 30)

    @law
    async def test_a_refused_taker_does_not_move_the_lease(self) -> None:
        self.requires("lease")
        record = await self.stored()
        await self.leased(record.id, "first", 30.0)
        until = self.clock() + 30
        self.clock.advance(20)
        assert await self.leased(record.id, "second", 500.0) == Busy(until)
        assert await self.leased(record.id, "third", 500.0) == Busy(until)

    @law
    async def test_a_lease_lapses_at_its_moment_and_not_before(self) -> None:
        self.requires("lease")
        record = await self.stored()
        await self.leased(record.id, "first", 30.0)
        self.clock.advance(29.75)
        assert isinstance(await self.leased(record.id, "second"), Busy)
        self.clock.advance(0.25)
        assert isinstance(await self.leased(record.id, "second"), Record)

    @law
    async def test_a_reader_is_not_held_up_by_a_lease(self) -> None:
        self.requires("lease")
        record = await self.stored()
        await self.leased(record.id, "first")
        found = await self.store.load(record.id)
        assert isinstance(found, Record)
        assert plain(found) == record

    @law
    async def test_a_touch_passes_a_lease(self) -> None:
        self.requires("lease")
        record = await self.stored()
        await self.leased(record.id, "first")
        assert await self.store.touch(record.id, record.seen + 5, record.expires + 5) is True
        found = await self.found(record.id)
        assert found is not None
        assert (found.seen, found.expires) == (record.seen + 5, record.expires + 5)

    @law
    async def test_a_touch_does_not_give_the_lease_away(self) -> None:
        self.requires("lease")
        record = await self.stored()
        await self.leased(record.id, "first")
        await self.store.touch(record.id, record.seen + 5, record.expires + 5)
        assert isinstance(await self.leased(record.id, "second"), Busy)

    @law
    async def test_a_lease_does_not_protect_from_the_end(self) -> None:
        self.requires("lease")
        self.requires("revoke")
        record = await self.stored()
        await self.leased(record.id, "first")
        assert await self.store.end(record.id) is True
        assert await self.store.load(record.id) is None

    @law
    async def test_a_commit_by_another_than_the_holder_changes_nothing(self) -> None:
        self.requires("lease")
        record = await self.stored()
        await self.leased(record.id, "first")
        until = self.clock() + 30
        for other in (None, "second"):
            commit = self.commit_over(record, {"count": b"stolen"}, holder=other)
            assert await self.store.commit(commit) == Busy(until)
        assert await self.found(record.id) == record

    @law
    async def test_a_commit_under_the_lease_stands_and_gives_it_back(self) -> None:
        self.requires("lease")
        record = await self.stored()
        await self.leased(record.id, "first")
        commit = self.commit_over(record, {"count": b"2"}, holder="first")
        assert await self.store.commit(commit) == Committed()
        assert await self.found(record.id) == plain(commit.record)
        taken = await self.leased(record.id, "second")
        assert isinstance(taken, Record)
        assert plain(taken) == plain(commit.record)

    @law
    async def test_a_conflict_leaves_the_lease_where_it_is(self) -> None:
        self.requires("lease")
        record = await self.stored()
        await self.leased(record.id, "first")
        stale = record._replace(version=record.version + 3)
        answer = await self.store.commit(self.commit_over(stale, {"n": b"2"}, holder="first"))
        assert isinstance(answer, Conflict)
        assert isinstance(await self.leased(record.id, "second"), Busy)

    @law
    async def test_anybody_may_commit_when_the_lease_has_lapsed(self) -> None:
        self.requires("lease")
        record = await self.stored()
        await self.leased(record.id, "first", 30.0)
        self.clock.advance(30)
        commit = self.commit_over(record, {"count": b"2"})
        assert await self.store.commit(commit) == Committed()

    @law
    async def test_a_holder_whose_lease_lapsed_commits_while_nobody_else_has_written(self) -> None:
        self.requires("lease")
        record = await self.stored()
        await self.leased(record.id, "first", 30.0)
        self.clock.advance(HOUR / 2)
        commit = self.commit_over(record, {"count": b"2"}, holder="first")
        assert await self.store.commit(commit) == Committed()

    @law
    async def test_a_holder_whose_lease_went_to_another_changes_nothing(self) -> None:
        self.requires("lease")
        record = await self.stored()
        await self.leased(record.id, "first", 30.0)
        self.clock.advance(30)
        await self.leased(record.id, "second", 30.0)
        late = self.commit_over(record, {"count": b"late"}, holder="first")
        assert await self.store.commit(late) == Busy(self.clock() + 30)
        mine = self.commit_over(record, {"count": b"2"}, holder="second")
        assert await self.store.commit(mine) == Committed()
        assert isinstance(await self.store.commit(late), Conflict)
        assert await self.found(record.id) == plain(mine.record)

    @law
    async def test_a_released_lease_is_free(self) -> None:
        self.requires("lease")
        record = await self.stored()
        await self.leased(record.id, "first")
        await self.store.release(record.id, "first")
        assert isinstance(await self.leased(record.id, "second"), Record)

    @law
    async def test_only_the_holder_gives_a_lease_back(self) -> None:
        self.requires("lease")
        record = await self.stored()
        await self.leased(record.id, "first")
        await self.store.release(record.id, "second")
        assert isinstance(await self.leased(record.id, "second"), Busy)

    @law
    async def test_a_lapsed_holder_does_not_give_the_next_ones_lease_back(self) -> None:
        self.requires("lease")
        record = await self.stored()
        await self.leased(record.id, "first", 30.0)
        self.clock.advance(30)
        await self.leased(record.id, "second", 30.0)
        await self.store.release(record.id, "first")
        assert isinstance(await self.leased(record.id, "third"), Busy)

    @law
    async def test_giving_back_what_nobody_holds_changes_nothing(self) -> None:
        record = await self.stored()
        await self.store.release(record.id, "nobody")
        assert await self.found(record.id) == record

    @law
    async def test_leases_of_different_records_have_nothing_to_do_with_each_other(self) -> None:
        self.requires("lease")
        record, other = await self.stored(), await self.stored()
        await self.leased(record.id, "first")
        assert isinstance(await self.leased(other.id, "second"), Record)
        assert await self.store.commit(self.commit_over(other, holder="second")) == Committed()

    @law
    async def test_of_takers_at_once_just_one_gets_the_lease(self) -> None:
        self.requires("lease")
        record = await self.stored()
        answers = await self.together(*(self.leased(record.id, f"taker {n}") for n in range(8)))
        assert sum(isinstance(answer, Record) for answer in answers) == 1
        assert sum(isinstance(answer, Busy) for answer in answers) == 7
