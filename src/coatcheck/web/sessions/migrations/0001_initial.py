"""The table of sessions. Its columns are explained in ``coatcheck.stores.sql.schema``."""

import sqlalchemy as sa
from alembic import op

revision = "sessions.0001_initial"
down_revision = None
depends_on = None

TABLE = "coatcheck_sessions"
MYSQL = ("mysql", "mariadb")


def name(length: int) -> sa.types.TypeEngine[str]:
    return (
        sa.String(length)
        .with_variant(sa.String(length, collation="C"), "postgresql")
        .with_variant(sa.VARBINARY(4 * length), *MYSQL)
    )


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="utf8mb4_bin"), *MYSQL)


data = sa.LargeBinary().with_variant(sa.LargeBinary(2**32 - 1), *MYSQL)
digest = sa.LargeBinary(32).with_variant(sa.VARBINARY(32), *MYSQL)


def upgrade() -> None:
    # A site that used the store without coatcheck.web before has the table already.
    op.create_table(
        TABLE,
        sa.Column("id", name(64), nullable=False),
        sa.Column("digest", digest, nullable=False),
        sa.Column("previous", digest),
        sa.Column("grace_until", sa.Double, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("user_id", name(255)),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("seen", sa.Double, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
        sa.Column("renewed", sa.Double, nullable=False),
        sa.Column("user_agent", text(512), nullable=False),
        sa.Column("address", text(64), nullable=False),
        sa.Column("commits", data, nullable=False),
        sa.Column("lease_holder", name(64)),
        sa.Column("lease_until", sa.Double),
        sa.Column("data", data, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_coatcheck_sessions"),
        if_not_exists=True,
    )
    # Not if_not_exists: of MySQL and MariaDB only one knows it for an index.
    present = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(TABLE)}
    for column in ("user_id", "expires"):
        index = f"ix_coatcheck_sessions_{column}"
        if index not in present:
            op.create_index(index, TABLE, [column])


def downgrade() -> None:
    op.drop_table(TABLE)
