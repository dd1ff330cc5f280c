"""Names that hold a path, read without a form that says what to expect."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.forms.data import FormData
from coatcheck.forms.errors import MalformedForm


def nested(*pairs: tuple[str, str]) -> object:
    return FormData(pairs).nested()


@pytest.mark.parametrize("name", ["a[b]", "a.b"])
def test_a_group_is_a_dict(name):
    assert nested((name, "1"), ("c", "2")) == {"a": {"b": "1"}, "c": "2"}


@pytest.mark.parametrize("spelling", ["a[{}][b]", "a.{}.b", "a-{}-b", "a[{}].b"])
def test_numbers_are_a_list_in_their_order_and_without_gaps(spelling):
    sent = [(spelling.format(number), str(number)) for number in (10, 2, 999_999_999)]
    assert nested(*sent) == {"a": [{"b": "2"}, {"b": "10"}, {"b": "999999999"}]}


def test_empty_brackets_give_all_values_and_a_plain_name_the_last():
    assert nested(("a[]", "1"), ("a[]", "2"), ("b", "1"), ("b", "2")) == {"a": ["1", "2"], "b": "2"}
    assert nested(("a[b][]", "1")) == {"a": {"b": ["1"]}}


def test_a_dash_without_a_number_is_part_of_the_name():
    assert nested(("first-name", "Al"), ("a-0", "x")) == {"first-name": "Al", "a": ["x"]}


@pytest.mark.parametrize("name", ["a[", "a]b", "a[b", "[a]", "a[b]]"])
def test_brackets_that_do_not_pair_are_part_of_the_name(name):
    assert nested((name, "1")) == {name: "1"}


def test_names_deeper_than_eight_levels_are_refused_by_name():
    with pytest.raises(MalformedForm, match=r"'a\.a\.a.*9 levels deep; 8 are read"):
        nested((".".join("a" * 9), "1"))


def test_a_value_that_is_also_a_group_is_refused_by_name():
    with pytest.raises(MalformedForm, match="'a' was sent as a value and as a group"):
        nested(("a", "1"), ("a[b]", "2"))


@given(st.lists(st.tuples(st.text("ab01.-[]", max_size=12), st.text("x", max_size=1)), max_size=9))
def test_any_names_are_read_or_refused_and_nothing_else(pairs):
    try:
        FormData(pairs).nested()
    except MalformedForm:
        pass  # which names the field
