import pytest

from coatcheck.core.errors import ConfigurationError
from coatcheck.forms.errors import size_in_words
from coatcheck.forms.limits import MB, Limits


def test_the_defaults_are_those_of_the_documentation():
    limits = Limits()
    assert size_in_words(limits.body) == "2.5 MB"
    assert size_in_words(limits.total) == size_in_words(limits.file_size) == "32 MB"
    assert size_in_words(limits.field_size) == "64 KB"
    assert size_in_words(limits.part_headers) == "8 KB"
    assert size_in_words(limits.spool) == "256 KB"
    assert (limits.fields, limits.files) == (1000, 100)
    assert size_in_words(7) == "7 bytes"
    assert size_in_words(3 << 30) == "3 GB"


@pytest.mark.parametrize("value", [0, -1, 1.5, None, True, "64"])
def test_a_limit_that_is_no_count_is_refused_at_once(value):
    with pytest.raises(ConfigurationError, match=r"Limits\(fields="):
        Limits(fields=value)


@pytest.mark.parametrize(
    "contradiction", [{"field_size": 4 << 20}, {"body": 64 << 20}, {"total": 16 << 20}]
)
def test_a_limit_that_can_never_be_reached_is_refused_at_once(contradiction):
    with pytest.raises(ConfigurationError, match="can never be reached"):
        Limits(**contradiction)


def test_the_others_move_only_where_they_would_contradict_what_is_given():
    assert Limits.around({}) == Limits()
    larger = Limits.around({"file_size": 100 * MB})
    assert (larger.file_size, larger.total, larger.body) == (100 * MB, 100 * MB, Limits().body)
    smaller = Limits.around({"total": MB})
    assert (smaller.total, smaller.file_size, smaller.body) == (MB, MB, MB)
    assert Limits.around({"total": 1024}).field_size == 1024
    up = Limits.around({"field_size": 64 * MB})
    assert (up.field_size, up.body, up.total, up.file_size) == (64 * MB, 64 * MB, 64 * MB, 32 * MB)


def test_two_given_ones_that_contradict_each_other_are_refused():
    with pytest.raises(ConfigurationError, match=r"file_size=.* can never be reached"):
        Limits.around({"file_size": 2 * MB, "total": MB})
    with pytest.raises(ConfigurationError, match="whole number"):
        Limits.around({"files": "5"})  # type: ignore[dict-item]
