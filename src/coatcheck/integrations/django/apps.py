"""The Django app: it brings the table, the checks, the admin page, the commands and the tags."""

from django.apps import AppConfig
from django.core import checks
from django.db.models.signals import post_migrate


class CoatcheckConfig(AppConfig):
    """``coatcheck.integrations.django`` in ``INSTALLED_APPS``."""

    name = "coatcheck.integrations.django"
    label = "coatcheck"
    verbose_name = "Visitors"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from .checks import check_deployed, check_settings
        from .configuration import create_tables

        checks.register(check_settings)
        checks.register(check_deployed, checks.Tags.security, deploy=True)
        post_migrate.connect(create_tables, sender=self)
