"""Events tell what happened, and never an id, a token or a value."""

import logging

import pytest

from coatcheck.core.errors import SessionBusy, SessionConflict, SessionTooLarge, StoreUnavailable
from coatcheck.core.events import Event, EventName, log
from coatcheck.testing import FaultyStore, Visitor
from coatcheck.wire.tokens import Token, handle

SECRET = "a value that nobody may see"


def every_event(engine, returning, clock):
    """Lives through everything that is reported; the secrets that were in play."""
    visitor = returning(engine(renew_every=3600, idle_timeout=7200), {"card": SECRET})
    secrets = [visitor.cookie]

    def visit(who, act, method="POST"):
        with who.visit(method) as session:
            act(session)
        secrets.append(who.cookie)

    visit(Visitor(visitor.sessions), lambda s: s.update(card=SECRET))  # created
    with visitor.visit() as slow:  # merged
        slow["mine"] = SECRET
        visit(visitor, lambda s: s.update(theirs=SECRET))
    with visitor.visit() as slow:  # conflict
        slow["card"] += "!"
        visit(visitor, lambda s: s.update(card=SECRET + "?"))
    clock.advance(3600)
    visit(visitor, lambda s: s.get("card"))  # renewed
    old = Visitor(visitor.sessions)
    old.cookie = visitor.cookie
    visit(visitor, lambda s: s.login("ann"))  # logged_in
    visit(old, lambda s: s.update(card=SECRET))  # late, dropped
    tossed = Visitor(visitor.sessions)
    tossed.cookie = f"{visitor.cookie}; __Host-session={Token.new()}"
    visit(tossed, lambda s: s.get("card"))  # tossed
    expired = Visitor(visitor.sessions)
    visit(expired, lambda s: s.update(card=SECRET))
    clock.advance(7200)
    visit(expired, lambda s: s.get("card"))  # expired
    visitor.cookie = None
    visit(visitor, lambda s: s.update(card=SECRET))
    gone = visitor.cookie
    visit(visitor, lambda s: s.logout())  # destroyed
    visitor.cookie = gone
    visit(visitor, lambda s: s.get("card"))  # rejected
    return [secret for secret in secrets if secret]


def test_events_hold_no_id_no_secret_and_no_value(engine, returning, clock, events):
    secrets = every_event(engine, returning, clock)
    kinds = {event.name for event in events}
    assert kinds == set(EventName) - {EventName.RERUN, EventName.MOVED_IN, EventName.UNREADABLE}
    told = repr(events)
    assert SECRET not in told
    for cookie in secrets:
        for part in cookie.replace("__Host-session=", "").replace("; ", ".").split("."):
            assert part not in told


def test_nor_does_the_log(engine, returning, clock, events, caplog):
    caplog.set_level(logging.DEBUG, logger="coatcheck")
    secrets = every_event(engine, returning, clock)
    for event in events:
        log(event)
    assert len(caplog.records) == len(events)
    assert SECRET not in caplog.text
    for cookie in secrets:
        assert cookie.partition(".")[2] not in caplog.text
        assert cookie.partition("=")[2].partition(".")[0] not in caplog.text


def test_nor_do_errors(engine, returning, clock):
    visitor = returning(engine(max_bytes=200, lease=600), {"card": SECRET})
    messages = []

    def fails(error, act, **options):
        def request():
            with visitor.visit("POST", **options) as session:
                act(session)

        with pytest.raises(error) as caught:
            request()
        messages.append(str(caught.value))

    def raced(session):
        session["card"] += "!"
        with visitor.visit() as quick:
            quick["card"] = SECRET + "?"

    fails(SessionTooLarge, lambda s: s.update(card=SECRET * 50))
    fails(SessionConflict, raced, isolation="serializable")
    with visitor.visit("POST", leased=True):
        fails(SessionBusy, lambda s: s.update(card=SECRET))
    store = FaultyStore(visitor.sessions.store)
    visitor.sessions = type(visitor.sessions)(store)
    store.down = True
    fails(StoreUnavailable, lambda s: s.get("card"))
    id, _, secret = visitor.cookie.partition("=")[2].partition(".")
    for message in messages:
        assert SECRET not in message
        assert id not in message
        assert secret not in message
    assert "'card'" in messages[0]


def test_an_event_names_the_session_by_its_handle(visitor, stored, events):
    with visitor.visit() as session:
        session.logout()
        ended = session.ending[0]
    assert events == [Event(EventName.DESTROYED, handle(ended))]


@pytest.mark.parametrize(
    "name", [EventName.CONFLICT, EventName.DROPPED, EventName.LATE, EventName.TOSSED]
)
def test_losses_and_suspicions_are_warnings(name, caplog):
    log(Event(name, "abc", "ann", frozenset({"b", "a"}), "why"))
    (line,) = caplog.records
    assert line.levelno == logging.WARNING
    assert line.getMessage() == f"session abc: {name.value} user='ann' keys='a,b' why"


@pytest.mark.parametrize("name", [EventName.CREATED, EventName.MERGED, EventName.DESTROYED])
def test_the_ordinary_is_for_debugging(name, caplog):
    log(Event(name))
    assert caplog.records == []
    caplog.set_level(logging.DEBUG, logger="coatcheck")
    log(Event(name))
    assert [line.levelno for line in caplog.records] == [logging.DEBUG]


def test_a_line_break_in_a_name_cannot_forge_a_log_line(caplog):
    # CVE-2025-48432
    log(Event(EventName.DROPPED, "abc", "ann\nsession x: created", frozenset({"k\r\nforged"})))
    assert "\n" not in caplog.records[0].getMessage()
    assert "\r" not in caplog.records[0].getMessage()
