"""A packed record comes back as it was; other bytes are told from it, never guessed at."""

import zlib

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.core.errors import UnreadableRecord
from coatcheck.core.record import Lease, Record
from coatcheck.stores.packing import FORMAT, DamagedRecord, pack, unpack

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
TIMES = st.floats(allow_nan=False)
RECORDS = st.builds(
    Record,
    id=TEXT,
    digest=st.binary(max_size=32),
    created=TIMES,
    seen=TIMES,
    expires=TIMES,
    renewed=TIMES,
    fields=st.dictionaries(TEXT, st.binary(max_size=50), max_size=4),
    version=st.integers(0, 2**53),
    epoch=st.integers(0, 2**31),
    user=st.none() | TEXT,
    previous=st.none() | st.binary(max_size=32),
    grace_until=TIMES,
    user_agent=TEXT,
    address=TEXT,
    commits=st.lists(TEXT, max_size=8).map(tuple),
    lease=st.none() | st.builds(Lease, TEXT, TIMES),
)


def checked(body: bytes, version: bytes = FORMAT) -> bytes:
    """*body* with the head that belongs to it."""
    return version + zlib.crc32(body).to_bytes(4) + body


@given(RECORDS)
def test_every_record_comes_back_as_it_was(record):
    assert unpack(pack(record), "it") == record


@given(RECORDS, st.integers(1, 255), st.integers(0))
def test_no_altered_byte_goes_unnoticed(record, change, place):
    data = bytearray(pack(record))
    data[place % len(data)] ^= change
    with pytest.raises(UnreadableRecord):
        unpack(bytes(data), "it")


@given(st.binary(max_size=200))
def test_whatever_bytes_there_are_is_an_unreadable_record_and_no_other_error(data):
    with pytest.raises(DamagedRecord):
        unpack(data, "it")


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | TEXT | st.binary(),
    lambda inner: st.lists(inner, max_size=17) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(st.binary(max_size=100) | JUNK.map(ormsgpack.packb))
def test_a_right_checksum_does_not_make_a_record_of_anything(body):
    with pytest.raises(DamagedRecord, match="it cannot be read and is kept as it is"):
        unpack(checked(body), "it")


@given(st.integers(2, 255), st.binary(min_size=1, max_size=50))
def test_another_version_is_told_from_damage(version, body):
    with pytest.raises(UnreadableRecord, match=f"format {version}") as caught:
        unpack(checked(body, bytes([version])), "it")
    assert not isinstance(caught.value, DamagedRecord)
