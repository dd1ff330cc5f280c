"""What is put in comes out, byte for byte: ``create`` and ``load``."""

from hypothesis import given, settings
from hypothesis import strategies as st

from coatcheck.wire.tokens import Token

from .harness import HOUR, Contract, law

# Any text that UTF-8 can carry; a lone surrogate is refused before it comes to a store.
NAMES = st.text(st.characters(exclude_categories=["Cs"]))


class RecordLaws(Contract):
    """A store keeps records as they are, and each under its own id."""

    @law
    async def test_a_created_record_is_loaded_as_it_was(self) -> None:
        record = await self.stored()
        assert await self.found(record.id) == record

    @law
    async def test_every_attribute_of_a_record_comes_back(self) -> None:
        now = self.clock()
        record = await self.stored(
            created=now - 86400.125,
            seen=now - 1 / 3,
            expires=now + HOUR + 2 / 3,
            renewed=now - 0.001,
            version=2**40,
            epoch=7,
            user="ann",
            previous=bytes(range(32)),
            grace_until=now + 59.999,
            user_agent="Mozilla/5.0 (\u00fc) \U0001f9e5",
            address="2001:db8::7",
            commits=("first", "second", "third"),
        )
        assert await self.found(record.id) == record

    @law
    async def test_attributes_that_are_not_set_stay_so(self) -> None:
        record = await self.stored(fields={})
        found = await self.found(record.id)
        assert found is not None
        assert found.fields == {}
        assert found.user is None
        assert found.previous is None
        assert found.commits == ()

    @law
    async def test_an_empty_user_agent_and_address_are_text_not_nothing(self) -> None:
        record = await self.stored(user_agent="", address="")
        found = await self.found(record.id)
        assert found is not None
        assert (found.user_agent, found.address) == ("", "")

    @law
    async def test_every_byte_comes_back_in_a_digest_and_in_a_value(self) -> None:
        record = await self.stored(
            digest=bytes(range(128, 160)),
            fields={"all": bytes(range(256)), "empty": b"", "no text": b"\xff\xfe\x00\xc3\x28"},
        )
        assert await self.found(record.id) == record

    @law
    async def test_a_field_may_have_any_text_for_its_name(self) -> None:
        names = [
            "",
            " ",
            "a b",
            "quote'\"`",
            "100%_\\",
            "line\nbreak\r\n",
            "nul\x00inside",
            "\u0065\u0301",  # e and an accent: another name than the one letter below
            "\u00e9",
            "\U0001f9e5" * 40,
            "{}:*[]",
            "x" * 10_000,
        ]
        record = await self.stored(fields={name: name.encode() for name in names})
        assert await self.found(record.id) == record

    @law
    async def test_a_value_of_64_kilobytes_comes_back(self) -> None:
        record = await self.stored(fields={"large": bytes(range(256)) * 256})
        assert await self.found(record.id) == record

    @law
    async def test_a_thousand_fields_come_back(self) -> None:
        record = await self.stored(fields={f"field {n}": b"%d" % n for n in range(1000)})
        assert await self.found(record.id) == record

    def test_any_fields_come_back_byte_for_byte(self) -> None:
        async def comes_back(fields: dict[str, bytes]) -> None:
            record = await self.stored(fields=fields)
            assert await self.found(record.id) == record

        @settings(deadline=None)
        @given(st.dictionaries(NAMES, st.binary(max_size=300), max_size=8))
        def run(fields: dict[str, bytes]) -> None:
            self.finish(comes_back(fields))

        with self.opened(self.make_store):
            run()

    @law
    async def test_an_unknown_id_is_nobody(self) -> None:
        await self.stored()
        assert await self.store.load(Token.new().id) is None

    @law
    async def test_looking_for_an_unknown_id_leaves_nothing_behind(self) -> None:
        token = Token.new()
        await self.store.load(token.id)
        assert await self.store.create(self.new_record(id=token.id)) is True

    @law
    async def test_ids_that_differ_in_case_are_different_sessions(self) -> None:
        lower = await self.stored(id="abcdefghijklmnopqrst_-")
        upper = await self.stored(id="ABCDEFGHIJKLMNOPQRST_-")
        assert await self.found(lower.id) == lower
        assert await self.found(upper.id) == upper
        assert await self.store.load("Abcdefghijklmnopqrst_-") is None

    @law
    async def test_a_part_of_an_id_is_another_id(self) -> None:
        record = await self.stored()
        for other in (record.id[:-1], record.id + "A", record.id[:-1] + "%", f" {record.id}"):
            assert await self.store.load(other) is None

    @law
    async def test_create_never_replaces_a_record(self) -> None:
        record = await self.stored()
        other = self.new_record(id=record.id, fields={"stolen": b"yes"}, version=9)
        assert await self.store.create(other) is False
        assert await self.found(record.id) == record

    @law
    async def test_of_creators_of_one_id_at_once_just_one_succeeds(self) -> None:
        id = Token.new().id
        records = [self.new_record(id=id, fields={"by": b"%d" % n}) for n in range(8)]
        created = await self.together(*(self.store.create(record) for record in records))
        assert created.count(True) == 1
        assert await self.found(id) == records[created.index(True)]
