"""What a form looks like to a browser and to a screen reader: each control, and how it is wired."""

from datetime import date, time
from enum import Enum
from io import BytesIO
from typing import Literal

import pytest

from coatcheck.core.errors import ConfigurationError
from coatcheck.forms import Email, Form, NewPassword, Password, Upload, field
from coatcheck.forms.uploads import Upload as File
from tests.unit.forms.typed.page import Page


class Size(Enum):
    SMALL = "s"
    EXTRA_LARGE = "xl"


class Register(Form):
    email: Email = field(help="We never share it.", placeholder="al@example.com")
    password: NewPassword = field(min=8)
    confirm: Password = field(same_as="password")
    age: int | None = field(None, label="Your age")


def test_a_label_help_and_control_belong_together():
    page = Page(Register.blank())
    control = page.one("input", name="email")
    assert control["id"] == "register-email"
    assert page.one("label", for_="register-email") is not None
    assert control["aria-describedby"] == "register-email-help"
    assert page.text("register-email-help") == "We never share it."
    assert "aria-invalid" not in control
    assert "required" in control
    assert (control["type"], control["autocomplete"]) == ("email", "email")
    assert control["placeholder"] == "al@example.com"


def test_an_optional_field_says_so_and_a_required_one_is_marked_for_programs():
    page = Page(Register.blank())
    assert "required" not in page.one("input", name="age")
    assert str(Register.blank()).count("(optional)") == 1
    assert "Your age" in str(Register.blank().age)


def test_an_error_is_tied_to_its_control_after_the_help():
    page = Page(Register.bind({"email": "al"}))
    control = page.one("input", name="email")
    assert control["aria-invalid"] == "true"
    assert control["aria-describedby"] == "register-email-help register-email-error"
    assert "has an @ in it" in page.text("register-email-error")


def test_the_summary_takes_the_focus_and_leads_to_every_wrong_field():
    page = Page(Register.bind({"email": "al"}))
    summary = page.one("div", role="alert")
    assert (summary["tabindex"], "autofocus" in summary) == ("-1", True)
    assert summary["aria-labelledby"] == "register-problems-title"
    assert page.text("register-problems-title") == "There is a problem"
    ids = {found.get("id") for _, found in page.elements}
    links = [str(link["href"]) for link in page.all("a")]
    assert links == ["#register-email", "#register-password", "#register-confirm"]
    assert {link[1:] for link in links} <= ids


def test_a_form_without_errors_has_no_summary():
    assert not Page(Register.blank()).all("div", role="alert")


def test_errors_of_the_whole_form_stand_in_the_summary_without_a_link():
    form = Register.bind({})
    form.add_error(None, "Not today.")
    assert "<li>Not today.</li>" in form.render()


def test_passwords_are_never_filled_in_and_a_repeated_one_is_of_the_same_sort():
    page = Page(Register.bind({"password": "correct horse", "confirm": "correct horse"}))
    first, second = page.all("input", type="password")
    assert "value" not in first
    assert "value" not in second
    assert first["autocomplete"] == second["autocomplete"] == "new-password"


def test_every_id_is_there_once_also_with_two_forms_of_one_class():
    html = str(Register.bind({}, prefix="one")) + str(Register.bind({}, prefix="two"))
    ids = [found["id"] for _, found in Page(html).elements if "id" in found]
    assert len(ids) == len(set(ids))
    assert Page(html).one("input", name="two.email")["id"] == "two-email"


class Everything(Form):
    number: int = field(min=1)
    price: float
    day: date = field(min=date(2026, 1, 1))
    clock: time
    agree: Literal[True] = field(label="I agree")
    news: bool
    size: Size
    pick: Literal["a", "b"] = field(widget="radios", help="Take one.")
    sizes: set[Size] = field(min=1)
    many: list[Size] = field(widget="select")
    note: str = field(widget="textarea", rows=3, max=20)
    phone: str = field(widget="tel", autocomplete="tel")
    secret: str = field("x", widget="hidden")
    tags: list[str] = field([])
    photo: Upload = field(types=["image/png", "image/jpeg"])
    papers: list[Upload] = field([])


@pytest.fixture(scope="module")
def page():
    return Page(Everything.blank({"tags": ["a"], "sizes": [Size.SMALL], "pick": "b"}))


def test_numbers_get_a_number_keyboard_and_no_spinner(page):
    assert page.one("input", name="number")["type"] == "text"
    assert page.one("input", name="number")["inputmode"] == "numeric"
    assert page.one("input", name="price")["inputmode"] == "decimal"


def test_dates_and_times_get_the_browsers_own_pickers(page):
    assert page.one("input", name="day")["type"] == "date"
    assert page.one("input", name="day")["min"] == "2026-01-01"
    assert page.one("input", name="clock")["type"] == "time"


def test_what_a_picker_cannot_show_stands_in_a_text_field():
    page = Page(Everything.bind({"day": "tomorrow"}))
    day = page.one("input", name="day")
    assert (day["type"], day["value"]) == ("text", "tomorrow")


def test_a_consent_must_be_ticked_and_a_choice_of_yes_or_no_need_not(page):
    assert "required" in page.one("input", name="agree")
    assert "required" not in page.one("input", name="news")
    assert page.one("input", name="news")["value"] == "true"


def test_one_of_several_is_a_select_with_an_empty_first_option(page):
    options = page.all("option")[:3]
    assert [option["value"] for option in options] == ["", "s", "xl"]
    assert "Extra large" in str(Everything.blank().size)


def test_radios_are_a_group_with_a_legend_that_is_described_as_a_whole(page):
    group = page.one("fieldset", role="radiogroup")
    assert group["aria-describedby"] == "everything-pick-help"
    assert group["aria-required"] == "true"
    first, second = page.all("input", type="radio")
    assert ("checked" in first, "checked" in second) == (False, True)
    assert page.one("label", for_=str(second["id"])) is not None


def test_several_of_several_are_boxes_or_a_select(page):
    boxes = page.all("input", name="sizes")
    assert [box["type"] for box in boxes] == ["checkbox", "checkbox"]
    assert ["checked" in box for box in boxes] == [True, False]
    assert "multiple" in page.one("select", name="many")


def test_a_long_text_is_an_area_and_never_cut_off_by_the_browser(page):
    area = page.one("textarea", name="note")
    assert area["rows"] == "3"
    assert "maxlength" not in area  # a browser would cut what is pasted, and say nothing


def test_a_text_that_begins_with_a_line_break_keeps_it():
    html = str(Everything.bind({"note": "\nx"}).note)
    assert ">\n\nx</textarea>" in html


def test_a_list_of_texts_has_a_control_for_each_and_one_more(page):
    assert [item["value"] for item in page.all("input", name="tags")] == ["a", ""]


def test_a_file_field_asks_for_the_types_it_takes(page):
    photo, papers = page.one("input", name="photo"), page.one("input", name="papers")
    assert (photo["type"], photo["accept"]) == ("file", "image/png,image/jpeg")
    assert "multiple" in papers
    assert "multiple" not in photo


def test_a_form_with_files_is_sent_as_one():
    form = Page(Everything.blank().element("Save"))
    assert form.one("form")["enctype"] == "multipart/form-data"
    assert "enctype" not in Page(Register.blank().element()).one("form")


def test_the_whole_element_has_the_button_and_what_proves_its_origin():
    form = Register.blank().element("Join <now>", action="/join", csrf="<b>")
    assert "Join &lt;now&gt;</button>" in form
    assert "&lt;b&gt;" in form  # not marked as safe, so it is text
    assert Page(form).one("form")["action"] == "/join"


def test_attributes_can_be_added_and_hold_no_markup():
    control = Page(Register.blank().email.control(class_="wide", data_x='"><script>')).one("input")
    assert (control["class"], control["data-x"]) == ("wide", '"><script>')
    with pytest.raises(ConfigurationError, match="no name of an HTML attribute"):
        Register.blank().email(**{"x onclick": "1"})


class Line(Form):
    what: str
    count: int


class Order(Form):
    lines: list[Line] = field(max=2, help="At most two.")
    home: Line


def test_rows_are_groups_with_a_spare_one_that_need_not_be_filled_in():
    page = Page(Order.bind({"lines.0.what": "x"}))
    assert "required" in page.one("input", name="lines.0.count")
    assert "required" not in page.one("input", name="lines.1.count")
    assert page.one("input", name="lines.0.count")["aria-invalid"] == "true"
    assert "Lines 1, Count: " in str(Order.bind({"lines.0.what": "x"}))
    assert [link["href"] for link in page.all("a")] == [
        "#order-lines-0-count",
        "#order-home-what",
        "#order-home-count",
    ]


def test_there_is_no_spare_row_where_no_more_are_let_in():
    two = [{"what": "a", "count": 1}, {"what": "b", "count": 2}]
    assert not Page(Order.blank({"lines": two})).all("input", name="lines.2.what")


def test_a_form_within_itself_ends_somewhere():
    class Node(Form):
        name: str
        child: "Node | None" = None
        kids: "list[Node]" = field([])

    assert len(str(Node.blank())) < 100_000


def file(content: bytes, name: str) -> File:
    return File(name, "application/octet-stream", len(content), BytesIO(content), name)


class Photo(Form):
    title: str
    picture: Upload = field(types=["image/png"], max_size=1024)
    more: list[Upload] = field([], types=["image/*"])


PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def test_a_file_is_judged_by_its_content_together_with_the_rest():
    form = Photo.bind({}, {"picture": file(b"#!/bin/sh", "cat.png")})
    assert form.errors == {
        "title": ["Fill in this field."],
        "picture": ["This kind of file cannot be used: choose one of PNG."],
    }


@pytest.mark.parametrize(
    ("upload", "message"),
    [
        (None, "Choose a file."),
        (file(PNG + bytes(2000), "cat.png"), "The file is too large: choose one of 1 KB or less."),
        (file(b"", "cat.png"), "The file is empty: choose another one."),
        (
            file(PNG, "cat.exe"),
            "The file's name does not fit what is in it, which is PNG: rename it.",
        ),
    ],
    ids=["missing", "large", "empty", "name"],
)
def test_what_is_wrong_with_a_file_is_said_in_plain_words(upload, message):
    files = {"picture": upload} if upload else {}
    assert Photo.bind({"title": "x"}, files).errors == {"picture": [message]}


def test_a_form_that_sends_only_the_names_of_its_files_is_told_of_in_the_log(caplog):
    assert not Photo.bind({"title": "x", "picture": "cat.png"}).valid
    assert "'picture' came as text" in caplog.text
    assert "multipart/form-data" in caplog.text
    caplog.clear()
    Photo.bind({"title": "x", "picture": ""})
    assert caplog.text == ""


def test_good_files_are_given_to_the_view():
    first, second = file(PNG, "a.png"), file(PNG, "b.png")
    data = Photo.bind({"title": "x"}, {"picture": first, "more": [first, second]}).data
    assert data.picture is first
    assert data.more == [first, second]
