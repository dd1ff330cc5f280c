"""What is kept of a submission must open for nobody but who sent it."""

import re

import pytest

from coatcheck.core.record import Record
from coatcheck.stores.memory import MemoryStore
from coatcheck.web import App, once, redirect, request, session
from coatcheck.web.context import current_request
from coatcheck.wire.tokens import Token
from tests.web.sites import OWN_PAGE, browser, site

TICKET = re.compile(r'name="csrfmiddlewaretoken" value="([A-Za-z0-9_-]{128})"')


@pytest.fixture
def app():
    app = site()

    @app.route("/begin")
    def begin():
        session["begun"] = True
        return "x"

    @app.route("/form")
    def form():
        from coatcheck.web.tags import csrf_input

        return f"{csrf_input('checkout')}{current_request().csrf.token()}"

    @app.post("/order")
    def order():
        return f"<p>order of {request.form['name']}, to Secret Street</p>"

    @app.post("/named")
    @once(name="checkout")
    def named():
        session.login("7")
        return redirect("/mine")

    @app.post("/keyed")
    @once(key=lambda request: request.POST["name"])
    def keyed():
        return "<p>to Secret Street</p>"

    return app


def visitor(app):
    client = browser(app, headers=OWN_PAGE)
    client.get("/begin")
    return client


def forged(app, client):
    """A browser that shows the id of *client*'s session, as a stolen store tells it, no more."""
    token = Token.parse(client.cookies["session"])
    assert token is not None
    return browser(app, headers={**OWN_PAGE, "Cookie": f"session={Token.new(token.id)}"})


def fields(client, **more):
    (ticket,) = TICKET.findall(client.get("/form").text)
    return {"csrfmiddlewaretoken": ticket, "name": "al", **more}


def stored(app: App) -> dict[str, Record]:
    store = app.sessions.store
    assert isinstance(store, MemoryStore)
    return store._records


@pytest.mark.parametrize("path", ["/order", "/named", "/keyed"])
def test_an_id_from_a_stolen_store_gets_at_no_answer_and_no_cookie(app, path):
    owner = visitor(app)
    sent = fields(owner)
    assert owner.post(path, data=sent).is_success or path == "/named"
    thief = forged(app, owner)
    answer = thief.post(path, data=fields(thief))
    # It is processed as a stranger's, and never answered with what the owner was answered.
    owners = [cookie for cookie in owner.cookies.values() if "." in cookie]
    assert not any(cookie in answer.headers.get("set-cookie", "") for cookie in owners)
    for record in list(stored(app).values()):
        assert record.id.startswith("once:") == (record.digest == bytes(32))
    claims = [id for id in stored(app) if id.startswith("once:")]
    assert len(claims) == 2


def test_a_ticket_that_was_seen_over_a_shoulder_is_of_no_use_in_another_browser(app):
    owner, other = visitor(app), visitor(app)
    sent = fields(owner)
    owner.post("/named", data=sent)
    answer = other.post("/named", data=sent)
    assert owner.cookies["session"] not in answer.headers.get("set-cookie", "")


def test_a_claim_is_no_session_whatever_cookie_is_shown(app):
    owner = visitor(app)
    owner.post("/order", data=fields(owner))
    (claim,) = [id for id in stored(app) if id.startswith("once:")]
    assert isinstance(app.sessions.store.load(claim), Record)
    for shown in (claim, f"{claim}.{'A' * 43}", f"{claim.removeprefix('once:')}.{'A' * 43}"):
        thief = browser(app, headers={**OWN_PAGE, "Cookie": f"session={shown}"})
        assert "Secret Street" not in thief.get("/form").text
    assert app.sessions.of("7") == []


def test_a_copy_of_the_store_shows_neither_page_nor_fields_nor_cookies(app):
    owner = visitor(app)
    owner.post("/order", data=fields(owner, note="ring twice"))
    owner.post("/named", data=fields(owner))
    copy = b"".join(
        part
        for record in stored(app).values()
        if record.id.startswith("once:")
        for part in (record.id.encode(), *record.fields.values())
    )
    for secret in (b"Secret Street", b"ring twice", owner.cookies["session"].encode(), b"/mine"):
        assert secret not in copy
