"""A record lies in a row and comes back as it was, or is refused; it is never guessed at."""

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.core.errors import UnreadableRecord, UnsupportedValue
from coatcheck.core.record import LONGEST_USER, Lease, Record
from coatcheck.stores.sql.rows import COLUMNS, to_listed, to_record, to_row
from coatcheck.stores.sql.schema import sessions

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TIMES = st.floats(0, 1e11)
RECORDS = st.builds(
    Record,
    id=TEXT,
    digest=st.binary(max_size=32),
    created=TIMES,
    seen=TIMES,
    expires=TIMES,
    renewed=TIMES,
    fields=st.dictionaries(TEXT, st.binary(max_size=40), max_size=5),
    version=st.integers(1, 2**60),
    epoch=st.integers(0, 2**30),
    user=st.none() | TEXT,
    previous=st.none() | st.binary(max_size=32),
    grace_until=TIMES,
    user_agent=TEXT,
    address=TEXT,
    commits=st.lists(TEXT, max_size=8).map(tuple),
    lease=st.none() | st.builds(Lease, TEXT, TIMES),
)
RECORD = Record("id", bytes(32), 1.0, 2.0, 3.0, 1.0, {"a": b"\x01\x05"}, commits=("one",))


def with_column(name: str, value: object) -> tuple[object, ...]:
    row = list(to_row(RECORD))
    row[COLUMNS.index(name)] = value
    return tuple(row)


UNREADABLE = {
    "a later format": with_column("data", b"\x02" + ormsgpack.packb({"a": b""})),
    "no bytes at all": with_column("data", b""),
    "half of the fields": with_column("data", to_row(RECORD)[6][:-1]),
    "text instead of bytes": with_column("data", to_row(RECORD)[6].decode("latin-1")),
    "a list for the fields": with_column("data", b"\x01" + ormsgpack.packb([b""])),
    "a number for a field": with_column("data", b"\x01" + ormsgpack.packb({"a": 5})),
    "other keys than text": with_column("data", b"\x01\x81\x05\xc4\x00"),
    "commits of a later format": with_column("commits", b"\x02" + ormsgpack.packb([])),
    "commits that are cut off": with_column("commits", to_row(RECORD)[14][:-1]),
    "a number for the commits": with_column("commits", b"\x01" + ormsgpack.packb(5)),
}


def test_a_row_has_a_value_for_each_column_of_the_table():
    assert set(COLUMNS) == {column.name for column in sessions.columns}
    assert len(to_row(RECORD)) == len(COLUMNS)


@given(RECORDS)
def test_a_record_comes_back_from_its_row_as_it_was(record):
    assert to_record(to_row(record)) == record


def test_the_fields_are_one_value_that_starts_with_its_format():
    data = to_row(RECORD)[COLUMNS.index("data")]
    assert data[:1] == b"\x01"
    assert ormsgpack.unpackb(data[1:]) == {"a": b"\x01\x05"}


@pytest.mark.parametrize("row", UNREADABLE.values(), ids=UNREADABLE)
def test_a_row_that_cannot_be_read_is_refused_without_its_id(row):
    with pytest.raises(UnreadableRecord, match="is kept as it is") as caught:
        to_record(row)
    assert "session id " not in str(caught.value)


@pytest.mark.parametrize("row", UNREADABLE.values(), ids=UNREADABLE)
def test_a_row_that_cannot_be_read_is_listed_and_cannot_be_saved(row):
    listed = to_listed(row)
    assert (listed.id, listed.seen, listed.user) == (RECORD.id, RECORD.seen, RECORD.user)
    with pytest.raises(UnreadableRecord):
        dict(listed.fields)
    with pytest.raises(UnreadableRecord):
        to_row(listed._replace(version=listed.version + 1))


def test_a_readable_row_is_listed_as_it_is():
    assert to_listed(to_row(RECORD)) == RECORD


def test_a_user_id_that_no_index_takes_is_refused_before_the_database_cuts_it():
    to_row(RECORD._replace(user="u" * LONGEST_USER))
    with pytest.raises(UnsupportedValue, match="256 characters"):
        to_row(RECORD._replace(user="u" * (LONGEST_USER + 1)))
