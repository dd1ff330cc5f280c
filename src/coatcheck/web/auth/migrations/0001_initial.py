"""The table of users; its columns are explained in ``coatcheck.web.auth.models``."""

import sqlalchemy as sa
from alembic import op

revision = "auth.0001_initial"
down_revision = None
branch_labels = ("auth",)
depends_on = None


def exact(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        sa.String(length, collation="utf8mb4_bin"), "mysql", "mariadb"
    )


def upgrade() -> None:
    op.create_table(
        "auth_user",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("username", exact(150), nullable=False),
        sa.Column("email", exact(254)),
        sa.Column("password", sa.String(255), nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("is_staff", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_auth_user"),
        sa.UniqueConstraint("username", name="uq_auth_user_username"),
        sa.UniqueConstraint("email", name="uq_auth_user_email"),
    )


def downgrade() -> None:
    op.drop_table("auth_user")
