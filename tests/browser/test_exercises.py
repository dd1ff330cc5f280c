"""The exercises as people use them: double clicks, keyboard alone, and a check of every state of
every page by axe. What the pages say is in tests/examples; that a form runs once, in test_once."""

import re
from uuid import uuid4

import pytest

from tests.browser.axe import troubles

SECRET = "correct horse battery"


@pytest.fixture
def name():
    """A name that nobody has."""
    return f"ada-{uuid4().hex[:8]}"


def press(page, button):
    page.get_by_role("button", name=button, exact=True).click()


def double_click(page, button, gap=120):
    """Two clicks, *gap* milliseconds apart, at the place where the button is first."""
    found = page.get_by_role("button", name=button, exact=True)
    found.scroll_into_view_if_needed()
    box = found.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.click(x, y)
    page.wait_for_timeout(gap)
    page.mouse.click(x, y)


def register(page, site, name):
    page.goto(f"{site}/login/")
    fill_in_registration(page, name)
    press(page, "Register")
    page.get_by_role("heading", name="Success!").wait_for()


def fill_in_registration(page, name):
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Email", exact=True).fill(f"{name}@example.com")
    page.get_by_label("Password", exact=True).fill(SECRET)
    page.get_by_label("Password once more").fill(SECRET)


# Double clicks


def test_two_clicks_on_a_building_never_pay_what_the_log_does_not_show(page, site):
    page.goto(f"{site}/ninja_gold/")
    double_click(page, "Find gold in the farm", 30)
    log = page.get_by_role("list", name="Activities").get_by_role("listitem")
    log.first.wait_for()
    page.goto(f"{site}/ninja_gold/")
    earned = [int(re.findall(r"Earned (\d+)", one)[0]) for one in log.all_inner_texts()]
    # Where the next page came before the second click, that was a second visit.
    assert len(earned) in (1, 2)
    assert int(page.locator("output").inner_text()) == sum(earned)


def test_a_double_click_on_register_ends_logged_in_as_one_user(visitor, site, name):
    visitor.goto(f"{site}/login/")
    fill_in_registration(visitor, name)
    double_click(visitor, "Register")
    visitor.get_by_role("heading", name="Success!").wait_for()
    visitor.goto(f"{site}/login/success/")
    assert f"Welcome, {name}." in visitor.locator("main").inner_text()


def test_a_double_click_on_log_in_ends_logged_in(visitor, site, name):
    register(visitor, site, name)
    press(visitor, "Log out")
    visitor.get_by_label("Name or email").fill(name)
    visitor.get_by_label("Your password").fill(SECRET)
    double_click(visitor, "Log in")
    visitor.get_by_role("heading", name="Success!").wait_for()
    visitor.goto(f"{site}/login/success/")
    assert f"Welcome, {name}." in visitor.locator("main").inner_text()


def test_going_back_to_the_login_and_sending_it_again_stays_logged_in(page, site, name):
    register(page, site, name)
    press(page, "Log out")
    page.get_by_label("Name or email").fill(name)
    page.get_by_label("Your password").fill(SECRET)
    press(page, "Log in")
    page.get_by_role("heading", name="Success!").wait_for()
    page.go_back()
    page.get_by_label("Your password").fill(SECRET)
    press(page, "Log in")
    page.get_by_role("heading", name="Success!").wait_for()


def test_a_cart_that_is_ordered_from_two_tabs_is_one_order(page, site):
    page.goto(f"{site}/cart/")
    press(page, "Add Wool scarf")
    tab = page.context.new_page()
    for one in (page, tab):
        one.goto(f"{site}/cart/")
    for one in (page, tab):
        press(one, "Place the order")
        one.get_by_role("heading", name="Ordered").wait_for()
    assert tab.locator("ol li").count() == 1


# Keyboard


def focused(page):
    """What has the focus: its label or words."""
    return page.evaluate(
        "() => { const at = document.activeElement; return at.labels?.[0]?.innerText || "
        "at.ariaLabel || at.innerText }"
    )


def tab_to(page, name):
    """Press Tab until *name* has the focus; the stops on the way."""
    stops: list[str] = []
    while not stops or stops[-1] != name:
        assert len(stops) < 60, f"never at {name!r} but at {stops}"
        page.keyboard.press("Tab")
        stops.append(focused(page))
    return stops


def test_a_visitor_registers_by_keyboard_alone_and_is_led_to_what_is_wrong(page, site, name):
    page.goto(f"{site}/login/")
    stops = [tab_to(page, "Name")[-1]]
    page.keyboard.type(name)
    for text in ("not an address", SECRET, SECRET):
        page.keyboard.press("Tab")
        stops.append(focused(page))
        page.keyboard.type(text)
    assert stops == ["Name", "Email", "Password", "Password once more"]
    page.keyboard.press("Enter")
    summary = page.get_by_role("alert")
    summary.wait_for()
    assert summary.evaluate("one => one === document.activeElement")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert focused(page) == "Email"
    page.keyboard.press("Control+A")
    page.keyboard.type(f"{name}@example.com")
    for text in (SECRET, SECRET):
        page.keyboard.press("Tab")
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Success!").wait_for()


def test_gold_is_found_by_keyboard_alone_and_the_log_can_be_scrolled(page, site):
    page.goto(f"{site}/ninja_gold/")
    tab_to(page, "Find gold in the cave")
    page.keyboard.press("Enter")
    log = page.get_by_role("list", name="Activities")
    log.wait_for()
    tab_to(page, log.inner_text())
    assert log.evaluate("one => one === document.activeElement")


# Axe


def nobody(page, site):
    """A visitor who has done nothing."""


def busy(page, site):
    """A visitor who has used everything: no page is empty."""
    register(page, site, f"ada-{uuid4().hex[:8]}")
    page.goto(f"{site}/ninja_gold/")
    for building in ("farm", "casino", "casino", "casino"):
        press(page, f"Find gold in the {building}")
    page.goto(f"{site}/cart/")
    for button in ("Add Felt hat", "Place the order", "Add Rain boots"):
        press(page, button)
    page.goto(f"{site}/email_validation/")
    page.get_by_label("Email address").fill(f"ada.{uuid4().hex}@example.com")
    press(page, "Submit")
    page.goto(f"{site}/disappearing_ninjas/ninjas/red/")


EMPTY = ["/", "/cart/", "/ninja_gold/", "/disappearing_ninjas/", "/email_validation/", "/login/"]
FULL = [
    "/visits/",
    "/cart/",
    "/preferences/",
    "/ninja_gold/",
    "/disappearing_ninjas/ninjas/",
    "/disappearing_ninjas/ninjas/red/",
    "/disappearing_ninjas/ninjas/green/",
    "/email_validation/",
    "/login/success/",
]


@pytest.mark.parametrize(("who", "addresses"), [(nobody, EMPTY), (busy, FULL)])
def test_axe_finds_nothing_on_any_page(page, site, who, addresses):
    who(page, site)
    found = {}
    for address in addresses:
        page.goto(site + address)
        found[address] = troubles(page)
    assert {address: wrong for address, wrong in found.items() if wrong} == {}


def test_axe_finds_nothing_on_pages_that_say_what_is_wrong(page, site):
    page.goto(f"{site}/email_validation/")
    page.get_by_label("Email address").fill("nobody@")
    press(page, "Submit")
    page.get_by_role("alert").wait_for()
    assert troubles(page) == []
    page.goto(f"{site}/login/")
    press(page, "Register")
    page.get_by_role("alert").wait_for()
    assert troubles(page) == []
    page.get_by_label("Name or email").fill("nobody")
    page.get_by_label("Your password").fill("wrong")
    press(page, "Log in")
    page.get_by_text("do not fit").first.wait_for()
    assert troubles(page) == []
