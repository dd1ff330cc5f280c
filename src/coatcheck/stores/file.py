"""Records in files, one each: for one machine without a database.

::

    DIRECTORY/records/ab/ab12…          one record, named by SHA-256 of its id
    DIRECTORY/records/ab/ab12….lease    who is its only writer at the moment
    DIRECTORY/users/cd/cd34…/ab12…      says that this record may be bound to that user

A new file is written beside the old one and renamed over it, so a reader sees the old record or the
new one, whenever a writer dies. Writers of one of the 256 folders take turns, readers wait for
nobody. How a file gets onto the disk stands in ``folders``.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import ormsgpack

from coatcheck.core.errors import ConfigurationError, StoreUnavailable, UnreadableRecord
from coatcheck.core.events import logger
from coatcheck.core.record import Lease, Record
from coatcheck.core.store import Busy, Capabilities, Commit, Committed, Conflict, Gone

from . import folders
from .compare import committed, leased, touched
from .packing import DamagedRecord, UnreadableFields, pack, unpack, unreadable, whose

_SHARDS: Final = tuple(f"{number:02x}" for number in range(256))
_NAME_LENGTH: Final = 64
_DURABLE: Final = {"": True, "durable=yes": True, "durable=no": False}
_BATCH: Final = 100
"""Records that a sweep removes while it keeps the writers of one folder waiting."""


class FileStore:
    """A blocking store in *directory*, which is made if need be, for the processes of one machine.

    What is acknowledged survives a crash of the process, and with *durable* a power cut too: each
    commit then waits until the disk has it. Without, a power cut can take back the last seconds,
    or leave a record that is reported as damaged.
    A verb waits for the other writers of a folder for up to *timeout* seconds.

    Folders and files are for this process's user alone. A damaged record is set aside as
    ``….unreadable``, one of another version of coatcheck stays as it is; both raise
    ``UnreadableRecord``. Not for network file systems: their locks and renames promise less.

    Raises ``ConfigurationError`` for a directory that is not safe to use.
    """

    capabilities = Capabilities(inline=True)

    def __init__(
        self, directory: str | os.PathLike[str], *, durable: bool = True, timeout: float = 5.0
    ) -> None:
        self.directory = Path(directory).resolve()
        """The folder that all files are in."""
        self._records = self.directory / "records"
        self._users = self.directory / "users"
        self._durable = durable
        self._timeout = timeout
        self._swept = 0
        self._prepare()

    def __repr__(self) -> str:
        return f"<FileStore: {self.directory}>"

    # -- verbs --------------------------------------------------------------------------------

    def load(self, id: str, lease: Lease | None = None, now: float = 0.0) -> Record | Busy | None:
        name = _digest(id)
        if lease is None:
            return self._read_in_place(name, whose(id))
        with self._locked(name) as folder:
            stored = self._read(folder, name, whose(id))
            if stored is None:
                return None
            outcome = leased(stored._replace(lease=_lease(folder, name)), lease, now)
            if isinstance(outcome, Record):
                # Never durable: nobody holds a lease after a power cut.
                data = ormsgpack.packb([lease.holder, lease.until])
                folders.write(folder, _lease_name(name), data, durable=False)
            return outcome

    def create(self, record: Record) -> bool:
        name = _digest(record.id)
        with self._locked(name) as folder:
            if folders.exists(folder, name):
                return False
            if record.user is not None:
                self._index(record.user, name, record.id)
            self._put(folder, name, record)
            return True

    def commit(self, commit: Commit) -> Committed | Conflict | Busy | Gone:
        name = _digest(commit.record.id)
        with self._locked(name) as folder:
            stored = self._read(folder, name, whose(commit.record.id))
            if stored is None:
                return Gone()
            stored = stored._replace(lease=_lease(folder, name))
            outcome = committed(stored, commit)
            if not isinstance(outcome, Record):
                return outcome
            if outcome.user is not None and outcome.user != stored.user:
                # Before the record is bound: the index may hold too much, never too little.
                self._index(outcome.user, name, outcome.id)
            self._put(folder, name, outcome)
            if stored.lease is not None:
                folders.remove(folder, _lease_name(name))
            return Committed()

    def end(self, id: str) -> bool:
        name = _digest(id)
        with self._locked(name) as folder:
            try:
                stored = self._read(folder, name, whose(id))
            except UnreadableRecord:
                stored = None  # whatever it holds, it ends
            return self._remove(folder, name, stored)

    def touch(self, id: str, seen: float, expires: float) -> bool:
        name = _digest(id)
        with self._locked(name) as folder:
            stored = self._read(folder, name, whose(id))
            if stored is None:
                return False
            after = touched(stored, seen, expires)
            if after is not None:
                self._put(folder, name, after)
            return True

    def release(self, id: str, holder: str) -> None:
        name = _digest(id)
        with self._locked(name) as folder:
            lease = _lease(folder, name)
            if lease is not None and lease.holder == holder:
                folders.remove(folder, _lease_name(name))

    def sweep(self, now: float, limit: int) -> int:
        """Remove expired records, folder by folder; the next call goes on where this one stopped.

        Fewer than *limit* only when no folder has more.
        """
        removed = 0
        first = self._swept
        for number in range(first, first + len(_SHARDS)):
            self._swept = here = number % len(_SHARDS)
            removed += self._sweep_folder(_SHARDS[here], now, limit - removed)
            if removed >= limit:
                break
        return removed

    def of_user(self, user: str) -> Sequence[Record]:
        with self._reported():
            found = [self._of_entry(user, name) for name in self._entries(user)]
        mine = [record for record in found if record is not None]
        return sorted(mine, key=lambda record: record.seen, reverse=True)

    def close(self) -> None:
        """Nothing to give back: no file stays open between two verbs."""

    # -- one record ---------------------------------------------------------------------------

    def _read_in_place(self, name: str, whose: str) -> Record | None:
        """The record called *name*, without any lock."""
        shard = f"{self.directory}/records/{name[:2]}"
        with self._reported():
            try:
                return unpack(folders.read(f"{shard}/{name}"), whose)
            except FileNotFoundError:
                # No such record; but a folder that is gone says nothing about its records.
                Path(shard).stat()
                return None
            except (DamagedRecord, OSError):
                pass  # asked again under the lock, where a damaged one can be set aside
        with self._locked(name) as folder:
            return self._read(folder, name, whose)

    def _read(self, folder: int, name: str, whose: str) -> Record | None:
        """The same under the lock of *folder*. Sets a damaged file aside."""
        try:
            return unpack(folders.read(name, folder), whose)
        except FileNotFoundError:
            return None
        except DamagedRecord as damage:
            aside = f"{name}.unreadable"
            os.rename(name, aside, src_dir_fd=folder, dst_dir_fd=folder)
            raise DamagedRecord(f"{damage} It is now {self._path(aside)}") from damage
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            why = f"{self._path(name)} is a symbolic link: find out who made it, and remove it"
            raise UnreadableRecord(unreadable(whose, why)) from error

    def _put(self, folder: int, name: str, record: Record) -> None:
        data = pack(record._replace(lease=None))
        # With the deadline as the file's time, a sweep need not open it.
        folders.write(folder, name, data, moment=record.expires, durable=self._durable)

    def _remove(self, folder: int, name: str, record: Record | None) -> bool:
        """Remove the file *name* and what goes with it; *record* is what it held."""
        removed = folders.remove(folder, name)
        if removed and self._durable:
            os.fsync(folder)
        folders.remove(folder, _lease_name(name))
        if record is not None and record.user is not None:
            self._unindex(record.user, name)
        return removed

    # -- records by user ----------------------------------------------------------------------

    def _index(self, user: str, name: str, id: str) -> None:
        """Note that the record *name* may be bound to *user*."""
        path = self._user_folder(user)
        while True:
            made = folders.make(path)
            try:
                folder = folders.open_folder(str(path))
            except FileNotFoundError:
                continue  # its last entry was removed just now, and the folder with it
            try:
                folders.write_once(folder, name, id.encode(), durable=self._durable)
            except FileNotFoundError:
                continue
            finally:
                os.close(folder)
            if made and self._durable:
                folders.sync(path.parent)
            return

    def _unindex(self, user: str, name: str) -> None:
        path = self._user_folder(user)
        try:
            (path / name).unlink(missing_ok=True)
            path.rmdir()
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST):
                raise

    def _user_folder(self, user: str) -> Path:
        name = _digest(user)
        return self._users / name[:2] / name

    def _entries(self, user: str) -> list[str]:
        path = self._user_folder(user)
        try:
            return [entry.name for entry in path.iterdir()]
        except FileNotFoundError:
            path.parent.stat()
            return []

    def _of_entry(self, user: str, name: str) -> Record | None:
        """The record that the entry *name* of *user* speaks of, if it is bound to that user."""
        whose = f"the stored session in {self._path(name)}"
        try:
            record = self._read_in_place(name, whose)
            if record is not None and record.user == user:
                return record
            with self._locked(name) as folder:
                # Under the lock no writer is between making the entry and binding the record.
                record = self._read(folder, name, whose)
                if record is not None and record.user == user:
                    return record
                self._unindex(user, name)
                return None
        except DamagedRecord as damage:
            logger.warning("%s", damage)  # set aside, so it opens nothing any more
            return None
        except UnreadableRecord as error:
            return self._listed(user, name, error)

    def _listed(self, user: str, name: str, error: UnreadableRecord) -> Record | None:
        """A record for the list whose fields nobody can read: it can be seen there, and ended."""
        try:
            id = folders.read(str(self._user_folder(user) / name)).decode()
            made = self._path(name).lstat().st_ctime
        except FileNotFoundError:
            return None  # it has ended since
        fields = UnreadableFields(error)
        return Record(id, b"", made, made, folders.LATEST, made, fields, user=user)

    # -- folders ------------------------------------------------------------------------------

    def _path(self, name: str) -> Path:
        return self._records / name[:2] / name

    @contextmanager
    def _locked(self, name: str) -> Iterator[int]:
        """The folder of the record *name*, for this writer alone."""
        with self._reported():
            folder = folders.open_folder(f"{self.directory}/records/{name[:2]}")
            try:
                folders.lock(folder, self._timeout)
                try:
                    yield folder
                finally:
                    folders.unlock(folder)
            finally:
                os.close(folder)

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Say ``StoreUnavailable`` where the system cannot do what a verb needs."""
        try:
            yield
        except folders.LockTimeout as error:
            raise StoreUnavailable(
                f"another process has been writing in {self._records} for more than "
                f"{self._timeout:g} s. Look for one that was stopped, or for a disk that hangs."
            ) from error
        except OSError as error:
            raise StoreUnavailable(
                f"the session files in {self.directory} cannot be used: {error.strerror or error}. "
                "Look at the disk's free space, and at who owns the folder."
            ) from error

    def _sweep_folder(self, shard: str, now: float, limit: int) -> int:
        with self._reported():
            expired, leftover = _found(self._records / shard, now)
        removed = 0
        while expired and removed < limit:
            batch = [expired.pop() for _ in range(min(_BATCH, limit - removed, len(expired)))]
            with self._locked(shard) as folder:
                removed += sum(self._sweep_file(folder, name, now) for name in batch)
        if leftover:
            with self._locked(shard) as folder:
                for name in leftover:
                    if name == folders.NEW or not folders.exists(folder, name[:_NAME_LENGTH]):
                        folders.remove(folder, name)
        return removed

    def _sweep_file(self, folder: int, name: str, now: float) -> bool:
        try:
            record = self._read(folder, name, f"the stored session in {self._path(name)}")
        except UnreadableRecord as error:
            logger.warning("%s", error)  # no request asked for it, so nobody else says so
            return False
        # Asked again: a touch may have come between.
        return record is not None and record.expired(now) and self._remove(folder, name, record)

    def _prepare(self) -> None:
        """Make the folders, and refuse what others could write into."""
        try:
            self.directory.parent.mkdir(parents=True, exist_ok=True)
            folders.make(self.directory)
            folders.refuse_strangers(self.directory)
            for top in (self._records, self._users):
                folders.make(top)
                folders.refuse_strangers(top)
                made = [folders.make(top / shard) for shard in _SHARDS]
                if any(made) and self._durable:
                    folders.sync(top)
                    folders.sync(self.directory)
        except OSError as error:
            raise ConfigurationError(
                f"{self.directory} cannot hold sessions: {error.strerror or error}. Name a "
                "folder that this process may write."
            ) from error


def file_store(url: str) -> FileStore:
    """The store that *url* names: ``file:///DIRECTORY``, with ``?durable=no`` if so wished."""
    parts = urlsplit(url)
    durable = _DURABLE.get(parts.query)
    if parts.netloc or len(parts.path) < 2 or durable is None:
        raise ConfigurationError(
            f"{url!r} names no directory: use file:///DIRECTORY with three slashes, and "
            "?durable=no where a power cut may take back the last seconds."
        )
    return FileStore(unquote(parts.path), durable=durable)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _lease_name(name: str) -> str:
    return f"{name}.lease"


def _lease(folder: int, name: str) -> Lease | None:
    """The lease on the record *name*; none where it cannot be read, as safety needs none."""
    try:
        return Lease(*ormsgpack.unpackb(folders.read(_lease_name(name), folder)))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _found(folder: Path, now: float) -> tuple[list[str], list[str]]:
    """The records in *folder* that seem to have expired, and what writers may have left behind."""
    expired = []
    leftover = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if len(entry.name) == _NAME_LENGTH:
                try:
                    moment = entry.stat(follow_symlinks=False).st_mtime
                except FileNotFoundError:
                    continue  # another sweep was faster
                # A second more, as some file systems keep whole seconds.
                if moment <= now + 1:
                    expired.append(entry.name)
            elif entry.name == folders.NEW or entry.name.endswith(".lease"):
                leftover.append(entry.name)
    return expired, leftover
