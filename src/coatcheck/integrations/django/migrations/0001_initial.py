"""The table of sessions. ``models`` says what its columns are for."""

from django.db import migrations, models

from ..models import NameField


class Migration(migrations.Migration):
    """It makes ``coatcheck_sessions``."""

    initial = True
    dependencies = ()
    operations = (
        migrations.CreateModel(
            name="Session",
            fields=[
                ("id", NameField(max_length=64, primary_key=True, serialize=False)),
                ("digest", models.BinaryField(max_length=32)),
                ("previous", models.BinaryField(max_length=32, null=True)),
                ("grace_until", models.FloatField()),
                ("version", models.BigIntegerField()),
                ("epoch", models.IntegerField()),
                ("user_id", NameField(max_length=255, null=True)),
                ("created", models.FloatField()),
                ("seen", models.FloatField()),
                ("expires", models.FloatField()),
                ("renewed", models.FloatField()),
                ("user_agent", models.CharField(max_length=512)),
                ("address", models.CharField(max_length=64)),
                ("commits", models.BinaryField()),
                ("lease_holder", NameField(max_length=64, null=True)),
                ("lease_until", models.FloatField(null=True)),
                ("data", models.BinaryField()),
            ],
            options={
                "db_table": "coatcheck_sessions",
                "default_permissions": ("view", "delete"),
                "indexes": [
                    models.Index(fields=["user_id"], name="ix_coatcheck_sessions_user_id"),
                    models.Index(fields=["expires"], name="ix_coatcheck_sessions_expires"),
                ],
            },
        ),
    )
