"""Whatever is typed: forms show it as text and nothing else, and read back what they show."""

import math
import string
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from coatcheck.forms import Email, Form, NewPassword, field
from coatcheck.forms.data import FormData
from coatcheck.forms.typed.languages import LANGUAGES
from tests.unit.forms.typed.page import Page


class Colour(Enum):
    RED = "red"
    QUOTED = "\"><script>alert('x')</script>"


class Line(Form):
    what: str
    count: int
    gift: bool


class Address(Form):
    street: str
    town: str | None


class Everything(Form):
    text: str
    long: str = field(widget="textarea")
    whole: int
    real: float
    exact: Decimal
    flag: bool
    maybe: bool | None
    day: date
    moment: datetime
    clock: time
    id: UUID
    colour: Colour
    size: Literal["s", "m", 3] = field(widget="radios")
    colours: set[Colour]
    tags: list[str]
    note: str | None
    hidden: str = field(widget="hidden")
    address: Address
    other: Address | None
    lines: list[Line]


anything = st.text(st.characters(codec="utf-8"), max_size=60)
line = (
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40)
    .map(str.strip)
    .filter(bool)
)
lines = (
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], include_characters="\n"),
        min_size=1,
    )
    .map(str.strip)
    .filter(bool)
)
addresses = st.builds(lambda street, town: {"street": street, "town": town}, line, st.none() | line)
minutes = st.times().map(lambda t: t.replace(fold=0))
values = st.fixed_dictionaries(
    {
        "text": line,
        "long": lines,
        "whole": st.integers(),
        "real": st.floats(allow_nan=False, allow_infinity=False),
        "exact": st.decimals(allow_nan=False, allow_infinity=False, places=3),
        "flag": st.booleans(),
        "maybe": st.none() | st.booleans(),
        "day": st.dates(),
        "moment": st.datetimes().map(lambda t: t.replace(fold=0)),
        "clock": minutes,
        "id": st.uuids(),
        "colour": st.sampled_from(Colour),
        "size": st.sampled_from(["s", "m", 3]),
        "colours": st.sets(st.sampled_from(Colour)),
        "tags": st.lists(line, max_size=3),
        "note": st.none() | line,
        "hidden": line,
        "address": addresses,
        "other": st.none() | addresses,
        "lines": st.lists(
            st.fixed_dictionaries({"what": line, "count": st.integers(), "gift": st.booleans()}),
            max_size=3,
        ),
    }
)


@given(values, st.sampled_from(LANGUAGES), st.sampled_from(["", "mine"]))
def test_a_form_reads_back_what_it_shows(given_values, locale, prefix):
    shown = Everything.blank(given_values, locale=locale, prefix=prefix)
    sent = Page(shown).sends()
    bound = Everything.bind(FormData(sent), locale=locale, prefix=prefix)
    assert bound.errors == {}
    assert bound.data == Everything.model_validate(given_values)


def everywhere(text: str) -> list[tuple[str, str]]:
    """A form with *text* in every control."""
    plain = [
        (name, text)
        for name, shape in Everything.shapes().items()
        if shape.form is None and name not in ("flag",)
    ]
    rows = [("lines.0.what", text), ("lines.0.count", text), ("lines.1.what", "x")]
    return [*plain, ("address.street", text), ("other.street", text), *rows]


@given(anything)
def test_no_input_breaks_out_of_its_place(text):
    harmless = Page(Everything.bind(FormData(everywhere("harmless"))))
    page = Page(Everything.bind(FormData(everywhere(text))))
    # An empty or hostile text may leave an error out, never add an element of its own.
    known = {(tag, tuple(names)) for tag, names in harmless.shape()}
    known |= {(tag, tuple(names)) for tag, names in Page(Everything.blank()).shape()}
    allowed = {tag for tag, _ in known}
    for tag, attributes in page.elements:
        assert tag in allowed
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    assert not page.all("script")
    if text.strip() and "\0" not in text:
        assert page.one("input", id="everything-text")["value"] == text


@given(anything, anything, anything, st.lists(anything, min_size=1, max_size=4, unique=True))
def test_no_label_help_or_choice_breaks_out_of_its_place(label, help, placeholder, choices):
    class Asked(Form):
        one: str = field(label=label, help=help, placeholder=placeholder, choices=choices)
        two: str = field(label=label, help=help, placeholder=placeholder)

    page = Page(Asked.blank({"one": choices[0]}))
    assert {tag for tag, _ in page.elements} <= {"div", "label", "p", "select", "option", "input"}
    chosen = [option for option in page.all("option") if "selected" in option]
    assert [option["value"] for option in chosen] == [choices[0]]


@given(st.lists(st.tuples(anything, anything), max_size=20))
def test_no_names_and_values_make_bind_fail(pairs):
    Everything.bind(FormData(pairs)).render()


names = st.text(string.ascii_lowercase + "0123456789.-[]", max_size=40)
hostile_names = st.one_of(
    names, st.sampled_from(["lines", "lines.0.what", "address.street", "tags[]", "lines[][what]"])
)


@given(st.lists(st.tuples(hostile_names, st.text(max_size=5)), max_size=20))
def test_no_spelling_of_names_makes_bind_fail(pairs):
    Everything.bind(FormData(pairs)).render()


@given(st.text(string.ascii_letters, min_size=12))
def test_a_password_never_goes_back(password):
    class Register(Form):
        email: Email
        password: NewPassword

    bound = Register.bind({"email": "nothing", "password": password})
    page = Page(bound)
    assert "value" not in page.one("input", type="password")
    assert password not in repr(bound.raw)


digits = st.text("0123456789.,-+e_ ", max_size=8)


@given(anything | digits)
def test_a_number_is_read_as_written_or_not_at_all(text):
    class Asked(Form):
        int: int
        float: float
        exact: Decimal

    for locale in ("en", "de"):
        bound = Asked.bind({"int": text, "float": text, "exact": text}, locale=locale)
        found: Any = bound._state.data
        if found is None:
            continue  # not read at all
        written = text.strip().replace(",", ".") if locale == "de" else text.strip()
        assert math.isclose(found.float, float(written))
        assert found.int == int(text.strip())
