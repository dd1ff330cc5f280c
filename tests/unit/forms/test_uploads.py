from io import BytesIO

import pytest

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
