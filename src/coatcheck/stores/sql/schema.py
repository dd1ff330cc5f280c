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
    Column("grace_until", Double),
    Column("version", BigInteger, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("user_id", String(255)),
    Column("created", Double, nullable=False),
    Column("seen", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("renewed", Double, nullable=False),
    Column("user_agent", String(512)),
    Column("address", String(64)),
    Column("commits", LargeBinary, nullable=False),
    Column("lease_holder", String(64)),
    Column("lease_until", Double),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("id", name="pk_coatcheck_sessions"),
    Index("ix_coatcheck_sessions_user_id", "user_id"),
    Index("ix_coatcheck_sessions_expires", "expires"),
)
