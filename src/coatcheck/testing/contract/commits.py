"""Compare and put, in one step: ``commit`` (law 2)."""

from coatcheck.core.record import Record
from coatcheck.core.store import Committed, Conflict

from .harness import Contract, law, plain


class CommitLaws(Contract):
    """A commit stands on the version it was computed from, or changes nothing."""

    @law
    async def test_a_commit_over_its_base_is_what_is_loaded_next(self) -> None:
        base = await self.stored()
        commit = self.commit_over(base, {"count": b"2", "name": b"Ann", "new": b"\x00"})
        assert await self.store.commit(commit) == Committed()
        assert await self.found(base.id) == plain(commit.record)

    @law
    async def test_a_commit_takes_fields_away(self) -> None:
        base = await self.stored()
        commit = self.commit_over(base, {"name": b"Ann"})
        assert await self.store.commit(commit) == Committed()
        found = await self.found(base.id)
        assert found is not None
        assert found.fields == {"name": b"Ann"}

    @law
    async def test_a_commit_can_take_all_fields_away(self) -> None:
        base = await self.stored()
        assert await self.store.commit(self.commit_over(base, {})) == Committed()
        found = await self.found(base.id)
        assert found is not None
        assert found.fields == {}

    @law
    async def test_a_commit_carries_every_attribute(self) -> None:
        now = self.clock()
        base = await self.stored()
        commit = self.commit_over(
            base,
            digest=bytes(32),
            previous=base.digest,
            grace_until=now + 60.5,
            renewed=now + 0.25,
            epoch=base.epoch + 1,
            user="ann",
            seen=now + 1.5,
            expires=now + 7200.75,
            commits=("one", "two"),
        )
        assert await self.store.commit(commit) == Committed()
        assert await self.found(base.id) == plain(commit.record)

    @law
    async def test_a_commit_can_unset_what_was_set(self) -> None:
        base = await self.stored(user="ann", previous=bytes(32))
        commit = self.commit_over(base, user=None, previous=None)
        assert await self.store.commit(commit) == Committed()
        assert await self.found(base.id) == plain(commit.record)

    @law
    async def test_a_commit_without_new_fields_still_moves_the_version(self) -> None:
        base = await self.stored()
        assert await self.store.commit(self.commit_over(base)) == Committed()
        found = await self.found(base.id)
        assert found is not None
        assert found.version == base.version + 1

    @law
    async def test_a_commit_over_an_older_version_changes_nothing_and_shows_what_is_there(
        self,
    ) -> None:
        base = await self.stored()
        first = self.commit_over(base, {"count": b"first"}, commits=("first",))
        assert await self.store.commit(first) == Committed()
        late = self.commit_over(base, {"count": b"late"}, user="mallory", commits=("late",))
        answer = await self.store.commit(late)
        assert isinstance(answer, Conflict)
        assert plain(answer.fresh) == plain(first.record)
        assert await self.found(base.id) == plain(first.record)

    @law
    async def test_the_same_commit_a_second_time_is_a_conflict_that_carries_its_id(self) -> None:
        base = await self.stored()
        commit = self.commit_over(base, {"count": b"2"}, commits=("mine",))
        assert await self.store.commit(commit) == Committed()
        answer = await self.store.commit(commit)
        assert isinstance(answer, Conflict)
        assert answer.fresh.commits == ("mine",)
        assert answer.fresh.version == base.version + 1

    @law
    async def test_a_commit_over_a_version_that_never_was_changes_nothing(self) -> None:
        base = await self.stored()
        ahead = base._replace(version=base.version + 5)
        answer = await self.store.commit(self.commit_over(ahead, {"count": b"9"}))
        assert isinstance(answer, Conflict)
        assert plain(answer.fresh) == base
        assert await self.found(base.id) == base

    @law
    async def test_a_commit_over_the_fresh_record_of_a_conflict_stands(self) -> None:
        base = await self.stored()
        await self.store.commit(self.commit_over(base, {"count": b"2", "name": b"Ann"}))
        answer = await self.store.commit(self.commit_over(base, {"count": b"1", "name": b"Bob"}))
        assert isinstance(answer, Conflict)
        again = self.commit_over(answer.fresh, {**answer.fresh.fields, "name": b"Bob"})
        assert await self.store.commit(again) == Committed()
        found = await self.found(base.id)
        assert found is not None
        assert found.fields == {"count": b"2", "name": b"Bob"}

    @law
    async def test_a_commit_leaves_other_records_alone(self) -> None:
        base, other = await self.stored(), await self.stored()
        await self.store.commit(self.commit_over(base, {"count": b"2"}))
        assert await self.found(other.id) == other

    @law
    async def test_of_writers_over_one_version_at_once_just_one_stands(self) -> None:
        base = await self.stored()
        commits = [self.commit_over(base, {"by": b"%d" % n}) for n in range(8)]
        answers = await self.together(*(self.store.commit(commit) for commit in commits))
        stood = [n for n, answer in enumerate(answers) if answer == Committed()]
        assert len(stood) == 1
        assert await self.found(base.id) == plain(commits[stood[0]].record)
        for n, answer in enumerate(answers):
            if n != stood[0]:
                assert isinstance(answer, Conflict)
                assert plain(answer.fresh) == plain(commits[stood[0]].record)

    @law
    async def test_eight_writers_that_try_again_lose_no_increment(self) -> None:
        base = await self.stored(fields={"count": b"0"})

        async def counts(writer: int) -> int:
            conflicts = 0
            for n in range(25):
                record = await self.store.load(base.id)
                while True:
                    assert isinstance(record, Record)
                    count = b"%d" % (int(record.fields["count"]) + 1)
                    commit = self.commit_over(record, {"count": count}, commits=(f"{writer}.{n}",))
                    answer = await self.store.commit(commit)
                    if answer == Committed():
                        break
                    assert isinstance(answer, Conflict)
                    record = answer.fresh
                    conflicts += 1
            return conflicts

        await self.together(*(counts(writer) for writer in range(8)))
        found = await self.found(base.id)
        assert found is not None
        assert found.fields == {"count": b"200"}
        assert found.version == base.version + 200
