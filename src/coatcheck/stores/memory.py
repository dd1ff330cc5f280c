"""Records in this process, for tests and demos. Bounded: the one seen longest ago makes room."""

import threading
from collections.abc import Sequence

from coatcheck.core.record import Lease, Record
from coatcheck.core.store import Busy, Capabilities, Commit, Committed, Conflict, Gone


class MemoryStore:
    """A blocking store that forgets everything when the process ends, and keeps *limit* records."""

    capabilities = Capabilities(inline=True, instant=True)

    def __init__(self, limit: int = 100_000) -> None:
        self._limit = limit
        self._records: dict[str, Record] = {}
        self._lock = threading.Lock()

    def load(self, id: str, lease: Lease | None = None, now: float = 0.0) -> Record | Busy | None:
        with self._lock:
            record = self._records.get(id)
            if record is None or lease is None:
                return record
            held = record.lease
            if held is not None and held.held(now) and held.holder != lease.holder:
                return Busy(held.until)
            leased = record._replace(lease=lease)
            self._records[id] = leased
            return leased

    def create(self, record: Record) -> bool:
        with self._lock:
            if record.id in self._records:
                return False
            if len(self._records) >= self._limit:
                del self._records[min(self._records.values(), key=lambda other: other.seen).id]
            self._records[record.id] = record
            return True

    def commit(self, commit: Commit) -> Committed | Conflict | Busy | Gone:
        record = commit.record
        with self._lock:
            stored = self._records.get(record.id)
            if stored is None:
                return Gone()
            held = stored.lease
            if held is not None and held.held(commit.now) and held.holder != commit.holder:
                return Busy(held.until)
            if stored.version != commit.base:
                return Conflict(stored)
            # A touch may have moved the deadline since the record was loaded.
            if stored.seen > record.seen:
                record = record._replace(seen=stored.seen, expires=stored.expires)
            self._records[record.id] = record
            return Committed()

    def end(self, id: str) -> bool:
        with self._lock:
            return self._records.pop(id, None) is not None

    def touch(self, id: str, seen: float, expires: float) -> bool:
        with self._lock:
            record = self._records.get(id)
            if record is None:
                return False
            if seen > record.seen:
                later = max(expires, record.expires)
                self._records[id] = record._replace(seen=seen, expires=later)
            return True

    def release(self, id: str, holder: str) -> None:
        with self._lock:
            record = self._records.get(id)
            if record is not None and record.lease is not None and record.lease.holder == holder:
                self._records[id] = record._replace(lease=None)

    def sweep(self, now: float, limit: int) -> int:
        with self._lock:
            expired = [key for key, record in self._records.items() if record.expired(now)][:limit]
            for key in expired:
                del self._records[key]
            return len(expired)

    def of_user(self, user: str) -> Sequence[Record]:
        with self._lock:
            mine = [record for record in self._records.values() if record.user == user]
        return sorted(mine, key=lambda record: record.seen, reverse=True)

    def close(self) -> None:
        """Nothing to give back: the records stay until the process ends."""
