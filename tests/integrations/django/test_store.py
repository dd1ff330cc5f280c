"""The store over Django's own connection keeps the contract of stores."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction

from coatcheck.core.errors import StoreUnavailable
from coatcheck.core.record import Record
from coatcheck.integrations.django.database import DjangoStore
from coatcheck.integrations.django.models import Session
from coatcheck.stores.sql import SQLStore
from coatcheck.testing import FakeClock, StoreContract
from coatcheck.wire.tokens import Token
from tests.integrations.django import site


class TestDjangoStore(StoreContract):
    def make_store(self, clock: FakeClock) -> DjangoStore:
        Session.objects.all().delete()
        return DjangoStore()


def new_record(**attributes: Any) -> Record:
    token = Token.new()
    common: dict[str, Any] = {"created": 1.0, "seen": 1.0, "expires": 2e9, "renewed": 1.0}
    return Record(
        **{"id": token.id, "digest": token.digest, "fields": {"a": b"1"}, **common, **attributes}
    )


def test_the_store_of_a_url_reads_the_same_table_and_is_read():
    store, by_url = DjangoStore(), SQLStore(f"sqlite:///{site.DATABASE}")
    ours, theirs = new_record(user="5", commits=("c",)), new_record(previous=bytes(32))
    assert store.create(ours)
    assert by_url.create(theirs)
    assert by_url.load(ours.id) == ours
    assert store.load(theirs.id) == theirs
    assert by_url.of_user("5") == store.of_user("5") == [ours]
    by_url.close()


def test_a_rollback_of_the_application_takes_what_was_saved_inside_it_and_no_more():
    store = DjangoStore()
    outside, inside = new_record(), new_record()
    assert store.create(outside)
    with transaction.atomic():
        assert store.create(inside)
        assert not store.create(outside), "and the block can go on"
        transaction.set_rollback(True)
    assert store.load(outside.id) == outside
    assert store.load(inside.id) is None


def test_saving_commits_nothing_of_the_applications_transaction():
    from django.contrib.auth.models import User

    with transaction.atomic():
        User.objects.create(username="half done")
        DjangoStore().create(new_record())
        transaction.set_rollback(True)
    assert not User.objects.exists()


@pytest.fixture
def no_table() -> Iterator[None]:
    call_command("migrate", "coatcheck", "zero", verbosity=0)
    yield
    call_command("migrate", "coatcheck", verbosity=0)


@pytest.mark.usefixtures("no_table")
def test_without_its_table_it_says_what_to_run():
    with pytest.raises(StoreUnavailable, match=r"python manage\.py migrate"):
        DjangoStore().load("x")


def test_a_database_that_is_locked_is_an_outage_with_its_reason():
    store = DjangoStore()
    record = new_record()
    assert store.create(record)
    connections.close_all()
    other = sqlite3.connect(site.DATABASE)
    other.execute("BEGIN IMMEDIATE")
    try:
        connection.ensure_connection()
        connection.connection.execute("PRAGMA busy_timeout = 1")
        with pytest.raises(StoreUnavailable, match=r"'default'.*database is locked"):
            store.end(record.id)
    finally:
        other.close()
    assert store.end(record.id)


def test_every_verb_of_an_undisturbed_request_is_one_statement():
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    store, record = DjangoStore(), new_record()
    verbs = [
        lambda: store.create(record),
        lambda: store.load(record.id),
        lambda: store.touch(record.id, 5.0, 2e9),
        lambda: store.of_user("5"),
        lambda: store.end(record.id),
    ]
    for verb in verbs:
        with CaptureQueriesContext(connection) as captured:
            verb()
        assert len(captured) == 1


def test_threads_have_connections_of_their_own():
    store, record = DjangoStore(), new_record()
    assert store.create(record)

    def load() -> object:
        try:
            return store.load(record.id)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(load).result() == record
