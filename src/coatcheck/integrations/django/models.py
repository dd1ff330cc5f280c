"""The table that sessions are kept in when Django's own connection is their store.

It has the columns of ``coatcheck.stores.sql``, under the same names: the same table can later be
used through a URL, or be looked at with ``coatcheck sessions``. ``database`` writes to it.
"""

from typing import Any

from django.db import models


class NameField(models.CharField):
    """Text that rows are found by, compared byte by byte.

    Under a collation that folds case, two tokens could name one row.
    """

    def db_type(self, connection: Any) -> str:
        if connection.vendor == "postgresql":
            return f'varchar({self.max_length}) COLLATE "C"'
        if connection.vendor == "mysql":
            return f"varbinary({4 * self.max_length})"
        kind: str = super().db_type(connection)
        return kind

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return value.decode() if isinstance(value, bytes) else value


class Session(models.Model):
    """One visitor's session at rest. Times are seconds since the epoch."""

    id = NameField(max_length=64, primary_key=True)
    # Digests, not secrets: a leaked table must not be a set of working cookies.
    digest = models.BinaryField(max_length=32)
    previous = models.BinaryField(max_length=32, null=True)
    grace_until = models.FloatField()
    version = models.BigIntegerField()
    epoch = models.IntegerField()
    user_id = NameField(max_length=255, null=True)
    created = models.FloatField()
    seen = models.FloatField()
    expires = models.FloatField()
    renewed = models.FloatField()
    user_agent = models.CharField(max_length=512)
    address = models.CharField(max_length=64)
    commits = models.BinaryField()
    lease_holder = NameField(max_length=64, null=True)
    lease_until = models.FloatField(null=True)
    data = models.BinaryField()

    class Meta:
        db_table = "coatcheck_sessions"
        default_permissions = ("view", "delete")
        indexes = (
            models.Index(fields=["user_id"], name="ix_coatcheck_sessions_user_id"),
            models.Index(fields=["expires"], name="ix_coatcheck_sessions_expires"),
        )

    def __str__(self) -> str:
        from coatcheck.wire.tokens import handle

        return handle(self.id)
