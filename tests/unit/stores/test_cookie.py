"""A sealed cookie is opened by its key, purpose and deadline as they were, or by nothing."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.core.errors import InvalidKeyring, UnreadableRecord
from coatcheck.core.record import Record
from coatcheck.stores.cookie import CookieStore
from coatcheck.wire.cookies import LONGEST
from coatcheck.wire.tokens import Token

NEW, OLD, OTHER = "new " * 10, "old " * 10, "other " * 10
NOW = time.time()


def record(token: Token, **attributes) -> Record:
    common = {"created": NOW, "seen": NOW + 1, "expires": NOW + 3600, "renewed": NOW}
    fields = {"colour": b"green"}
    return Record(
        **{"id": token.id, "digest": token.digest, "fields": fields, **common, **attributes}
    )


def sealed(*keys: str, **attributes) -> str:
    token = Token.new()
    return CookieStore(keys or [NEW]).seal(token, record(token, **attributes))


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    fields=st.dictionaries(NAMES, st.binary(max_size=50), max_size=5),
    user=st.none() | NAMES,
    epoch=st.integers(0, 1000),
    expires=st.floats(0, 1e11),
)
def test_what_is_sealed_is_opened_as_it_was(fields, user, epoch, expires):
    store, token = CookieStore([NEW]), Token.new()
    kept = record(token, fields=fields, user=user, epoch=epoch, expires=expires)
    assert store.unseal(store.seal(token, kept)) == (token, kept)


def test_no_altered_bit_is_let_through():
    store, data = CookieStore([NEW]), raw(sealed())
    for place in range(len(data)):
        altered = bytearray(data)
        altered[place] ^= 1 << place % 8
        assert store.unseal(text(bytes(altered))) is None, f"byte {place}"


def test_nothing_cut_off_or_added_is_let_through():
    store, good = CookieStore([NEW]), sealed()
    for length in range(len(good)):
        assert store.unseal(good[:length]) is None
    for end in ("A", "AA", "AAAA", "=", " ", "\n", ".", "%3D"):
        assert store.unseal(good + end) is None


def test_another_spelling_of_the_same_bytes_is_not_let_through():
    store = CookieStore([NEW])
    good = next(good for good in (sealed(user="x" * n) for n in range(3)) if len(good) % 4 == 3)
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(good[-1])
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = good[:-1] + alphabet[last ^ 1]
    assert raw(twin) == raw(good)
    assert store.unseal(twin) is None
    assert store.unseal(good) is not None


@given(st.text(max_size=300) | st.binary(max_size=300).map(text))
def test_whatever_a_visitor_sends_is_nobody_and_no_error(sent):
    assert CookieStore([NEW]).unseal(sent) is None


def test_the_newest_key_seals_and_every_key_opens():
    before, during, after = CookieStore([OLD]), CookieStore([NEW, OLD]), CookieStore([NEW])
    token = Token.new()
    kept = record(token)
    old, new = before.seal(token, kept), during.seal(token, kept)
    assert during.unseal(old) == during.unseal(new) == (token, kept)
    assert after.unseal(new) == (token, kept)
    assert after.unseal(old) is None
    assert before.unseal(new) is None


def test_a_cookie_of_another_purpose_is_nobodys():
    shop, forum = (CookieStore([NEW], purpose=name) for name in ("shop", "forum"))
    token = Token.new()
    assert forum.unseal(shop.seal(token, record(token, user="admin"))) is None


def test_a_cookie_tells_neither_names_nor_values_nor_the_user():
    text = sealed(fields={"secret_name": b"secret value"}, user="ann@example.org")
    data = raw(text)
    for told in (b"secret_name", b"secret value", b"ann"):
        assert told not in data


def test_two_seals_of_one_record_have_nothing_in_common_but_format_and_deadline():
    store, token = CookieStore([NEW]), Token.new()
    kept = record(token)
    one, two = raw(store.seal(token, kept)), raw(store.seal(token, kept))
    assert one[:9] == two[:9]
    same = sum(a == b for a, b in zip(one[9:], two[9:], strict=True))
    assert same < len(one) / 8


def test_what_another_version_sealed_under_our_key_is_told_from_a_forgery(monkeypatch):
    monkeypatch.setattr("coatcheck.stores.cookie.ormsgpack.packb", lambda parts: b"new things")
    store, token = CookieStore([NEW]), Token.new()
    monkeypatch.setattr("coatcheck.stores.cookie._CONTENT", b"\x02")
    theirs = store.seal(token, record(token))
    monkeypatch.undo()
    with pytest.raises(UnreadableRecord, match="another version"):
        store.unseal(theirs)


def test_a_text_longer_than_any_cookie_is_not_even_decoded():
    assert CookieStore([NEW]).unseal("A" * (LONGEST + 1)) is None


@pytest.mark.parametrize(
    "keys", [["short"], [NEW, "x" * 31], [], "one text and not a list of them"]
)
def test_keys_that_can_be_guessed_are_refused(keys):
    with pytest.raises(InvalidKeyring):
        CookieStore(keys)
