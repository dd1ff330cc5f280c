import pytest

from coatcheck.core.errors import ConfigurationError
from coatcheck.forms.errors import size_in_words
from coatcheck.forms.limits import Limits


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
