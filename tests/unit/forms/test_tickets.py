"""Tickets: what they prove, whose they are, and which submission they name."""

import re

import pytest

from coatcheck.forms import csrf
from coatcheck.forms.tickets import (
    LONGEST,
    Binding,
    ClaimKey,
    mint,
    read,
    read_result,
    result,
)
from coatcheck.wire.signing import Keyring
from coatcheck.wire.tokens import Token

NOW = 1_800_000_000.0
KEYS = Keyring(["a key for tests, of no use to anybody"])
OTHER_KEYS = Keyring(["another key for tests, of no use too"])
TOKEN = Token.new()
SESSION = Binding.of_session(TOKEN)
BROWSER = Binding.of_browser(csrf.new_binding())
STRANGER = Binding.of_session(Token.new())


def test_a_ticket_is_128_letters_and_different_at_every_call():
    tickets = {mint(KEYS, SESSION, NOW) for _ in range(50)}
    assert len(tickets) == 50
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{128}", ticket) for ticket in tickets)


def test_a_ticket_is_a_good_csrf_token_of_its_visitor_and_of_nobody_else():
    ticket = mint(KEYS, SESSION, NOW)
    assert csrf.valid(ticket, KEYS, SESSION.secret)
    assert not csrf.valid(ticket, KEYS, STRANGER.secret)
    assert not csrf.valid(ticket, KEYS, SESSION.owner)
    assert not csrf.valid(ticket, OTHER_KEYS, SESSION.secret)


def test_a_csrf_token_of_version_1_still_works_and_is_no_ticket():
    token = csrf.mint(KEYS, SESSION.secret)
    assert csrf.valid(token, KEYS, SESSION.secret)
    assert read(token, KEYS, [SESSION], NOW) is None


def test_a_ticket_is_read_by_its_visitor():
    ticket = read(mint(KEYS, SESSION, NOW), KEYS, [BROWSER, SESSION], NOW + 5)
    assert ticket is not None
    assert ticket.minted == NOW
    assert ticket.proved
    assert not ticket.stale


def test_another_visitors_ticket_is_as_good_as_none():
    assert read(mint(KEYS, SESSION, NOW), KEYS, [STRANGER, BROWSER], NOW) is None
    assert read(mint(KEYS, SESSION, NOW), KEYS, [], NOW) is None


def test_after_a_login_a_ticket_still_names_its_submission_and_proves_nothing():
    text = mint(KEYS, SESSION, NOW)
    renewed = Binding.of_session(Token.new(TOKEN.id))
    ticket = read(text, KEYS, [renewed], NOW)
    assert ticket is not None
    assert not ticket.proved
    assert not csrf.valid(text, KEYS, renewed.secret)
    before = read(text, KEYS, [SESSION], NOW)
    assert before is not None
    assert ticket.key("/login") == before.key("/login")


def test_a_browser_keeps_its_ticket_when_its_session_begins():
    ticket = read(mint(KEYS, BROWSER, NOW), KEYS, [SESSION, BROWSER], NOW)
    assert ticket is not None
    assert ticket.proved


def test_one_ticket_at_two_addresses_is_two_submissions():
    ticket = read(mint(KEYS, SESSION, NOW), KEYS, [SESSION], NOW)
    assert ticket is not None
    keys = {ticket.key("/cart"), ticket.key("/checkout"), ticket.key("/cart?page=2")}
    assert len({key.id for key in keys}) == 3
    assert ticket.key("/cart") == ticket.key("/cart")


def test_tickets_of_one_name_share_a_submission_per_visitor_and_address():
    def key(binding: Binding, name: str, address: str = "/pay") -> ClaimKey:
        ticket = read(mint(KEYS, binding, NOW, name), KEYS, [binding], NOW)
        assert ticket is not None
        return ticket.key(address)

    assert key(SESSION, "checkout") == key(SESSION, "checkout")
    others = [
        key(SESSION, "other"),
        key(SESSION, "checkout", "/elsewhere"),
        key(STRANGER, "checkout"),
        key(SESSION, ""),
        key(SESSION, ""),
    ]
    assert len({key(SESSION, "checkout").id, *(other.id for other in others)}) == 6


def test_a_ticket_can_be_minted_again_under_the_name_of_another():
    first = read(mint(KEYS, SESSION, NOW, "checkout"), KEYS, [SESSION], NOW)
    assert first is not None
    second = read(mint(KEYS, SESSION, NOW + 60, first.name), KEYS, [SESSION], NOW + 60)
    assert second is not None
    assert second.key("/pay") == first.key("/pay")
    assert second.minted == NOW + 60


def test_a_day_old_ticket_is_stale_and_a_good_csrf_token():
    text = mint(KEYS, SESSION, NOW)
    almost = read(text, KEYS, [SESSION], NOW + LONGEST - 1)
    after = read(text, KEYS, [SESSION], NOW + LONGEST)
    assert almost is not None
    assert not almost.stale
    assert after is not None
    assert after.stale
    assert csrf.valid(text, KEYS, SESSION.secret)


def test_a_ticket_survives_a_new_key_as_long_as_the_old_one_is_kept():
    old, new = "the older key of this test", "the newer key of this test"
    text = mint(Keyring([old]), SESSION, NOW)
    kept = read(text, Keyring([new, old]), [SESSION], NOW)
    assert kept is not None
    assert not kept.stale
    gone = read(text, Keyring([new]), [SESSION], NOW)
    assert gone is not None
    assert gone.stale
    assert not gone.proved


@pytest.mark.parametrize("place", [0, *range(5, 128, 9)])
def test_a_ticket_with_one_other_letter_is_none_or_proves_nothing(place):
    text = mint(KEYS, SESSION, NOW)
    forged = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
    ticket = read(forged, KEYS, [SESSION], NOW)
    in_the_proof = 43 <= place < 85
    assert (ticket is not None) is in_the_proof
    assert ticket is None or not ticket.proved
    assert not csrf.valid(forged, KEYS, SESSION.secret) or place > 85


@pytest.mark.parametrize("text", [None, "", "A" * 128, "ä" * 128, "A" * 127, "A" * 129, "\0" * 128])
def test_what_is_no_ticket_reads_as_none(text):
    assert read(text, KEYS, [SESSION], NOW) is None


def test_an_empty_binding_gets_no_ticket():
    with pytest.raises(ValueError, match="every visitor's"):
        mint(KEYS, Binding(b"", b""), NOW)


def test_the_address_of_a_result_is_its_visitors_alone_and_no_csrf_token():
    key = ClaimKey.of("ticket", b"nonce")
    text = result(KEYS, key, SESSION)
    assert read_result(text, KEYS, [BROWSER, SESSION]) == (key, True)
    assert read_result(text, KEYS, [Binding.of_session(Token.new(TOKEN.id))]) == (key, False)
    assert read_result(text, KEYS, [STRANGER]) is None
    assert read_result(text, OTHER_KEYS, [SESSION]) is None
    assert read_result("A" * 171, KEYS, [SESSION]) is None
    assert read_result("", KEYS, [SESSION]) is None
    assert not csrf.valid(text[:128], KEYS, SESSION.secret)


def test_nothing_that_a_report_prints_of_a_ticket_is_a_secret():
    ticket = read(mint(KEYS, SESSION, NOW), KEYS, [SESSION], NOW)
    assert ticket is not None
    key = ticket.key("/")
    assert str(ticket.nonce) not in repr(ticket)
    assert str(key.secret) not in repr(key)
    assert key.id not in repr(key)
