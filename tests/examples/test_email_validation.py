"""Email Validation, played in both styles. All visitors share one list."""

from uuid import uuid4

import pytest


@pytest.fixture
def address():
    """An address that nobody has entered before."""
    return f"ada.{uuid4().hex[:12]}@example.com"


def test_a_valid_address_is_kept_for_all_to_see_and_announced_once(visitor, another, address):
    visitor.get()
    words = visitor.press("Submit", email=f" {address} ")
    assert f"The email address you entered ({address}) is a VALID email address!" in words
    assert words.count(address) == 2
    assert visitor.get().count(address) == 1
    assert address in another.get()


@pytest.mark.parametrize("wrong", ["", "ada", "ada@", "@example.com", "a b@example.com", "ada@x"])
def test_what_is_no_address_comes_back_with_a_reason_and_is_not_kept(visitor, wrong):
    visitor.get()
    words = visitor.press("Submit", email=wrong)
    assert visitor.status == 422
    assert visitor.forms[0].fields["email"] == wrong
    assert 'aria-invalid="true"' in visitor.main
    assert "VALID email address" not in words


def test_an_address_is_kept_once(visitor, address):
    visitor.get()
    visitor.press("Submit", email=address)
    words = visitor.press("Submit", email=address)
    assert visitor.status == 422
    assert "in the list already" in words
    assert visitor.get().count(address) == 1


def test_an_address_can_be_deleted_by_two_people_at_once(visitor, another, address):
    visitor.get()
    visitor.press("Submit", email=address)
    another.get()
    assert f"{address} is gone." in visitor.press(f"Delete {address}")
    assert address not in visitor.get()
    another.press(f"Delete {address}")
    assert another.status == 200


def test_what_a_visitor_typed_is_shown_as_text(visitor):
    visitor.get()
    visitor.press("Submit", email='"><b>x')
    assert "<b>" not in visitor.main
