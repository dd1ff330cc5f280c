"""Files that are there whole or not at all, in folders of this process's user alone.

For ``file``, which knows what is in them. A folder is held as a descriptor: names are looked up in
it, locks are taken on it, and it is what the disk is told to keep. No symbolic link is followed.
"""

import os
import random
import stat
import time
from pathlib import Path
from typing import Final

from coatcheck.core.errors import ConfigurationError

try:
    import fcntl
except ImportError as error:
    raise ConfigurationError(
        "a file store needs POSIX file locks, which this system does not have: use sqlite:///FILE, "
        "which works everywhere."
    ) from error

NEW: Final = "new"
"""The file that is being written. Only who has the folder's lock does so, so one name is enough."""

LATEST: Final = 2.0**33
"""The latest moment that file systems keep, as seconds since the epoch."""

_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700


class LockTimeout(Exception):
    """Another process kept a folder's lock for too long."""


def open_folder(path: str) -> int:
    """The descriptor of the folder *path*, to be closed by the caller."""
    return os.open(path, _READ | os.O_DIRECTORY)


def lock(folder: int, timeout: float) -> None:
    """Be the only one who has *folder*, on this machine. Raises ``LockTimeout`` after *timeout*.

    Each thread needs a descriptor of its own.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise LockTimeout from None
            time.sleep(random.uniform(0.0002, 0.001))  # noqa: S311 (spreads writers)
        else:
            return


def unlock(folder: int) -> None:
    """Let the next one have *folder*; closing it is not enough where a process was forked off."""
    fcntl.flock(folder, fcntl.LOCK_UN)


def read(path: str, folder: int | None = None) -> bytes:
    """What is in the file *path*, which may be a name in *folder*."""
    with open(os.open(path, _READ, dir_fd=folder), "rb", buffering=0) as file:  # noqa: PTH123
        return file.read()


def write(
    folder: int, name: str, data: bytes, *, moment: float | None = None, durable: bool
) -> None:
    """Put *data* in place of the file *name*, in one step. The caller holds the folder's lock.

    When it raises, the old file or the new one is there, and no part of one. *moment* becomes the
    file's time of change. *durable* waits until the disk has the file and its name.
    """
    _fill(folder, NEW, data, moment, durable)
    os.rename(NEW, name, src_dir_fd=folder, dst_dir_fd=folder)
    if durable:
        os.fsync(folder)


def write_once(folder: int, name: str, data: bytes, *, durable: bool) -> None:
    """The same for a file whose content never changes, so that no lock is needed."""
    _fill(folder, name, data, None, durable)
    if durable:
        os.fsync(folder)


def _fill(folder: int, name: str, data: bytes, moment: float | None, durable: bool) -> None:
    file = os.open(name, _WRITE, _FILE_MODE, dir_fd=folder)
    try:
        os.fchmod(file, _FILE_MODE)  # whatever the umask says
        left = memoryview(data)
        while left:
            left = left[os.write(file, left) :]
        if moment is not None:
            kept = min(max(moment, 0.0), LATEST)
            os.utime(file, (kept, kept))
        if durable:
            os.fsync(file)
    except BaseException:
        remove(folder, name)
        raise
    finally:
        os.close(file)


def remove(folder: int, name: str) -> bool:
    """Remove the file *name*; whether there was one."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return False
    return True


def exists(folder: int, name: str) -> bool:
    """Whether there is anything called *name*."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def make(path: Path) -> bool:
    """Make the folder *path*; whether there was none."""
    try:
        path.mkdir(_FOLDER_MODE)
    except FileExistsError:
        return False
    path.chmod(_FOLDER_MODE)  # whatever the umask says
    return True


def sync(path: Path) -> None:
    """Wait until the disk has the names in the folder *path*."""
    folder = open_folder(str(path))
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def refuse_strangers(path: Path) -> None:
    """Raise ``ConfigurationError`` unless *path* is a folder that only this user can write into."""
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise ConfigurationError(f"{path} is no folder, so it can hold no sessions: remove it.")
    if found.st_uid != os.geteuid():
        raise ConfigurationError(
            f"{path} belongs to user {found.st_uid} and this process runs as user {os.geteuid()}: "
            "run it as that user, or name another folder."
        )
    if found.st_mode & 0o022:
        raise ConfigurationError(
            f"others may write in {path}, and so could plant sessions: chmod 700 {path}"
        )
