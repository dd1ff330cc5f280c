import time

import pytest

from coatcheck.wire.cookies import LONGEST, LONGEST_AGE, CookieAttributes, values
from coatcheck.wire.errors import CookieTooLarge, InvalidCookie

NAME = "__Host-session"


def test_a_cookie_is_found_among_others():
    assert values([b"a=1; __Host-session=abc; b=2"], NAME) == ("abc",)


def test_no_header_and_no_such_cookie_give_nothing():
    assert values([], NAME) == ()
    assert values([b""], NAME) == ()
    assert values([b"a=1; b=2"], NAME) == ()


@pytest.mark.parametrize(
    "header",
    [
        b"__Host-session=abc",
        b" __Host-session=abc ",
        b"\t__Host-session\t=\tabc\t",
        b"a=1;__Host-session=abc",
        b"a=1 ;  __Host-session = abc;b=2",
        b";;__Host-session=abc;;",
    ],
)
def test_spaces_and_tabs_around_a_name_and_a_value_do_not_count(header):
    assert values([header], NAME) == ("abc",)


def test_a_value_may_hold_an_equals_sign_and_quotes_stay():
    assert values([b'__Host-session=a=b="c"'], NAME) == ('a=b="c"',)


def test_an_empty_value_is_a_value():
    assert values([b"__Host-session="], NAME) == ("",)


def test_a_cookie_without_equals_sign_is_none():
    assert values([b"__Host-session"], NAME) == ()
    assert values([b"__Host-session; a=1"], NAME) == ()


def test_the_same_value_twice_is_one_value():
    assert values([b"__Host-session=abc; __Host-session=abc"], NAME) == ("abc",)
    assert values([b"__Host-session=abc", b"__Host-session=abc"], NAME) == ("abc",)


@pytest.mark.parametrize(
    "headers",
    [
        [b"__Host-session=one; __Host-session=two"],
        [b"__Host-session=one", b"__Host-session=two"],
        [b"__Host-session=one; a=1", b"b=2; __Host-session=two"],
    ],
)
def test_two_values_are_both_told_in_the_order_they_came(headers):
    assert values(headers, NAME) == ("one", "two")


def test_a_value_that_is_not_ascii_matches_no_token():
    (value,) = values([b"__Host-session=\xc3\xa9\xff"], NAME)
    assert "\ufffd" in value


def test_a_quoted_semicolon_ends_a_value_all_the_same():
    assert values([b'a="; __Host-session=abc"'], NAME) == ('abc"',)


def test_a_header_of_thousands_of_cookies_is_read_in_no_time():
    tossed = b"; ".join(b"__Host-session=%d" % n for n in range(50_000))
    others = b"; ".join(b"c%d=%d" % (n, n) for n in range(50_000)) + b"; __Host-session=abc"
    began = time.process_time()
    assert len(values([tossed], NAME)) == 50_000
    assert values([others], NAME) == ("abc",)
    assert values([b";" * 1_000_000, b"=" * 1_000_000, b" " * 1_000_000], NAME) == ()
    assert time.process_time() - began < 1


# -- Set-Cookie ------------------------------------------------------------------------------------


def test_the_default_cookie_is_secure_and_out_of_reach_of_scripts_and_other_sites():
    assert CookieAttributes(NAME).render("abc", 60) == (
        "__Host-session=abc; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=Lax"
    )


def test_every_attribute_can_be_said():
    attributes = CookieAttributes(
        "session",
        path="/shop",
        domain="shop.example",
        http_only=False,
        same_site="None",
        partitioned=True,
    )
    assert attributes.render("abc", None) == (
        "session=abc; Path=/shop; Domain=shop.example; Secure; SameSite=None; Partitioned"
    )


def test_without_a_max_age_the_cookie_ends_with_the_browser():
    rendered = CookieAttributes(NAME).render("abc", None)
    assert "Max-Age" not in rendered
    assert "Expires" not in rendered


def test_max_age_is_never_beyond_what_browsers_keep():
    assert f"Max-Age={LONGEST_AGE};" in CookieAttributes(NAME).render("abc", 10**9)


@pytest.mark.parametrize(
    "attributes",
    [
        CookieAttributes(NAME),
        CookieAttributes("plain", secure=False),
        CookieAttributes("__Secure-a", path="/shop", domain="shop.example", partitioned=True),
    ],
    ids=lambda attributes: attributes.name,
)
def test_a_cookie_is_expired_with_the_name_and_attributes_it_was_set_with(attributes):
    # A browser keeps a prefixed or partitioned cookie otherwise.
    set_cookie = attributes.render("abc", 0)
    assert attributes.expire() == set_cookie.replace("=abc", "=", 1)


def test_a_cookie_of_exactly_the_longest_size_is_rendered_and_one_byte_more_is_refused():
    room = LONGEST - len(NAME)
    assert CookieAttributes(NAME).render("x" * room, None).startswith(f"{NAME}={'x' * room};")
    with pytest.raises(CookieTooLarge, match=r"'__Host-session' would be 4097 bytes"):
        CookieAttributes(NAME).render("x" * (room + 1), None)


@pytest.mark.parametrize("bad", [";", ",", " ", '"', "\\", "\r\n", "\x00", "\x7f", "\u00e9", "\t"])
def test_a_value_that_a_cookie_cannot_carry_is_refused_and_not_told(bad):
    with pytest.raises(InvalidCookie) as caught:
        CookieAttributes(NAME).render(f"secret{bad}x", 60)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "contradiction",
    [
        {"name": ""},
        {"name": "a b"},
        {"name": "a;b"},
        {"name": "a=b"},
        {"name": "a,b"},
        {"name": "a\n"},
        {"name": "\u00e9"},
        {"name": "a\x00"},
        {"path": ""},
        {"path": "shop"},
        {"path": "/;Domain=evil.example"},
        {"path": "/\r\nSet-Cookie: a=b"},
        {"path": "/caf\u00e9"},
        {"domain": ""},
        {"domain": "a;b"},
        {"domain": "a\nb"},
        {"same_site": "lax"},
        {"same_site": ""},
        {"same_site": None},
        {"same_site": "None", "secure": False},
        {"partitioned": True, "secure": False},
        {"name": "__Host-a", "secure": False},
        {"name": "__Secure-a", "secure": False},
        {"name": "__host-a", "secure": False},
        {"name": "__SECURE-a", "secure": False},
        {"name": "__Host-a", "path": "/shop"},
        {"name": "__Host-a", "domain": "shop.example"},
        {"name": "__HOST-a", "domain": "shop.example"},
        {"name": "__Host-Http-a", "path": "/shop"},
    ],
    ids=str,
)
def test_attributes_that_contradict_each_other_are_refused_at_start(contradiction):
    with pytest.raises(InvalidCookie):
        CookieAttributes(**{"name": "session", **contradiction})


def test_a_refusal_names_the_cookie_and_the_remedy():
    with pytest.raises(InvalidCookie, match=r"'__Host-a' allows no domain and only path='/'"):
        CookieAttributes("__Host-a", domain="shop.example")
