"""A form is processed once: promise P5 through the whole standalone stack."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.testclient import TestClient

from coatcheck.web import (
    flash,
    get_flashed_messages,
    once,
    processed_every_time,
    redirect,
    request,
    session,
)
from tests.web.sites import OWN_PAGE, browser, calls_of, site

TICKET = re.compile(r'name="csrfmiddlewaretoken" value="([A-Za-z0-9_-]{128})"')


class Shop:
    """A site with one form, and what it did."""

    def __init__(self, *, once: bool = True) -> None:
        self.app = site(FORM_ONCE=once)
        self.orders: list[str] = []
        self.before_order = lambda: None
        self.answer = lambda: redirect("/thanks")
        app = self.app

        @app.route("/form")
        def form():
            return '<form method="post">' + str(field()) + "</form>"

        @app.route("/named")
        def named():
            return '<form method="post">' + str(field("checkout")) + "</form>"

        @app.route("/order", methods=["POST"])
        @app.route("/other", methods=["POST"], name="other")
        def order():
            self.before_order()
            self.orders.append(request.form.get("fruit", ""))
            flash("Thank you.")
            return self.answer()

        @app.route("/thanks")
        def thanks():
            return f"thanks {session.get('n', '')} {get_flashed_messages()}"


def field(once=""):
    from coatcheck.web.tags import csrf_input

    return csrf_input(once)


@pytest.fixture
def shop():
    return Shop()


def opened(client: TestClient, path: str = "/form") -> str:
    tickets: list[str] = TICKET.findall(client.get(path).text)
    (ticket,) = tickets
    return ticket


def send(client: TestClient, ticket: str, fruit: str = "apple", path: str = "/order", **headers):
    data = {"csrfmiddlewaretoken": ticket, "fruit": fruit}
    return client.post(path, data=data, headers={**OWN_PAGE, **headers})


def test_a_form_that_is_sent_twice_is_processed_once_and_answered_twice(shop):
    client = browser(shop.app)
    ticket = opened(client)
    answers = [send(client, ticket) for _ in range(3)]
    assert shop.orders == ["apple"]
    assert [answer.status_code for answer in answers] == [303] * 3
    assert {answer.headers["location"] for answer in answers} == {"/thanks"}


def test_clicks_at_once_wait_for_the_first_and_get_its_answer(shop):
    client = browser(shop.app)
    ticket = opened(client)
    begun, go_on = threading.Event(), threading.Event()

    def slow():
        begun.set()
        assert go_on.wait(20)

    shop.before_order = slow
    # A client for each click: all of one browser, with the cookies that it has.
    clicks = [browser(shop.app) for _ in range(4)]
    for click in clicks:
        click.cookies = client.cookies
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(send, clicks[0], ticket)
        assert begun.wait(20)
        others = [pool.submit(send, click, ticket) for click in clicks[1:]]
        go_on.set()
        answers = [first.result(20), *(other.result(20) for other in others)]
    assert shop.orders == ["apple"]
    assert [answer.status_code for answer in answers] == [303] * 4


def test_an_undisturbed_form_costs_two_store_calls(shop):
    client = browser(shop.app)
    ticket = opened(client)
    calls = calls_of(shop.app)
    send(client, ticket)
    assert calls == ["create", "create", "commit"]  # the claim, the session with its flash


def test_one_ticket_at_two_addresses_is_two_submissions(shop):
    client = browser(shop.app)
    ticket = opened(client)
    send(client, ticket)
    send(client, ticket, path="/other")
    assert shop.orders == ["apple", "apple"]


def test_two_tabs_are_two_submissions(shop):
    client = browser(shop.app)
    first, second = opened(client), opened(client)
    send(client, first)
    send(client, second)
    assert shop.orders == ["apple", "apple"]


def test_two_tabs_with_one_name_are_one_submission_and_a_later_page_is_another(shop):
    client = browser(shop.app)
    first, second = opened(client, "/named"), opened(client, "/named")
    assert send(client, first).status_code == 303
    assert send(client, second).status_code == 303
    assert shop.orders == ["apple"]
    assert send(client, opened(client, "/named")).status_code == 303
    assert shop.orders == ["apple", "apple"]


def test_other_values_after_a_redirect_are_shown_beside_the_first_ones(shop):
    client = browser(shop.app)
    ticket = opened(client)
    send(client, ticket, "apple")
    answer = send(client, ticket, "<pear>")
    assert answer.status_code == 409
    assert shop.orders == ["apple"]
    assert "apple" in answer.text
    assert "&lt;pear&gt;" in answer.text
    assert "no-store" not in answer.headers["cache-control"]
    # One button sends it as a new one, with a fresh ticket; the other shows the first result.
    (fresh,) = TICKET.findall(answer.text)
    (result,) = re.findall(r'href="(/-coatcheck/result/[^"]+)"', answer.text)
    seen = client.get(result)
    assert (seen.status_code, seen.headers["location"]) == (303, "/thanks")
    assert send(client, fresh, "<pear>").status_code == 303
    assert shop.orders == ["apple", "<pear>"]


def test_a_result_is_shown_to_nobody_else(shop):
    client = browser(shop.app)
    ticket = opened(client)
    send(client, ticket, "apple")
    (result,) = re.findall(r'href="(/-[^"]+)"', send(client, ticket, "pear").text)
    assert browser(shop.app).get(result).status_code == 404
    assert client.get(result[:-3] + "AAA").status_code == 404


def test_a_password_is_neither_shown_nor_kept(shop):
    client = browser(shop.app)
    data = {"csrfmiddlewaretoken": opened(client), "fruit": "apple", "password": "hunter2"}
    client.post("/order", data=data, headers=OWN_PAGE)
    answer = client.post("/order", data={**data, "fruit": "pear"}, headers=OWN_PAGE)
    assert answer.status_code == 409
    assert "hunter2" not in answer.text
    assert '<input id="again-1" name="password" type="password"' in answer.text


def test_a_page_is_shown_again_and_other_values_are_a_new_attempt(shop):
    client = browser(shop.app)
    shop.answer = lambda: f"<p>try again, {request.form['fruit']}</p>"
    ticket = opened(client)
    assert send(client, ticket).text == send(client, ticket).text
    assert shop.orders == ["apple"]
    shop.answer = lambda: redirect("/thanks")
    assert send(client, ticket, "pear").status_code == 303
    assert shop.orders == ["apple", "pear"]


@pytest.mark.parametrize("status", [400, 422, 500, 503])
def test_a_refusal_leaves_the_ticket_good(shop, status):
    client = browser(shop.app)
    ticket = opened(client)
    shop.answer = lambda: ("no", status)
    assert send(client, ticket).status_code == status
    shop.answer = lambda: redirect("/thanks")
    assert send(client, ticket).status_code == 303
    assert shop.orders == ["apple", "apple"]


def test_an_exception_leaves_the_ticket_good(shop):
    client = browser(shop.app)
    ticket = opened(client)

    def fail():
        raise RuntimeError("a mistake in the view")

    shop.before_order = fail
    assert send(client, ticket).status_code == 500
    shop.before_order = lambda: None
    assert send(client, ticket).status_code == 303


def test_a_redirect_to_the_login_leaves_the_ticket_good(shop):
    from coatcheck.web.auth.access import to_login

    client = browser(shop.app)
    ticket = opened(client)
    shop.answer = lambda: to_login(request)
    assert send(client, ticket).headers["location"] == "/login/"
    shop.answer = lambda: redirect("/thanks")
    assert send(client, ticket).headers["location"] == "/thanks"


def test_another_visitors_ticket_is_as_good_as_none(shop):
    owner, other = browser(shop.app), browser(shop.app)
    ticket = opened(owner)
    opened(other)
    send(owner, ticket)
    assert send(other, ticket).status_code == 303
    assert shop.orders == ["apple", "apple"]


def test_a_day_old_form_is_asked_about_and_keeps_its_values(shop):
    client = browser(shop.app)
    clock = shop.app.sessions.lifecycle.clock
    shop.app.sessions.lifecycle.clock = lambda: clock() - 90_000
    ticket = opened(client)
    shop.app.sessions.lifecycle.clock = clock
    answer = send(client, ticket)
    assert answer.status_code == 409
    assert shop.orders == []
    (fresh,) = TICKET.findall(answer.text)
    assert 'name="fruit" value="apple"' in answer.text
    assert send(client, fresh).status_code == 303
    assert shop.orders == ["apple"]


def test_identical_forms_without_a_ticket_share_one_run_while_it_lasts_and_no_longer(shop):
    client = browser(shop.app)
    opened(client)  # so that the browser can be told from others
    begun, go_on = threading.Event(), threading.Event()

    def slow():
        begun.set()
        assert go_on.wait(20)

    shop.before_order = slow
    second = browser(shop.app)
    second.cookies = client.cookies
    data = {"fruit": "apple"}
    with ThreadPoolExecutor(2) as pool:
        clicks = [pool.submit(client.post, "/order", data=data, headers=OWN_PAGE)]
        assert begun.wait(20)
        clicks.append(pool.submit(second.post, "/order", data=data, headers=OWN_PAGE))
        with pytest.raises(TimeoutError):
            clicks[1].result(0.2)
        go_on.set()
        assert [click.result(20).status_code for click in clicks] == [303, 303]
    assert shop.orders == ["apple"]
    assert client.post("/order", data=data, headers=OWN_PAGE).status_code == 303
    assert shop.orders == ["apple", "apple"]


def test_a_script_that_keeps_one_ticket_is_only_kept_from_doing_two_things_at_once(shop):
    client = browser(shop.app)
    ticket = opened(client)
    script = {"Sec-Fetch-Mode": "cors", "HX-Request": "true"}
    first, second = (send(client, ticket, **script) for _ in range(2))
    assert shop.orders == ["apple", "apple"]
    # Each answer brings a ticket for the form that stays on the page.
    assert len({ticket, first.headers["coatcheck-ticket"], second.headers["coatcheck-ticket"]}) == 3
    # One that takes them is protected like a page.
    fresh = second.headers["coatcheck-ticket"]
    taking = {**script, "Coatcheck-Ticket": "taken"}
    assert send(client, fresh, **taking).status_code == 303
    assert send(client, fresh, **taking).status_code == 303
    assert shop.orders == ["apple", "apple", "apple"]


def test_a_double_click_on_the_login_ends_logged_in():
    app = site()

    @app.route("/form")
    def form():
        session["seen"] = True
        return str(field())

    @app.route("/login", methods=["POST"])
    def log_in():
        session.login("7")
        return redirect("/me")

    @app.route("/me")
    def me():
        return f"user {session.user}"

    client = browser(app)
    client.get("/form")
    ticket = opened(client)
    # The browser drops the answer of the first click unread: the second sends the old cookie.
    first = browser(app)
    first.cookies.update(client.cookies)
    assert "session=" in send(first, ticket, path="/login").headers["set-cookie"]
    second = send(client, ticket, path="/login")
    assert second.headers["location"] == "/me"
    assert client.get("/me").text == "user 7"
    # And with the new cookie, if that had arrived: nothing runs again.
    assert send(client, ticket, path="/login").headers["location"] == "/me"
    assert client.get("/me").text == "user 7"


def test_a_flash_that_the_unread_answer_showed_is_shown_again(shop):
    client = browser(shop.app)
    opened(client)
    session_began = client.post("/order", data={"fruit": "x"}, headers=OWN_PAGE)
    assert session_began.status_code == 303
    client.get("/thanks")
    ticket = opened(client)
    send(client, ticket)
    assert "Thank you." in client.get("/thanks").text
    assert "Thank you." not in client.get("/thanks").text
    send(client, ticket)
    assert "Thank you." in client.get("/thanks").text
    send(client, ticket)
    send(client, ticket)
    assert client.get("/thanks").text.count("Thank you.") == 1


def test_what_was_begun_and_broke_off_is_not_repeated_at_most_once():
    app = site()
    paid = []

    @app.route("/form")
    def form():
        return str(field())

    @app.route("/pay", methods=["POST"])
    @once(at_most_once=True)
    def pay():
        paid.append(1)
        raise RuntimeError("the bank's answer got lost")

    client = browser(app)
    ticket = opened(client)
    assert send(client, ticket, path="/pay").status_code == 500
    answer = send(client, ticket, path="/pay")
    assert answer.status_code == 409
    assert "cannot tell" in answer.text
    assert paid == [1]
    (fresh,) = TICKET.findall(answer.text)
    assert send(client, fresh, path="/pay").status_code == 500
    assert paid == [1, 1]


def test_a_key_makes_the_same_thing_one_submission_whatever_the_page():
    app = site()
    paid = []

    @app.route("/form")
    def form():
        return str(field())

    @app.route("/pay", methods=["POST"])
    @once(key=lambda request: request.POST["order"])
    def pay():
        paid.append(request.form["order"])
        return redirect("/")

    client = browser(app)
    for order in ("1", "1", "2"):
        data = {"csrfmiddlewaretoken": opened(client), "order": order}
        assert client.post("/pay", data=data, headers=OWN_PAGE).status_code == 303
    assert paid == ["1", "2"]
    data = {"csrfmiddlewaretoken": opened(client), "order": "1", "tip": "5"}
    answer = client.post("/pay", data=data, headers=OWN_PAGE)
    assert answer.status_code == 409
    assert "Send as a new one" not in answer.text


def test_a_view_can_be_processed_every_time():
    app = site()
    votes = []

    @app.route("/form")
    def form():
        return str(field())

    @app.route("/vote", methods=["POST"])
    @processed_every_time
    def vote():
        votes.append(1)
        return redirect("/")

    client = browser(app)
    ticket = opened(client)
    for _ in range(3):
        send(client, ticket, path="/vote")
    assert len(votes) == 3


def test_a_site_can_switch_it_off():
    shop = Shop(once=False)
    client = browser(shop.app)
    ticket = opened(client)
    calls = calls_of(shop.app)
    send(client, ticket)
    send(client, ticket)
    assert shop.orders == ["apple", "apple"]
    assert calls[0] == "create"
    assert len(calls) == 3


def test_a_large_answer_is_not_kept_and_says_so(shop):
    import os

    client = browser(shop.app)
    shop.answer = lambda: os.urandom(300_000)
    ticket = opened(client)
    assert len(send(client, ticket).content) == 300_000
    again = send(client, ticket)
    assert again.status_code == 200
    assert "was processed" in again.text
    assert shop.orders == ["apple"]


def test_pages_with_tickets_may_be_kept_by_the_browser_and_by_nobody_else(shop):
    assert browser(shop.app).get("/form").headers["cache-control"] == "private, no-cache"


def test_a_program_gets_problem_details(shop):
    client = browser(shop.app)
    ticket = opened(client)
    send(client, ticket)
    answer = send(client, ticket, "pear", Accept="application/json")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "Already sent"
