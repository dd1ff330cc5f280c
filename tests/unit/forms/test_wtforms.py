"""Forms of WTForms in our macros: their own controls, with all that WTForms leaves out."""

import pytest
from wtforms import (
    BooleanField,
    DecimalField,
    EmailField,
    FieldList,
    FileField,
    Form,
    FormField,
    HiddenField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import EqualTo, InputRequired, Length, NumberRange

from coatcheck.forms.data import FormData
from coatcheck.forms.typed.errors import NoSuchField
from coatcheck.forms.wtforms import dressed, filled
from tests.unit.forms.typed.page import Page


class Line(Form):  # type: ignore[misc]  # WTForms has no types
    what = StringField("What", [InputRequired("Say what.")])


class Register(Form):  # type: ignore[misc]
    email = EmailField("E-mail", [InputRequired("Fill it in.")], description="We never share it.")
    password = PasswordField("Password", [Length(min=8, message="Too short.")])
    confirm = PasswordField("Again", [EqualTo("password", "Not the same.")])
    age = IntegerField("Age", [NumberRange(min=18, message="Too young.")])
    price = DecimalField("Price", [NumberRange(min=1)], render_kw={"inputmode": "text"})
    size = SelectField("Size", choices=[SelectChoice("s", "Small"), SelectChoice("l", "<Large>")])
    colour = RadioField("Colour", choices=[SelectChoice("r", "Red"), SelectChoice("b", "Blue")])
    note = TextAreaField("Note")
    news = BooleanField("News")
    photo = FileField("Photo")
    next = HiddenField(default="/")
    home = FormField(Line, "Home")
    lines = FieldList(FormField(Line), "Lines", min_entries=1)


def sent(*pairs: tuple[str, str]) -> Page:
    form = filled(Register, FormData(pairs), FormData(source="files"))
    form.validate()
    return Page(dressed(form))


def test_a_form_is_filled_from_form_data():
    form = filled(Register, FormData([("email", "al@example.com"), ("age", "42"), ("news", "y")]))
    assert (form.email.data, form.age.data, form.news.data) == ("al@example.com", 42, True)
    assert filled(Register, age=7).age.data == 7


def test_files_are_found_beside_the_fields():
    upload = object()
    form = filled(Register, FormData(), FormData([("photo", upload)]))
    assert form.photo.data is upload


def test_labels_help_and_controls_belong_together():
    page = Page(dressed(filled(Register)))
    email = page.one("input", name="email")
    assert (email["type"], email["autocomplete"]) == ("email", "email")
    assert email["aria-describedby"] == "email-help"
    assert "required" in email
    assert page.text("email-help") == "We never share it."
    assert page.one("input", name="age")["inputmode"] == "numeric"
    assert page.one("input", name="price")["inputmode"] == "text"  # the form's own word stands
    assert page.one("textarea", name="note") is not None
    assert page.one("input", name="news")["type"] == "checkbox"
    assert page.one("input", name="next")["value"] == "/"
    assert page.one("fieldset", role="radiogroup")["id"] == "colour"
    for control in ("email", "password", "age", "size", "note", "news", "photo"):
        assert page.one("label", for_=control) is not None


def test_errors_are_wired_and_summed_up():
    page = sent(("password", "short"), ("confirm", "other"), ("age", "3"), ("size", "s"))
    email = page.one("input", name="email")
    assert email["aria-invalid"] == "true"
    assert email["aria-describedby"] == "email-help email-error"
    assert page.text("email-error") == "Fill it in."
    assert page.one("div", role="alert")["id"] == "register-problems"
    links = [link["href"] for link in page.all("a")]
    assert "#email" in links
    assert "#home-what" in links
    assert "#lines-0-what" in links
    assert {str(link)[1:] for link in links} <= {found.get("id") for _, found in page.elements}
    assert "aria-invalid" not in page.one("textarea", name="note")


def test_passwords_do_not_go_back_and_what_was_typed_cannot_become_markup():
    page = sent(("password", "correct horse"), ("email", '"><script>'), ("note", "</textarea><b>"))
    assert "correct horse" not in str(page.elements)
    assert page.one("input", name="email")["value"] == '"><script>'
    assert not page.all("script")
    assert not page.all("b")


def test_a_chosen_option_stays_chosen():
    page = sent(("size", "l"), ("colour", "b"))
    assert [one["value"] for one in page.all("option") if "selected" in one] == ["l"]
    assert [one["value"] for one in page.all("input", type="radio") if "checked" in one] == ["b"]


def test_one_field_and_the_whole_element_are_there_too():
    form = dressed(filled(Register))
    assert Page(form.email(class_="wide")).one("input")["class"] == "wide"
    assert Page(form.element("Join")).one("form")["enctype"] == "multipart/form-data"
    assert "Es gibt ein Problem" not in form.render()
    with pytest.raises(NoSuchField, match="email, password"):
        form["nothing"]


def test_our_few_words_are_in_the_visitors_language():
    form = filled(Register, FormData())
    form.validate()
    assert "Es gibt ein Problem" in dressed(form, locale="de").render()
