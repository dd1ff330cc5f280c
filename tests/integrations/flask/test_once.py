"""Views whose forms are processed once: whoever sends one again gets the same answer."""

import re
import threading
from io import BytesIO
from typing import Any

import pytest
from flask import (
    Flask,
    abort,
    flash,
    get_flashed_messages,
    redirect,
    render_template_string,
    request,
    session,
)
from flask.testing import FlaskClient

from coatcheck import ConfigurationError, SessionPolicy, Sessions
from coatcheck.integrations.flask import Coatcheck, SentBefore, once
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import BarrierStore, FakeClock, FaultyStore

FORM = '<form method="post">{{ once_token() }}<input name="what"></form>'


class Shop:
    """A site that takes orders, and counts how often it has done so."""

    def __init__(self, store: Any = None, **policy: Any) -> None:
        self.store = MemoryStore() if store is None else store
        self.clock = FakeClock()
        self.orders: list[str] = []
        self.failing = False
        self.app = app = Flask(__name__)
        app.config["SECRET_KEY"] = "the key that signs the tickets"
        sessions = Sessions(self.store, policy=SessionPolicy(**policy), clock=self.clock)
        self.coatcheck = Coatcheck(app, sessions)

        @app.get("/form")
        def form() -> str:
            return render_template_string(FORM)

        @app.post("/order")
        @once
        def order() -> Any:
            self.orders.append(request.form["what"])
            if self.failing:
                raise RuntimeError("on purpose")
            if request.form["what"] == "nothing":
                abort(422)
            session["orders"] = session.get("orders", 0) + 1
            flash(f"ordered {request.form['what']}")
            return redirect(f"/orders/{len(self.orders)}")

        @app.post("/page")
        @once
        def page() -> str:
            self.orders.append(request.form["what"])
            return f"page {len(self.orders)}"

        @app.post("/upload")
        @once
        def upload() -> Any:
            self.orders.append(request.files["file"].read().decode())
            return redirect("/")

        @app.post("/careful")
        @once(at_most_once=True)
        def careful() -> str:
            self.orders.append("careful")
            raise RuntimeError("on purpose")

        @app.post("/checkout")
        @once(name="checkout")
        def checkout() -> Any:
            self.orders.append("checkout")
            return redirect(f"/orders/{len(self.orders)}")

        @app.post("/pay")
        @once(key=lambda: request.form["order"])
        def pay() -> Any:
            self.orders.append(request.form["order"])
            return redirect(f"/orders/{len(self.orders)}")

        @app.post("/login")
        @once
        def login() -> Any:
            session["user_id"] = request.form["what"]
            return redirect("/")

        @app.get("/")
        def home() -> str:
            return f"{session.get('user_id')} {session.get('orders')} {get_flashed_messages()}"

        @app.get("/flash")
        def flashing() -> str:
            flash("elsewhere")
            return "ok"

    def browser(self) -> FlaskClient:
        return self.app.test_client()

    def twin(self, browser: FlaskClient) -> FlaskClient:
        """The same browser, with the cookies of this moment."""
        twin = self.app.test_client()
        for name in ("session", "coatcheck_csrf"):
            cookie = browser.get_cookie(name)
            if cookie is not None:
                twin.set_cookie(name, cookie.value)
        return twin


def ticket(browser: FlaskClient) -> dict[str, str]:
    """The hidden field of a form that *browser* is shown."""
    found = re.search('name="(csrfmiddlewaretoken)" value="([^"]+)"', browser.get("/form").text)
    assert found is not None
    return {found[1]: found[2]}


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_a_form_that_is_sent_twice_is_processed_once_and_answered_alike(shop):
    browser = shop.browser()
    sent = {"what": "hat", **ticket(browser)}
    first, again = [browser.post("/order", data=sent) for _ in range(2)]
    assert shop.orders == ["hat"]
    assert [first.status_code, again.status_code] == [302, 302]
    assert first.headers["Location"] == again.headers["Location"] == "/orders/1"
    assert first.data == again.data
    assert browser.get("/").text == "None 1 ['ordered hat']"


def test_the_flash_of_an_answer_that_nobody_read_is_shown_by_the_one_that_somebody_reads(shop):
    browser = shop.browser()
    browser.get("/flash")
    browser.get("/")
    sent = {"what": "hat", **ticket(browser)}
    shop.twin(browser).post("/order", data=sent)  # the answer got lost on its way
    shop.twin(browser).get("/")  # and another tab has shown the message
    browser.post("/order", data=sent)
    assert browser.get("/").text == "None 1 ['ordered hat']"


def test_two_at_once_share_one_run():
    store = BarrierStore(MemoryStore())
    shop = Shop(store)
    arrived, go = threading.Event(), threading.Event()

    @shop.app.post("/slow")
    @once
    def slow() -> str:
        shop.orders.append("slow")
        arrived.set()
        assert go.wait(30)
        return "done"

    browser = shop.browser()
    sent = ticket(browser)
    answers: list[str] = []

    def click(browser: FlaskClient) -> None:
        answers.append(browser.post("/slow", data=sent).text)

    threads = [threading.Thread(target=click, args=[shop.twin(browser)]) for _ in range(2)]
    threads[0].start()
    assert arrived.wait(30)
    stop = store.stop_after("load")
    threads[1].start()
    with stop.reached():
        go.set()  # the second has seen that the first still runs
    for thread in threads:
        thread.join(30)
    assert shop.orders == ["slow"]
    assert answers == ["done", "done"]


def test_the_same_form_with_other_values_is_refused_and_tells_what_was_answered(shop):
    browser = shop.browser()
    token = ticket(browser)
    browser.post("/order", data={"what": "hat", **token})
    answer = browser.post("/order", data={"what": "coat", **token})
    assert answer.status_code == 409
    assert "sent before, with other values" in answer.text
    assert shop.orders == ["hat"]

    other = Shop()

    def shown(error: SentBefore) -> tuple[str, int]:
        return f"was: {dict(error.answer.fields)}", 409

    other.app.register_error_handler(SentBefore, shown)
    browser = other.browser()
    token = ticket(browser)
    browser.post("/order", data={"what": "hat", **token})
    assert browser.post("/order", data={"what": "coat", **token}).text == "was: {'what': 'hat'}"


def test_a_page_is_given_again_and_other_values_are_run(shop):
    browser = shop.browser()
    token = ticket(browser)
    sent = [browser.post("/page", data={"what": what, **token}).text for what in "aab"]
    assert sent == ["page 1", "page 1", "page 2"]


def test_what_was_refused_or_failed_may_be_sent_again(shop):
    browser = shop.browser()
    token = ticket(browser)
    for _ in range(2):
        assert browser.post("/order", data={"what": "nothing", **token}).status_code == 422
    assert shop.orders == ["nothing", "nothing"]
    shop.failing = True
    assert browser.post("/order", data={"what": "hat", **token}).status_code == 500
    shop.failing = False
    assert browser.post("/order", data={"what": "hat", **token}).status_code == 302
    assert shop.orders[2:] == ["hat", "hat"]


def test_what_failed_and_must_not_be_repeated_is_not(shop):
    browser = shop.browser()
    token = ticket(browser)
    assert browser.post("/careful", data=token).status_code == 500
    answer = browser.post("/careful", data=token)
    assert answer.status_code == 409
    assert "Look first" in answer.text
    assert shop.orders == ["careful"]


def test_a_double_click_on_a_login_ends_logged_in(shop):
    browser = shop.browser()
    browser.get("/flash")
    before = shop.twin(browser)
    sent = {"what": "ann", **ticket(browser)}
    browser.post("/login", data=sent)
    before.post("/login", data=sent)  # the second click, with the cookie of the first
    assert before.get("/").text.startswith("ann")
    assert len(shop.coatcheck.sessions.of("ann")) == 1


def test_a_stranger_who_has_the_ticket_gets_nothing_of_the_answer(shop):
    browser, stranger = shop.browser(), shop.browser()
    sent = {"what": "hat", **ticket(browser)}
    browser.post("/order", data=sent)
    stranger.get("/form")
    answer = stranger.post("/order", data=sent)
    assert answer.headers["Location"] == "/orders/2"  # theirs, as of a form without a ticket


def test_a_form_without_a_ticket_is_run_each_time_it_is_sent(shop):
    browser = shop.browser()
    browser.get("/form")
    for _ in range(2):
        browser.post("/order", data={"what": "hat"})
    assert shop.orders == ["hat", "hat"]


def test_two_tabs_have_one_checkout_and_one_payment_for_an_order(shop):
    browser = shop.browser()
    tabs = [ticket(browser), ticket(browser)]
    for tab in tabs:
        assert browser.post("/checkout", data=tab).headers["Location"] == "/orders/1"
    assert shop.orders == ["checkout"]
    shop.clock.advance(1)
    assert browser.post("/checkout", data=ticket(browser)).headers["Location"] == "/orders/2"
    del shop.orders[:]
    for number in ("7", "7", "8"):
        browser.post("/pay", data={"order": number, **ticket(browser)})
    assert shop.orders == ["7", "8"]


def test_files_count_by_what_is_in_them(shop):
    browser = shop.browser()
    token = ticket(browser)
    statuses = []
    for content in (b"one", b"one", b"two"):
        data = {"file": (BytesIO(content), "a.txt"), **token}
        statuses.append(browser.post("/upload", data=data).status_code)
    assert statuses == [302, 302, 409]
    assert shop.orders == ["one"]


def test_a_ticket_that_is_older_than_a_day_is_asked_about(shop):
    browser = shop.browser()
    sent = {"what": "hat", **ticket(browser)}
    shop.clock.advance(86401)
    assert browser.post("/order", data=sent).status_code == 409
    assert shop.orders == []


def test_showing_a_form_asks_no_store_and_sets_one_cookie_of_the_browser_s_own():
    store = BarrierStore(MemoryStore())
    shop = Shop(store)
    browser = shop.browser()
    first = browser.get("/form")
    assert dict(store.begun) == {}
    assert first.headers["Set-Cookie"].startswith("coatcheck_csrf=")
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert "Vary" not in first.headers
    assert "Set-Cookie" not in browser.get("/form").headers


def test_a_submission_that_could_not_be_saved_may_be_sent_again():
    store = FaultyStore(MemoryStore())
    shop = Shop(store)
    browser = shop.browser()
    sent = {"what": "hat", **ticket(browser)}
    store.lose_request("create", 2)  # the session's, after the claim's
    assert browser.post("/order", data=sent).status_code == 503
    assert browser.post("/order", data=sent).status_code == 302
    assert shop.orders == ["hat", "hat"]


def test_a_store_that_is_away_answers_503_and_runs_nothing():
    store = FaultyStore(MemoryStore())
    shop = Shop(store)
    browser = shop.browser()
    sent = {"what": "hat", **ticket(browser)}
    store.down = True
    assert browser.post("/order", data=sent).status_code == 503
    assert shop.orders == []


def test_taking_turns_and_processing_once_go_together():
    shop = Shop(isolation="serializable")
    browser = shop.browser()
    browser.get("/flash")
    sent = {"what": "hat", **ticket(browser)}
    for _ in range(2):
        assert browser.post("/order", data=sent).status_code == 302
    assert shop.orders == ["hat"]
    (record,) = [found for found in shop.store._records.values() if ":" not in found.id]
    assert record.lease is None


def test_without_a_secret_key_it_is_said_what_to_set(shop):
    shop.app.secret_key = None
    shop.app.testing = True
    with pytest.raises(ConfigurationError, match="set SECRET_KEY"):
        shop.browser().get("/form")


def test_the_store_holds_neither_the_answer_nor_its_cookies_in_the_clear(shop):
    browser = shop.browser()
    sent = {"what": "a-very-private-hat", **ticket(browser)}
    browser.post("/order", data=sent)
    claims = [repr(tuple(r)) for r in shop.store._records.values() if ":" in r.id]
    cookie = browser.get_cookie("session")
    assert cookie is not None
    assert claims
    for kept in claims:
        assert cookie.value not in kept
        assert "orders/1" not in kept
        assert "private-hat" not in kept
