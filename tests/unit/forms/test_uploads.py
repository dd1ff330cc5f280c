from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import pytest

from coatcheck.core.errors import ConfigurationError
from coatcheck.forms.content_types import KNOWN, fitting
from coatcheck.forms.errors import UnsuitableUpload
from coatcheck.forms.uploads import Upload, safe_filename


def upload(content: bytes = b"0123456789") -> Upload:
    return Upload("a.txt", "text/plain", len(content), BytesIO(content), raw_filename="a.txt")


def test_an_upload_is_read_like_a_file_and_again_in_chunks():
    one = upload()
    assert one.read(4) == b"0123"
    assert one.read() == b"456789"
    assert list(one.chunks(4)) == [b"0123", b"4567", b"89"]
    assert repr(one) == "<Upload 'a.txt' text/plain 10 bytes>"


def test_saving_keeps_the_whole_file_wherever_reading_has_got_to(tmp_path):
    one = upload()
    one.read(4)
    one.save(tmp_path / "kept.txt")
    assert (tmp_path / "kept.txt").read_bytes() == b"0123456789"


def test_saving_never_replaces_a_file(tmp_path):
    (tmp_path / "kept.txt").write_bytes(b"somebody else's")
    with pytest.raises(FileExistsError):
        upload().save(str(tmp_path / "kept.txt"))
    assert (tmp_path / "kept.txt").read_bytes() == b"somebody else's"


def test_saving_that_fails_leaves_nothing_behind(tmp_path):
    one = upload()
    one.close()
    with pytest.raises(ValueError, match="closed file"):
        one.save(tmp_path / "kept.txt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("photo.png", "photo.png"),
        ("r\u00e9sum\u00e9 (1).pdf", "r\u00e9sum\u00e9 (1).pdf"),
        ("\u5199\u771f.jpg", "\u5199\u771f.jpg"),
        ("archive.tar.gz", "archive.tar.gz"),
        ("what?.txt", "what_.txt"),
        ("", "unnamed"),
        ("...", "unnamed"),
        (" spaced .txt ", "spaced .txt"),
    ],
)
def test_a_file_name_stays_what_people_called_it_where_it_can(raw, safe):
    assert safe_filename(raw) == safe


def test_a_long_name_is_cut_to_255_bytes_and_keeps_its_extension():
    assert safe_filename("x" * 5000 + ".tar.gz") == "x" * 252 + ".gz"
    assert len(safe_filename("\u00e9" * 300 + ".png").encode()) <= 255
    assert safe_filename("x" * 300 + "." + "y" * 300) == "x" * 255


def file_of(content: bytes, filename: str = "a") -> Upload:
    return Upload(filename, "image/png", len(content), BytesIO(content))


def archive(*names: str) -> bytes:
    made = BytesIO()
    with ZipFile(made, "w", ZIP_DEFLATED) as kept:
        for name in names:
            kept.writestr(name, "x" * 2000)
    return made.getvalue()


def open_document(kind: str) -> bytes:
    made = BytesIO()
    with ZipFile(made, "w", ZIP_STORED) as kept:
        kept.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        kept.writestr("content.xml", "<x/>")
    return made.getvalue()


OFFICE = "application/vnd.openxmlformats-officedocument."
FILES = {
    "image/png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "image/jpeg": b"\xff\xd8\xff\xe1\0\x10Exif\0\0",
    "image/gif": b"GIF89a\1\0\1\0",
    "image/webp": b"RIFF\x1a\0\0\0WEBPVP8L",
    "image/avif": b"\0\0\0\x20ftypavif\0\0\0\0",
    "image/heic": b"\0\0\0\x18ftypheic\0\0\0\0",
    "image/bmp": b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\1\0\0\0\1\0\0\0",
    "image/tiff": b"II*\0\x08\0\0\0",
    "application/pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj",
    f"{OFFICE}wordprocessingml.document": archive("[Content_Types].xml", "word/document.xml"),
    f"{OFFICE}spreadsheetml.sheet": archive("[Content_Types].xml", "xl/workbook.xml"),
    f"{OFFICE}presentationml.presentation": archive("[Content_Types].xml", "ppt/a.xml"),
    "application/vnd.oasis.opendocument.text": open_document("text"),
    "application/vnd.oasis.opendocument.spreadsheet": open_document("spreadsheet"),
    "application/zip": archive("a.txt"),
    "application/gzip": b"\x1f\x8b\x08\0\0\0\0\0",
    "audio/flac": b"fLaC\0\0\0\x22",
    "audio/mp4": b"\0\0\0\x18ftypM4A \0\0\0\0",
    "audio/mpeg": b"ID3\3\0\0\0\0",
    "audio/ogg": b"OggS\0\2\0\0",
    "audio/wav": b"RIFF\x24\0\0\0WAVEfmt ",
    "video/mp4": b"\0\0\0\x20ftypisom\0\0\2\0",
    "video/quicktime": b"\0\0\0\x14ftypqt  \0\0\2\0",
    "video/webm": b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1\x42\x82\x84webm",
    "text/plain": "Grüße,\r\nal\x1b[0m\n".encode(),
    "text/csv": b"a,b\n1,2\n",
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_is_what_its_bytes_say_and_no_other_type(kind):
    one = file_of(FILES[kind])
    one.read(3)
    assert one.check(types=[kind]) == kind
    assert one.read() == FILES[kind]
    fits = {other for other in FILES if next(fitting(BytesIO(FILES[kind]), [KNOWN[other]]), None)}
    texts = {"text/plain", "text/csv"}
    zipped = {"application/zip"} if FILES[kind].startswith(b"PK") else set()
    assert fits == ({kind} | zipped if kind not in texts else texts)


def test_every_known_type_has_its_sample():
    assert FILES.keys() == KNOWN.keys()


@pytest.mark.parametrize(
    ("content", "problem", "says"),
    [
        (b"MZ\x90\0\3\0\0\0", "type", "of no type that is known here"),
        (b"<?php system($_GET[0]);", "type", "is text/plain by its content"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'>", "type", "text/plain"),
        (FILES["image/gif"], "type", "is image/gif by its content"),
        (b"", "empty", "is empty"),
        (FILES["image/png"][:7], "type", "of no type"),
    ],
)
def test_a_file_of_another_type_is_refused_whatever_its_sender_calls_it(content, problem, says):
    with pytest.raises(UnsuitableUpload, match=says) as caught:
        file_of(content, "photo.png").check(types=["image/png", "image/jpeg"])
    assert (caught.value.problem, caught.value.status) == (problem, 415)
    assert "'photo.png'" in str(caught.value)
    assert "image/png or image/jpeg" in str(caught.value)


@pytest.mark.parametrize("name", ["shell.php", "page.html", "photo.png.exe", "photo.jpg"])
def test_a_picture_under_a_programs_name_is_refused(name):
    with pytest.raises(UnsuitableUpload, match=r"Name it \.png") as caught:
        file_of(FILES["image/png"], name).check(types=["image/*"])
    assert (caught.value.problem, caught.value.found) == ("extension", "image/png")


@pytest.mark.parametrize("name", ["photo.png", "PHOTO.PNG", "a.b.png", "photo"])
def test_a_picture_under_a_pictures_name_passes(name):
    assert file_of(FILES["image/png"], name).check(types=["image/*"]) == "image/png"


def test_of_several_types_that_fit_the_extension_picks():
    types = ["text/plain", "text/csv"]
    assert file_of(b"a,b\n", "a.csv").check(types=types[1:]) == "text/csv"
    assert file_of(b"a,b\n", "a.txt").check(types=types) == "text/plain"


def test_text_is_text_to_its_end():
    long = b"a" * 200_000
    for tail in (b"\0", b"\xff", b"\xc3"):
        with pytest.raises(UnsuitableUpload):
            file_of(long + tail).check(types=["text/plain"])
    split = b"a" * (64 * 1024 - 1) + "ä".encode()  # the letter lies across two reads
    assert file_of(split).check(types=["text/plain"]) == "text/plain"


def test_a_file_that_is_too_large_is_refused_with_both_sizes():
    with pytest.raises(UnsuitableUpload, match="larger than 2 KB: it has 3 KB") as caught:
        file_of(bytes(3 * 1024), "a.bin").check(max_size=2 * 1024)
    assert (caught.value.problem, caught.value.status) == ("size", 413)
    assert file_of(bytes(2 * 1024)).check(max_size=2 * 1024) == "application/octet-stream"


@pytest.mark.parametrize("types", [["image/pgn"], ["image/svg+xml"], ["text/*", "wat/*"], ["*/*"]])
def test_a_type_that_bytes_cannot_tell_is_a_mistake_of_the_site_and_no_weaker_check(types):
    with pytest.raises(ConfigurationError, match="cannot be told"):
        file_of(FILES["image/png"]).check(types=types)
