import tempfile

import pytest

from coatcheck.forms.errors import (
    FormTooLarge,
    MalformedForm,
    UnsupportedForm,
    UploadNotStored,
)
from coatcheck.forms.headers import is_form
from coatcheck.forms.limits import Limits
from coatcheck.forms.parser import FormParser

from .bodies import BOUNDARY, CONTENT_TYPE, URLENCODED, file, multipart, part, read, text

SMALL = Limits(body=4096, total=65536, field_size=1024, file_size=16384, fields=3, files=2)


def test_a_browsers_multipart_form_is_read():
    fields, files = read(
        multipart(
            text("name", "Ada"),
            text("colour", "red"),
            file("photo", "ada.png", b"\x89PNG\r\n\x1a\n", "image/png"),
            text("colour", "blue"),
            text("note", "two\r\nlines, caf\u00e9"),
        )
    )
    assert fields.pairs() == (
        ("name", "Ada"),
        ("colour", "red"),
        ("colour", "blue"),
        ("note", "two\r\nlines, caf\u00e9"),
    )
    upload = files["photo"]
    assert (upload.filename, upload.content_type, upload.size) == ("ada.png", "image/png", 8)
    assert upload.read() == b"\x89PNG\r\n\x1a\n"
    assert (fields.source, files.source) == ("form", "files")
    upload.close()


def test_a_urlencoded_form_is_read_in_pieces():
    fields, files = read(b"a=caf%C3%A9&b=2", URLENCODED, piece=1)
    assert fields.dict() == {"a": "caf\u00e9", "b": "2"}
    assert len(files) == 0


def test_a_form_with_nothing_in_it_is_empty():
    assert not read(multipart()).fields
    assert not read(b"", URLENCODED).fields


def test_the_media_type_is_read_in_any_case_and_with_blanks():
    body = multipart(text("a", "1"))
    for content_type in (
        f"Multipart/Form-Data ; Boundary={BOUNDARY}",
        f'multipart/form-data;charset=UTF-8;boundary="{BOUNDARY}";',
    ):
        assert read(body, content_type).fields["a"] == "1"
    assert read(b"a=1", "Application/X-WWW-Form-URLEncoded; charset=utf-8").fields["a"] == "1"


def test_a_boundary_may_be_quoted_and_hold_what_rfc_2046_allows():
    boundary = "a'()+_,-./:=? b" + "c" * 55
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--{boundary}--\r\n'
    )
    assert read(body.encode(), f'multipart/form-data; boundary="{boundary}"').fields["x"] == "1"


def test_only_the_two_encodings_of_forms_are_forms():
    assert is_form(URLENCODED)
    assert is_form("MULTIPART/FORM-DATA; boundary=x")
    for other in (None, "", "application/json", "text/plain", "multipart/mixed; boundary=x"):
        assert not is_form(other)


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "", "multipart/mixed"])
def test_another_content_type_is_415(content_type):
    with pytest.raises(UnsupportedForm, match="is not a form") as caught:
        FormParser(content_type)
    assert caught.value.status == 415


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('name="a b"', "a b"),
        ("name=plain", "plain"),
        ('name="quote%22d"', 'quote"d'),
        (r'name="back\"slash"', 'back"slash'),
        ('name=""', ""),
        ('name="caf\u00e9"', "caf\u00e9"),
        (' NAME = "upper" ;', "upper"),
        ('name="100%"', "100%"),
    ],
)
def test_a_fields_name_is_read_however_it_is_quoted(disposition, name):
    assert read(multipart(part(disposition, b"1"))).fields.dict() == {name: "1"}


def test_a_file_input_left_empty_is_no_file():
    form = read(multipart(file("photo", "", b"", "application/octet-stream")))
    assert not form.files
    assert not form.fields


def test_a_file_of_no_bytes_and_one_of_no_name_are_files():
    form = read(multipart(file("empty", "empty.txt", b""), file("nameless", "", b"x")))
    assert form.files["empty"].size == 0
    assert form.files["nameless"].filename == "unnamed"
    for upload in form.files.values():
        upload.close()


def test_several_files_of_one_field_are_all_kept():
    form = read(multipart(file("doc", "1.txt", b"one"), file("doc", "2.txt", b"two")))
    assert [upload.read() for upload in form.files.getlist("doc")] == [b"one", b"two"]
    for upload in form.files.getlist("doc"):
        upload.close()


def test_a_file_without_a_type_or_with_a_senseless_one_is_bytes():
    body = multipart(
        part('name="a"; filename="a"', b"1"),
        part('name="b"; filename="b"', b"1", 'Content-Type: <script>"'),
        part('name="c"; filename="c"', b"1", "Content-Type: Text/HTML; charset=latin-1"),
    )
    form = read(body)
    assert form.files["a"].content_type == "application/octet-stream"
    assert form.files["b"].content_type == "application/octet-stream"
    assert form.files["c"].content_type == "text/html"
    for upload in form.files.values():
        upload.close()


def test_content_that_looks_like_a_boundary_is_content():
    content = f"\r\n--{BOUNDARY[:-1]}\r\n--\r\n\r\r\n--{BOUNDARY[:-1]}X--\r\n-".encode()
    for piece in (1, 7, 64, 65536):
        form = read(multipart(file("f", "f.bin", content), text("t", "x")), piece=piece)
        assert form.files["f"].read() == content
        assert form.fields["t"] == "x"
        form.files["f"].close()


def test_the_last_boundary_may_stand_at_the_very_end():
    assert read(multipart(text("a", "1")).removesuffix(b"\r\n")).fields["a"] == "1"


# Limits


def test_more_fields_than_allowed_are_413():
    with pytest.raises(FormTooLarge) as caught:
        read(multipart(*(text(f"f{number}", "") for number in range(4))), limits=SMALL)
    assert caught.value.limit == "fields"
    with pytest.raises(FormTooLarge) as caught:
        read(b"a&b&c&d", URLENCODED, SMALL)
    assert caught.value.limit == "fields"


def test_more_files_than_allowed_are_413():
    parts = [file("f", f"{number}.txt", b"x") for number in range(3)]
    with pytest.raises(FormTooLarge, match="more than 2 files") as caught:
        read(multipart(*parts), limits=SMALL)
    assert caught.value.limit == "files"


def test_a_text_field_over_its_limit_is_413_and_named():
    assert read(multipart(text("bio", "x" * 1024)), limits=SMALL)
    with pytest.raises(FormTooLarge) as caught:
        read(multipart(text("name", "Ada"), text("bio", "x" * 1025)), limits=SMALL)
    assert (caught.value.limit, caught.value.field) == ("field_size", "bio")


def test_a_file_over_its_limit_is_413_and_named():
    read(multipart(file("f", "f", b"x" * 16384)), limits=SMALL).files["f"].close()
    with pytest.raises(FormTooLarge) as caught:
        read(multipart(file("f", "f", b"x" * 16385)), limits=SMALL)
    assert (caught.value.limit, caught.value.field) == ("file_size", "f")


def test_text_fields_together_are_held_to_the_body_limit_and_files_are_not():
    limits = Limits(body=4096, field_size=4096, total=65536, file_size=16384)
    form = read(multipart(text("a", "x" * 3000), file("f", "f", b"x" * 16000)), limits=limits)
    form.files["f"].close()
    with pytest.raises(FormTooLarge) as caught:
        read(multipart(text("a", "x" * 3000), text("b", "x" * 2000)), limits=limits)
    assert (caught.value.limit, caught.value.field) == ("body", "b")


def test_everything_together_is_held_to_the_total_limit():
    parts = [file("f", "1", b"x" * 16384)] * 2 + [text("t", "x" * 1024)] * 2
    limits = Limits(body=4096, total=32768, field_size=1024, file_size=16384)
    with pytest.raises(FormTooLarge, match=r"larger than 32 KB") as caught:
        read(multipart(*parts), limits=limits, piece=1024)
    assert caught.value.limit == "total"


def test_the_headers_of_a_part_are_limited_in_bytes_and_in_lines():
    for headers in (["X-Padding: " + "x" * 9000], ["X: 1"] * 9, ["X-P: " + "x" * 1500] * 7):
        body = multipart(text("first", "1"), part('name="a"', b"1", *headers))
        for piece in (100, 65536):
            with pytest.raises(FormTooLarge, match=r"after field 'first'") as caught:
                read(body, piece=piece)
            assert caught.value.limit == "part_headers"


@pytest.mark.parametrize(
    ("content_type", "length", "limit"),
    [(CONTENT_TYPE, 32 * 1024 * 1024 + 1, "total"), (URLENCODED, 2_621_441, "body")],
)
def test_a_content_length_over_the_limit_is_413_before_a_byte_is_read(content_type, length, limit):
    with pytest.raises(FormTooLarge) as caught:
        FormParser(content_type, str(length))
    assert caught.value.limit == limit


# Ends


def test_a_body_shorter_than_its_content_length_is_cut_off():
    for content_type, body in ((CONTENT_TYPE, multipart(text("a", "1"))), (URLENCODED, b"a=1")):
        assert read(body, content_type, content_length=str(len(body))).fields["a"] == "1"
        with pytest.raises(MalformedForm, match="cut off"):
            read(body, content_type, content_length=str(len(body) + 1))
        with pytest.raises(MalformedForm, match="goes on after"):
            read(body, content_type, content_length=str(len(body) - 1))


def test_a_parser_takes_nothing_more_once_it_has_raised_finished_or_been_closed():
    refused = FormParser(CONTENT_TYPE, None, SMALL)
    with pytest.raises(FormTooLarge):
        refused.feed(b"x" * 70_000)
    finished = FormParser(URLENCODED)
    finished.finish()
    closed = FormParser(URLENCODED)
    closed.close()
    closed.close()
    for parser in (refused, finished, closed):
        with pytest.raises(RuntimeError):
            parser.feed(b"a=1")
        with pytest.raises(RuntimeError):
            parser.finish()


def test_a_large_file_waits_on_disk_and_a_small_one_in_memory(monkeypatch, tmp_path):
    opened = []
    real = tempfile.TemporaryFile

    def counted(**settings):
        opened.append(settings)
        return real(**settings)

    monkeypatch.setattr(tempfile, "TemporaryFile", counted)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    limits = Limits(spool=1024)
    read(multipart(file("f", "f", b"x" * 1024)), limits=limits).files["f"].close()
    assert not opened
    upload = read(multipart(file("f", "f", b"x" * 1025)), limits=limits).files["f"]
    assert opened
    assert upload.read() == b"x" * 1025
    upload.close()
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_directory_that_takes_no_file_is_503_and_says_which_setting_helps(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))
    with pytest.raises(UploadNotStored, match="TMPDIR") as caught:
        read(multipart(file("f", "f", b"x" * 2048)), limits=Limits(spool=1024))
    assert caught.value.status == 503
