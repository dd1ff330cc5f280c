"""From what was sent to typed data: each kind of field, and every spelling of names."""

import subprocess
import sys
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import pytest

from coatcheck.core.errors import ConfigurationError
from coatcheck.forms import Email, Form, InvalidForm, NewPassword, Password, Upload, field
from coatcheck.forms.data import FormData
from coatcheck.forms.names import DEEPEST
from coatcheck.forms.typed.errors import NoSuchField


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Everything(Form):
    name: str
    age: int
    price: Decimal
    weight: float
    news: bool
    born: date
    starts: datetime
    at: time
    id: UUID
    size: Size
    colour: Literal["red", "blue"]
    number: Literal[1, 2]


SENT = {
    "name": " Al ",
    "age": "42",
    "price": "9.50",
    "weight": "1e2",
    "news": "on",
    "born": "2000-02-29",
    "starts": "2026-01-31T14:30",
    "at": "14:30",
    "id": "12345678-1234-5678-1234-567812345678",
    "size": "l",
    "colour": "red",
    "number": "2",
}


def test_every_kind_of_text_becomes_a_value_of_its_type():
    data = Everything.bind(FormData(SENT.items())).data
    assert data.model_dump() == {
        "name": "Al",
        "age": 42,
        "price": Decimal("9.50"),
        "weight": 100.0,
        "news": True,
        "born": date(2000, 2, 29),
        "starts": datetime.fromisoformat("2026-01-31T14:30"),
        "at": time(14, 30),
        "id": UUID("12345678-1234-5678-1234-567812345678"),
        "size": Size.LARGE,
        "colour": "red",
        "number": 2,
    }


class Profile(Form):
    name: str | None = "nobody"
    city: str | None
    age: int | None = None
    size: Size | None = None
    motto: str = "none yet"
    news: bool
    beta: bool = True
    tags: list[str] = field(["new"])
    sizes: set[Size] = field(set())


def test_an_emptied_field_is_none_or_its_default_and_a_missing_checkbox_is_false():
    form = Profile.bind(FormData([(name, "") for name in Profile.shapes()]))
    assert form.data.model_dump() == {
        "name": None,
        "city": None,
        "age": None,
        "size": None,
        "motto": "none yet",
        "news": False,
        "beta": False,
        "tags": [],
        "sizes": set(),
    }


def test_a_field_that_was_not_sent_has_its_default():
    data = Profile.bind(FormData()).data
    assert (data.name, data.city, data.motto, data.tags) == ("nobody", None, "none yet", ["new"])
    assert (data.news, data.beta) == (False, False)


def test_the_raw_text_is_kept_for_showing_it_again_whatever_was_read():
    form = Profile.bind(FormData([("age", " twelve "), ("name", "  "), ("news", "on")]))
    assert not form.valid
    assert form.raw["age"] == (" twelve ",)
    assert form.age.value == " twelve "
    assert form.raw["name"] == ("  ",)
    assert form.news.checked
    assert not form.beta.checked


def test_a_password_is_taken_as_typed_and_other_text_without_the_blanks_around_it():
    class Login(Form):
        name: str
        password: Password
        code: str = field(strip=False)

    data = Login.bind({"name": " al ", "password": "  s p  ", "code": " x "}).data
    assert (data.name, data.password, data.code) == ("al", "  s p  ", " x ")


def test_line_breaks_count_as_one_character_as_they_do_in_browsers():
    class Note(Form):
        text: str = field(widget="textarea", max=3)

    assert Note.bind({"text": "a\r\nb"}).data.text == "a\nb"


class Line(Form):
    what: str
    count: int = 1
    gift: bool


class Order(Form):
    tags: list[str] = field([])
    sizes: tuple[Size, ...] = ()
    address: Line | None
    lines: list[Line] = field([])


@pytest.mark.parametrize(
    "names", ["tags", "tags[]", ["tags[0]", "tags[1]"], ["tags-0", "tags-7"], ["tags.3", "tags.21"]]
)
def test_repeated_keys_become_a_list_however_they_are_spelled(names):
    spelled = [names, names] if isinstance(names, str) else names
    data = Order.bind(FormData(zip(spelled, ["b", "a"], strict=True))).data
    assert data.tags == ["b", "a"]


@pytest.mark.parametrize(
    "spelling",
    [
        "lines[{}][{}]",
        "lines.{}.{}",
        "lines-{}-{}",
        "lines[{}].{}",
    ],
)
def test_rows_are_read_in_order_however_they_are_spelled(spelling):
    sent = [
        (spelling.format(10, "what"), "last"),
        (spelling.format(2, "what"), "first"),
        (spelling.format(2, "count"), "3"),
        (spelling.format(10, "gift"), "on"),
    ]
    rows = Order.bind(FormData(sent)).data.lines
    assert [(row.what, row.count, row.gift) for row in rows] == [
        ("first", 3, False),
        ("last", 1, True),
    ]


def test_rows_without_numbers_are_put_together_by_their_places():
    sent = [("lines[][what]", "a"), ("lines[][count]", "1"), ("lines[][what]", "b")]
    rows = Order.bind(FormData(sent)).data.lines
    assert [(row.what, row.count) for row in rows] == [("a", 1), ("b", 1)]


@pytest.mark.parametrize("spelling", ["address[{}]", "address.{}", "address-{}"])
def test_a_form_within_a_form_is_read_however_it_is_spelled(spelling):
    data = Order.bind(FormData([(spelling.format("what"), "x")])).data
    assert data.address == Line(what="x", count=1, gift=False)


def test_an_optional_form_within_a_form_that_nobody_filled_in_is_none():
    assert Order.bind(FormData([("address.what", " "), ("address.count", "")])).data.address is None


def test_empty_rows_are_no_rows_and_errors_stand_in_the_rows_that_are_left():
    form = Order.bind(
        FormData(
            [("lines.0.what", ""), ("lines.1.what", ""), ("lines.1.count", "x")],
        )
    )
    assert form.errors == {
        "lines.0.what": ["Fill in this field."],
        "lines.0.count": ["Enter a whole number in digits, such as 12."],
    }
    assert form["lines.0.count"].value == "x"


def test_a_huge_index_makes_no_huge_list():
    rows = Order.bind(FormData([("lines[999999999][what]", "a")])).data.lines
    assert len(rows) == 1


def test_names_deeper_than_the_limit_are_left_out():
    class Node(Form):
        name: str = ""
        child: "Node | None" = None

    def named(depth: int) -> str:
        return ".".join([*["child"] * depth, "name"])

    node = Node.bind(FormData([(named(DEEPEST - 1), "deep"), (named(DEEPEST), "deeper")])).data
    depth = 0
    while node.child is not None:
        node, depth = node.child, depth + 1
    assert (depth, node.name) == (DEEPEST - 1, "deep")


def test_what_the_form_does_not_ask_for_is_not_taken():
    data = Profile.bind(FormData([("is_staff", "true"), ("csrfmiddlewaretoken", "x")])).data
    assert not hasattr(data, "is_staff")


def test_an_optional_yes_or_no_can_be_left_open():
    class Poll(Form):
        agrees: bool | None

    answers = [Poll.bind({"agrees": text}).data.agrees for text in ("", "true", "false")]
    assert answers == [None, True, False]


def test_choices_come_from_a_function_anew_for_each_form():
    colours = ["red"]

    class Wish(Form):
        colour: str = field(choices=lambda: colours)

    assert not Wish.bind({"colour": "blue"}).valid
    colours.append("blue")
    assert Wish.bind({"colour": "blue"}).valid


def test_two_forms_of_one_page_are_kept_apart_by_their_prefix():
    sent = FormData([("one-name", "a"), ("two.name", "b")])
    names = [Profile.bind(sent, prefix=prefix).data.name for prefix in ("one", "two")]
    assert names == ["a", "b"]


def test_data_of_a_form_with_errors_is_not_given_out():
    form = Everything.bind(FormData())
    with pytest.raises(InvalidForm, match="'name', 'age'") as caught:
        form.data  # noqa: B018
    assert caught.value.status == 422


def test_a_form_that_was_not_sent_is_not_valid_and_has_no_errors():
    form = Everything.blank()
    assert not form.valid
    assert form.errors == {}


def test_an_error_that_the_view_adds_makes_the_form_invalid():
    form = Profile.bind(FormData())
    data = form.data
    data.add_error("name", "This name is taken.")
    data.add_error(None, "Try again.")
    assert not form.valid
    assert form.errors == {"name": ["This name is taken."], "": ["Try again."]}
    with pytest.raises(NoSuchField, match="Its fields are: name, city"):
        data.add_error("nmae", "?")


def test_a_slip_in_a_template_names_the_field_that_is_near():
    with pytest.raises(AttributeError, match="Did you mean 'city'"):
        Profile.blank().ctiy  # noqa: B018


def test_data_says_what_it_holds_but_its_passwords():
    class Login(Form):
        name: str
        password: NewPassword

    data = Login.bind({"name": "al", "password": "correct horse"}).data
    assert "al" in repr(data)
    assert "correct horse" not in repr(data)
    assert "correct horse" not in repr(data.bound)


def test_data_is_compared_by_its_values():
    sent = FormData(SENT.items())
    assert Everything.bind(sent).data == Everything.bind(sent).data
    assert Everything.bind(sent).data != Everything.bind(SENT | {"age": "1"}).data


def test_data_shows_itself_as_the_form_it_came_from():
    data = Everything.bind(FormData(SENT.items())).data
    assert 'value="9.50"' in data.__html__()


# What cannot be a form is refused where its class is written


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (dict[str, int], "'it' of Wrong is a dict.*class Address"),
        (list[list[int]], "list of lists"),
        (bytes, "is bytes.*Upload"),
        (tuple[int, str], "tuple of different types"),
    ],
)
def test_a_type_that_no_form_can_send_is_refused(annotation, message):
    with pytest.raises(ConfigurationError, match=f"(?s){message}"):
        type("Wrong", (Form,), {"__annotations__": {"it": annotation}, "__module__": __name__})


@pytest.mark.parametrize("name", ["errors", "data", "valid", "bind", "render"])
def test_a_field_with_the_name_of_a_part_of_every_form_is_refused(name):
    with pytest.raises(ConfigurationError, match=f"has a field '{name}'"):
        type("Wrong", (Form,), {"__annotations__": {name: str}, "__module__": __name__})


@pytest.mark.parametrize("name", ["copy", "json", "schema", "dict"])
def test_a_field_may_be_called_as_a_method_that_pydantic_once_had(name):
    form: Any = type("Right", (Form,), {"__annotations__": {name: str}, "__module__": __name__})
    assert getattr(form.bind({name: "x"}).data, name) == "x"


def test_same_as_must_name_another_field():
    with pytest.raises(ConfigurationError, match="same as 'pasword'"):

        class Wrong(Form):
            password: str
            confirm: str = field(same_as="pasword")


def test_limits_stand_where_something_can_be_limited():
    with pytest.raises(ConfigurationError, match="no length and no order"):

        class Wrong(Form):
            size: Size = field(min=1)

    with pytest.raises(ConfigurationError, match="lets no value through"):
        field(min=2, max=1)
    with pytest.raises(ConfigurationError, match="textarea"):
        field(widget="texarea")  # type: ignore[arg-type]


def test_a_type_of_file_that_cannot_be_told_by_its_bytes_is_refused():
    with pytest.raises(ConfigurationError, match="svg"):

        class Wrong(Form):
            picture: Upload = field(types=["image/svg+xml"])

    with pytest.raises(ConfigurationError, match="is no file"):

        class AlsoWrong(Form):
            picture: str = field(max_size=3)


def test_an_e_mail_field_without_its_library_says_so_where_it_is_written(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'coatcheck\[forms\]'"):

        class Wrong(Form):
            email: Email


def test_the_parts_that_need_no_form_import_no_pydantic():
    program = (
        "import sys, coatcheck.forms, coatcheck.forms.csrf, coatcheck.web, coatcheck.web.app; "
        "coatcheck.web.App; print('pydantic' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.strip() == "False", run.stderr
