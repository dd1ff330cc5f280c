"""Cookies that somebody else planted, forged, or spelled a little differently.

What must not happen: a session opened by anything but its own token, an id adopted, a record made
for a value nobody issued, or an error that tells them apart.
"""

import pytest

from coatcheck.core.engine import Sessions
from coatcheck.core.events import Event, EventName
from coatcheck.core.http import RequestView
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import CountingStore, Visitor
from coatcheck.wire.tokens import Token

NAME = b"__Host-session"


@pytest.fixture
def store():
    return CountingStore(MemoryStore())


@pytest.fixture
def events():
    return []


@pytest.fixture
def sessions(store, events: list[Event]):
    return Sessions(store, listener=events.append)


@pytest.fixture
def victim(sessions, store, events):
    visitor = Visitor(sessions)
    with visitor.visit() as session:
        session["card"] = "4111"
    store.forget()
    events.clear()
    return visitor


def opened(sessions, *headers, https=True):
    return sessions.open(RequestView("GET", https, headers))


def value_of(visitor):
    return visitor.cookie.partition("=")[2].encode()


def token_of(visitor):
    token = Token.parse(value_of(visitor).decode())
    assert token is not None
    return token


SPELLINGS = {
    "lower case": b"__host-session",
    "upper case": b"__HOST-SESSION",
    "without prefix": b"session",
    "other prefix": b"__Secure-session",
    "twice the prefix": b"__Host-__Host-session",
    "no-break space before": b"\xc2\xa0__Host-session",
    "latin-1 no-break space": b"\xa0__Host-session",
    "unicode blank after": b"__Host-session\xe2\x80\xa8",
    "next line": b"\x85__Host-session",
    "vertical tab": b"\x0b__Host-session",
    "form feed": b"\x0c__Host-session",
    "NUL": b"\x00__Host-session",
    "per cent": b"%5f%5fHost-session",
    "octal": b'"\\137\\137Host-session"',
    "quoted": b'"__Host-session"',
    "version": b"$Version=1; $__Host-session",
    "nameless": b"=__Host-session",
    "colon": b"__Host-session:",
    "inner blank": b"__Host- session",
    "full width": "\uff3f\uff3fHost-session".encode(),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_live_token_under_another_spelling_of_the_name_opens_nothing(
    sessions, store, victim, spelling
):
    session = opened(sessions, spelling + b"=" + value_of(victim))
    assert dict(session) == {}
    assert session.user is None
    assert store.calls == {}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_a_cookie_of_another_spelling_does_not_get_in_the_way_of_the_right_one(
    sessions, events, victim, spelling, first
):
    planted = spelling + b"=" + str(Token.new()).encode()
    own = NAME + b"=" + value_of(victim)
    session = opened(sessions, b"; ".join([planted, own] if first else [own, planted]))
    assert session["card"] == "4111"
    assert events == []


def test_the_very_name_opens_it(sessions, victim):
    assert opened(sessions, NAME + b"=" + value_of(victim))["card"] == "4111"


def test_the_name_without_prefix_is_only_read_over_plain_http(sessions, victim):
    # Otherwise a neighbour on http could plant what https then believes.
    value = value_of(victim)
    assert dict(opened(sessions, b"session=" + value)) == {}
    assert dict(opened(sessions, NAME + b"=" + value, https=False)) == {}


@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_of_two_different_cookies_of_the_name_neither_is_taken(
    sessions, store, events, victim, first
):
    planted = NAME + b"=" + str(Token.new()).encode()
    own = NAME + b"=" + value_of(victim)
    for headers in ([planted + b"; " + own], [planted, own]):
        session = opened(sessions, *(headers if first else headers[::-1]))
        assert dict(session) == {}
    assert store.calls == {}
    assert [event.name for event in events] == [EventName.TOSSED, EventName.TOSSED]


HOSTILE = [
    b"",
    b"../../../../etc/passwd",
    b"..%2f..%2fetc%2fpasswd",
    b"/etc/passwd",
    b"\\\\evil\\share",
    b"\x00",
    b'"\\000"',
    b'"a\\015\\012Set-Cookie: x=y"',
    b"a\rb",
    b"x" * 6000,
    b"x" * 60_000,
    b"\xff\xfe\xfd",
    b"\xc3\x28",
    "\U0001f9e5".encode(),
    b"' OR '1'='1",
    b"1; DROP TABLE sessions",
    b"{$gt: ''}",
    b"*",
    b"%",
    b"_" * 66,
    b"null",
    b"None",
    b"0",
    b"-1",
    b"gASVCwAAAAAAAACMB3N5c3RlbZSTlC4=",
    b"eyJhbGciOiJub25lIn0.e30.",
    b"${jndi:ldap://evil}",
    b"<script>alert(1)</script>",
    b"A" * 22,
    b"A" * 22 + b"." + b"b" * 42,
    b"A" * 22 + b"." + b"b" * 44,
    b"a.b.c.d.e",
]


@pytest.mark.parametrize(
    "value", HOSTILE, ids=[f"{n}: {value!r}"[:40] for n, value in enumerate(HOSTILE)]
)
def test_a_hostile_value_is_no_session_and_never_reaches_the_store(sessions, store, value):
    visitor = Visitor(sessions)
    view = RequestView("GET", True, [NAME + b"=" + value])
    session = sessions.open(view)
    assert dict(session) == {}
    visitor.take(sessions.commit(session, view))
    assert visitor.cookie is None
    assert store.calls == {}


def test_unknown_tokens_of_the_right_shape_leave_no_record_behind(sessions, store):
    for _ in range(200):
        token = Token.new()
        view = RequestView("GET", True, [NAME + b"=" + str(token).encode()])
        session = sessions.open(view)
        assert session.get("n") is None
        session.destroy()
        assert sessions.commit(session, view).set_cookie is None
    assert store.calls == {"load": 200}


def test_an_invented_id_is_never_adopted_not_even_by_a_login(sessions, store):
    invented = Token.new()
    for act in (lambda s: s.update(a=1), lambda s: s.login("ann"), lambda s: s.renew()):
        visitor = Visitor(sessions)
        visitor.cookie = f"__Host-session={invented}"
        with visitor.visit("POST") as session:
            act(session)
        assert visitor.answer is not None
        assert invented.id not in (visitor.answer.set_cookie or "")
    assert store.wrapped.load(invented.id) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda token: Token(token.id, Token.new().secret),
        lambda token: Token(token.id, token.secret.swapcase()),
        lambda token: Token(token.id.swapcase(), token.secret),
        lambda token: Token(
            token.id, token.secret[:-1] + ("A" if token.secret[-1] != "A" else "B")
        ),
        lambda token: Token(Token.new().id, token.secret),
    ],
    ids=["another secret", "secret in other case", "id in other case", "last bit", "another id"],
)
def test_a_known_id_with_anything_but_its_secret_opens_nothing(sessions, events, victim, change):
    token = token_of(victim)
    forged = change(token)
    assert forged != token
    session = opened(sessions, NAME + b"=" + str(forged).encode())
    assert dict(session) == {}
    assert [event.name for event in events] == [EventName.REJECTED]


def test_a_forged_secret_cannot_end_or_change_the_session_it_names(sessions, victim):
    token = token_of(victim)
    attacker = Visitor(sessions)
    for act in (lambda s: s.destroy(), lambda s: s.clear(), lambda s: s.login("mallory")):
        attacker.cookie = f"__Host-session={Token(token.id, Token.new().secret)}"
        with attacker.visit("POST") as session:
            act(session)
    with victim.visit() as session:
        assert dict(session) == {"card": "4111"}
        assert session.user is None
