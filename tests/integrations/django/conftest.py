"""Every test here finds Django set up, its tables empty, and nothing configured but settings."""

from collections.abc import Iterator

import pytest

from tests.integrations.django import site


@pytest.fixture(autouse=True)
def empty_tables() -> Iterator[None]:
    from django.contrib.auth.models import User
    from django.contrib.sessions.models import Session as DjangosSession
    from django.db import connections

    from coatcheck.integrations.django import configuration
    from coatcheck.integrations.django.models import Session

    assert site.DATABASE.exists()
    configuration.use(None)
    yield
    configuration.use(None)
    for model in (Session, DjangosSession, User):
        model.objects.all().delete()
    connections.close_all()
