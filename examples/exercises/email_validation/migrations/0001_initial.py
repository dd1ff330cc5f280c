"""+ Create model Address

Made by manage.py makemigrations on 2026-11-21 12:43 UTC. Read it before you run it.
"""

import sqlalchemy as sa
from alembic import op

revision = "email_validation.0001_initial"
down_revision = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "email_validation_address",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("added", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email_validation_address")),
        sa.UniqueConstraint("email", name=op.f("uq_email_validation_address_email")),
    )


def downgrade() -> None:
    op.drop_table("email_validation_address")
