import pytest

from coatcheck.wire.errors import InvalidKeyring
from coatcheck.wire.signing import Keyring

OLD, NEW = "an old key of some length", "a new key of some length"


def test_a_mac_is_32_bytes_and_verifies():
    keys = Keyring([NEW])
    mac = keys.mac("form", b"payload")
    assert len(mac) == 32
    assert keys.verify("form", b"payload", mac)


def test_another_payload_does_not_verify():
    keys = Keyring([NEW])
    mac = keys.mac("form", b"payload")
    for payload in (b"", b"payloa", b"payload ", b"Payload"):
        assert not keys.verify("form", payload, mac)


def test_a_mac_with_any_bit_flipped_does_not_verify():
    keys = Keyring([NEW])
    mac = keys.mac("form", b"payload")
    for bit in range(256):
        flipped = bytearray(mac)
        flipped[bit // 8] ^= 1 << bit % 8
        assert not keys.verify("form", b"payload", bytes(flipped))


@pytest.mark.parametrize("mac", [b"", b"\x00" * 32, b"\x00" * 31, b"\x00" * 64])
def test_a_mac_of_another_length_or_of_zeros_does_not_verify(mac):
    assert not Keyring([NEW]).verify("form", b"payload", mac)


def test_a_mac_for_one_purpose_is_none_for_another():
    keys = Keyring([NEW])
    mac = keys.mac("form", b"payload")
    for purpose in ("", "Form", "form2", "for", "form\x01", "cookie"):
        assert not keys.verify(purpose, b"payload", mac)


def test_a_purpose_and_a_payload_cannot_trade_bytes():
    # CVE-2026-6873: salt and value were joined, so that "a" + "bc" passed for "ab" + "c".
    keys = Keyring([NEW])
    assert keys.mac("a", b"bc") != keys.mac("ab", b"c")
    assert keys.mac("a", b"\x01b") != keys.mac("a\x01", b"b")


def test_the_first_key_signs_and_every_key_verifies():
    old, rotated = Keyring([OLD]), Keyring([NEW, OLD])
    assert rotated.verify("form", b"payload", old.mac("form", b"payload"))
    assert rotated.mac("form", b"payload") == Keyring([NEW]).mac("form", b"payload")
    assert not old.verify("form", b"payload", rotated.mac("form", b"payload"))


def test_a_key_that_was_dropped_verifies_nothing():
    mac = Keyring([OLD]).mac("form", b"payload")
    assert not Keyring([NEW]).verify("form", b"payload", mac)


def test_text_and_its_bytes_are_the_same_key():
    assert Keyring([NEW]).mac("form", b"x") == Keyring([NEW.encode()]).mac("form", b"x")


@pytest.mark.parametrize("keys", [[], (), "one key as text", b"one key as bytes", None])
def test_a_keyring_wants_a_list_with_a_key(keys):
    with pytest.raises(InvalidKeyring, match="SECRET_KEY"):
        Keyring(keys)


@pytest.mark.parametrize("key", ["", "1234567", b"1234567"], ids=repr)
def test_a_key_too_short_is_refused(key):
    with pytest.raises(InvalidKeyring, match="shorter than 8"):
        Keyring([NEW, key])


@pytest.mark.parametrize("key", [12345678, 0, None, 1.5, ["a long enough key"]])
def test_a_key_that_is_no_text_is_refused_not_turned_into_zeros(key):
    with pytest.raises(InvalidKeyring):
        Keyring([key])


def test_no_key_shows_in_a_repr_or_an_error():
    assert "key of" not in repr(Keyring([NEW, OLD]))
    with pytest.raises(InvalidKeyring) as caught:
        Keyring([NEW, "hunter2"])
    assert "hunter2" not in str(caught.value)
