"""Time: ``touch``, ``sweep``, and what has expired (laws 4 and 6)."""

from coatcheck.core.store import Committed, Conflict

from .harness import HOUR, Contract, law, plain


class DeadlineLaws(Contract):
    """Deadlines move forward, and a store does not judge them."""

    @law
    async def test_a_touch_moves_the_deadlines_and_nothing_else(self) -> None:
        record = await self.stored(user="ann", commits=("one",))
        seen, expires = record.seen + 60.5, record.expires + 60.25
        assert await self.store.touch(record.id, seen, expires) is True
        assert await self.found(record.id) == record._replace(seen=seen, expires=expires)

    @law
    async def test_an_earlier_touch_changes_nothing(self) -> None:
        record = await self.stored()
        await self.store.touch(record.id, record.seen + 60, record.expires + 60)
        assert await self.store.touch(record.id, record.seen + 30, record.expires + 900) is True
        found = await self.found(record.id)
        assert found is not None
        assert (found.seen, found.expires) == (record.seen + 60, record.expires + 60)

    @law
    async def test_a_touch_never_shortens_a_session(self) -> None:
        record = await self.stored()
        assert await self.store.touch(record.id, record.seen + 60, record.expires - 60) is True
        found = await self.found(record.id)
        assert found is not None
        assert (found.seen, found.expires) == (record.seen + 60, record.expires)

    @law
    async def test_a_commit_after_a_touch_is_no_conflict_and_keeps_its_deadline(self) -> None:
        base = await self.stored()
        seen, expires = base.seen + 60, base.expires + 60
        await self.store.touch(base.id, seen, expires)
        commit = self.commit_over(base, {"count": b"2"})
        assert await self.store.commit(commit) == Committed()
        assert await self.found(base.id) == plain(
            commit.record._replace(seen=seen, expires=expires)
        )

    @law
    async def test_a_commit_with_later_deadlines_than_a_touch_moves_them(self) -> None:
        base = await self.stored()
        await self.store.touch(base.id, base.seen + 60, base.expires + 60)
        commit = self.commit_over(base, seen=base.seen + 90, expires=base.expires + 90)
        assert await self.store.commit(commit) == Committed()
        assert await self.found(base.id) == plain(commit.record)

    @law
    async def test_a_commit_may_shorten_a_session(self) -> None:
        base = await self.stored()
        commit = self.commit_over(base, seen=base.seen + 1, expires=base.seen + 61)
        assert await self.store.commit(commit) == Committed()
        found = await self.found(base.id)
        assert found is not None
        assert found.expires == base.seen + 61

    @law
    async def test_a_conflict_shows_the_deadline_of_a_touch(self) -> None:
        base = await self.stored()
        await self.store.commit(self.commit_over(base, {"count": b"2"}))
        await self.store.touch(base.id, base.seen + 60, base.expires + 60)
        answer = await self.store.commit(self.commit_over(base, {"count": b"3"}))
        assert isinstance(answer, Conflict)
        assert (answer.fresh.seen, answer.fresh.expires) == (base.seen + 60, base.expires + 60)

    @law
    async def test_touches_at_once_end_with_the_latest(self) -> None:
        record = await self.stored()
        touches = [
            self.store.touch(record.id, record.seen + n, record.expires + n) for n in range(1, 17)
        ]
        assert await self.together(*touches) == [True] * 16
        assert await self.found(record.id) == record._replace(
            seen=record.seen + 16, expires=record.expires + 16
        )

    @law
    async def test_touches_among_commits_lose_no_commit(self) -> None:
        base = await self.stored(fields={})

        async def commits() -> None:
            record = base
            for n in range(30):
                commit = self.commit_over(record, {**record.fields, f"key {n}": b"%d" % n})
                assert await self.store.commit(commit) == Committed()
                record = commit.record

        async def touches() -> None:
            for n in range(1, 31):
                assert await self.store.touch(base.id, base.seen + n, base.expires + n) is True

        await self.together(commits(), touches(), touches())
        found = await self.found(base.id)
        assert found is not None
        assert found.fields == {f"key {n}": b"%d" % n for n in range(30)}
        assert (found.seen, found.expires) == (base.seen + 30, base.expires + 30)

    @law
    async def test_an_expired_record_is_handed_out_as_it_is_or_not_at_all(self) -> None:
        record = await self.stored(expires=self.clock() - 5)
        assert await self.found(record.id) in (record, None)

    @law
    async def test_a_record_is_there_until_its_deadline(self) -> None:
        record = await self.stored(expires=self.clock() + 5)
        for _ in range(3):
            assert await self.store.sweep(self.clock(), 100) == 0
            assert await self.found(record.id) == record

    @law
    async def test_a_sweep_removes_what_has_expired_and_nothing_else(self) -> None:
        self.requires("sweep")
        now = self.clock()
        live = [await self.stored(expires=now + HOUR), await self.stored(expires=now + 1)]
        expired = [await self.stored(expires=now - 1), await self.stored(expires=now - HOUR)]
        assert await self.store.sweep(now, 100) == 2
        for record in live:
            assert await self.found(record.id) == record
        for record in expired:
            assert await self.store.load(record.id) is None

    @law
    async def test_a_sweep_removes_no_more_than_its_limit(self) -> None:
        self.requires("sweep")
        now = self.clock()
        expired = [await self.stored(expires=now - 1 - n) for n in range(5)]
        assert await self.store.sweep(now, 2) == 2
        left = [record for record in expired if await self.store.load(record.id) is not None]
        assert len(left) == 3
        assert await self.store.sweep(now, 2) == 2
        assert await self.store.sweep(now, 2) == 1
        assert await self.store.sweep(now, 2) == 0

    @law
    async def test_a_sweep_spares_what_a_touch_has_kept_alive(self) -> None:
        record = await self.stored(expires=self.clock() + 5)
        self.clock.advance(4)
        await self.store.touch(record.id, self.clock(), self.clock() + HOUR)
        self.clock.advance(4)
        assert await self.store.sweep(self.clock(), 100) == 0
        assert await self.store.load(record.id) is not None

    @law
    async def test_a_sweep_goes_by_the_time_it_is_told(self) -> None:
        self.requires("sweep")
        record = await self.stored(expires=self.clock() + HOUR)
        assert await self.store.sweep(self.clock() + HOUR - 1, 100) == 0
        assert await self.store.sweep(self.clock() + HOUR + 1, 100) == 1
        assert await self.store.load(record.id) is None

    @law
    async def test_sweeps_at_once_remove_everything_once(self) -> None:
        self.requires("sweep")
        now = self.clock()
        for n in range(20):
            await self.stored(expires=now - 1 - n)

        async def sweeps() -> int:
            swept = 0
            for _ in range(20):
                swept += await self.store.sweep(now, 3)
            return swept

        assert sum(await self.together(*(sweeps() for _ in range(4)))) == 20
