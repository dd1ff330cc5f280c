"""What is kept of an answer, how it is sealed, and what is given again."""

import io
import os

import pytest

from coatcheck.forms.answers import LARGEST, Answer, Seals, pack, shown_fields, unpack
from coatcheck.forms.data import FormData
from coatcheck.forms.fingerprint import of_body, of_form
from coatcheck.forms.uploads import Upload
from coatcheck.wire.errors import UndecodableValue
from coatcheck.wire.signing import Keyring

SECRET = bytes(range(32))
OLD, NEW = "the older key of this test", "the newer key of this test"

LOGIN = Answer.of(
    303,
    [
        ("Location", "/"),
        ("Set-Cookie", "session=new; HttpOnly"),
        ("Set-Cookie", "theme=dark"),
        ("HX-Trigger", "saved"),
        ("Date", "today"),
        ("Content-Length", "0"),
        ("Server", "a server"),
    ],
    b"",
    flashes=[("success", "Hello!")],
    fields=[("name", "al")],
)._replace(at=1000.0)


def upload(content: bytes, name: str = "a.txt") -> Upload:
    return Upload(name, "text/plain", len(content), io.BytesIO(content), name)


def test_an_answer_comes_back_as_it_was_kept():
    assert unpack(pack(LOGIN)) == LOGIN


def test_only_headers_of_the_answer_itself_are_kept():
    assert LOGIN.headers == (("location", "/"), ("hx-trigger", "saved"))
    assert LOGIN.cookies == ("session=new; HttpOnly", "theme=dark")


def test_cookies_are_given_again_soon_and_to_whom_they_were_for_only():
    with_cookies = [*LOGIN.headers, *(("set-cookie", cookie) for cookie in LOGIN.cookies)]
    assert LOGIN.again(1000.0, proved=True) == with_cookies
    assert LOGIN.again(1059.9, proved=True) == with_cookies
    assert LOGIN.again(1060.0, proved=True) == list(LOGIN.headers)
    assert LOGIN.again(1000.0, proved=False) == list(LOGIN.headers)
    assert LOGIN.again(999.0, proved=True) == list(LOGIN.headers)


@pytest.mark.parametrize("size", [0, 10, 1024, 1025, 100_000])
def test_a_body_comes_back_whole(size):
    answer = Answer(200, body=os.urandom(size))
    assert unpack(pack(answer)).body == answer.body


def test_a_page_that_compresses_well_may_be_large():
    page = b"<p>the same again</p>" * 50_000
    assert len(page) > 4 * LARGEST - 100
    assert len(pack(Answer(200, body=page))) < LARGEST
    assert unpack(pack(Answer(200, body=page))).body == page


def test_a_body_too_large_is_left_out_and_the_rest_is_kept():
    answer = unpack(pack(LOGIN._replace(body=os.urandom(LARGEST + 1))))
    assert answer == LOGIN._replace(body=None)


@pytest.mark.parametrize("data", [b"", b"nonsense", pack(LOGIN)[:-3]])
def test_what_is_no_answer_is_refused(data):
    with pytest.raises(UndecodableValue):
        unpack(data)


def test_what_is_sealed_opens_with_its_secret_and_key_only():
    sealed = Seals(Keyring([OLD])).seal(b"a private page", SECRET)
    assert b"private" not in sealed
    assert Seals(Keyring([OLD])).open(sealed, SECRET) == b"a private page"
    assert Seals(Keyring([NEW, OLD])).open(sealed, SECRET) == b"a private page"
    assert Seals(Keyring([NEW])).open(sealed, SECRET) is None
    assert Seals(Keyring([OLD])).open(sealed, bytes(32)) is None
    assert Seals(Keyring([OLD])).open(sealed[:-1] + b"x", SECRET) is None


def test_no_secret_and_no_file_is_among_the_fields_that_are_kept():
    fields = FormData(
        [
            ("csrfmiddlewaretoken", "a ticket"),
            ("name", "al"),
            ("password", "hunter2"),
            ("card_number", "4111 1111 1111 1111"),
            ("note", "x" * 5000),
        ]
    )
    files = FormData([("photo", upload(b"bytes of a photo", "me.png"))], source="files")
    shown = shown_fields(fields, files)
    assert [name for name, _ in shown] == ["name", "note", "photo"]
    assert shown[2] == ("photo", "me.png")
    assert len(shown[1][1]) == 2001


def test_equal_forms_have_one_fingerprint_whatever_their_token():
    first = FormData([("csrf_token", "one"), ("a", "1"), ("b", "2")])
    second = FormData([("csrf_token", "two"), ("a", "1"), ("b", "2")])
    assert of_form(first) == of_form(second)


@pytest.mark.parametrize(
    "pairs",
    [
        [("a", "1")],
        [("b", "2"), ("a", "1")],
        [("a", "1"), ("b", "2"), ("b", "2")],
        [("a", "1b2"), ("", "")],
        [("a", "1"), ("b", "2"), ("go", "delete")],
        [("a", "1"), ("b", "3")],
        [],
    ],
)
def test_another_value_order_or_button_is_another_fingerprint(pairs):
    assert of_form(FormData(pairs)) != of_form(FormData([("a", "1"), ("b", "2")]))


def test_a_field_that_does_not_count_is_left_out():
    first = FormData([("a", "1"), ("shown_at", "noon")])
    second = FormData([("a", "1"), ("shown_at", "midnight")])
    assert of_form(first, without=["shown_at"]) == of_form(second, without=["shown_at"])
    assert of_form(first) != of_form(second)


def test_files_count_by_name_and_content_and_can_be_read_afterwards():
    fields = FormData([("a", "1")])

    def with_file(content: bytes, name: str = "a.txt") -> bytes:
        return of_form(fields, FormData([("photo", upload(content, name))], source="files"))

    assert with_file(b"one") == with_file(b"one")
    assert len({with_file(b"one"), with_file(b"two"), with_file(b"one", "b.txt")}) == 3
    files = FormData([("photo", upload(b"one"))], source="files")
    of_form(fields, files)
    assert files["photo"].read() == b"one"


def test_a_body_that_is_no_form_counts_as_it_is():
    assert of_body("application/json", b"{}") == of_body("application/json", b"{}")
    assert of_body("application/json", b"{}") != of_body("application/json", b"[]")
    assert of_body("text/plain", b"{}") != of_body("application/json", b"{}")
