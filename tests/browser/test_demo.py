"""The demo as people use it: in a real browser, by mouse and by keyboard, on a phone, without
JavaScript. What the answers say in detail is in tests/web/test_demo.py."""

import re

import pytest

PAGES = [
    "/",
    "/visits/",
    "/setsession/",
    "/getsession/",
    "/cart/",
    "/preferences/",
    "/ninja_gold/",
    "/disappearing_ninjas/",
    "/disappearing_ninjas/ninjas/",
    "/disappearing_ninjas/ninjas/blue/",
    "/disappearing_ninjas/ninjas/green/",
    "/email_validation/",
    "/login/",
    "/username",
    "/thankyou",
    "/nowhere/",
]


def sheet(page):
    return page.locator("main")


def held(page):
    return page.get_by_role("region", name="What the session holds")


def test_the_counter_counts_on_in_a_second_tab(visitor, site):
    visitor.goto(f"{site}/visits/")
    assert "You have visited this page 1 times." in sheet(visitor).inner_text()
    visitor.reload()
    assert "You have visited this page 2 times." in sheet(visitor).inner_text()
    tab = visitor.context.new_page()
    tab.goto(f"{site}/visits/")
    tab.get_by_role("link", name="Visit again").click()
    assert "You have visited this page 4 times." in sheet(tab).inner_text()
    assert "visit_count int 4" in held(tab).inner_text()


def test_the_cart_keeps_what_was_put_in(visitor, site):
    visitor.goto(f"{site}/cart/")
    assert "Nothing in it yet." in sheet(visitor).inner_text()
    visitor.get_by_role("button", name="Add Wool scarf").click()
    assert visitor.get_by_role("status").inner_text() == "Wool scarf is in your cart."
    visitor.get_by_role("button", name="Add Felt hat").click()
    visitor.get_by_role("button", name="One Wool scarf more").click()
    visitor.goto(f"{site}/")
    visitor.get_by_role("navigation").get_by_role("link", name="Shopping cart").click()
    assert re.search(r"3 pieces\s+€ 116.00", sheet(visitor).inner_text())
    visitor.get_by_role("button", name="One Wool scarf less").click()
    visitor.get_by_role("button", name="One Felt hat less").click()
    assert re.search(r"1 piece\s+€ 34.00", sheet(visitor).inner_text())
    visitor.get_by_role("button", name="Place the order").click()
    assert visitor.get_by_role("status").inner_text() == "Thank you for your order!"
    assert "Nothing in it yet." in sheet(visitor).inner_text()


def test_the_theme_stays_on_every_page_whatever_the_device_prefers(browser, site):
    with browser.new_context(color_scheme="light") as context:
        page = context.new_page()
        page.goto(f"{site}/preferences/")
        assert lightness(page) > 0.8
        page.get_by_label("Dark").check()
        page.get_by_role("button", name="Save").click()
        for address in ("/preferences/", "/cart/", "/username"):
            page.goto(site + address)
            assert lightness(page) < 0.2
            assert page.get_by_label("Dark").count() == 0 or page.get_by_label("Dark").is_checked()


def test_without_a_choice_the_theme_follows_the_device(browser, site):
    with browser.new_context(color_scheme="dark") as context:
        page = context.new_page()
        page.goto(site)
        assert lightness(page) < 0.2
        page.emulate_media(color_scheme="light")
        assert lightness(page) > 0.8


def lightness(page):
    """How light the page's ground is, from 0 to 1."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in re.findall(r"\d+", colour)[:3]) / (3 * 255)


def test_the_language_changes_and_stays(visitor, site):
    visitor.goto(f"{site}/preferences/")
    visitor.get_by_label("Deutsch").check()
    visitor.get_by_role("button", name="Save").click()
    assert visitor.get_by_role("heading", level=1).inner_text() == "Einstellungen"
    assert visitor.locator("html").get_attribute("lang") == "de"
    visitor.get_by_role("navigation").get_by_role("link", name="Warenkorb").click()
    assert visitor.locator("nav [aria-current=page]").inner_text() == "Warenkorb"
    assert visitor.locator("html").get_attribute("lang") == "de"


def test_a_form_is_sent_once_and_reload_and_back_send_nothing(visitor, site):
    posts = []
    visitor.on("request", lambda sent: posts.append(sent.url) if sent.method == "POST" else None)
    visitor.goto(f"{site}/username")
    visitor.get_by_label("Name", exact=True).fill("Ada")
    visitor.get_by_role("button", name="Submit").click()
    visitor.wait_for_url(f"{site}/thankyou")
    assert visitor.get_by_role("heading", level=1).inner_text() == "Thank you, Ada!"
    for go in (visitor.reload, visitor.go_back, visitor.go_forward, visitor.reload):
        go()
    assert visitor.get_by_role("heading", level=1).inner_text() == "Thank you, Ada!"
    assert posts == [f"{site}/submit"]
    visitor.get_by_role("button", name="Forget my name").click()
    visitor.goto(f"{site}/thankyou")
    assert visitor.get_by_role("heading", level=1).inner_text() == "Nobody to thank yet"


def test_a_name_that_is_missing_is_asked_for_where_the_fault_is(visitor, site):
    visitor.goto(f"{site}/username")
    visitor.get_by_label("Name", exact=True).fill("   ")
    visitor.get_by_role("button", name="Submit").click()
    field = visitor.get_by_label("Name", exact=True)
    assert field.input_value() == "   "
    assert field.get_attribute("aria-invalid") == "true"
    said = [visitor.locator(f"#{id}").inner_text() for id in words_of(field)]
    assert said[0].startswith("Please type a name")


def words_of(field):
    return (field.get_attribute("aria-describedby") or "").split()


def test_what_is_set_is_got_and_deleted(visitor, site):
    visitor.goto(f"{site}/setsession/")
    visitor.get_by_role("button", name="Set").click()
    assert visitor.get_by_role("status").inner_text() == "abc abc@gmail.com"
    visitor.get_by_role("button", name="Delete both").click()
    assert "The hook is empty." in sheet(visitor).inner_text()


def test_starting_over_forgets_everything(visitor, site):
    visitor.goto(f"{site}/visits/")
    visitor.get_by_role("button", name="Start over").click()
    assert visitor.url == f"{site}/"
    assert "Nothing any more." in held(visitor).inner_text()


def test_everything_can_be_done_by_keyboard(visitor, site):
    visitor.goto(f"{site}/cart/")
    visitor.keyboard.press("Tab")
    skip = visitor.get_by_role("link", name="Skip to the page")
    assert skip.bounding_box()["y"] >= 0
    visitor.keyboard.press("Enter")
    visitor.keyboard.press("Tab")
    focused = visitor.locator(":focus")
    assert focused.get_attribute("aria-label") == "Add Cedar hanger"
    visitor.keyboard.press("Enter")
    visitor.wait_for_load_state()
    assert visitor.get_by_role("status").inner_text() == "Cedar hanger is in your cart."


def test_focus_can_be_seen(page, site):
    page.goto(f"{site}/cart/")
    width = "el => parseFloat(getComputedStyle(el).outlineWidth)"
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.locator(":focus").evaluate(width) >= 2


@pytest.fixture(scope="module")
def known(browser, site):
    """The cookies of a visitor whose session holds something."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{site}/setsession/")
        page.get_by_role("button", name="Set").click()
        page.goto(f"{site}/cart/")
        page.get_by_role("button", name="Add Tall umbrella").click()
        return context.storage_state()


@pytest.mark.parametrize("address", PAGES)
def test_a_page_is_whole_at_every_width_well_named_and_can_be_read(browser, site, known, address):
    troubles = []
    with browser.new_context(storage_state=known, reduced_motion="reduce") as context:
        page = context.new_page()
        page.on("console", lambda said: troubles.append(said.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        status = page.goto(site + address).status
        for width in (320, 390, 768, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate(FAINT) == []
        assert page.locator("h1").count() == 1
        assert page.locator("main").count() == 1
        assert page.locator("html[lang]").count() == 1
        assert page.title()
        fields = page.locator("input:not([type=hidden])")
        assert fields.evaluate_all("all => all.every(one => one.labels.length > 0)")
        named = "all => all.every(one => (one.ariaLabel || one.innerText).trim())"
        assert page.locator("button, a").evaluate_all(named)
        ids = page.locator("[id]").evaluate_all("all => all.map(one => one.id)")
        assert len(ids) == len(set(ids))
    if status == 404:  # which Chromium itself writes to the console
        troubles = [said for said in troubles if "404" not in said]
    assert troubles == []


# Every text whose contrast with what lies behind it is below 4.5 : 1 (WCAG 2.2, 1.4.3).
FAINT = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = (colour) => {
    const [r, g, b] = [...colour].slice(0, 3).map((part) => {
      const value = part / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.backgroundImage !== "none") return null;
      const ground = rgba(style.backgroundColor);
      if (ground[3] === 255) return ground;
    }
    return rgba("white");
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility()) continue;
    const ground = behind(element);
    if (!ground) continue;
    const [more, less] = [light(rgba(getComputedStyle(element).color)), light(ground)].sort(
      (one, other) => other - one);
    const contrast = (more + 0.05) / (less + 0.05);
    if (contrast < 4.5) faint.push(`${element.tagName} ${element.innerText}: ${contrast}`);
  }
  return faint;
}"""
