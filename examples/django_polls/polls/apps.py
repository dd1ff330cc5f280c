"""The polls app."""

from django.apps import AppConfig


class PollsConfig(AppConfig):
    """Questions, and what people chose."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "polls"
