"""What has ended stays ended: ``end`` and what comes after it (law 1)."""

from coatcheck.core.record import Lease, Record
from coatcheck.core.store import Busy, Committed, Gone
from coatcheck.wire.tokens import Token

from .harness import HOUR, Contract, law


class EndingLaws(Contract):
    """No verb but ``create`` makes a record, and no request knows an ended one's id as new."""

    @law
    async def test_a_commit_never_makes_a_record(self) -> None:
        never = self.new_record()
        assert await self.store.commit(self.commit_over(never, {"count": b"2"})) == Gone()
        assert await self.store.load(never.id) is None

    @law
    async def test_a_touch_never_makes_a_record(self) -> None:
        never = self.new_record()
        assert await self.store.touch(never.id, never.seen + 60, never.expires + 60) is False
        assert await self.store.load(never.id) is None

    @law
    async def test_taking_or_giving_back_a_lease_never_makes_a_record(self) -> None:
        id, now = Token.new().id, self.clock()
        assert await self.store.load(id, Lease("me", now + 30), now) is None
        await self.store.release(id, "me")
        assert await self.store.load(id) is None

    @law
    async def test_end_says_whether_there_was_a_record(self) -> None:
        self.requires("revoke")
        record = await self.stored()
        assert await self.store.end(record.id) is True
        assert await self.store.end(record.id) is False
        assert await self.store.end(Token.new().id) is False

    @law
    async def test_an_ended_record_is_nobody(self) -> None:
        self.requires("revoke")
        record, other = await self.stored(), await self.stored()
        await self.store.end(record.id)
        assert await self.store.load(record.id) is None
        assert await self.found(other.id) == other

    @law
    async def test_a_late_commit_does_not_bring_an_ended_record_back(self) -> None:
        self.requires("revoke")
        base = await self.stored()
        await self.store.end(base.id)
        assert await self.store.commit(self.commit_over(base, {"count": b"2"})) == Gone()
        assert await self.store.load(base.id) is None

    @law
    async def test_a_late_commit_under_a_lease_does_not_bring_an_ended_record_back(self) -> None:
        self.requires("revoke")
        self.requires("lease")
        base, now = await self.stored(), self.clock()
        await self.store.load(base.id, Lease("me", now + 30), now)
        assert await self.store.end(base.id) is True
        late = self.commit_over(base, {"count": b"2"}, holder="me")
        assert await self.store.commit(late) == Gone()
        await self.store.release(base.id, "me")
        assert await self.store.load(base.id) is None

    @law
    async def test_a_late_touch_does_not_bring_an_ended_record_back(self) -> None:
        self.requires("revoke")
        record = await self.stored()
        await self.store.end(record.id)
        assert await self.store.touch(record.id, record.seen + 60, record.expires + 60) is False
        assert await self.store.load(record.id) is None

    @law
    async def test_a_new_record_does_not_bring_an_ended_one_back(self) -> None:
        self.requires("revoke")
        ended = await self.stored(user="ann")
        await self.store.end(ended.id)
        await self.stored(user="ann")
        assert await self.store.load(ended.id) is None

    @law
    async def test_a_swept_record_stays_swept(self) -> None:
        base = await self.stored(expires=self.clock() - 1)
        while await self.store.sweep(self.clock(), 100):
            pass
        if await self.store.load(base.id) is None:
            late = self.commit_over(base, {"count": b"2"}, expires=self.clock() + HOUR)
            assert await self.store.commit(late) == Gone()
            assert await self.store.touch(base.id, self.clock(), self.clock() + HOUR) is False
            assert await self.store.load(base.id) is None

    @law
    async def test_an_end_among_many_writers_is_the_end(self) -> None:
        self.requires("revoke")
        base = await self.stored(fields={"count": b"0"})

        async def writes() -> None:
            for _ in range(50):
                record = await self.store.load(base.id)
                if record is None:
                    return
                assert isinstance(record, Record)
                count = b"%d" % (int(record.fields["count"]) + 1)
                answer = await self.store.commit(self.commit_over(record, {"count": count}))
                assert not isinstance(answer, Busy)
                await self.store.touch(base.id, self.clock() + 60, self.clock() + HOUR)

        async def ends() -> bool:
            for _ in range(1000):
                record = await self.store.load(base.id)
                assert isinstance(record, Record)
                if record.version > base.version + 10:
                    break
            return await self.store.end(base.id)

        ended, *_ = await self.together(ends(), *(writes() for _ in range(4)))
        assert ended is True
        assert await self.store.load(base.id) is None

    @law
    async def test_of_enders_at_once_just_one_is_told_that_it_was_there(self) -> None:
        self.requires("revoke")
        record = await self.stored()
        ended = await self.together(*(self.store.end(record.id) for _ in range(8)))
        assert ended.count(True) == 1

    @law
    async def test_a_commit_stands_or_is_gone_and_never_both(self) -> None:
        self.requires("revoke")
        for _ in range(20):
            base = await self.stored()
            commit = self.commit_over(base, {"count": b"2"})
            answer, ended = await self.together(self.store.commit(commit), self.store.end(base.id))
            assert answer in (Committed(), Gone())
            assert ended is True
            assert await self.store.load(base.id) is None
