"""Forged requests: each way in which another site has got a form past such a check."""

import time
from dataclasses import replace

import pytest

from coatcheck.forms.csrf import CsrfRequest, Reason, check, mint, sent_token, valid
from coatcheck.forms.data import FormData
from coatcheck.forms.origins import own_origin, trusted_origins
from coatcheck.wire.signing import Keyring

KEYS = Keyring(["a key for these tests only"])
VICTIM = b"session:victim"
ATTACKER = b"session:attacker"
POST = CsrfRequest(
    "POST", "https://shop.example", KEYS, binding=VICTIM, trusted=trusted_origins(["https://pay.x"])
)


def refused(request: CsrfRequest, reason: Reason) -> bool:
    verdict = check(request)
    return not verdict.allowed and verdict.reason is reason


@pytest.mark.parametrize(
    "method",
    ["POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "", "get", "Get", " GET"],
)
def test_method_spelled_unlike_a_safe_one_is_checked(method):
    assert refused(replace(POST, method=method), Reason.NO_TOKEN)


@pytest.mark.parametrize(
    "site", ["cross-site", "same-site", "Same-Origin", "same-origin, cross-site", "", "navigate"]
)
def test_sec_fetch_site_other_than_our_own_word_is_refused_even_with_a_good_token(site):
    token = mint(KEYS, VICTIM)
    for origins in ([], ["https://evil.example"], ["https://shop.example"]):
        request = replace(POST, sec_fetch_site=[site], origins=origins, token=token)
        assert refused(request, Reason.CROSS_SITE)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://shop.example",  # the http twin (CVE-2025-24358)
        "https://shop.example:8443",
        "https://shop.example.evil.example",
        "https://evilshop.example",
        "https://shop.example@evil.example",
        "https://shop.example/",
        "https://SHOP.example",
        "https://shop.example.",
        "https://shop.example https://evil.example",
        "https://shop.example,https://evil.example",
        "//shop.example",
        "shop.example",
        "",
        "https://",
        "NULL",
        "https://pay.x.evil.example",
        "http://pay.x",  # the http twin of a trusted origin (CVE-2025-47909)
        "https://pay.x:444",
        "https://sub.pay.x",
    ],
)
def test_origin_that_only_resembles_ours_is_refused_even_with_a_good_token(origin):
    request = replace(POST, origins=[origin], token=mint(KEYS, VICTIM))
    assert refused(request, Reason.OTHER_ORIGIN)


def test_null_origin_of_a_sandboxed_frame_is_refused_even_with_a_good_token():
    for site in ([], ["cross-site"], ["same-site"]):
        request = replace(POST, origins=["null"], sec_fetch_site=site, token=mint(KEYS, VICTIM))
        assert refused(request, Reason.OPAQUE_ORIGIN)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": ["same-origin", "cross-site"]},
        {"sec_fetch_site": ["same-origin", "same-origin"]},
        {"origins": ["https://shop.example", "https://evil.example"]},
        {"origins": ["https://pay.x", "https://pay.x"]},
        {"sec_fetch_site": ["same-origin"], "origins": ["https://shop.example", "null"]},
    ],
)
def test_repeated_headers_are_refused_and_never_picked_from(headers):
    assert refused(replace(POST, **headers, token=mint(KEYS, VICTIM)), Reason.REPEATED_HEADER)


def test_forged_host_that_is_no_host_equals_no_origin():
    for host in ("", "evil.example/", "shop.example@evil.example"):
        request = replace(POST, origin=own_origin("https", host))
        for origin in ("", "https://", f"https://{host}"):
            assert refused(replace(request, origins=[origin]), Reason.OTHER_ORIGIN)


def test_token_of_another_visitor_is_refused():
    assert refused(replace(POST, token=mint(KEYS, ATTACKER)), Reason.WRONG_TOKEN)


def test_token_and_cookie_planted_together_are_worth_the_attackers_session_only():
    planted = mint(KEYS, ATTACKER)
    assert check(replace(POST, token=planted, binding=ATTACKER)).allowed
    assert refused(replace(POST, token=planted, binding=VICTIM), Reason.WRONG_TOKEN)


def test_token_from_before_login_is_refused_after_it():
    before = mint(KEYS, b"browser:cookie")
    assert refused(replace(POST, token=before, binding=b"session:new secret"), Reason.WRONG_TOKEN)


def test_plain_double_submit_of_a_made_up_value_is_refused():
    value = "A" * 68
    assert refused(replace(POST, token=value, binding=value.encode()), Reason.WRONG_TOKEN)


def test_token_in_the_query_string_is_not_read():
    query = FormData([("csrf_token", mint(KEYS, VICTIM))], source="query")
    assert sent_token(query) is None
    assert sent_token(None) is None


def test_token_cannot_be_cut_grown_or_moved_between_bindings():
    token = mint(KEYS, b"ab")
    assert valid(token, KEYS, b"ab")
    for other in (b"a", b"abc", b"b", b""):
        assert not valid(token, KEYS, other)
    for position in range(len(token)):
        changed = "A" if token[position] != "A" else "B"
        assert not valid(token[:position] + changed + token[position + 1 :], KEYS, b"ab")
    for text in (token[:-1], token + "A", token + "=", " " + token, token + "\n", token.swapcase()):
        assert not valid(text, KEYS, b"ab")


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "\0" * 68,
        "\0",
        "x" * 200_000,
        "\u00e9" * 68,
        "\u0661" * 68,
        "\ud800" * 68,
        "=" * 68,
        "+" * 68,
        "../" * 30,
        "' OR 1=1 --",
        "{{7*7}}",
        "%00" * 20,
        "\r\n" * 34,
    ],
    ids=lambda garbage: ascii(garbage)[:20],
)
def test_garbage_tokens_are_refused_and_nothing_raises(garbage):
    assert not valid(garbage, KEYS, VICTIM)
    assert refused(replace(POST, token=garbage), Reason.WRONG_TOKEN)


def test_breach_two_pages_share_less_than_half_of_their_tokens():
    one, two = mint(KEYS, VICTIM), mint(KEYS, VICTIM)
    assert sum(a == b for a, b in zip(one, two, strict=True)) < len(one) / 2


def test_header_injection_and_floods_stay_out_of_the_message():
    for text in ("x\r\nSet-Cookie: a=b", "\x1b[31m", "\u202e", "y" * 100_000):
        for request in (replace(POST, origins=[text]), replace(POST, sec_fetch_site=[text])):
            message = check(request).message
            assert message.isprintable()
            assert len(message) < 600


def test_huge_tokens_are_refused_in_no_time():
    begun = time.process_time()
    assert not valid("A" * 10_000_000, KEYS, VICTIM)
    assert time.process_time() - begun < 0.5
