"""A record that cannot be read is set aside: its visitor begins anew, and it stays as it is."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from coatcheck import Event, EventName, Sessions
from coatcheck.core.errors import UnreadableRecord
from coatcheck.core.store import BlockingStore
from coatcheck.stores.encrypted import EncryptedStore
from coatcheck.stores.sql import SQLStore
from coatcheck.testing import Visitor

DAMAGED = b"\x02 from another version"


class Site:
    """One visitor, who was here once, and a way to damage what is kept of them."""

    def __init__(
        self, folder: Path, wrap: Callable[[SQLStore], BlockingStore] = lambda store: store
    ):
        self._file = folder / "sessions.sqlite3"
        self._store = SQLStore(f"sqlite:///{self._file}")
        self._store.create_tables()
        self.events: list[Event] = []
        self.sessions = Sessions(wrap(self._store), listener=self.events.append)
        self.visitor = Visitor(self.sessions)
        with self.visitor.visit() as session:
            session["cart"] = [1]
        self.events.clear()

    def data(self) -> list[bytes]:
        return [row[0] for row in self._sql("SELECT data FROM coatcheck_sessions ORDER BY created")]

    def damage(self, data: bytes = DAMAGED) -> None:
        self._sql("UPDATE coatcheck_sessions SET data = ?", data)

    def _sql(self, text: str, *values: object) -> list[tuple[bytes]]:
        connection = sqlite3.connect(self._file, isolation_level=None)
        try:
            return connection.execute(text, values).fetchall()
        finally:
            connection.close()

    def close(self) -> None:
        self._store.close()


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("leased", [False, True])
def test_its_visitor_begins_anew_and_it_stays_as_it_is(site, leased):
    site.damage()
    with site.visitor.visit("POST", leased=leased) as session:
        assert dict(session) == {}
        assert session.user is None
        session["cart"] = [2]
    assert site.data()[0] == DAMAGED
    assert len(site.data()) == 2
    assert [event.name for event in site.events] == [EventName.UNREADABLE, EventName.CREATED]
    assert "kept as it is" in site.events[0].detail
    site.events.clear()
    with site.visitor.visit() as session:
        assert session["cart"] == [2]
    assert site.events == []


def test_a_visitor_who_only_reads_keeps_the_cookie_for_when_it_can_be_read_again(site):
    (before,) = site.data()
    cookie = site.visitor.cookie
    site.damage()
    with site.visitor.visit() as session:
        assert "cart" not in session
    assert site.visitor.cookie == cookie
    assert site.data() == [DAMAGED]
    site.damage(before)
    with site.visitor.visit() as session:
        assert session["cart"] == [1]


def test_the_event_is_a_warning_that_names_no_value(site, caplog):
    from coatcheck.core.events import log

    site.damage()
    with site.visitor.visit() as session:
        assert not session
    for event in site.events:
        log(event)
    (told,) = caplog.records
    assert told.levelname == "WARNING"
    assert site.visitor.cookie is not None
    assert site.visitor.cookie.partition("=")[2].partition(".")[0] not in caplog.text


def test_so_is_one_whose_sealed_fields_are_damaged(tmp_path):
    site = Site(tmp_path, EncryptedStore)
    (data,) = site.data()
    site.damage(data[:-1] + bytes([data[-1] ^ 1]))
    for leased in (False, True):
        with site.visitor.visit(leased=leased) as session:
            assert dict(session) == {}
    assert [event.name for event in site.events] == [EventName.UNREADABLE] * 2
    site.close()


def test_an_encrypted_record_without_encryption_is_a_mistake_of_the_site_and_an_error(tmp_path):
    site = Site(tmp_path, EncryptedStore)
    visitor = Visitor(Sessions(site._store))
    visitor.cookie = site.visitor.cookie
    with pytest.raises(UnreadableRecord, match=r"encrypted\+"), visitor.visit() as session:
        session.get("cart")
    site.close()
