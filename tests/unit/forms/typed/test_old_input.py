"""What of a form may wait for the next page, and what must not."""

import pytest

from coatcheck.forms import Form, NewPassword, Password, field
from coatcheck.forms.typed.bound import restored
from coatcheck.forms.typed.old_input import (
    KEPT_FOR,
    KEY,
    MOST_KEPT,
    key_of,
    may_wait,
    new_id,
    outdated,
)


@pytest.mark.parametrize("name", ["password", "confirm_password", "card_number", "cvc", "iban"])
def test_fields_named_like_secrets_are_not_kept(name):
    assert not may_wait(name, ("x",))


@pytest.mark.parametrize(
    "text", ["4111111111111111", "4111 1111 1111 1111", "my card: 5500-0000-0000-0004."]
)
def test_what_looks_like_a_card_is_not_kept_whatever_its_field_is_called(text):
    assert not may_wait("note", (text,))


@pytest.mark.parametrize("text", ["", "hello", "4111111111111112", "+49 30 1234567", "9" * 60])
def test_other_texts_are_kept(text):
    assert may_wait("note", (text,))


class Line(Form):
    what: str
    count: int


class Order(Form):
    name: str
    secret_word: str
    first: NewPassword
    again: Password = field(same_as="first")
    lines: list[Line]


def test_a_form_stands_as_it_did_but_for_its_secrets():
    sent = {
        "name": " al ",
        "secret_word": "hidden thing",
        "first": "correct horse",
        "again": "wrong horse",
        "lines.3.what": "x",
        "lines.3.count": "y",
    }
    form = Order.bind(sent)
    form.add_error(None, "Not today.")
    kept = form._state.to_keep()
    assert "horse" not in repr(kept)
    assert "hidden thing" not in repr(kept)
    again = restored(Order, kept)
    assert again.errors == form.errors
    assert again["name"].value == " al "
    assert again["lines.0.count"].value == "y"
    assert not again.valid


def test_an_id_has_one_shape_and_nothing_else_names_a_key_of_the_session():
    assert key_of(new_id()) is not None
    assert [key_of(id) for id in ("", "_flashes", "../../x", "a" * 17)] == [None] * 4


def test_old_forms_are_dropped_by_age_and_number():
    def bag(at: float) -> dict[str, float]:
        return {"at": at}

    kept = {f"{KEY}{number}": bag(1000 + number) for number in range(MOST_KEPT)}
    others = {"cart": [1], f"{KEY}odd": "not a bag"}
    assert outdated({**kept, **others}, 1000) == [f"{KEY}0"]  # one more is about to come
    assert outdated({**kept, **others}, 1002 + KEPT_FOR) == [f"{KEY}0", f"{KEY}1"]
    assert outdated(others, 1000) == []
