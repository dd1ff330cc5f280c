"""Who is here: ``of_user``, for stores that declare ``by_user``."""

from coatcheck.core.store import Committed

from .harness import Contract, law

USERS = (
    "ann",
    "Ann",
    "ANN",
    "ann ",
    " ann",
    "an",
    "a%",
    "a__",
    "%",
    "*",
    "\u00e4nn",
    "a\u0308nn",  # the same to the eye, another text
    "42",
    "042",
    "o'hara",
    'say "hi"',
    "{ann}",
    "a:b",
    "a\\b",
    "line\nbreak",
    "\U0001f9e5",
    "550e8400-e29b-41d4-a716-446655440000",
    "u" * 255,
)


class UserLaws(Contract):
    """A user's records are found by exactly the text that they were bound to."""

    async def ids(self, user: str) -> list[str]:
        """The ids of the records that *user* is said to have."""
        return [record.id for record in await self.store.of_user(user)]

    @law
    async def test_a_user_has_the_records_bound_to_them_and_no_others(self) -> None:
        self.requires("by_user")
        mine = [await self.stored(user="ann") for _ in range(3)]
        await self.stored(user="bob")
        await self.stored(user=None)
        assert sorted(await self.ids("ann")) == sorted(record.id for record in mine)

    @law
    async def test_an_unknown_user_has_no_records(self) -> None:
        self.requires("by_user")
        await self.stored(user="ann")
        assert await self.ids("nobody") == []

    @law
    async def test_a_record_of_no_user_is_found_under_no_name(self) -> None:
        self.requires("by_user")
        await self.stored(user=None)
        for name in ("", "None", "null", "NULL"):
            assert await self.ids(name) == []

    @law
    async def test_users_are_told_apart_by_every_character(self) -> None:
        self.requires("by_user")
        records = {user: await self.stored(user=user) for user in USERS}
        for user, record in records.items():
            assert await self.ids(user) == [record.id], user
            found = await self.found(record.id)
            assert found is not None
            assert found.user == user

    @law
    async def test_the_record_seen_last_comes_first(self) -> None:
        self.requires("by_user")
        now = self.clock()
        records = {n: await self.stored(user="ann", seen=now + n) for n in (2, 0, 3, 1)}
        assert await self.ids("ann") == [records[n].id for n in (3, 2, 1, 0)]
        await self.store.touch(records[0].id, now + 9, now + 5000)
        assert await self.ids("ann") == [records[n].id for n in (0, 3, 2, 1)]

    @law
    async def test_what_is_listed_says_when_and_where(self) -> None:
        self.requires("by_user")
        record = await self.stored(user="ann", user_agent="A browser", address="192.0.2.7")
        (listed,) = await self.store.of_user("ann")
        assert listed.user == "ann"
        assert listed.digest == record.digest
        assert (listed.created, listed.seen, listed.expires) == (
            record.created,
            record.seen,
            record.expires,
        )
        assert (listed.user_agent, listed.address) == ("A browser", "192.0.2.7")

    @law
    async def test_a_commit_that_binds_a_user_makes_the_record_theirs(self) -> None:
        self.requires("by_user")
        base = await self.stored(user=None)
        assert await self.store.commit(self.commit_over(base, user="ann")) == Committed()
        assert await self.ids("ann") == [base.id]

    @law
    async def test_a_commit_that_binds_another_user_takes_the_record_from_the_first(self) -> None:
        self.requires("by_user")
        base = await self.stored(user="ann")
        assert await self.store.commit(self.commit_over(base, user="bob")) == Committed()
        assert await self.ids("ann") == []
        assert await self.ids("bob") == [base.id]

    @law
    async def test_a_commit_that_did_not_stand_binds_nobody(self) -> None:
        self.requires("by_user")
        base = await self.stored(user="ann")
        await self.store.commit(self.commit_over(base, {"count": b"2"}))
        await self.store.commit(self.commit_over(base, user="mallory"))
        assert await self.ids("mallory") == []
        assert await self.ids("ann") == [base.id]

    @law
    async def test_an_ended_record_is_no_longer_listed(self) -> None:
        self.requires("by_user")
        self.requires("revoke")
        ended, other = await self.stored(user="ann"), await self.stored(user="ann")
        await self.store.end(ended.id)
        assert await self.ids("ann") == [other.id]

    @law
    async def test_a_swept_record_is_no_longer_listed(self) -> None:
        self.requires("by_user")
        gone = await self.stored(user="ann", expires=self.clock() - 1)
        other = await self.stored(user="ann")
        await self.store.sweep(self.clock(), 100)
        assert await self.store.load(gone.id) is None
        assert await self.ids("ann") == [other.id]
