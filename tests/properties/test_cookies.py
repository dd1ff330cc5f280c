"""A cookie that we set is the cookie that we read, whatever else the browser sends along."""

from hypothesis import given
from hypothesis import strategies as st

from coatcheck.wire.cookies import CookieAttributes, values
from coatcheck.wire.tokens import Token

OCTETS = "".join(chr(n) for n in range(0x21, 0x7F) if chr(n) not in '",;\\')
NAMES = st.text("!#$%&'*+-.^_`|~0123456789abcXYZ", min_size=1, max_size=20)
VALUES = st.text(OCTETS, max_size=60)
NOISE = st.binary(max_size=40)


def sent(set_cookie: str) -> bytes:
    """What a browser sends back."""
    return set_cookie.partition(";")[0].encode()


@given(NAMES, VALUES)
def test_a_value_comes_back_as_it_was_set(name, value):
    attributes = CookieAttributes(name, secure=True)
    assert values([sent(attributes.render(value, 60))], name) == (value,)


@given(NAMES, VALUES, st.lists(st.tuples(NAMES, VALUES)), st.lists(st.tuples(NAMES, VALUES)))
def test_cookies_before_and_after_it_do_not_matter(name, value, before, after):
    others = [(other, text) for other, text in (*before, *after) if other != name]
    pairs = [*others[: len(before)], (name, value), *others[len(before) :]]
    header = "; ".join(f"{other}={text}" for other, text in pairs).encode()
    assert values([header], name) == (value,)
    assert values([part.strip() for part in header.split(b";")], name) == (value,)


@given(st.lists(NOISE, max_size=5), NAMES)
def test_no_header_breaks_the_reader(headers, name):
    for value in values(headers, name):
        assert "\ufffd" in value or value.isascii()


@given(st.lists(NOISE, max_size=4), st.integers(0, 4))
def test_a_token_is_found_in_any_noise_that_does_not_name_it(noise, place):
    token = Token.new()
    others = [part for part in noise if b"__Host-session" not in part and b";" not in part]
    others.insert(min(place, len(others)), f"__Host-session={token}".encode())
    (found,) = values([b";".join(others)], "__Host-session")
    assert Token.parse(found) == token


@given(st.text(max_size=80))
def test_only_what_has_the_shape_of_a_token_is_one(text):
    token = Token.parse(text)
    assert token is None or str(token) == text


@given(VALUES, st.integers(0, 10**12) | st.none())
def test_a_cookie_of_the_host_prefix_is_always_whole(value, max_age):
    rendered = CookieAttributes("__Host-session").render(value, max_age)
    first, *attributes = rendered.split("; ")
    assert first == f"__Host-session={value}"
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= set(attributes)
    assert not any(attribute.startswith("Domain") for attribute in attributes)
    assert "\r" not in rendered
    assert "\n" not in rendered
