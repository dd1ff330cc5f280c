"""An encrypted store tells nobody what a session holds but the visitor who shows its token."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.core.engine import Sessions
from coatcheck.core.errors import (
    ConfigurationError,
    SessionConflict,
    UndecodableValue,
    UnreadableRecord,
)
from coatcheck.core.events import EventName
from coatcheck.core.policy import SessionPolicy
from coatcheck.core.record import Record
from coatcheck.core.store import SEALED
from coatcheck.stores.encrypted import EncryptedStore, TokenCipher, _key
from coatcheck.stores.memory import MemoryStore
from coatcheck.stores.sql import SQLStore
from coatcheck.testing import FakeClock, Visitor
from coatcheck.wire.codec import decode
from coatcheck.wire.tokens import Token


class Site:
    def __init__(self, **policy: Any) -> None:
        self.memory = MemoryStore()
        self.clock = FakeClock()
        self.told: list[EventName] = []
        self.sessions = Sessions(
            EncryptedStore(self.memory),
            policy=SessionPolicy(**policy),
            clock=self.clock,
            listener=lambda event: self.told.append(event.name),
        )

    def visitor(self) -> Visitor:
        return Visitor(self.sessions)

    def plain(self) -> Sessions:
        """The same records without encryption."""
        return Sessions(self.memory, clock=self.clock, listener=lambda event: None)

    def stored(self, visitor: Visitor) -> Record:
        found = self.memory.load(token_of(visitor).id)
        assert isinstance(found, Record)
        return found


def token_of(visitor: Visitor) -> Token:
    assert visitor.cookie is not None
    token = Token.parse(visitor.cookie.partition("=")[2])
    assert token is not None
    return token


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.binary()))
def test_what_is_sealed_is_opened_by_its_token_and_by_no_other(fields):
    cipher, token = TokenCipher(), Token.new()
    sealed = cipher.seal(fields, token)
    assert cipher.unseal(sealed, token) == fields
    for other in (Token.new(), Token.new(token.id), Token(Token.new().id, token.secret)):
        with pytest.raises(UnreadableRecord):
            cipher.unseal(sealed, other)


def test_the_key_is_hkdf_of_the_secret():
    token = Token.new()
    derivation = HKDF(
        SHA256(), 32, salt=token.id.encode(), info=b"coatcheck session fields at rest"
    )
    assert _key(token) == derivation.derive(token.secret.encode())


def test_no_altered_bit_is_let_through():
    cipher, token = TokenCipher(), Token.new()
    data = cipher.seal({"name": b"value"}, token)[SEALED]
    for place in range(len(data)):
        altered = bytearray(data)
        altered[place] ^= 1 << place % 8
        with pytest.raises(UnreadableRecord):
            cipher.unseal({SEALED: bytes(altered)}, token)


def test_no_encoded_value_looks_like_a_sealed_one():
    data = TokenCipher().seal({"name": b"value"}, Token.new())[SEALED]
    with pytest.raises(UndecodableValue):
        decode(data)


@pytest.mark.parametrize("encrypted", [True, False])
def test_a_session_may_have_a_key_of_the_sealed_fields_name(encrypted):
    site = Site()
    visitor = site.visitor() if encrypted else Visitor(site.plain())
    with visitor.visit() as session:
        session[SEALED] = "mine"
    with visitor.visit() as session:
        assert session[SEALED] == "mine"
        session["other"] = 1
    with visitor.visit() as session:
        assert dict(session) == {SEALED: "mine", "other": 1}


def test_a_dump_of_the_database_shows_no_name_and_no_value(tmp_path: Path):
    file = tmp_path / "sessions.sqlite3"
    store = SQLStore(f"sqlite:///{file}?synchronous=FULL")
    store.create_tables()
    visitor = Visitor(Sessions(EncryptedStore(store)))
    with visitor.visit() as session:
        session["diagnosis"] = "measles"
    with visitor.visit() as session:
        session["medicine"] = ["aspirin"]
        session.login("ann")
    with visitor.visit() as session:
        assert dict(session) == {"diagnosis": "measles", "medicine": ["aspirin"]}
    store.close()
    with closing(sqlite3.connect(file)) as database:
        dump = "\n".join(database.iterdump()).encode()
    kept = dump + b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for told in ("diagnosis", "measles", "medicine", "aspirin", token_of(visitor).secret):
        assert told.encode() not in kept
        assert told.encode().hex().upper().encode() not in dump


def test_a_login_encrypts_everything_anew_and_the_old_secret_opens_nothing():
    site = Site()
    visitor = site.visitor()
    with visitor.visit() as session:
        session["cart"] = ["apple"]
    old = token_of(visitor)
    with visitor.visit() as session:
        session.login("ann")
    with visitor.visit() as session:
        assert session["cart"] == ["apple"]
    with pytest.raises(UnreadableRecord):
        TokenCipher().unseal(site.stored(visitor).fields, old)


def test_a_late_or_forged_cookie_is_nobody_and_no_error():
    site = Site()
    visitor, late = site.visitor(), site.visitor()
    with visitor.visit() as session:
        session["cart"] = ["apple"]
    late.cookie = visitor.cookie
    with visitor.visit() as session:
        session.renew()
    with late.visit() as session:
        assert session.is_new
    late.cookie = f"__Host-session={Token.new(token_of(visitor).id)}"
    with late.visit() as session:
        assert session.is_new
    with visitor.visit() as session:
        assert session["cart"] == ["apple"]


def test_requests_at_once_merge_as_ever():
    visitor = Site().visitor()
    with visitor.visit() as session:
        session["first"] = 1
    with visitor.visit() as slow:
        with visitor.visit() as quick:
            quick["quick"] = True
            quick.increment("count")
        slow["slow"] = True
        slow.increment("count")
    with visitor.visit() as session:
        assert dict(session) == {"first": 1, "quick": True, "slow": True, "count": 2}


def test_a_slow_writer_whose_secret_was_replaced_is_told_and_nothing_is_lost_unnoticed():
    site = Site()
    visitor = site.visitor()
    with visitor.visit() as session:
        session["first"] = 1

    def slow() -> None:
        with visitor.visit() as session:
            assert session["first"] == 1
            with visitor.visit() as login:
                login.login("ann")
            session["late"] = True

    with pytest.raises(SessionConflict):
        slow()
    with visitor.visit() as session:
        assert session.user == "ann"
        assert dict(session) == {"first": 1}


def test_a_block_whose_secret_was_replaced_before_it_began_is_told():
    site = Site()
    visitor = site.visitor()
    with visitor.visit() as session:
        session["first"] = 1

    def slow() -> None:
        with visitor.visit() as session:
            assert session["first"] == 1
            with visitor.visit() as login:
                login.login("ann")
            with session.exclusive():
                pytest.fail("the block ran")

    with pytest.raises(SessionConflict):
        slow()
    assert site.stored(visitor).lease is None


def test_a_session_in_a_block_is_read_and_saved_as_ever():
    site = Site()
    visitor = site.visitor()
    with visitor.visit() as session:
        session["count"] = 1
    with visitor.visit() as session:
        with visitor.visit() as other:
            other["count"] = 5
        with session.exclusive():
            session["count"] += 1
    with visitor.visit() as session:
        assert session["count"] == 6
    assert set(site.stored(visitor).fields) == {SEALED}


def test_two_logins_at_once_give_two_sessions():
    site = Site()
    one, two = site.visitor(), site.visitor()
    with one.visit() as session:
        session["cart"] = ["apple"]
    two.cookie = one.cookie
    with one.visit() as session:
        assert session["cart"] == ["apple"]
        with two.visit() as other:
            other.login("ann")
        session.login("ann")
    for visitor in (one, two):
        with visitor.visit() as session:
            assert session.user == "ann"
            assert session["cart"] == ["apple"]


def test_a_time_of_its_own_is_kept_though_the_store_cannot_see_it():
    site = Site()
    visitor = site.visitor()
    with visitor.visit() as session:
        session.set_expiry(600)
    site.clock.advance(500)
    with visitor.visit() as session:
        assert not session.is_new
    site.clock.advance(500)
    with visitor.visit() as session:
        assert not session.is_new
    site.clock.advance(700)
    with visitor.visit() as session:
        assert session.is_new


def test_a_list_of_sessions_shows_devices_and_no_values():
    site = Site()
    visitor = site.visitor()
    with visitor.visit() as session:
        session.login("ann")
        session["cart"] = ["apple"]
    (listed,) = site.sessions.of("ann")
    assert listed.user_agent == "a test's browser"
    assert listed.fields == {}
    assert site.sessions.revoke_user("ann") == 1
    with visitor.visit() as session:
        assert session.is_new


def test_records_from_before_are_read_and_encrypted_when_they_are_next_saved():
    site = Site()
    visitor = Visitor(site.plain())
    with visitor.visit() as session:
        session.update(cart=["apple"], name="Ann")
    visitor.sessions = site.sessions
    for change in (lambda s: s["cart"], lambda s: s["cart"].append("pear")):
        with site_visit(site, visitor) as session:
            change(session)
    assert set(site.stored(visitor).fields) == {SEALED}
    with site_visit(site, visitor) as session:
        assert dict(session) == {"cart": ["apple", "pear"], "name": "Ann"}


def site_visit(site: Site, visitor: Visitor) -> Any:
    again = site.visitor()
    again.cookie = visitor.cookie
    return again.visit()


def test_without_encryption_an_encrypted_session_is_refused_and_not_overwritten():
    site = Site()
    visitor = site.visitor()
    with visitor.visit() as session:
        session["cart"] = ["apple"]
    before = site.stored(visitor)
    plain = Visitor(site.plain())
    plain.cookie = visitor.cookie
    with pytest.raises(UnreadableRecord, match="encrypted"), plain.visit() as session:
        session["cart"] = []
    assert site.stored(visitor) == before


def test_secrets_that_are_replaced_now_and_then_are_refused_at_start():
    with pytest.raises(ConfigurationError, match="renew_every"):
        Site(renew_every=3600.0)
