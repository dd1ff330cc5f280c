import pytest
from markupsafe import Markup, escape

from coatcheck.core.engine import Sessions
from coatcheck.core.http import RequestView
from coatcheck.core.session import Session
from coatcheck.forms.flash import MOST_KEPT, Taken, flash, get_flashed_messages
from coatcheck.stores.memory import MemoryStore


class Browser:
    """One visitor's requests, each with a session of its own on one store."""

    def __init__(self) -> None:
        self._sessions = Sessions(MemoryStore())
        self._cookie = b""

    def open(self, method: str = "POST") -> Session:
        self._view = RequestView(method, https=True, cookies=[self._cookie])
        return self._sessions.open(self._view)

    def save(self, session: Session) -> None:
        edits = self._sessions.commit(session, self._view)
        if edits.set_cookie:
            self._cookie = edits.set_cookie.partition(";")[0].encode()

    def flash(self, *messages: str) -> None:
        session = self.open()
        for message in messages:
            flash(session, message)
        self.save(session)

    def see(self) -> list[str]:
        session = self.open("GET")
        messages = get_flashed_messages(session)
        self.save(session)
        return messages


@pytest.fixture
def session() -> Session:
    return Browser().open()


def test_a_message_is_shown_on_the_next_page_and_no_other():
    browser = Browser()
    browser.flash("Saved.")
    assert browser.see() == ["Saved."]
    assert browser.see() == []


def test_messages_of_parallel_requests_are_all_shown_once():
    browser = Browser()
    browser.flash("begin")
    browser.see()
    first, second = browser.open(), browser.open()
    flash(first, "one")
    flash(second, "two")
    browser.save(first)
    browser.save(second)
    assert browser.see() == ["one", "two"]
    assert browser.see() == []


def test_a_message_that_comes_while_others_are_being_shown_is_kept_for_the_next_page():
    browser = Browser()
    browser.flash("first")
    showing = browser.open("GET")
    assert get_flashed_messages(showing) == ["first"]
    browser.flash("second")
    browser.save(showing)
    assert browser.see() == ["second"]


def test_messages_end_with_the_session():
    browser = Browser()
    browser.flash("for Ada's eyes")
    session = browser.open()
    session.logout()
    browser.save(session)
    assert browser.see() == []


def test_a_page_that_may_only_read_shows_its_layout_when_there_is_no_message(session):
    session.get("anything")
    session.close("This page only reads.")
    assert get_flashed_messages(session) == []


def test_a_message_is_shown_once(session):
    flash(session, "Saved.")
    assert get_flashed_messages(session) == ["Saved."]
    assert get_flashed_messages(session) == []
    assert dict(session) == {}


def test_asking_without_a_message_gives_none_and_keeps_nothing(session):
    assert get_flashed_messages(session) == []
    assert get_flashed_messages(session, with_categories=True) == []
    assert dict(session) == {}


def test_every_call_of_one_request_sees_the_same_messages(session):
    taken = Taken()
    flash(session, "Saved.")
    assert get_flashed_messages(session, taken=taken) == ["Saved."]
    assert get_flashed_messages(session, taken=taken) == ["Saved."]
    assert get_flashed_messages(session, taken=Taken()) == []


def test_a_message_kept_after_the_page_was_made_waits_for_the_next(session):
    taken = Taken()
    assert get_flashed_messages(session, taken=taken) == []
    flash(session, "Later.")
    assert get_flashed_messages(session, taken=taken) == []
    assert get_flashed_messages(session, taken=Taken()) == ["Later."]


def test_messages_come_with_their_categories_in_the_order_kept(session):
    taken = Taken()
    flash(session, "one")
    flash(session, "two", "error")
    flash(session, "three", category="info")
    pairs = [("message", "one"), ("error", "two"), ("info", "three")]
    assert get_flashed_messages(session, True, taken=taken) == pairs
    assert get_flashed_messages(session, category_filter=["error", "info"], taken=taken) == [
        "two",
        "three",
    ]
    assert get_flashed_messages(session, True, ("error",), taken) == [("error", "two")]


def test_filtered_out_messages_are_gone_all_the_same(session):
    flash(session, "one", "error")
    assert get_flashed_messages(session, category_filter=["info"]) == []
    assert get_flashed_messages(session) == []


def test_unseen_messages_are_bounded_and_the_oldest_go(session):
    for number in range(MOST_KEPT + 5):
        flash(session, str(number))
    assert get_flashed_messages(session)[0] == "5"


def test_text_is_escaped_by_templates_and_marked_html_is_not(session):
    flash(session, "<b>")
    flash(session, Markup("<b>bold</b>"))
    plain, marked = get_flashed_messages(session)
    assert escape(plain) == "&lt;b&gt;"
    assert escape(marked) == "<b>bold</b>"


def test_only_plain_values_go_into_the_session(session):
    class Lazy(str):
        __slots__ = ()

    flash(session, Lazy("hello"), Lazy("info"))
    flash(session, Markup("<i>"))
    for kept in session["_flashes"]:
        assert all(type(value) is str for value in kept)


def test_messages_that_flask_wrote_are_read(session):
    session["_flashes"] = [("error", "from Flask"), ["info", "from JSON"]]
    assert get_flashed_messages(session, True) == [("error", "from Flask"), ("info", "from JSON")]
