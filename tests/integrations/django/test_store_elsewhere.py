"""The store over Django's connection, on a database with a server: PostgreSQL."""

import threading
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from django.db import connections

from coatcheck.core.record import Record
from coatcheck.integrations.django.database import DjangoStore
from coatcheck.integrations.django.models import Session
from coatcheck.testing import FakeClock, StoreContract
from coatcheck.wire.tokens import Token


class StoreOf(DjangoStore):
    """The store on the connection of one alias. Threads give theirs back, as requests do."""

    def __init__(self, alias: str) -> None:
        self._alias = alias

    def _connection(self) -> Any:
        return connections[self._alias]

    def _ask(self, verb: str, values: Sequence[Any], suffix: str = "") -> list[Any]:
        try:
            return super()._ask(verb, values, suffix)
        finally:
            self._given_back()

    def _run(self, verb: str, values: Sequence[Any]) -> int:
        try:
            return super()._run(verb, values)
        finally:
            self._given_back()

    def _given_back(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            self._connection().close()


def settings_of(url: str, engine: str) -> dict[str, Any]:
    parts = urlsplit(url)
    query = dict(pair.split("=") for pair in parts.query.split("&") if pair)
    host = unquote(query.get("host") or query.get("unix_socket") or parts.hostname or "")
    return {
        "ENGINE": f"django.db.backends.{engine}",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
    }


def with_table(alias: str, settings: dict[str, Any]) -> Iterator[None]:
    connections.settings[alias] = connections.configure_settings({"default": {}, alias: settings})[
        alias
    ]
    try:
        with connections[alias].schema_editor() as editor:
            editor.create_model(Session)
        yield
    finally:
        connections[alias].close()
        del connections[alias]
        del connections.settings[alias]


@pytest.fixture(scope="module")
def on_postgresql(postgresql_database: str) -> Iterator[None]:
    yield from with_table("postgresql", settings_of(postgresql_database, "postgresql"))


@pytest.mark.usefixtures("on_postgresql")
# Django keeps a connection for each thread; those of threads that have ended are closed with them.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
class TestDjangoStoreOnPostgreSQL(StoreContract):
    alias = "postgresql"

    def make_store(self, clock: FakeClock) -> DjangoStore:
        Session.objects.using(self.alias).all().delete()
        return StoreOf(self.alias)

    def test_the_case_of_letters_and_blanks_at_the_end_count(self) -> None:
        store = self.make_store(FakeClock())
        token = Token.new()
        record = Record(token.id, token.digest, 1.0, 1.0, 2e9, 1.0, {}, user="Ann")
        assert store.create(record)
        assert store.load(token.id.swapcase()) is None
        assert store.of_user("ann") == store.of_user("Ann ") == []
        assert store.of_user("Ann") == [record]
