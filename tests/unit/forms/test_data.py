import pytest

from coatcheck.core.errors import BadRequest
from coatcheck.forms.data import FormData
from coatcheck.forms.errors import MissingField

COLOURS = FormData([("colour", "red"), ("size", "M"), ("colour", "blue")])


def test_a_name_sent_twice_gives_its_last_value_and_both_on_request():
    assert COLOURS["colour"] == "blue"
    assert COLOURS.get("colour") == "blue"
    assert COLOURS.getlist("colour") == ["red", "blue"]
    assert COLOURS.dict() == dict(COLOURS) == {"colour": "blue", "size": "M"}


def test_names_come_in_the_order_first_sent():
    assert list(COLOURS) == list(COLOURS.keys()) == ["colour", "size"]
    assert list(COLOURS.values()) == ["blue", "M"]
    assert list(COLOURS.items()) == [("colour", "blue"), ("size", "M")]
    assert list(COLOURS.lists()) == [("colour", ["red", "blue"]), ("size", ["M"])]
    assert len(COLOURS) == 2
    assert "size" in COLOURS
    assert "shape" not in COLOURS


def test_pairs_keep_every_value_in_its_place():
    assert COLOURS.pairs() == (("colour", "red"), ("size", "M"), ("colour", "blue"))
    assert COLOURS.urlencode() == "colour=red&size=M&colour=blue"


def test_what_is_given_out_cannot_change_what_was_sent():
    COLOURS.getlist("colour").append("green")
    next(COLOURS.lists())[1].clear()
    assert COLOURS.getlist("colour") == ["red", "blue"]
    assert not hasattr(COLOURS, "__setitem__")
    with pytest.raises(TypeError):
        hash(COLOURS)


def test_a_name_that_was_not_sent_gives_the_default():
    assert COLOURS.get("shape") is None
    assert COLOURS.get("shape", "round") == "round"
    assert COLOURS.getlist("shape") == []


def test_an_empty_value_is_sent_and_no_default_replaces_it():
    data = FormData([("note", "")])
    assert data.get("note", "none") == ""
    assert data["note"] == ""


def test_equal_means_the_same_values_of_every_name_in_their_order():
    assert FormData([("size", "M"), ("colour", "red"), ("colour", "blue")]) == COLOURS
    assert FormData([("size", "M"), ("colour", "blue"), ("colour", "red")]) != COLOURS
    assert COLOURS.dict() != COLOURS


def test_a_missing_field_is_a_key_error_and_a_bad_request_that_names_what_was_sent():
    data = FormData([("user_name", "ada"), ("password", "hunter2")])
    with pytest.raises(MissingField) as caught:
        data["username"]
    error = caught.value
    assert isinstance(error, KeyError)
    assert isinstance(error, BadRequest)
    assert error.status == 400
    assert error.field == "username"
    assert str(error) == (
        "The form has no field 'username'; it has 'user_name', 'password'. "
        "Did you mean 'user_name'?"
    )
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            FormData(source="query"),
            "The query string has no field 'q'; it has no fields at all. Check the name in the "
            "template, or use .get('q') for one that may be absent.",
        ),
        (
            FormData[str](source="files"),
            "The form has no file 'q'; it has no files at all. A form sends files only with "
            '<form method="post" enctype="multipart/form-data">.',
        ),
    ],
)
def test_a_missing_field_says_where_it_was_looked_for(data, message):
    with pytest.raises(MissingField) as caught:
        data["q"]
    assert str(caught.value) == message


def test_a_missing_field_message_stays_short_and_printable_whatever_was_sent():
    data = FormData([(f"\x1b[31m\u202e{number}{'x' * 500}", "") for number in range(900)])
    with pytest.raises(MissingField) as caught:
        data["y" * 10_000]
    message = str(caught.value)
    assert message.isprintable()
    assert "and 880 more" in message
    assert len(message) < 2000


def test_the_repr_shows_no_value_of_a_field_that_may_hold_a_secret():
    names = [
        "password",
        "new_passwd",
        "csrfmiddlewaretoken",
        "api_key",
        "cardNumber",
        "cvv",
        "PIN",
        "user-otp",
    ]
    text = repr(FormData([("city", "Ulm"), *((name, "s3cret") for name in names)]))
    assert "s3cret" not in text
    assert "'city'='Ulm'" in text
    assert all(name in text for name in names)


def test_the_repr_shows_ordinary_fields_and_shortens_long_ones():
    data = FormData([("shipping", "express"), ("monkey", "a"), ("monkey", "b"), ("bio", "x" * 900)])
    assert repr(data).startswith("<FormData 'shipping'='express' 'monkey'='a', 'b' 'bio'='xxx")
    assert len(repr(data)) < 120
    assert repr(FormData()) == "<FormData>"
