"""Login and Registration, played in both styles."""

from uuid import uuid4

import pytest

SECRET = "correct horse battery"


@pytest.fixture
def name():
    """A name that nobody has."""
    return f"ada-{uuid4().hex[:12]}"


def register(visitor, name, **typed):
    fields = {"username": name, "email": f"{name}@example.com", "password": SECRET}
    visitor.get()
    return visitor.press("Register", **{**fields, "again": SECRET, **typed})


def test_who_registers_is_in_and_welcomed_once(visitor, name):
    words = register(visitor, name)
    assert "Successfully registered." in words
    assert f"Welcome, {name}." in words
    assert "Successfully" not in visitor.get("success/")


def test_only_who_is_in_sees_the_page(visitor, name):
    assert "Success!" not in visitor.get("success/")
    assert {"Register", "Log in"} <= set(visitor.buttons)
    register(visitor, name)
    assert "Success!" in visitor.get("success/")
    assert "You are logged out." in visitor.press("Log out")
    assert "Success!" not in visitor.get("success/")


@pytest.mark.parametrize("by", ["{}", "{}@example.com"])
def test_who_is_registered_logs_in_from_another_browser(visitor, another, name, by):
    register(visitor, name)
    another.get()
    words = another.press("Log in", name=by.format(name), key=SECRET)
    assert "Successfully logged in." in words
    assert f"Welcome, {name}." in words


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(visitor, another, name):
    register(visitor, name)
    another.get()
    said = []
    for who in (name, "nobody-" + name):
        words = another.press("Log in", name=who, key="wrong")
        assert another.status == 422
        said.append(words.replace(who, ""))
        assert "do not fit" in words
    assert said[0] == said[1]
    assert "Success!" not in another.get("success/")


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("username", "A"),
        ("email", "not an address"),
        ("password", "short"),
        ("again", "another password"),
    ],
)
def test_what_will_not_do_comes_back_with_a_reason_and_without_the_password(
    visitor, name, field, typed
):
    register(visitor, name, **{field: typed})
    assert visitor.status == 422
    assert 'aria-invalid="true"' in visitor.main
    assert SECRET not in visitor.page.text
    form = visitor.forms[0]
    assert form.fields["username"] == ("A" if field == "username" else name)
    assert (form.fields["password"], form.fields["again"]) == ("", "")
    assert "Success!" not in visitor.get("success/")


def test_a_name_that_is_taken_is_refused(visitor, another, name):
    register(visitor, name)
    words = register(another, name, email=f"other-{name}@example.com")
    assert another.status == 422
    assert "taken" in words
