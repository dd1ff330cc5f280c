"""Disappearing Ninjas, played in both styles."""

import re

import pytest

COLOURS = ["blue", "orange", "purple", "red"]


def pictures(visitor):
    return re.findall(r'role="img" aria-label="([^"]+)"', visitor.main)


def test_there_are_no_ninjas_at_the_start(visitor):
    assert "No ninjas here" in visitor.get()
    assert pictures(visitor) == ["A puff of smoke"]


def test_all_four_are_shown_together(visitor):
    assert "Disappearing Ninjas" in visitor.get("ninjas/")
    assert pictures(visitor) == [f"A turtle in a {colour} hood" for colour in COLOURS]


@pytest.mark.parametrize("colour", COLOURS)
def test_a_colour_in_the_address_shows_that_one_alone(visitor, colour):
    assert f"The {colour} ninja" in visitor.get(f"ninjas/{colour}/")
    assert pictures(visitor) == [f"A turtle in a {colour} hood"]


@pytest.mark.parametrize("colour", ["green", "BLUE", "1", "%3Cb%3E", "x" * 300])
def test_any_other_colour_is_gone_and_the_page_says_which_there_are(visitor, colour):
    words = visitor.get(f"ninjas/{colour}/")
    assert visitor.status == 404
    assert "Gone!" in words
    assert "There are blue , orange , purple and red ." in words
    assert pictures(visitor) == ["A puff of smoke"]
    assert "<b>" not in visitor.main


def test_the_list_knows_who_was_seen(visitor, another):
    assert "You have seen none of them alone so far." in visitor.get("ninjas/")
    for colour in ("blue", "red", "blue", "green"):
        visitor.get(f"ninjas/{colour}/")
    assert "You have seen 2 of 4." in visitor.get("ninjas/")
    assert "You have seen none" in another.get("ninjas/")
