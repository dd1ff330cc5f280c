"""What lies in the server: keys that leave by themselves, indexes that know enough, old formats."""

import time
from typing import Any

import pytest
import valkey

from coatcheck.core.errors import UnreadableRecord
from coatcheck.core.record import Lease, Record
from coatcheck.core.store import BlockingStore, Busy, Committed, Conflict
from coatcheck.stores.valkey.scripts import SLACK
from tests.services.valkey_groups import told
from tests.services.valkey_records import Opener, a_record, key_of, open_store, over

__all__ = ["open_store"]


@pytest.fixture
def store(valkey_database: str, open_store: Opener) -> BlockingStore:
    told(valkey_database, "FLUSHALL")
    return open_store(valkey_database)


@pytest.fixture
def server(valkey_database: str) -> Any:
    return valkey.from_url(valkey_database)


def seconds_left(server: Any, key: str) -> float:
    left: float = server.pttl(key) / 1000
    assert left > 0, "it stays for ever, or is gone"
    return left


def loaded(store: BlockingStore, id: str) -> Record:
    found = store.load(id)
    assert isinstance(found, Record)
    return found


# -- keys leave by themselves, and not too early ---------------------------------------------------


def test_a_record_leaves_by_itself_some_time_after_its_deadline(store, server):
    record = a_record()
    store.create(record)
    assert seconds_left(server, key_of(record)) == pytest.approx(3600 + SLACK, abs=30)


def test_a_commit_and_a_touch_that_move_the_deadline_move_that_moment(store, server):
    record = a_record()
    store.create(record)
    later = over(record, {}, seen=record.seen + 60, expires=record.seen + 60 + 7200)
    store.commit(later)
    assert seconds_left(server, key_of(record)) == pytest.approx(7200 + SLACK, abs=30)
    store.touch(record.id, record.seen + 90, record.seen + 90 + 86400)
    assert seconds_left(server, key_of(record)) == pytest.approx(86400 + SLACK, abs=30)


def test_a_commit_that_shortens_the_session_shortens_its_stay(store, server):
    record = a_record()
    store.create(record)
    store.commit(over(record, {}, seen=record.seen + 1, expires=record.seen + 61))
    assert seconds_left(server, key_of(record)) == pytest.approx(60 + SLACK, abs=30)


def test_a_commit_that_leaves_the_deadline_leaves_the_moment(store, server):
    record = a_record()
    store.create(record)
    store.commit(over(record, {"count": b"\x01\x01"}))
    assert seconds_left(server, key_of(record)) == pytest.approx(3600 + SLACK, abs=30)


def test_a_deadline_in_the_past_does_not_mean_for_ever(store, server):
    record = a_record(expires=time.time() - 86400)
    store.create(record)
    assert seconds_left(server, key_of(record)) == pytest.approx(SLACK, abs=30)


def test_a_clock_that_is_wrong_by_years_does_not_drop_what_it_keeps(store, server):
    for wrong in (-(10**9), 10**9):
        now = time.time() + wrong
        record = a_record(created=now, seen=now, expires=now + 3600)
        store.create(record)
        assert seconds_left(server, key_of(record)) == pytest.approx(3600 + SLACK, abs=30)
        later = over(record, {}, seen=now + 9, expires=now + 9 + 3600, later=9)
        assert store.commit(later) == Committed()
        assert seconds_left(server, key_of(record)) == pytest.approx(3600 + SLACK, abs=30)


def test_a_session_without_end_still_has_a_moment(store, server):
    record = a_record(expires=float("inf"))
    store.create(record)
    assert seconds_left(server, key_of(record)) > 86400 * 365 * 100
    assert store.load(record.id) == record


def test_every_key_leaves_by_itself(store, server):
    for user in (None, "ann"):
        record = a_record(user=user)
        store.create(record)
        store.load(record.id, Lease("me", record.seen + 9), record.seen)
        store.commit(over(record, {"new": b"\x01"}, holder="me", user=user or "bob"))
        store.touch(record.id, record.seen + 60, record.seen + 9000)
    keys = server.keys()
    assert len(keys) == 4
    assert all(server.pttl(key) > 0 for key in keys)


# -- what is kept, and how -------------------------------------------------------------------------


def test_neither_the_secret_nor_the_users_name_is_in_a_records_key(store, server):
    record = a_record(user="ann")
    store.create(record)
    keys = sorted(key.decode() for key in server.scan_iter())
    assert keys == ["coatcheck:user:ann", key_of(record)]


def test_fields_keep_the_order_they_were_added_in(store):
    names = [f"field {n}" for n in (5, 3, 9, 1, 7)]
    record = a_record(fields=dict.fromkeys(names, b"\x01" + bytes(100)))
    store.create(record)
    assert list(loaded(store, record.id).fields) == names
    after = {name: b"\x01" for name in names if name != "field 9"} | {"field 0": b"\x01"}
    store.commit(over(record, after))
    assert list(loaded(store, record.id).fields) == list(after)


def test_two_prefixes_are_two_stores(valkey_database, open_store):
    ours, theirs = open_store(valkey_database), open_store(valkey_database, prefix="shop:eu")
    record = a_record(user="ann")
    assert ours.create(record) is True
    assert theirs.load(record.id) is None
    assert theirs.of_user("ann") == []
    assert theirs.end(record.id) is False
    assert theirs.sweep(record.expires + 9, 100) == 0
    assert theirs.create(record._replace(user="bob")) is True
    assert ours.load(record.id) == record


def test_a_commit_with_thousands_of_fields_stands(store):
    record = a_record(fields={})
    store.create(record)
    many = {f"field {n}": b"\x01" for n in range(9000)}
    commit = over(record, many)
    assert store.commit(commit) == Committed()
    assert loaded(store, record.id).fields == many
    assert store.commit(over(commit.record, {"one": b"\x01"})) == Committed()
    assert loaded(store, record.id).fields == {"one": b"\x01"}


def test_a_lease_of_nobody_is_not_everybodys(store):
    record = a_record()
    store.create(record)
    now = record.seen
    store.load(record.id, Lease("", now + 9), now)
    assert store.commit(over(record)) == Busy(now + 9)
    assert store.commit(over(record, holder="")) == Committed()


# -- what another wrote is kept as it is -----------------------------------------------------------


def test_a_record_of_another_version_is_refused_and_kept(store, server):
    record = a_record(user="ann")
    store.create(record)
    header = server.hget(key_of(record), b"\xffh")
    server.hset(key_of(record), b"\xffh", b"\x02" + header[1:])
    before = server.hgetall(key_of(record))
    with pytest.raises(UnreadableRecord, match="it has format 2") as caught:
        store.load(record.id)
    assert record.id not in str(caught.value)
    now = record.seen
    with pytest.raises(UnreadableRecord):
        store.load(record.id, Lease("me", now + 9), now)
    with pytest.raises(UnreadableRecord):
        store.commit(over(record, {"count": b"\x01\x05"}))
    assert store.create(record) is False
    assert store.touch(record.id, now + 60, now + 7200) is True
    assert store.sweep(now + 10**6, 100) == 0
    assert server.hgetall(key_of(record)) == before
    (listed,) = store.of_user("ann")
    assert (listed.id, listed.user) == (record.id, "ann")
    with pytest.raises(UnreadableRecord):
        dict(listed.fields)
    assert store.end(record.id) is True
    assert store.load(record.id) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"\xffh", b""),
        (b"\xffh", b"\x01"),
        (b"\xffh", b"\x01" + bytes(24)),
        (b"\xffh", b"\x01" + bytes(24) + b"\x93\x01\x02\x03"),
        (b"\xffh", None),
        (b"count", None),
        (b"\xffl", b"short"),
        (b"\xffu", b"=\xff"),
    ],
)
def test_a_damaged_record_is_refused_and_kept(store, server, field, value):
    record = a_record()
    store.create(record)
    if value is None:
        server.hdel(key_of(record), field)
    else:
        server.hset(key_of(record), field, value)
    before = server.hgetall(key_of(record))
    with pytest.raises(UnreadableRecord):
        store.load(record.id)
    assert server.hgetall(key_of(record)) == before
    assert store.end(record.id) is True


def test_a_key_of_somebody_else_is_refused_and_kept(store, server):
    record = a_record()
    server.set(key_of(record), "a cached page")
    for call in (
        lambda: store.load(record.id),
        lambda: store.load(record.id, Lease("me", record.seen + 9), record.seen),
        lambda: store.commit(over(record)),
        lambda: store.touch(record.id, record.seen + 9, record.expires),
        lambda: store.release(record.id, "me"),
    ):
        with pytest.raises(UnreadableRecord, match="keeps something else than a session"):
            call()
    assert store.create(record) is False
    assert server.get(key_of(record)) == b"a cached page"


def test_a_field_that_this_version_cannot_decode_passes_through(store, server):
    strange = b"\x7fof the future"
    record = a_record(fields={"count": b"\x01\x00", "strange": strange})
    store.create(record)
    base = loaded(store, record.id)
    assert store.commit(over(base, {**base.fields, "count": b"\x01\x01"})) == Committed()
    assert loaded(store, record.id).fields == {"count": b"\x01\x01", "strange": strange}
    assert server.hget(key_of(record), b"strange") == strange


# -- the index of a user holds too much rather than too little -------------------------------------


def due(server: Any, user: str, record: Record) -> float:
    """In how many seconds the index of *user* may forget *record*."""
    score: float | None = server.zscore(f"coatcheck:user:{user}", record.id)
    assert score is not None
    seconds, microseconds = server.time()
    now: float = seconds + microseconds / 1e6
    return score / 1000 - now


def test_the_index_knows_a_record_for_as_long_as_it_lives(store, server):
    record = a_record(user="ann")
    store.create(record)
    assert due(server, "ann", record) >= seconds_left(server, key_of(record)) - 30
    now = record.seen
    store.touch(record.id, now + 60, now + 60 + 86400)
    assert due(server, "ann", record) == pytest.approx(86400 + SLACK, abs=30)
    assert seconds_left(server, "coatcheck:user:ann") == pytest.approx(86400 + SLACK, abs=30)
    base = loaded(store, record.id)
    store.commit(over(base, seen=now + 90, expires=now + 90 + 10 * 86400, later=90))
    assert due(server, "ann", record) == pytest.approx(10 * 86400 + SLACK, abs=30)


def test_a_commit_whose_deadline_moves_without_a_word_is_not_let_through_unknown(store, server):
    record = a_record(user="ann")
    store.create(record)
    # Neither seen nor renewed at the moment of the commit: the store cannot know before it asks.
    quiet = over(record, {}, expires=record.expires + 86400, later=17)
    assert store.commit(quiet) == Committed()
    assert due(server, "ann", record) == pytest.approx(3600 + 86400 + SLACK, abs=30)
    binding = over(quiet.record, {}, user="bob", later=23)
    assert store.commit(binding) == Committed()
    assert due(server, "bob", record) > 3600


def test_a_shorter_stay_does_not_shorten_what_others_need(store, server):
    long, short = a_record(user="ann", expires=time.time() + 86400), a_record(user="ann")
    store.create(long)
    store.create(short)
    assert seconds_left(server, "coatcheck:user:ann") == pytest.approx(86400 + SLACK, abs=30)
    assert {record.id for record in store.of_user("ann")} == {long.id, short.id}


def test_an_entry_whose_record_never_came_is_not_listed_and_leaves_with_time(store, server):
    real, never = a_record(user="ann"), a_record(user="ann")
    store.create(real)
    server.zadd("coatcheck:user:ann", {never.id: (time.time() + 60) * 1000})
    assert [record.id for record in store.of_user("ann")] == [real.id]
    # It may be about to come: a slow login has told the index and not bound its record yet.
    assert server.zcard("coatcheck:user:ann") == 2
    server.zadd("coatcheck:user:ann", {never.id: (time.time() - 60) * 1000})
    store.create(a_record(user="ann"))
    assert server.zscore("coatcheck:user:ann", never.id) is None
    assert server.zcard("coatcheck:user:ann") == 2


def test_an_ended_session_leaves_the_index_at_once(store, server):
    record = a_record(user="ann")
    store.create(record)
    store.end(record.id)
    assert not server.exists("coatcheck:user:ann")


def test_a_record_of_another_user_by_now_is_not_listed(store, server):
    record = a_record(user="ann")
    store.create(record)
    store.commit(over(record, user="bob"))
    assert store.of_user("ann") == []
    assert [found.user for found in store.of_user("bob")] == ["bob"]


def test_a_login_that_lost_leaves_no_record_under_its_name(store, server):
    record = a_record()
    store.create(record)
    store.commit(over(record, {"count": b"\x01\x01"}))
    late = over(record, user="mallory", renewed=record.seen + 1)
    assert isinstance(store.commit(late), Conflict)
    assert store.of_user("mallory") == []
    assert loaded(store, record.id).user is None


# -- sweeping --------------------------------------------------------------------------------------


def test_a_sweep_goes_on_where_the_last_one_stopped(store, server):
    now = time.time()
    for n in range(1300):
        store.create(a_record(expires=now - 1 - n))
    live = a_record()
    store.create(live)
    swept: list[int] = []
    while not swept or swept[-1]:
        swept.append(store.sweep(now, 500))
    assert sum(swept) == 1300
    assert max(swept) == 500
    assert store.load(live.id) == live


def test_a_sweep_leaves_what_is_not_a_session(store, server):
    server.set("coatcheck:{other}", "a cached page")
    server.hset("coatcheck:{hash}", "field", "value")
    server.set("something else", "1")
    store.create(a_record(expires=time.time() - 1))
    assert store.sweep(time.time(), 100) == 1
    assert len(server.keys()) == 3
