"""The table that sessions are kept in, for every SQL database.

Defined here and nowhere else. ``coatcheck.web.sessions.migrations`` builds it step by step in
databases that exist already; a test holds the two against each other.
"""

from sqlalchemy import (
    VARBINARY,
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.types import TypeEngine

from coatcheck.core.errors import StoreUnavailable
from coatcheck.core.record import LONGEST_USER

metadata = MetaData()

_MYSQL = ("mysql", "mariadb")


def _name(length: int) -> TypeEngine[str]:
    """Text that rows are found by, compared byte by byte.

    Under a collation that folds case, two tokens could name one row. Every collation that MySQL and
    MariaDB share folds something, be it the blanks at the end: there it is the bytes of the text.
    """
    return (
        String(length)
        .with_variant(String(length, collation="C"), "postgresql")
        .with_variant(VARBINARY(4 * length), *_MYSQL)
    )


def _text(length: int) -> TypeEngine[str]:
    """Text that is only shown. MySQL and MariaDB keep all of Unicode if a column asks for it."""
    return String(length).with_variant(String(length, collation="utf8mb4_bin"), *_MYSQL)


# Without a length, MySQL and MariaDB cut off after 64 KB.
_DATA = LargeBinary().with_variant(LargeBinary(2**32 - 1), *_MYSQL)
_DIGEST = LargeBinary(32).with_variant(VARBINARY(32), *_MYSQL)

sessions = Table(
    "coatcheck_sessions",
    metadata,
    Column("id", _name(64), nullable=False),
    # Digests, not secrets: a leaked table must not be a set of working cookies.
    Column("digest", _DIGEST, nullable=False),
    Column("previous", _DIGEST),
    Column("grace_until", Double, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("user_id", _name(LONGEST_USER)),
    Column("created", Double, nullable=False),
    Column("seen", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("renewed", Double, nullable=False),
    Column("user_agent", _text(512), nullable=False),
    Column("address", _text(64), nullable=False),
    Column("commits", _DATA, nullable=False),
    Column("lease_holder", _name(64)),
    Column("lease_until", Double),
    Column("data", _DATA, nullable=False),
    PrimaryKeyConstraint("id", name="pk_coatcheck_sessions"),
    Index("ix_coatcheck_sessions_user_id", "user_id"),
    Index("ix_coatcheck_sessions_expires", "expires"),
)


class MissingTable(StoreUnavailable):
    """The database has no table for sessions, or one that another version of coatcheck made."""

    def __init__(self, store: str, detail: str) -> None:
        super().__init__(
            f"{store} has no table for sessions that this version can use ({detail}). "
            "Run `python manage.py migrate`, or call create_tables() on the store."
        )


def definition(dialect: Dialect) -> list[str]:
    """The statements that make the table where there is none, to be run in this order."""
    table = str(CreateTable(sessions, if_not_exists=True).compile(dialect=dialect)).strip()
    indexes = sorted(sessions.indexes, key=lambda index: str(index.name))
    if dialect.name in _MYSQL:
        # Only MariaDB has CREATE INDEX IF NOT EXISTS, so the table brings them along.
        keys = [
            f"INDEX {i.name} ({', '.join(column.name for column in i.columns)})" for i in indexes
        ]
        return [f"{table.removesuffix(')')}, {', '.join(keys)}) ENGINE=InnoDB"]
    return [
        table,
        *(str(CreateIndex(i, if_not_exists=True).compile(dialect=dialect)) for i in indexes),
    ]
