"""The store over Django's own database connection: ``DjangoStore``.

Each verb is one statement on the connection of the thread that asks, under that connection's own
rules: in autocommit, as it is outside of views, the statement stands by itself at once; inside an
``atomic`` block it stands or falls with the block, as Django's own engine does. Ours and Django's
``SessionMiddleware`` save after the view and its ``ATOMIC_REQUESTS`` block, so that a rollback
there takes no session with it, and saving a session commits nothing of the application's.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import ormsgpack
from django.db import (
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connections,
    router,
    transaction,
)
from django.db.transaction import TransactionManagementError

from coatcheck.core.errors import StoreUnavailable, UnreadableRecord, UnsupportedValue
from coatcheck.core.record import Lease, Record
from coatcheck.core.store import Busy, Capabilities, Commit, Committed, Conflict, Gone
from coatcheck.stores.packing import UnreadableFields, unreadable, whose
from coatcheck.wire.tokens import handle

Row = tuple[Any, ...]

FORMAT: Final = b"\x01"
"""The first byte of what one column keeps of several things; that of ``coatcheck.stores.sql``."""

COLUMNS: Final = (
    *("id", "digest", "created", "seen", "expires", "renewed", "data", "version", "epoch"),
    *("user_id", "previous", "grace_until", "user_agent", "address", "commits"),
    *("lease_holder", "lease_until"),
)
"""In the order in which a ``Record`` has what they hold."""

_PUT: Final = (
    *("digest", "renewed", "data", "version", "epoch", "user_id", "previous", "grace_until"),
    *("user_agent", "address", "commits"),
)
"""What a commit puts without looking; the deadlines it compares, the lease it takes away."""

_PLACE: Final = {name: place for place, name in enumerate(COLUMNS)}
_LONGEST_USER: Final = 255

MOST_TRIES: Final = 200
"""How often a verb tries again because somebody else was faster. Each time somebody got on."""


class Texts(NamedTuple):
    """The statements, with %s for values."""

    load: str
    lease: str
    create: str
    commit: str
    end: str
    touch: str
    release: str
    of_user: str


def texts(table: str, quote: Callable[[str], str]) -> Texts:
    """The statements on *table*, for the database that quotes names like this."""
    row = {name: quote(name) for name in COLUMNS}
    columns = ", ".join(row.values())
    this = f"{row['id']} = %s"
    holder, until = row["lease_holder"], row["lease_until"]
    free = f"({holder} IS NULL OR {until} <= %s OR {holder} = %s)"
    unleased = f"{holder} = NULL, {until} = NULL"
    seen, expires = row["seen"], row["expires"]
    put = ", ".join(f"{row[name]} = %s" for name in _PUT)
    # Here and below `expires` comes before `seen`, which it looks at: MySQL assigns from left to
    # right. A touch may have moved both since the record was loaded, and they never go back.
    return Texts(
        load=f"SELECT {columns} FROM {table} WHERE {this}",
        lease=f"UPDATE {table} SET {holder} = %s, {until} = %s WHERE {this} AND {free}",
        create=f"INSERT INTO {table} ({columns}) VALUES ({', '.join(['%s'] * len(COLUMNS))})",
        commit=(
            f"UPDATE {table} SET {put}, {unleased}, "
            f"{expires} = CASE WHEN {seen} > %s THEN {expires} ELSE %s END, "
            f"{seen} = CASE WHEN {seen} > %s THEN {seen} ELSE %s END "
            f"WHERE {this} AND {row['version']} = %s AND {free}"
        ),
        end=f"DELETE FROM {table} WHERE {this}",
        touch=(
            f"UPDATE {table} SET "
            f"{expires} = CASE WHEN {seen} < %s AND {expires} < %s THEN %s ELSE {expires} END, "
            f"{seen} = CASE WHEN {seen} < %s THEN %s ELSE {seen} END WHERE {this}"
        ),
        release=f"UPDATE {table} SET {unleased} WHERE {this} AND {holder} = %s",
        of_user=f"SELECT {columns} FROM {table} WHERE {row['user_id']} = %s ORDER BY {seen} DESC",
    )


class DjangoStore:
    """Records in the table of ``models.Session``, in the database that the routers give it.

    The verbs raise ``StoreUnavailable`` when the database does not answer, or has no table yet.
    """

    capabilities = Capabilities()

    def __repr__(self) -> str:
        return "<DjangoStore>"

    def load(self, id: str, lease: Lease | None = None, now: float = 0.0) -> Record | Busy | None:
        if lease is None:
            row = self._row(id)
            return None if row is None else to_record(row)
        for _ in range(MOST_TRIES):
            taken = self._run("lease", (lease.holder, lease.until, id, now, lease.holder))
            row = self._row(id, latest=True)
            if row is None:
                return None
            held = _live_lease(row, lease.holder, now)
            if held is not None:
                return Busy(held.until)
            if taken:
                return to_record(row)
        raise _overtaken(id)

    def create(self, record: Record) -> bool:
        connection = self._connection()
        row = to_row(record, connection.Database.Binary)
        try:
            if connection.in_atomic_block:
                with transaction.atomic(using=connection.alias):  # or PostgreSQL ends the outer one
                    self._run("create", row)
            else:
                self._run("create", row)
        except IntegrityError:
            if self._row(record.id, latest=True) is None:
                raise
            return False
        return True

    def commit(self, commit: Commit) -> Committed | Conflict | Busy | Gone:
        record = commit.record
        row = to_row(record, self._connection().Database.Binary)
        put = [row[_PLACE[name]] for name in _PUT]
        deadlines = (record.seen, record.expires, record.seen, record.seen)
        condition = (record.id, commit.base, commit.now, commit.holder)
        for _ in range(MOST_TRIES):
            if self._run("commit", (*put, *deadlines, *condition)):
                return Committed()
            stored = self._row(record.id, latest=True)
            if stored is None:
                return Gone()
            held = _live_lease(stored, commit.holder, commit.now)
            if held is not None:
                return Busy(held.until)
            fresh = to_record(stored)
            if fresh.version != commit.base:
                return Conflict(fresh)
            # Given back between the two statements: try again.
        raise _overtaken(record.id)

    def end(self, id: str) -> bool:
        return self._run("end", (id,)) == 1

    def touch(self, id: str, seen: float, expires: float) -> bool:
        return self._run("touch", (seen, expires, expires, seen, seen, id)) == 1

    def release(self, id: str, holder: str) -> None:
        self._run("release", (id, holder))

    def sweep(self, now: float, limit: int) -> int:
        expired = _model().objects.using(self._connection().alias).filter(expires__lte=now)
        with _translated(self._connection()):
            ids = list(expired.order_by("expires").values_list("pk", flat=True)[:limit])
            # Asked again: a touch may have come between.
            removed: int = expired.filter(pk__in=ids).delete()[0] if ids else 0
        return removed

    def of_user(self, user: str) -> Sequence[Record]:
        rows = self._ask("of_user", (user,))
        return [to_listed(row) for row in rows]

    def close(self) -> None:
        """Close this thread's connection, as Django does after a request that it served."""
        self._connection().close()

    # -- the connection ------------------------------------------------------------------------

    def _connection(self) -> Any:
        return connections[router.db_for_write(_model())]

    def _row(self, id: str, *, latest: bool = False) -> Row | None:
        """The row, or None. *latest* is for what was not to be had a moment ago."""
        lock = ""
        if latest:
            connection = self._connection()
            # Within a block of repeatable reads a plain SELECT would show the state from before.
            if connection.in_atomic_block and connection.features.has_select_for_update:
                lock = " FOR UPDATE"
        rows = self._ask("load", (id,), lock)
        return rows[0] if rows else None

    def _ask(self, verb: str, values: Sequence[Any], suffix: str = "") -> list[Row]:
        connection = self._connection()
        with _translated(connection), connection.cursor() as cursor:
            cursor.execute(getattr(_texts(connection), verb) + suffix, values)
            found: list[Row] = cursor.fetchall()
            return found

    def _run(self, verb: str, values: Sequence[Any]) -> int:
        connection = self._connection()
        with _translated(connection), connection.cursor() as cursor:
            cursor.execute(getattr(_texts(connection), verb), values)
            count: int = cursor.rowcount
            return count


class _translated:
    """A block in which the database's errors become ``StoreUnavailable``."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if isinstance(error, TransactionManagementError):
            return  # the application's own block is broken, and Django says so
        if not isinstance(error, OperationalError | InterfaceError | ProgrammingError):
            return
        connection = self._connection
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()  # so that the next verb connects anew
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise StoreUnavailable(
            f"the database {connection.alias!r} of Django's settings could not keep a session "
            f"({reason}). If it has no table for them yet, run `python manage.py migrate`."
        ) from error


def _model() -> Any:
    from .models import Session  # here, as engines are imported before models can be

    return Session


_made: dict[str, Texts] = {}


def _texts(connection: Any) -> Texts:
    """The statements for the kind of database behind *connection*."""
    made = _made.get(connection.vendor)
    if made is None:
        quote = connection.ops.quote_name
        made = _made[connection.vendor] = texts(quote(_model()._meta.db_table), quote)
    return made


def _overtaken(id: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"the session {handle(id)} was changed by others {MOST_TRIES} times while one request "
        "tried to. Look for a client that writes without end."
    )


def to_row(record: Record, binary: Callable[[bytes], Any]) -> Row:
    """*record* as values for ``COLUMNS``. Raises ``UnsupportedValue`` for a user id too long."""
    user = record.user
    if user is not None and len(user) > _LONGEST_USER:
        raise UnsupportedValue(
            f"a user id of {len(user)} characters cannot be kept: it may have {_LONGEST_USER}."
        )
    holder, until = record.lease or (None, None)
    return (
        record.id,
        binary(record.digest),
        *record[2:6],
        binary(FORMAT + ormsgpack.packb(dict(record.fields))),
        *record[7:10],
        None if record.previous is None else binary(record.previous),
        *record[11:14],
        binary(FORMAT + ormsgpack.packb(record.commits)),
        holder,
        until,
    )


def to_record(row: Row) -> Record:
    """The record of *row*. Raises ``UnreadableRecord``."""
    try:
        fields = _unpacked(row[_PLACE["data"]])
        commits = _unpacked(row[_PLACE["commits"]])
        if type(fields) is not dict or not all(type(data) is bytes for data in fields.values()):
            raise ValueError("it holds something else than fields")
    except (ValueError, TypeError) as error:
        raise UnreadableRecord(unreadable(whose(_text(row[0])), str(error))) from error
    return _record(row, fields, tuple(commits))


def to_listed(row: Row) -> Record:
    """The same for a list of sessions: one that is unreadable can still be seen there and ended."""
    try:
        return to_record(row)
    except UnreadableRecord as error:
        return _record(row, UnreadableFields(error), ())


def _record(row: Row, fields: Any, commits: tuple[str, ...]) -> Record:
    previous, holder = row[_PLACE["previous"]], row[_PLACE["lease_holder"]]
    user = row[_PLACE["user_id"]]
    return Record._make(
        [
            *(_text(row[0]), bytes(row[1]), *row[2:6], fields, *row[7:9]),
            None if user is None else _text(user),
            None if previous is None else bytes(previous),
            *row[11:14],
            commits,
            None if holder is None else Lease(_text(holder), row[_PLACE["lease_until"]]),
        ]
    )


def _unpacked(data: Any) -> Any:
    data = bytes(data)  # some drivers give a view of it
    if data[:1] != FORMAT:
        raise ValueError(
            f"it has format {data[:1]!r} and this version of coatcheck reads {FORMAT!r}"
        )
    return ormsgpack.unpackb(data[1:])


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _live_lease(row: Row, holder: str | None, now: float) -> Lease | None:
    """The lease in *row* if another than *holder* has it and it counts at *now*."""
    other, until = row[_PLACE["lease_holder"]], row[_PLACE["lease_until"]]
    if other is None or _text(other) == holder:
        return None
    lease = Lease(_text(other), until)
    return lease if lease.held(now) else None
