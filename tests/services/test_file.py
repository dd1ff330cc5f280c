"""What the file store adds to the contract: private files, whole after any crash."""

import os
import random
import resource
import signal
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coatcheck.core.errors import ConfigurationError, StoreUnavailable, UnreadableRecord
from coatcheck.core.record import Lease, Record
from coatcheck.core.store import BlockingStore, Commit, Committed, Conflict, Gone
from coatcheck.stores import folders
from coatcheck.stores.file import FileStore, file_store
from coatcheck.wire.tokens import Token

NOW = 1_800_000_000.0


def record(**attributes) -> Record:
    token = Token.new()
    common = {"created": NOW, "seen": NOW, "expires": NOW + 3600, "renewed": NOW}
    fields = {"count": b"0"}
    return Record(
        **{"id": token.id, "digest": token.digest, "fields": fields, **common, **attributes}
    )


def over(base: Record, **attributes) -> Commit:
    after = base._replace(version=base.version + 1, **attributes)
    return Commit(base.version, after, frozenset(after.fields), frozenset(), None, NOW)


def file_of(store: FileStore, kept: Record) -> Path:
    (found,) = [
        path for path in store.directory.glob("records/*/*") if kept.digest in path.read_bytes()
    ]
    return found


def modes(directory: Path) -> set[tuple[bool, int]]:
    """Whether it is a folder, and what everybody may do with it, for all that is in *directory*."""
    return {
        (path.is_dir(), path.lstat().st_mode & 0o777) for path in [directory, *directory.rglob("*")]
    }


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "sessions")


# -- who can read it, and what it tells ------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o377])
def test_files_are_for_their_user_alone_whatever_the_umask_says(tmp_path, umask):
    before = os.umask(umask)
    try:
        store = FileStore(tmp_path / "sessions")
        kept = record(user="ann")
        store.create(kept)
        store.commit(over(kept, fields={"count": b"1"}))
        store.load(kept.id, Lease("me", NOW + 30), NOW)
    finally:
        os.umask(before)
    assert modes(store.directory) == {(True, 0o700), (False, 0o600)}


def test_no_name_of_a_file_tells_an_id_or_a_user(store):
    kept = record(user="ann@example.org")
    store.create(kept)
    names = [str(path.relative_to(store.directory)) for path in store.directory.rglob("*")]
    assert not [name for name in names if kept.id in name or "ann" in name]


def test_an_id_that_looks_like_a_path_stays_in_the_directory(store, tmp_path):
    hostile = record(id="../../../outside", user="../../../outside")
    store.create(hostile)
    assert store.load("../../../outside") == hostile
    assert [path.name for path in tmp_path.iterdir()] == ["sessions"]
    assert store.load("/etc/passwd") is None


def test_a_folder_that_others_may_write_is_refused(tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(ConfigurationError, match="chmod 700"):
        FileStore(tmp_path / "open")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused(tmp_path):
    (tmp_path / "theirs").mkdir(0o700)
    os.chown(tmp_path / "theirs", 12345, 12345)
    with pytest.raises(ConfigurationError, match="belongs to user 12345"):
        FileStore(tmp_path / "theirs")


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path):
    (tmp_path / "sessions").write_text("not a folder")
    with pytest.raises(ConfigurationError, match="is no folder"):
        FileStore(tmp_path / "sessions")


def test_a_system_without_posix_locks_is_told_what_to_use():
    program = "import sys; sys.modules['fcntl'] = None; import coatcheck.stores.file"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "ConfigurationError" in run.stderr
    assert "sqlite:///FILE" in run.stderr


@pytest.mark.parametrize(
    "url",
    [
        "file://",
        "file:///",
        "file://sessions",
        "file://host/sessions",
        "file:///tmp/x?durable=perhaps",
        "file:///tmp/x?durabel=no",
    ],
)
def test_an_address_that_names_no_directory_is_refused(url):
    with pytest.raises(ConfigurationError, match="durable"):
        file_store(url)


def test_an_address_names_a_directory(tmp_path):
    store = file_store(f"file://{tmp_path}/my%20sessions?durable=no")
    assert store.directory == tmp_path / "my sessions"
    kept = record()
    assert store.create(kept) is True
    assert file_store(f"file://{tmp_path}/my%20sessions").load(kept.id) == kept


# -- symbolic links --------------------------------------------------------------------------------


def test_a_symbolic_link_in_the_place_of_a_record_is_not_followed(store, tmp_path):
    kept, planted = record(user="ann"), record()
    store.create(kept)
    other = FileStore(tmp_path / "other")
    other.create(planted)
    target = file_of(other, planted)
    content = target.read_bytes()
    path = file_of(store, kept)
    path.unlink()
    path.symlink_to(target)
    for verb in (
        lambda: store.load(kept.id),
        lambda: store.commit(over(kept)),
        lambda: store.touch(kept.id, NOW + 1, NOW + 9999),
    ):
        with pytest.raises(UnreadableRecord, match="symbolic link"):
            verb()
    assert store.create(kept) is False
    assert store.sweep(NOW + 99999, 10) == 0
    assert store.end(kept.id) is True
    assert not path.is_symlink()
    assert target.read_bytes() == content


def test_a_symbolic_link_in_the_place_of_a_new_file_is_not_followed(store, tmp_path):
    kept = record()
    store.create(kept)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (file_of(store, kept).parent / folders.NEW).symlink_to(victim)
    with pytest.raises(StoreUnavailable):
        store.commit(over(kept))
    assert victim.read_text() == "precious"
    assert store.load(kept.id) == kept


# -- what cannot be read ---------------------------------------------------------------------------


def damaged(data: bytes) -> bytes:
    """*data* with one bit of its last byte flipped."""
    return data[:-1] + bytes([data[-1] ^ 1])


def of_version(data: bytes, version: int) -> bytes:
    """*data* as another version of coatcheck might write it, its checksum in its place."""
    body = data[5:] + b"and something new"
    return bytes([version]) + zlib.crc32(body).to_bytes(4) + body


@pytest.mark.parametrize(
    "damage",
    [damaged, lambda data: data[:20], lambda data: b"", lambda data: bytes(len(data))],
    ids=["one bit", "cut off", "empty", "zeros"],
)
def test_a_damaged_record_is_reported_once_and_set_aside_as_it_is(store, damage):
    kept = record(user="ann")
    store.create(kept)
    path = file_of(store, kept)
    path.write_bytes(damage(path.read_bytes()))
    content = path.read_bytes()
    with pytest.raises(UnreadableRecord, match=r"\.unreadable"):
        store.load(kept.id)
    aside = path.with_name(f"{path.name}.unreadable")
    assert aside.read_bytes() == content
    assert store.load(kept.id) is None
    assert store.commit(over(kept)) == Gone()
    assert store.touch(kept.id, NOW + 1, NOW + 9999) is False
    assert store.of_user("ann") == []
    assert store.sweep(NOW + 99999, 10) == 0
    assert aside.read_bytes() == content


def test_a_writer_that_meets_a_damaged_record_does_not_write_over_it(store):
    kept = record()
    store.create(kept)
    path = file_of(store, kept)
    content = damaged(path.read_bytes())
    path.write_bytes(content)
    with pytest.raises(UnreadableRecord):
        store.commit(over(kept))
    assert path.with_name(f"{path.name}.unreadable").read_bytes() == content


def test_a_record_of_another_version_is_left_as_it_is(store):
    kept = record(user="ann")
    store.create(kept)
    path = file_of(store, kept)
    content = of_version(path.read_bytes(), 2)
    path.write_bytes(content)
    for verb in (
        lambda: store.load(kept.id),
        lambda: store.load(kept.id, Lease("me", NOW + 30), NOW),
        lambda: store.commit(over(kept)),
        lambda: store.touch(kept.id, NOW + 1, NOW + 9999),
    ):
        with pytest.raises(UnreadableRecord, match="format 2"):
            verb()
    os.utime(path, (NOW, NOW))
    assert store.sweep(NOW + 99999, 10) == 0
    assert path.read_bytes() == content


def test_a_record_of_another_version_can_be_listed_and_ended(store):
    kept = record(user="ann")
    store.create(kept)
    path = file_of(store, kept)
    path.write_bytes(of_version(path.read_bytes(), 2))
    (listed,) = store.of_user("ann")
    assert listed.id == kept.id
    with pytest.raises(UnreadableRecord):
        dict(listed.fields)
    assert store.end(listed.id) is True
    assert store.of_user("ann") == []


def test_a_directory_that_is_gone_is_an_outage_and_not_an_empty_store(store):
    kept = record(user="ann")
    store.create(kept)
    store.directory.rename(store.directory.with_name("elsewhere"))
    for verb in (
        lambda: store.load(kept.id),
        lambda: store.create(kept),
        lambda: store.commit(over(kept)),
        lambda: store.end(kept.id),
        lambda: store.touch(kept.id, NOW, NOW + 1),
        lambda: store.of_user("ann"),
        lambda: store.sweep(NOW, 1),
    ):
        with pytest.raises(StoreUnavailable):
            verb()


# -- a disk that is full ---------------------------------------------------------------------------


def test_a_write_beyond_the_limit_of_file_sizes_leaves_the_old_record(store):
    kept = record(fields={"small": b"1"})
    store.create(kept)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    try:
        with pytest.raises(StoreUnavailable, match="free space"):
            store.commit(over(kept, fields={"large": bytes(100_000)}))
        with pytest.raises(StoreUnavailable):
            store.create(record(fields={"large": bytes(100_000)}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert store.load(kept.id) == kept
    assert not list(store.directory.rglob(folders.NEW))
    assert store.commit(over(kept, fields={"large": bytes(100_000)})) == Committed()


def test_a_full_disk_is_an_outage_and_leaves_the_old_record(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir(0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no small disk: this user may not mount one")
    try:
        store = FileStore(disk / "sessions")
        kept = record(user="ann")
        store.create(kept)
        new = (record(fields={"large": bytes(16_000)}) for _ in range(100))
        stored: list[Record] = []
        with pytest.raises(StoreUnavailable, match="free space"):
            stored.extend(one for one in new if store.create(one))
        refused = record(fields={"large": bytes(16_000)})
        with pytest.raises(StoreUnavailable):
            store.create(refused)
        with pytest.raises(StoreUnavailable):
            store.commit(over(kept, fields={"large": bytes(100_000)}))
        assert store.load(kept.id) == kept
        assert store.load(refused.id) is None
        assert [store.load(one.id) for one in stored] == stored
        assert store.end(stored[0].id) is True
        assert store.end(stored[1].id) is True
        assert store.commit(over(kept, fields={"some": bytes(1000)})) == Committed()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


# -- locks -----------------------------------------------------------------------------------------


def test_a_writer_that_was_stopped_is_an_outage_for_writers_and_nothing_for_readers(store):
    kept = record()
    store.create(kept)
    hasty = FileStore(store.directory, timeout=0.05)
    held = folders.open_folder(str(file_of(store, kept).parent))
    folders.lock(held, 0)
    try:
        assert hasty.load(kept.id) == kept
        with pytest.raises(StoreUnavailable, match="stopped"):
            hasty.commit(over(kept))
    finally:
        os.close(held)
    assert hasty.commit(over(kept)) == Committed()


# -- what writers leave behind ---------------------------------------------------------------------


def test_a_sweep_cleans_up_after_writers_that_died(store):
    kept, ended = record(), record()
    for one in (kept, ended):
        store.create(one)
        store.load(one.id, Lease("me", NOW + 30), NOW)
    left = file_of(store, kept).with_name(folders.NEW)
    left.write_bytes(b"half a rec")
    file_of(store, ended).unlink()
    assert store.sweep(NOW, 10) == 0
    assert not left.exists()
    names = [path.name for path in store.directory.glob("records/*/*")]
    path = file_of(store, kept)
    assert sorted(names) == [path.name, f"{path.name}.lease"]


def test_an_entry_whose_record_was_never_bound_is_listed_for_nobody(store):
    bob = record(user="bob")
    store.create(bob)
    name = file_of(store, bob).name
    store._index("ann", name, bob.id)
    assert store.of_user("ann") == []
    assert not list(store.directory.glob(f"users/*/*/{name}.*"))
    assert store.of_user("bob") == [bob]


def test_a_user_without_sessions_leaves_no_folder_behind(store):
    for _ in range(2):
        kept = record(user="ann")
        store.create(kept)
        store.end(kept.id)
    assert not list(store.directory.glob("users/*/*"))


def test_sweeps_go_on_where_the_last_one_stopped(store):
    expired = [record(expires=NOW - 1) for _ in range(12)]
    live = [record() for _ in range(12)]
    for one in (*expired, *live):
        store.create(one)
    swept: list[int] = []
    while not swept or swept[-1] == 5:
        swept.append(store.sweep(NOW, 5))
    assert swept == [5, 5, 2]
    assert [store.load(one.id) for one in live] == live


# -- processes -------------------------------------------------------------------------------------


COUNTER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from tests.services.test_file import count_up
from coatcheck.stores.file import FileStore

store = FileStore(sys.argv[1], durable=False)
with ThreadPoolExecutor(8) as threads:
    print(sum(threads.map(lambda _: count_up(store, sys.argv[2], 25), range(8))))
"""


def count_up(store: BlockingStore, id: str, times: int) -> int:
    """Increment the counter *times*; how many commits lost their race and were made anew."""
    lost = 0
    base = store.load(id)
    done = 0
    while done < times:
        assert isinstance(base, Record)
        after = base._replace(
            fields={"count": b"%d" % (int(base.fields["count"]) + 1)}, version=base.version + 1
        )
        commit = Commit(base.version, after, frozenset({"count"}), frozenset(), None, NOW)
        outcome = store.commit(commit)
        if isinstance(outcome, Conflict):
            base = outcome.fresh
            lost += 1
        else:
            assert outcome == Committed()
            base = after
            done += 1
    return lost


def child(program: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True
    )


def test_two_processes_of_eight_threads_lose_no_increment(store):
    kept = record()
    store.create(kept)
    processes = [child(COUNTER, str(store.directory), kept.id) for _ in range(2)]
    lost = 0
    for process in processes:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        lost += int(output)
    found = store.load(kept.id)
    assert isinstance(found, Record)
    assert found.fields == {"count": b"400"}
    assert found.version == kept.version + 400
    assert lost > 0, "the processes never met, so nothing was shown"


WRITER = """
import sys
from tests.services.test_file import write_on
write_on(sys.argv[1], sys.argv[2:])
"""


def write_on(directory: str, ids: list[str]) -> None:
    """Change records, and end and make others, until killed; tells each acknowledged commit."""
    store = FileStore(directory, durable=False)
    records = {id: store.load(id) for id in ids}
    chance = random.SystemRandom()
    while True:
        id = chance.choice(ids)
        base = records[id]
        assert isinstance(base, Record)
        size = chance.choice((10, 5_000, 100_000))
        after = base._replace(
            fields={"filled": bytes([base.version % 256]) * size}, version=base.version + 1
        )
        if base.version % 7 == 0:
            other = record(user="ann")
            store.create(other)
            store.load(other.id, Lease("me", NOW + 30), NOW)
            store.end(other.id)
        commit = Commit(base.version, after, frozenset({"filled"}), frozenset(), None, NOW)
        assert store.commit(commit) == Committed()
        records[id] = after
        os.write(1, f"{id} {after.version}\n".encode())


def test_after_kill_9_every_record_is_the_old_one_or_the_new_one(store):
    kept = [record(user="bob") for _ in range(4)]
    for one in kept:
        store.create(one)
    told = {one.id: one.version for one in kept}
    for _ in range(12):
        process = child(WRITER, str(store.directory), *told)
        assert process.stdout is not None
        for _ in range(random.SystemRandom().randrange(1, 40)):
            _note(told, process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        for line in process.communicate()[0].splitlines(keepends=True):
            _note(told, line)
        for id, version in told.items():
            found = store.load(id)
            assert isinstance(found, Record)
            assert found.version in (version, version + 1)
            assert len(set(found.fields.get("filled", b""))) <= 1
            told[id] = found.version
        assert sorted(one.id for one in store.of_user("bob")) == sorted(told)
    for one in store.of_user("ann"):
        assert store.end(one.id) is True
    store.sweep(NOW, 10)
    names = [path.name for path in store.directory.glob("records/*/*")]
    assert len(names) == len(kept)


def _note(told: dict[str, int], line: str) -> None:
    if line.endswith("\n"):
        id, version = line.split()
        told[id] = int(version)


def test_threads_that_bind_and_end_a_users_sessions_never_lose_one_from_the_list(store):
    def come_and_go(number: int) -> list[str]:
        stay = []
        for turn in range(20):
            one = record(user="ann")
            assert store.create(one)
            if turn % 4:
                assert store.end(one.id)
            else:
                stay.append(one.id)
            listed = [found.id for found in store.of_user("ann")]
            assert set(stay) <= set(listed)
        return stay

    with ThreadPoolExecutor(6) as threads:
        stayed = [id for ids in threads.map(come_and_go, range(6)) for id in ids]
    assert sorted(found.id for found in store.of_user("ann")) == sorted(stayed)
