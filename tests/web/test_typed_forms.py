"""Forms as classes in the standalone stack: shown, judged, shown again, and the way back."""

import pytest

from coatcheck.forms import Email, FieldError, Form, NewPassword, Password, field
from coatcheck.web import redirect
from tests.web.sites import OWN_PAGE, browser, site

GOOD = {"email": "al@example.com", "password": "correct horse", "confirm": "correct horse"}


class Register(Form):
    email: Email = field(help="We never share it.")
    password: NewPassword = field(min=8)
    confirm: Password = field(same_as="password")


@pytest.fixture
def seen():
    return []


@pytest.fixture
def visitor(seen):
    app = site()

    @app.form("/register", Register)
    def register(form):
        seen.append(form)
        if form.email.startswith("taken"):
            raise FieldError("email", "This address is taken.")
        if form.email.startswith("back"):
            form.add_error("email", "Think again.")
            return form.back()
        return redirect("/done")

    return browser(app, headers=OWN_PAGE)


def test_a_get_shows_the_form_and_the_view_is_not_called(visitor, seen):
    answer = visitor.get("/register")
    assert answer.status_code == 200
    assert 'name="email"' in answer.text
    assert 'name="csrfmiddlewaretoken"' in answer.text
    assert "There is a problem" not in answer.text
    assert seen == []


def test_a_form_with_errors_comes_back_in_place_with_all_of_them(visitor, seen):
    answer = visitor.post("/register", data={"email": "al", "password": "short"})
    assert answer.status_code == 422
    assert 'value="al"' in answer.text
    assert "has an @ in it" in answer.text
    assert "at least 8 characters" in answer.text
    assert "Fill in this field." in answer.text
    assert "short" not in answer.text
    assert seen == []


def test_a_form_without_errors_reaches_the_view_as_typed_data(visitor, seen):
    answer = visitor.post("/register", data=GOOD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/done")
    assert seen[0].email == "al@example.com"
    assert "correct horse" not in repr(seen[0])


def test_what_the_view_finds_out_stands_beside_its_field(visitor):
    answer = visitor.post("/register", data=GOOD | {"email": "taken@example.com"})
    assert answer.status_code == 422
    assert 'id="register-email-error">This address is taken.' in answer.text


def test_the_way_back_shows_old_input_and_errors_once(visitor):
    answer = visitor.post("/register", data=GOOD | {"email": "back@example.com"})
    assert answer.status_code == 303
    address = answer.headers["location"]
    page = visitor.get(address).text
    assert "Think again." in page
    assert 'value="back@example.com"' in page
    assert "correct horse" not in page
    assert "Think again." not in visitor.get(address).text
