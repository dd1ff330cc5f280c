"""Ninja Gold, played in both styles."""

import re

import pytest

RANGES = {"farm": (10, 20), "cave": (5, 10), "house": (2, 5), "casino": (-50, 50)}
HAPPENED = re.compile(
    r"Earned (\d+) gold from the (\w+)\.|Entered a (\w+) and lost (\d+) gold\. Ouch!|"
    r"Left the (\w+) as rich as before\."
)


def purse(visitor):
    (found,) = re.findall(r"<output>(-?\d+)</output>", visitor.main)
    return int(found)


def won(line):
    earned, _, _, lost, _ = line
    return int(earned or 0) - int(lost or 0)


def test_a_new_visitor_has_no_gold_and_nothing_has_happened(visitor):
    assert "Nothing has happened yet." in visitor.get()
    assert purse(visitor) == 0
    assert "Reset" not in visitor.buttons


@pytest.mark.parametrize("building", RANGES)
def test_each_building_gives_what_it_says_and_the_log_tells_when(visitor, building):
    visitor.get()
    for _ in range(4):
        words = visitor.press(f"Find gold in the {building}")
    lines = HAPPENED.findall(words)
    least, most = RANGES[building]
    assert len(lines) == 4
    assert all(least <= won(line) <= most for line in lines)
    assert all(building in line for line in lines)
    assert purse(visitor) == sum(won(line) for line in lines)
    assert len(re.findall(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d UTC", words)) == 4


def test_the_newest_activity_stands_first_and_a_loss_has_another_colour_than_a_win(visitor):
    visitor.get()
    visitor.press("Find gold in the cave")
    for _ in range(12):
        words = visitor.press("Find gold in the casino")
    assert ["casino" in line for line in HAPPENED.findall(words)] == [True] * 12 + [False]
    colours = re.findall(r'<li class="(won|lost|even)">\s*(Earned|Entered|Left)', visitor.main)
    assert {("won", "Earned")} <= set(colours)
    assert set(colours) <= {("won", "Earned"), ("lost", "Entered"), ("even", "Left")}


def test_what_a_visitor_claims_to_have_won_is_not_believed(visitor):
    visitor.get()
    form = next(form for form in visitor.forms if form.fields.get("building") == "farm")
    visitor.send(form.action, {**form.fields, "gold": "1000000", "won": "1000000"})
    assert 10 <= purse(visitor) <= 20


def test_a_building_that_is_not_there_gives_nothing(visitor):
    visitor.get()
    form = visitor.forms[0]
    assert "no such building" in visitor.send(form.action, {**form.fields, "building": "bank"})
    assert visitor.status == 404
    visitor.get()
    assert purse(visitor) == 0


def test_reset_takes_all_gold_and_forgets_what_happened(visitor):
    visitor.get()
    visitor.press("Find gold in the farm")
    assert "Nothing has happened yet." in visitor.press("Reset")
    assert purse(visitor) == 0


def test_a_purse_belongs_to_one_browser(visitor, another):
    visitor.get()
    visitor.press("Find gold in the house")
    another.get()
    assert purse(another) == 0
