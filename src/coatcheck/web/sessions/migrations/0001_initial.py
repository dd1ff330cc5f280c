"""The table of sessions. Its columns are explained in ``coatcheck.stores.sql.schema``."""

import sqlalchemy as sa
from alembic import op

revision = "sessions.0001_initial"
down_revision = None
depends_on = None


def upgrade() -> None:
    # A site that used the store without coatcheck.web before has the table already.
    op.create_table(
        "coatcheck_sessions",
        sa.Column(
            "id",
            sa.String(64)
            .with_variant(sa.String(64, collation="C"), "postgresql")
            .with_variant(sa.String(64, collation="utf8mb4_bin"), "mysql", "mariadb"),
            nullable=False,
        ),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("previous", sa.LargeBinary(32)),
        sa.Column("grace_until", sa.Double, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("user_id", sa.String(255)),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("seen", sa.Double, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
        sa.Column("renewed", sa.Double, nullable=False),
        sa.Column("user_agent", sa.String(512), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("commits", sa.LargeBinary, nullable=False),
        sa.Column("lease_holder", sa.String(64)),
        sa.Column("lease_until", sa.Double),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_coatcheck_sessions"),
        if_not_exists=True,
    )
    for column in ("user_id", "expires"):
        op.create_index(
            f"ix_coatcheck_sessions_{column}", "coatcheck_sessions", [column], if_not_exists=True
        )


def downgrade() -> None:
    op.drop_table("coatcheck_sessions")
