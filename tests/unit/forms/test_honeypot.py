"""The trap and the least time: what gives a program away, and what never hurts a person."""

import pytest

from coatcheck.core.errors import ConfigurationError
from coatcheck.forms import Form
from coatcheck.forms.honeypot import SHOWN_AT, TRAP, Suspicion, shown_at, signed_time, suspicion
from coatcheck.wire.signing import Keyring
from tests.unit.forms.typed.page import Page

KEYS = Keyring(["a key for these tests only"])
NOW = 1_800_000_000.0


def test_an_empty_trap_and_enough_time_are_a_person():
    assert suspicion([""], [shown_at(KEYS, NOW - 2)], KEYS, NOW, 2) is None


@pytest.mark.parametrize(
    ("trap", "shown", "found"),
    [
        (["http://spam.example"], NOW - 60, Suspicion.FILLED),
        (["", "x"], NOW - 60, Suspicion.FILLED),
        ([""], NOW - 1.9, Suspicion.FAST),
        ([""], NOW + 60, Suspicion.FAST),
    ],
)
def test_a_filled_trap_and_haste_give_a_program_away(trap, shown, found):
    assert suspicion(trap, [shown_at(KEYS, shown)], KEYS, NOW, 2) is found


@pytest.mark.parametrize("text", ["", "x", "ä" * 56, "=" * 56, "A" * 56, "A" * 10_000])
def test_a_time_that_nobody_signed_is_none(text):
    assert signed_time(text, KEYS) is None
    assert suspicion([], [text], KEYS, NOW, 2) is Suspicion.UNSIGNED


def test_a_time_signed_with_another_key_is_none_and_with_an_older_one_is_good():
    text = shown_at(Keyring(["another key of somebody"]), NOW)
    assert signed_time(text, KEYS) is None
    rotated = Keyring(["the new key of the site", "another key of somebody"])
    assert signed_time(text, rotated) == NOW


class Contact(Form):
    honeypot = True
    message: str


def test_the_trap_is_out_of_the_way_of_people():
    page = Page(Contact.blank(keyring=KEYS))
    trap = page.one("input", name=TRAP)
    assert (trap["tabindex"], trap["autocomplete"]) == ("-1", "off")
    around = page.one("div", class_="form-trap")
    assert around["aria-hidden"] == "true"
    assert "inert" in around
    assert page.text("contact-message") == ""
    assert page.one("input", name=SHOWN_AT)["type"] == "hidden"


def test_a_filled_trap_is_told_and_what_was_typed_is_kept():
    sent = {"message": "hello", TRAP: "x", SHOWN_AT: shown_at(KEYS, NOW)}
    form = Contact.bind(sent, keyring=KEYS)
    assert not form.valid
    assert "field that people do not see" in form.form_errors[0]
    assert ">\nhello" in form.render() or 'value="hello"' in form.render()


def test_who_was_too_fast_may_send_the_very_same_form_again():
    shown = shown_at(KEYS, 4_000_000_000)  # still to come, so it is always too early
    form = Contact.bind({"message": "hello", SHOWN_AT: shown}, keyring=KEYS)
    assert form.form_errors == ["That was very fast. Wait a moment and send it again."]
    assert Page(form).one("input", name=SHOWN_AT)["value"] == shown


def test_a_honeypot_without_a_key_is_refused_with_the_line_that_mends_it():
    with pytest.raises(ConfigurationError, match=r"Contact.bind\(\.\.\., keyring=Keyring"):
        Contact.blank()


def test_a_field_cannot_have_the_name_of_the_trap():
    with pytest.raises(ConfigurationError, match="'homepage' of Wrong"):

        class Wrong(Form):
            honeypot = True
            homepage: str
