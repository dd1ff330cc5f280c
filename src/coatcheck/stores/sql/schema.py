"""The table that sessions are kept in, for every SQL database.

Defined here and nowhere else. ``coatcheck.web.sessions.migrations`` builds it step by step in
databases that exist already; a test holds the two against each other.
"""

from sqlalchemy import (
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

from coatcheck.core.errors import StoreUnavailable

LONGEST_USER = 255
"""Characters of a user's id: what every database can have an index on."""

metadata = MetaData()

# Ids are compared byte by byte: under a collation that folds case, two tokens could name one row.
_ID = (
    String(64)
    .with_variant(String(64, collation="C"), "postgresql")
    .with_variant(String(64, collation="utf8mb4_bin"), "mysql", "mariadb")
)

sessions = Table(
    "coatcheck_sessions",
    metadata,
    Column("id", _ID, nullable=False),
    # Digests, not secrets: a leaked table must not be a set of working cookies.
    Column("digest", LargeBinary(32), nullable=False),
    Column("previous", LargeBinary(32)),
    Column("grace_until", Double, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("user_id", String(LONGEST_USER)),
    Column("created", Double, nullable=False),
    Column("seen", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("renewed", Double, nullable=False),
    Column("user_agent", String(512), nullable=False),
    Column("address", String(64), nullable=False),
    Column("commits", LargeBinary, nullable=False),
    Column("lease_holder", String(64)),
    Column("lease_until", Double),
    Column("data", LargeBinary, nullable=False),
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
    indexes = sorted(sessions.indexes, key=lambda index: str(index.name))
    constructs: list[CreateTable | CreateIndex] = [
        CreateTable(sessions, if_not_exists=True),
        *(CreateIndex(index, if_not_exists=True) for index in indexes),
    ]
    return [str(construct.compile(dialect=dialect)).strip() for construct in constructs]
