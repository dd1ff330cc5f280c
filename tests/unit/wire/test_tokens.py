import re
from hashlib import sha256

import pytest

from coatcheck.wire.tokens import Token, handle


def test_a_token_is_spelled_id_dot_secret_and_read_back():
    token = Token.new()
    assert str(token) == f"{token.id}.{token.secret}"
    assert Token.parse(str(token)) == token


def test_an_id_has_128_random_bits_and_a_secret_256():
    token = Token.new()
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", token.id)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token.secret)


def test_no_two_tokens_are_alike():
    tokens = [Token.new() for _ in range(1000)]
    assert len({token.id for token in tokens}) == 1000
    assert len({token.secret for token in tokens}) == 1000
    # Every position varies: none is filled with a counter or the time.
    assert all(len({token.secret[place] for token in tokens}) > 10 for place in range(42))


def test_a_renewed_token_keeps_its_id_and_nothing_of_its_secret():
    token = Token.new()
    renewed = Token.new(token.id)
    assert renewed.id == token.id
    assert renewed.secret != token.secret
    assert not renewed.proves(token.digest)


def test_only_the_secret_itself_proves_a_digest():
    token = Token.new()
    assert token.digest == sha256(token.secret.encode()).digest()
    assert token.proves(token.digest)
    assert not Token(token.id, token.secret[:-1] + "!").proves(token.digest)
    assert not token.proves(b"")
    assert not token.proves(token.digest[:-1])
    assert not token.proves(token.secret.encode())


@pytest.mark.parametrize("secret", ["A" * 43, "A" * 42 + "_"])
def test_a_digest_does_not_contain_the_secret(secret):
    assert secret.encode() not in Token("A" * 22, secret).digest


GOOD = "A" * 22 + "." + "b" * 43


OTHER_SHAPES = [
    "",
    ".",
    "A" * 22,
    "A" * 22 + ".",
    "." + "b" * 43,
    GOOD[:-1],
    GOOD + "b",
    "A" + GOOD,
    GOOD + "\n",
    "\n" + GOOD,
    GOOD + " ",
    " " + GOOD,
    GOOD + "\x00",
    GOOD.replace(".", ".."),
    GOOD.replace(".", ":"),
    GOOD.replace(".", ""),
    GOOD.replace("b", "+", 1),
    GOOD.replace("b", "/", 1),
    GOOD.replace("b", "=", 1),
    GOOD.replace("A", "\u0410", 1),  # a Cyrillic letter that looks the same
    GOOD.replace("A", "\uff21", 1),  # a full-width one that folds to it
    GOOD.replace("b", "\u00b2", 1),
    "../../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "A" * 22 + "." + "../" * 14 + "b",
    "' OR 1=1 --",
    '"' + GOOD + '"',
    "%41" * 22 + "." + "b" * 43,
    "\\101" * 22,
    "\\015\\012Set-Cookie: a=b",
    "{$ne: null}",
    "x" * 6000,
    "\ufffd" * 66,
    GOOD + ";" + GOOD,
    "null",
]


@pytest.mark.parametrize(
    "text", OTHER_SHAPES, ids=[f"{n}: {text!r}"[:40] for n, text in enumerate(OTHER_SHAPES)]
)
def test_anything_of_another_shape_is_no_token(text):
    assert Token.parse(text) is None


def test_neither_id_nor_secret_shows_in_a_repr():
    token = Token.new()
    for shown in (repr(token), f"{token!r}", repr([token]), repr({"token": token})):
        assert token.id not in shown
        assert token.secret not in shown


def test_a_handle_is_short_and_stable_and_tells_no_id():
    token = Token.new()
    assert re.fullmatch(r"[0-9a-f]{12}", handle(token.id))
    assert handle(token.id) == handle(token.id)
    assert handle(token.id) != handle(Token.new().id)
    assert handle(token.id) not in token.id
