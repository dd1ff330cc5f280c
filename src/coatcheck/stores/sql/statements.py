"""The few statements of a store: written with SQLAlchemy, compiled to text once for each dialect.

Every verb is one statement that stands alone, so none needs a transaction around it. Running them
as text on the driver's own connections costs a third of running the constructs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import (
    VARBINARY,
    BindParameter,
    Column,
    ColumnElement,
    Double,
    Integer,
    Select,
    String,
    TextClause,
    UpdateBase,
    and_,
    bindparam,
    case,
    cast,
    delete,
    insert,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.engine import Dialect

from .rows import COLUMNS, Row
from .schema import definition, sessions

A = TypeVar("A")


@dataclass(frozen=True)
class Statement(Generic[A]):
    """SQL text, and how the values that a verb gives become its parameters.

    It answers with rows, whose columns have the Python types ``rows``, or, when there are none,
    with the number of rows that it changed. ``repeatable`` says that running it a second time,
    when nobody knows whether the first arrived, does no harm.
    """

    name: str
    text: str
    parameters: tuple[type, ...]
    rows: tuple[type, ...]
    repeatable: bool
    arrange: Callable[[Row], Row]


@dataclass(frozen=True)
class Statements:
    """The statements of one dialect. Comments give the values that each takes, in order."""

    load: Statement[list[Row]]  # id
    lease: Statement[list[Row] | int]  # id, holder, until, now
    create: Statement[int]  # COLUMNS
    commit: Statement[int]  # COLUMNS of the new record, base, now, holder
    commit_in_place: Statement[int] | None  # the same
    """A commit for a record whose user and deadline stay, where that spares writing to indexes."""
    end: Statement[int]  # id
    touch: Statement[int]  # id, seen, expires
    release: Statement[int]  # id, holder
    sweep: Statement[list[Row] | int]  # now, limit
    of_user: Statement[list[Row]]  # user
    define: tuple[Statement[int], ...]  # nothing


class _Kind(NamedTuple):
    """What a dialect does in its own way.

    ``in_place``: it writes to the index of each column that a statement names, changed or not.
    ``returning``: an update or delete can hand out the rows that it changed. ``insert`` leaves a
    row that is there alone, ``read`` makes of a column what a record holds.
    """

    dialect: Dialect
    in_place: bool
    returning: bool
    insert: Callable[[Mapping[str, Any]], UpdateBase]
    read: Callable[[Column[Any]], ColumnElement[Any]]
    defining: Callable[[list[str]], list[str]]


def _sqlite() -> _Kind:
    from sqlalchemy.dialects import sqlite

    return _Kind(
        sqlite.dialect(paramstyle="qmark"),
        in_place=True,
        returning=True,
        insert=lambda values: (
            sqlite.insert(sessions).values(values).on_conflict_do_nothing(index_elements=["id"])
        ),
        read=_as_it_is,
        defining=_one_by_one,
    )


def _postgresql() -> _Kind:
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.dialects.postgresql.base import PGDialect

    return _Kind(
        # Without the casts that psycopg's dialect puts around parameters: they are sent with types.
        PGDialect(paramstyle="format"),  # type: ignore[no-untyped-call]
        in_place=False,
        returning=True,
        insert=lambda values: (
            postgresql.insert(sessions).values(values).on_conflict_do_nothing(index_elements=["id"])
        ),
        read=_as_it_is,
        defining=_in_turn,
    )


def _mysql() -> _Kind:
    from sqlalchemy.dialects.mysql.base import MySQLDialect

    dialect = MySQLDialect(paramstyle="format")

    def read(column: Column[Any]) -> ColumnElement[Any]:
        is_text = column.type.python_type is str
        stored_as_bytes = isinstance(column.type.dialect_impl(dialect), VARBINARY)
        return cast(column, String) if is_text and stored_as_bytes else column

    return _Kind(
        dialect,
        in_place=False,
        returning=False,
        # INSERT IGNORE would pass over a value that does not fit too: the driver takes the error.
        insert=lambda values: insert(sessions).values(values),
        read=read,
        defining=_one_by_one,
    )


def _as_it_is(column: Column[Any]) -> ColumnElement[Any]:
    return column


def _one_by_one(texts: list[str]) -> list[str]:
    return texts


def _in_turn(texts: list[str]) -> list[str]:
    """All in one, for one maker at a time: IF NOT EXISTS alone lets two begin, and one fail."""
    return [f"DO $$ BEGIN PERFORM pg_advisory_xact_lock({_LOCK}); {'; '.join(texts)}; END $$"]


_LOCK = 0x636F6174
_KINDS: Mapping[str, Callable[[], _Kind]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "mysql": _mysql,
}

_PLAIN = (
    "digest",
    "renewed",
    "data",
    "version",
    "epoch",
    "previous",
    "grace_until",
    "user_agent",
    "address",
    "commits",
)
"""The columns that a commit puts, and no index has."""


_TYPES = {
    **{column.name: column.type for column in sessions.columns},
    "base": sessions.c.version.type,
    "holder": sessions.c.lease_holder.type,
    "limit": Integer(),
    "now": sessions.c.expires.type,
    "until": sessions.c.lease_until.type,
    "user": sessions.c.user_id.type,
}


def _value(name: str) -> BindParameter[Any]:
    """The place for what a verb gives under *name*, with its type."""
    return bindparam(name, type_=_TYPES[name])


# As text, for the hints: MySQL and MariaDB lock each row they look at, so on any other way than
# from the batch to its rows they would wait for rows that the batch has passed over.
_SWEPT_BY_JOIN = text(
    "DELETE FROM coatcheck_sessions USING ("
    "SELECT id FROM coatcheck_sessions FORCE INDEX (ix_coatcheck_sessions_expires) "
    "WHERE expires <= :now ORDER BY expires LIMIT :limit FOR UPDATE SKIP LOCKED"
    ") AS batch STRAIGHT_JOIN coatcheck_sessions FORCE INDEX (PRIMARY) "
    "ON coatcheck_sessions.id = batch.id WHERE coatcheck_sessions.expires <= :now"
).bindparams(_value("now"), _value("limit"))


@cache
def statements(name: str) -> Statements:
    """The statements for the dialect *name*."""
    kind = _KINDS[name]()

    def compiled(
        name: str,
        construct: Select[Any] | UpdateBase | TextClause,
        *given: str,
        rows: Sequence[ColumnElement[Any]] = (),
        repeatable: bool = True,
    ) -> Statement[Any]:
        made = construct.compile(dialect=kind.dialect)
        placed = made.positiontup or []
        # SQLAlchemy adds parameters of its own to some dialects, such as an OFFSET of 0.
        own = [name for name in made.params if name not in given]
        names = (*given, *own)
        return Statement(
            name,
            str(made),
            tuple(made.binds[name].type.python_type for name in placed),
            tuple(column.type.python_type for column in rows),
            repeatable,
            _arrangement(
                [names.index(name) for name in placed],
                len(given),
                tuple(made.params[name] for name in own),
            ),
        )

    row = sessions.c
    columns = [kind.read(row[name]) for name in COLUMNS]
    this = row.id == _value("id")

    def free() -> ColumnElement[bool]:
        """No live lease but the asker's own."""
        return or_(
            row.lease_holder.is_(None),
            row.lease_until <= _value("now"),
            row.lease_holder == _value("holder"),
        )

    taking = (
        update(sessions)
        .where(this, free())
        .values(lease_holder=_value("holder"), lease_until=_value("until"))
    )
    touched = row.seen > _value("seen")
    later = row.seen < _value("seen")
    committing = update(sessions).where(this, row.version == _value("base"), free())
    put = [
        *((row[name], _value(name)) for name in _PLAIN),
        (row.lease_holder, null()),
        (row.lease_until, null()),
    ]
    as_given = and_(row.seen == _value("seen"), row.expires == _value("expires"))
    # In both updates `expires` comes before `seen`, which it looks at: some databases assign from
    # left to right and would compare with the new value.
    return Statements(
        load=compiled("load", select(*columns).where(this), "id", rows=columns),
        lease=compiled(
            "lease",
            # SQLite's RETURNING forgets that a whole number is a float: the cast reminds it.
            taking.returning(
                *(cast(c, Double) if isinstance(c.type, Double) else c for c in columns)
            )
            if kind.returning
            else taking,
            *("id", "holder", "until", "now"),
            rows=columns if kind.returning else (),
        ),
        create=compiled(
            "create",
            kind.insert({name: _value(name) for name in COLUMNS}),
            *COLUMNS,
            repeatable=False,
        ),
        commit=compiled(
            "commit",
            committing.ordered_values(
                *put,
                (row.user_id, _value("user_id")),
                # A touch may have moved the deadline since the record was loaded.
                (row.expires, case((touched, row.expires), else_=_value("expires"))),
                (row.seen, case((touched, row.seen), else_=_value("seen"))),
            ),
            *(*COLUMNS, "base", "now", "holder"),
            repeatable=False,
        ),
        commit_in_place=compiled(
            "commit_in_place",
            committing.where(
                row.user_id.is_not_distinct_from(_value("user_id")), or_(touched, as_given)
            ).ordered_values(*put),
            *(*COLUMNS, "base", "now", "holder"),
            repeatable=False,
        )
        if kind.in_place
        else None,
        end=compiled("end", delete(sessions).where(this), "id"),
        touch=compiled(
            "touch",
            update(sessions)
            .where(this)
            .ordered_values(
                (
                    row.expires,
                    case(
                        (and_(later, row.expires < _value("expires")), _value("expires")),
                        else_=row.expires,
                    ),
                ),
                (row.seen, case((later, _value("seen")), else_=row.seen)),
            ),
            *("id", "seen", "expires"),
        ),
        release=compiled(
            "release",
            update(sessions)
            .where(this, row.lease_holder == _value("holder"))
            .values(lease_holder=null(), lease_until=null()),
            *("id", "holder"),
        ),
        sweep=compiled(
            "sweep",
            _swept(kind),
            *("now", "limit"),
            rows=[row.id] if kind.returning else (),
        ),
        of_user=compiled(
            "of_user",
            select(*columns).where(row.user_id == _value("user")).order_by(row.seen.desc()),
            "user",
            rows=columns,
        ),
        define=tuple(
            Statement(f"define {n}", made, (), (), repeatable=True, arrange=_as_given)
            for n, made in enumerate(kind.defining(definition(kind.dialect)))
        ),
    )


def _swept(kind: _Kind) -> UpdateBase | TextClause:
    """Expiry is asked again: a touch may have come between.

    Locked rows are somebody's fresh touch or commit, or another sweep's.
    """
    row = sessions.c
    expired = row.expires <= _value("now")
    if not kind.returning:
        return _SWEPT_BY_JOIN
    batch = (
        select(row.id)
        .where(expired)
        .order_by(row.expires)
        .limit(_value("limit"))
        .with_for_update(skip_locked=True)
        .cte("batch")
    )
    return delete(sessions).where(row.id.in_(select(batch.c.id)), expired).returning(row.id)


def _arrangement(places: list[int], given: int, own: Row) -> Callable[[Row], Row]:
    """From the values that a verb gives to one value for each placeholder."""
    if places == list(range(given)):
        return _as_given
    pick: Callable[[Row], Row] = itemgetter(*places)
    return (lambda values: pick((*values, *own))) if own else pick


def _as_given(values: Row) -> Row:
    return values
