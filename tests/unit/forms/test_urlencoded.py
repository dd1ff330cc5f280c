import pytest

from coatcheck.forms.data import FormData
from coatcheck.forms.errors import FormTooLarge, MalformedForm
from coatcheck.forms.limits import Limits
from coatcheck.forms.urlencoded import parse_query, parse_urlencoded


def test_a_plain_form_is_read():
    data = parse_urlencoded(b"username=ada&tags=a&tags=b&note=")
    assert data.pairs() == (("username", "ada"), ("tags", "a"), ("tags", "b"), ("note", ""))
    assert data.source == "form"


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"a+b", "a b"),
        (b"a%2Bb", "a+b"),
        (b"caf%C3%A9", "caf\u00e9"),
        ("caf\u00e9".encode(), "caf\u00e9"),
        (b"100%25", "100%"),
        (b"%3d%3D=", "==="),
        (b"x=y=z", "x=y=z"),
        (b"a;b", "a;b"),
        (b"line%0D%0Abreak", "line\r\nbreak"),
        (b"%F0%9F%A7%A5", "\U0001f9e5"),
    ],
)
def test_a_value_is_decoded(raw, value):
    assert parse_urlencoded(b"v=" + raw)["v"] == value


def test_names_are_decoded_like_values():
    assert parse_urlencoded(b"caf%C3%A9+au=lait").dict() == {"caf\u00e9 au": "lait"}


def test_a_name_without_an_equals_sign_has_an_empty_value():
    assert parse_urlencoded(b"agree&&name=x&").pairs() == (("agree", ""), ("name", "x"))


def test_nothing_sent_is_an_empty_form():
    assert parse_urlencoded(b"") == FormData()
    assert parse_query("") == parse_query(b"") == FormData()


def test_a_query_may_be_text_or_bytes_and_says_where_it_came_from():
    assert parse_query("q=caf\u00e9") == parse_query(b"q=caf%c3%a9")
    assert parse_query("q=1").source == "query"


@pytest.mark.parametrize("raw", [b"a=%", b"a=%4", b"a=1%zz", b"a=%%41", b"a=% 41", b"%=a"])
def test_a_broken_percent_escape_is_refused_and_its_field_named(raw):
    with pytest.raises(MalformedForm, match="percent sign") as caught:
        parse_urlencoded(raw)
    assert caught.value.status == 400
    assert repr(raw.partition(b"=")[0].decode()) in str(caught.value)


def test_bytes_that_are_not_utf8_are_refused_with_their_place():
    with pytest.raises(MalformedForm, match=r"Byte 8 of the body is not UTF-8"):
        parse_urlencoded(b"name=ca\xe9f\xe9")
    with pytest.raises(MalformedForm, match=r"Byte 3 of the query string is not UTF-8"):
        parse_query(b"q=\xff")


def test_escapes_that_are_not_utf8_are_refused_with_their_field():
    with pytest.raises(MalformedForm, match=r"Field 'city' is not UTF-8"):
        parse_urlencoded(b"city=M%FCnchen")
    with pytest.raises(MalformedForm, match="is not UTF-8"):
        parse_urlencoded(b"x=%ED%A0%80")


def test_a_query_of_lone_surrogates_is_refused():
    with pytest.raises(MalformedForm, match="Unicode"):
        parse_query("q=\ud800")


def test_no_message_repeats_a_value():
    for raw in (b"password=hunter2%zz", b"password=hunter2%FF", b"password=hunter2%00"):
        with pytest.raises(MalformedForm) as caught:
            parse_urlencoded(raw)
        assert "hunter2" not in str(caught.value)


def test_up_to_the_limit_of_fields_is_read_and_one_more_refused():
    limits = Limits(fields=3)
    assert len(parse_urlencoded(b"a&b&c", limits)) == 3
    with pytest.raises(FormTooLarge) as caught:
        parse_urlencoded(b"a&b&c&d", limits)
    assert (caught.value.status, caught.value.limit, caught.value.allowed) == (413, "fields", 3)
    assert "more than 3 fields" in str(caught.value)
    assert "Limits(fields=...)" in str(caught.value)


@pytest.mark.parametrize("value", ["x" * 1025, "\u00e9" * 513, "\U0001f9e5" * 257])
def test_a_field_over_its_limit_is_named(value):
    limits = Limits(field_size=1024)
    assert parse_query(f"bio={value[:256]}", limits)
    with pytest.raises(FormTooLarge, match=r"One field is larger than 1 KB \(at field 'bio'\)"):
        parse_query(f"name=a&bio={value}", limits)


def test_a_field_is_measured_after_its_escapes_are_resolved():
    body = b"bio=" + b"%C3%A9" * 512
    assert len(parse_urlencoded(body, Limits(field_size=1024))["bio"]) == 512
    with pytest.raises(FormTooLarge, match="field_size"):
        parse_urlencoded(body, Limits(field_size=1023))


def test_a_name_is_measured_like_a_value():
    with pytest.raises(FormTooLarge, match="field_size"):
        parse_urlencoded(b"n" * 2000 + b"=1", Limits(field_size=1024))


def test_a_body_over_its_limit_is_refused():
    limits = Limits(body=1024, field_size=1024)
    assert parse_urlencoded(b"a=" + b"x" * 1022, limits)
    with pytest.raises(FormTooLarge, match="more than 1 KB"):
        parse_urlencoded(b"a=" + b"x" * 1023, limits)
