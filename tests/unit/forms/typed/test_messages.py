"""What is said about each mistake: plain words of our own, never Pydantic's."""

from collections import defaultdict
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args
from uuid import UUID

import pytest
from pydantic import (
    AnyHttpUrl,
    FutureDate,
    FutureDatetime,
    IPvAnyAddress,
    PastDate,
    PastDatetime,
    field_validator,
    model_validator,
)
from pydantic import Field as PydanticField
from pydantic_core.core_schema import ErrorType

from coatcheck.forms import Email, FieldError, Form, NewPassword, Password, field
from coatcheck.forms.typed.field import UNDECLARED
from coatcheck.forms.typed.languages import LANGUAGES, translations
from coatcheck.forms.typed.shapes import Kind, Shape
from coatcheck.forms.typed.words import words_for


def said_of(annotation: Any, text: object, declared: Any = ..., locale: str = "en") -> list[str]:
    """What a form with one field says of *text* in it."""
    body = {"__annotations__": {"it": annotation}, "__module__": __name__}
    form: Any = type("Asked", (Form,), body | ({} if declared is ... else {"it": declared}))
    found: list[str] = form.bind({"it": text}, locale=locale).errors.get("it", [])
    return found


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("annotation", "text", "message"),
    [
        (str, "", "Fill in this field."),
        (str, "   ", "Fill in this field."),
        (str, "a\0b", "Check what you entered here."),
        (Email, "", "Fill in this field."),
        (Email, "al", "An e-mail address has an @ in it, such as name@example.com."),
        (Email, "al@host", "What follows the @ has a dot in it, such as name@example.com."),
        (Email, "al ice@example.com", "An e-mail address has no blanks in it."),
        (Email, "al@ex_ample.com", "Enter an e-mail address, such as name@example.com."),
        (int, "", "Enter a number."),
        (int, "twelve", "Enter a whole number in digits, such as 12."),
        (int, "1.0", "Enter a whole number in digits, such as 12."),
        (int, "1,000", "Enter a whole number in digits, such as 12."),
        (int, "1_000", "Enter a whole number in digits, such as 12."),
        (int, "1.000", "Enter a whole number in digits, such as 12."),
        (int, "9" * 5000, "Enter a whole number in digits, such as 12."),
        (float, "nan", "Enter a number in digits, such as 3.5."),
        (float, "1e999", "Enter a smaller number."),
        (float, "3,5", "Enter a number in digits, such as 3.5."),
        (Decimal, "inf", "Enter a number in digits, such as 3.5."),
        (date, "", "Enter a date."),
        (date, "12", "Enter a real date as year-month-day, such as 2026-01-31."),
        (date, "2026-02-31", "Enter a real date as year-month-day, such as 2026-01-31."),
        (time, "", "Enter a time."),
        (time, "25:00", "Enter a time as hours and minutes, such as 14:30."),
        (datetime, "", "Enter a date and a time."),
        (datetime, "1700000000", "Enter a real date and time, such as 2026-01-31T14:30."),
        (UUID, "abc", "Enter the whole code: 32 digits and letters from a to f."),
        (Colour, "", "Choose an option."),
        (Colour, "blue", "Choose one of the options."),
        (Literal["a", 2], "3", "Choose one of the options."),
        (Literal[True], "", "Tick this box to go on."),
        (bool, "perhaps", "Tick the box or leave it empty."),
        (bool | None, "perhaps", "Choose one of the options."),
        (AnyHttpUrl, "nowhere", "Enter a web address, such as https://example.com."),
        (AnyHttpUrl, "ftp://x", "Enter a web address, such as https://example.com."),
        (IPvAnyAddress, "300.1.1.1", "Check what you entered here."),
        (PastDate, "2999-01-01", "Enter a date in the past."),
        (FutureDate, "1999-01-01", "Enter a date in the future."),
        (PastDatetime, "2999-01-01T10:00", "Enter a time in the past."),
        (FutureDatetime, "1999-01-01T10:00", "Enter a time in the future."),
        (Annotated[int, PydanticField(gt=3)], "3", "Enter more than 3."),
        (Annotated[int, PydanticField(lt=3)], "3", "Enter less than 3."),
        (Annotated[int, PydanticField(multiple_of=5)], "3", "Enter a multiple of 5."),
        (
            Annotated[Decimal, PydanticField(decimal_places=2)],
            "1.234",
            "Enter no more than 2 digits after the decimal point.",
        ),
        (Annotated[Decimal, PydanticField(max_digits=1)], "12", "Enter no more than one digit."),
    ],
)
def test_the_message_says_what_to_enter(annotation, text, message):
    assert said_of(annotation, text) == [message]


@pytest.mark.parametrize(
    ("annotation", "declared", "text", "message"),
    [
        (str, field(min=3), "ab", "Enter at least 3 characters."),
        (str, field(max=1), "ab", "Shorten this to one character."),
        (str, field(max=2), "abc", "Shorten this to 2 characters or fewer."),
        (str, field(pattern="[a-z]+"), "ab1", "Enter this in the form that is asked for."),
        (int, field(min=18), "17", "Enter 18 or more."),
        (Decimal, field(max=Decimal("9.5")), "9.6", "Enter 9.5 or less."),
        (date, field(min=date(2026, 1, 1)), "2025-12-31", "Enter 2026-01-01 or later."),
        (date, field(max=date(2026, 1, 1)), "2026-01-02", "Enter 2026-01-01 or earlier."),
        (list[Colour], field(min=1), [], "Choose at least one."),
        (list[str], field(max=1), ["a", "b"], "Enter no more than one."),
        (str, field(choices=["a", "b"]), "c", "Choose one of the options."),
        (str, field(messages={"missing": "Tell us."}), "", "Tell us."),
    ],
)
def test_limits_are_named(annotation, declared, text, message):
    assert said_of(annotation, text, declared) == [message]


def test_numbers_in_messages_are_written_as_the_visitor_writes_them():
    assert said_of(Decimal, "9,6", field(max=Decimal("9.5")), "de") == [
        "Geben Sie 9,5 oder weniger ein."
    ]
    assert said_of(float, "x", locale="fr") == ["Indiquez un nombre en chiffres, par exemple 3,5."]


def test_a_decimal_comma_is_read_where_people_write_one_and_never_as_thousands():
    assert said_of(Decimal, "3,50", locale="de") == []
    assert said_of(Decimal, "3.50", locale="de") == []
    # A thousand to one reader, one and a bit to another: nobody guesses.
    assert said_of(Decimal, "1.234", locale="de") != []
    assert said_of(Decimal, "1.234", locale="en") == []


class Ticket(Form):
    begin: date
    end: date
    code: str = "x"

    @field_validator("code")
    @classmethod
    def known(cls, code: str) -> str:
        if code == "bad":
            raise ValueError("No ticket has this code.")
        return code

    @model_validator(mode="after")
    def in_order(self) -> "Ticket":
        if self.end < self.begin:
            raise FieldError("end", "The end is before the begin.")
        if self.end == self.begin:
            raise ValueError("A ticket is for {more} than a day.")
        return self


def test_the_words_of_a_rule_are_said_as_they_are():
    assert Ticket.bind({"begin": "2026-01-01", "end": "2026-01-02", "code": "bad"}).errors == {
        "code": ["No ticket has this code."]
    }


def test_a_rule_over_several_fields_speaks_at_the_field_it_names_or_of_the_form():
    ticket = Ticket.bind({"begin": "2026-01-02", "end": "2026-01-01"})
    assert ticket.errors == {"end": ["The end is before the begin."]}
    ticket = Ticket.bind({"begin": "2026-01-01", "end": "2026-01-01"})
    assert ticket.errors == {"": ["A ticket is for {more} than a day."]}
    assert ticket.form_errors == ["A ticket is for {more} than a day."]


class Register(Form):
    email: Email
    password: NewPassword = field(min=8)
    confirm: Password = field(same_as="password", label="Again")


def test_all_mistakes_are_told_at_once_the_repeated_password_too():
    form = Register.bind({"email": "al", "password": "short", "confirm": "other"})
    assert form.errors == {
        "email": ["An e-mail address has an @ in it, such as name@example.com."],
        "password": ["Enter at least 8 characters."],
        "confirm": ["This is not the same as in “Password”."],
    }


def test_a_form_replaces_messages_of_all_its_fields():
    class Curt(Form):
        messages: ClassVar = {"missing": "Must be filled in."}
        name: str
        age: int = field(messages={"missing": "How old?"})

    assert Curt.bind({}).errors == {"name": ["Must be filled in."], "age": ["How old?"]}


def test_a_site_translates_its_own_messages_labels_and_help(tmp_path):
    from babel.messages.catalog import Catalog
    from babel.messages.mofile import write_mo

    catalog = Catalog(locale="de")
    catalog.add("Colour", "Farbe")
    catalog.add("It is taken.", "Das ist vergeben.")
    catalog.add("Fill in this field.", "Bitte ausfüllen.")
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "coatcheck.mo").open("wb") as file:
        write_mo(file, catalog)

    class Wish(Form):
        translations = Path(tmp_path)
        colour: str

    form = Wish.bind({}, locale="de")
    form.add_error("colour", "It is taken.")
    assert form.errors == {"colour": ["Bitte ausfüllen.", "Das ist vergeben."]}
    assert form.colour.label == "Farbe"


def shape(kind: Kind, *, many: bool = False) -> Shape:
    return Shape("it", kind, UNDECLARED, many, False, False, "It", "")


@pytest.mark.parametrize("kind", list(Kind))
def test_no_type_of_pydantics_errors_is_without_words_in_any_language(kind):
    ctx: Any = defaultdict(lambda: 3)
    for error_type in get_args(ErrorType):
        words = words_for({"type": error_type, "ctx": ctx}, shape(kind), {})
        for language in LANGUAGES:
            catalog = translations(language)
            spoken = words.spoken(catalog)
            assert spoken
            assert "{" not in spoken
            assert "nput" not in spoken
            if language != "en":
                assert spoken != words.spoken(translations("en"))
