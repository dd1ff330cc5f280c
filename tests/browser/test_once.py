"""A form is processed once, whatever a browser does: clicks, reloads, tabs, lost answers, kills.

What counts is counted by the application, in its own tables; the site runs in two processes.
"""

import os
import re
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from tests.browser.axe import troubles
from tests.browser.cutting import CuttingProxy
from tests.web.project import COATCHECK, Folder

SITE = Path(__file__).parent / "orders"


class Orders:
    """The site that counts, and what it counted."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url

    def counted(self, table: str, item: str) -> int:
        return len(self.rows(table, item))

    def rows(self, table: str, item: str) -> list[tuple[str, int]]:
        """The note and the process of each row about *item*."""
        with closing(sqlite3.connect(self.folder / "count.sqlite3")) as database:
            query = f"SELECT note, process FROM {table} WHERE item = ?"
            return database.execute(query, (item,)).fetchall()

    def open(self, gate: str) -> None:
        """Let the views go on that wait for *gate*."""
        (self.folder / gate).touch()


@pytest.fixture(scope="module")
def orders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("orders") / "site"
    shutil.copytree(SITE, folder, ignore=shutil.ignore_patterns("__pycache__", "db.sqlite3*"))
    with closing(sqlite3.connect(folder / "count.sqlite3")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        for table in ("runs", "orders"):
            database.execute(f"CREATE TABLE {table} (item, note, process)")
    command = (*COATCHECK, "run", "orders_site.py", "--port", "0", "--workers", "2")
    with Folder(folder).serving(*command) as server:
        yield Orders(folder, server.url().rstrip("/"))


@pytest.fixture
def item():
    """Something that nobody has ordered before."""
    return f"tea {uuid4().hex[:12]}"


@pytest.fixture
def posts(page):
    """The addresses that the page's browser sent forms to."""
    sent = []
    page.context.on("request", lambda one: sent.append(one.url) if one.method == "POST" else None)
    return sent


def filled(page, url, item):
    """Open the form at *url* and fill it in."""
    page.goto(url)
    page.get_by_label("Item").fill(item)


def press(page):
    page.get_by_role("button", name="Order").click(no_wait_after=True)


def clicks(page, count, gap):
    """Click the button *count* times, *gap* milliseconds apart, wherever the page is by then."""
    box = page.get_by_role("button", name="Order").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for number in range(count):
        if number:
            page.wait_for_timeout(gap)
        page.mouse.click(x, y)


def at_the_end(page):
    """Wait until the browser has settled on the page that follows an order."""
    page.get_by_role("heading", name="Done").wait_for()
    page.wait_for_load_state()


def ends_well(page, item):
    """The page says once that *item* was ordered, and the session knows it once."""
    at_the_end(page)
    assert page.get_by_role("status").all_inner_texts() == [f"{item} was ordered."]
    assert page.get_by_role("listitem").all_inner_texts() == [item]


# Clicks


@pytest.mark.parametrize(
    ("count", "gap", "seconds"),
    [(2, 0, 0.3), (2, 60, 0.3), (2, 200, 0.5), (2, 600, 0.8), (4, 100, 0.5), (8, 60, 0.5)],
)
def test_many_clicks_are_one_order(page, orders, item, posts, count, gap, seconds):
    page.goto(f"{orders.url}/known")
    filled(page, f"{orders.url}/?seconds={seconds}", item)
    clicks(page, count, gap)
    ends_well(page, item)
    assert orders.counted("orders", item) == 1
    assert orders.counted("runs", item) == 1
    if gap:
        assert len(posts) >= 2  # or this would have shown nothing


def test_enter_pressed_twice_is_one_order(page, orders, item, posts):
    filled(page, f"{orders.url}/?seconds=0.4", item)
    page.get_by_label("Item").press("Enter", no_wait_after=True)
    page.wait_for_timeout(120)
    page.keyboard.press("Enter")
    at_the_end(page)
    assert orders.counted("orders", item) == 1
    assert len(posts) == 2


def test_two_clicks_of_a_first_visit_are_one_order_and_one_session(visitor, orders, item):
    filled(visitor, f"{orders.url}/?seconds=0.4", item)
    clicks(visitor, 2, 150)
    at_the_end(visitor)
    assert visitor.get_by_role("listitem").all_inner_texts() == [item]
    assert orders.counted("orders", item) == 1


def test_two_forms_of_two_visitors_never_meet(browser, orders, item):
    for _ in range(2):
        with browser.new_context() as context:
            page = context.new_page()
            filled(page, orders.url, item)
            press(page)
            ends_well(page, item)
    assert orders.counted("orders", item) == 2


# Reload and back


def test_reloading_the_page_after_the_redirect_sends_nothing(page, orders, item, posts):
    filled(page, orders.url, item)
    press(page)
    ends_well(page, item)
    page.reload()
    assert len(posts) == 1
    assert page.get_by_role("status").count() == 0


def test_reloading_a_page_that_answered_the_form_shows_it_again(page, orders, item, posts):
    filled(page, f"{orders.url}/page", item)
    press(page)
    at_the_end(page)
    page.reload()
    at_the_end(page)
    assert len(posts) == 2
    assert orders.counted("orders", item) == 1


@pytest.mark.parametrize("orders_before", [0, 1])
def test_going_back_and_sending_again_shows_the_first_result(
    page, orders, item, posts, orders_before
):
    for number in range(orders_before):
        filled(page, orders.url, f"{item} {number}")
        press(page)
        at_the_end(page)
    filled(page, orders.url, item)
    press(page)
    at_the_end(page)
    page.go_back()
    assert page.get_by_label("Item").input_value() == item
    press(page)
    at_the_end(page)
    assert len(posts) == orders_before + 2
    assert page.get_by_role("listitem").all_inner_texts().count(item) == 1
    assert orders.counted("orders", item) == 1


@pytest.fixture
def edited(page, orders, item):
    """The page after a form was sent, and sent again with another note."""
    filled(page, orders.url, item)
    press(page)
    ends_well(page, item)
    page.go_back()
    page.get_by_label("Note").fill("slow")
    with page.expect_response("**/order") as answered:
        press(page)
    assert answered.value.status == 409
    page.get_by_role("heading", name="You have sent this form already").wait_for()
    return page


def test_going_back_and_sending_something_else_asks_which_is_meant(edited, orders, item):
    row = edited.get_by_role("row").filter(has=edited.get_by_role("rowheader", name="note"))
    assert row.get_by_role("cell").all_inner_texts() == ["fast", "slow"]
    assert orders.rows("orders", item) == orders.rows("runs", item)
    assert [note for note, _ in orders.rows("orders", item)] == ["fast"]
    assert troubles(edited) == []
    edited.set_viewport_size({"width": 320, "height": 640})
    assert edited.evaluate("document.documentElement.scrollWidth") <= 320


def test_what_differs_can_be_sent_as_a_new_one(edited, orders, item):
    edited.get_by_role("button", name="Send as a new one").click()
    at_the_end(edited)
    assert [note for note, _ in orders.rows("orders", item)] == ["fast", "slow"]


def test_the_first_result_can_be_seen_instead(edited, orders, item):
    edited.get_by_role("link", name="See the first result").click()
    at_the_end(edited)
    assert edited.get_by_role("listitem").all_inner_texts() == [item]
    assert orders.counted("orders", item) == 1


# Tabs


def test_a_duplicated_tab_holds_the_same_form(page, orders, item):
    filled(page, orders.url, item)
    html = page.content()
    tab = page.context.new_page()
    tab.goto(f"{orders.url}/done")
    tab.evaluate("html => { document.open(); document.write(html); document.close() }", html)
    tab.get_by_label("Item").fill(item)
    press(page)
    ends_well(page, item)
    press(tab)
    at_the_end(tab)
    assert tab.get_by_role("listitem").all_inner_texts() == [item]
    assert orders.counted("orders", item) == 1


@pytest.mark.parametrize(("path", "expected"), [("/", 2), ("/checkout", 1)])
def test_two_tabs_mean_two_orders_unless_the_form_says_once(page, orders, item, path, expected):
    tab = page.context.new_page()
    for one in (page, tab):
        filled(one, orders.url + path, item)
    for one in (page, tab):
        press(one)
        at_the_end(one)
    assert orders.counted("orders", item) == expected
    assert tab.get_by_role("listitem").all_inner_texts() == [item] * expected


# When things break


def test_a_lost_answer_is_sent_again_by_the_browser_itself_and_is_one_order(page, orders, item):
    proxy = CuttingProxy(orders.url)
    try:
        filled(page, proxy.url, item)
        proxy.cut_next_post()
        press(page)
        at_the_end(page)
        assert proxy.cut.is_set()
        assert proxy.posts == 2
        assert page.get_by_role("listitem").all_inner_texts() == [item]
        assert orders.counted("orders", item) == 1
    finally:
        page.context.close()
        proxy.close()


def test_a_worker_that_is_killed_leaves_the_order_to_the_next_try(page, orders, item):
    gate = f"gate-{uuid4().hex}"
    filled(page, f"{orders.url}/?gate={gate}", item)
    press(page)
    (process,) = begun(page, orders, item, 1)
    os.kill(process, signal.SIGKILL)
    # The browser sends it again by itself or, as here, its visitor does.
    page.wait_for_url(re.compile("chrome-error:.*|.*/order"))
    orders.open(gate)
    page.goto(orders.url) if "chrome-error" in page.url else page.reload()
    ends_well(page, item)
    assert orders.counted("runs", item) == 2
    assert orders.counted("orders", item) == 1


def begun(page, orders, item, count):
    """The processes that run the view, as soon as there are *count*."""
    while len(found := orders.rows("runs", item)) < count:
        page.wait_for_timeout(20)
    return [process for _, process in found]


def test_a_view_that_takes_long_shows_a_page_that_goes_on_by_itself(visitor, orders, item):
    gate = f"gate-{uuid4().hex}"
    visitor.goto(f"{orders.url}/known")
    filled(visitor, f"{orders.url}/?gate={gate}", item)
    clicks(visitor, 2, 150)
    visitor.get_by_role("heading", name="One moment, please").wait_for()
    assert orders.counted("orders", item) == 0
    orders.open(gate)
    ends_well(visitor, item)
    assert orders.counted("orders", item) == 1
    assert orders.counted("runs", item) == 1
