import subprocess
import sys
from dataclasses import replace

import pytest

from coatcheck.forms.csrf import (
    FIELD,
    CsrfRequest,
    Reason,
    check,
    hidden_field,
    is_binding,
    mint,
    new_binding,
    sent_token,
    valid,
)
from coatcheck.forms.data import FormData
from coatcheck.forms.origins import trusted_origins
from coatcheck.wire.signing import Keyring

KEYS = Keyring(["a key for these tests only"])
BINDING = b"session:one"
POST = CsrfRequest("POST", "https://shop.example", KEYS, binding=BINDING)
TRUSTED = trusted_origins(["https://pay.example"])


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_method_that_changes_nothing_goes_on_whoever_sends_it(method):
    request = replace(POST, method=method, sec_fetch_site=["cross-site"], origins=["https://e.x"])
    verdict = check(request)
    assert verdict.allowed
    assert verdict.reason == "safe-method"


@pytest.mark.parametrize(("site", "reason"), [("same-origin", "same-origin"), ("none", "visitor")])
def test_the_browsers_own_word_is_enough_without_a_token(site, reason):
    verdict = check(replace(POST, sec_fetch_site=[site], binding=None))
    assert verdict.allowed
    assert verdict.reason == reason
    assert verdict.message == ""


def test_a_same_origin_post_of_a_page_that_hides_its_origin_goes_on():
    assert check(replace(POST, sec_fetch_site=["same-origin"], origins=["null"])).allowed


def test_without_sec_fetch_site_our_own_origin_is_enough():
    verdict = check(replace(POST, origins=["https://shop.example"]))
    assert verdict.allowed
    assert verdict.reason is Reason.OWN_ORIGIN


@pytest.mark.parametrize("site", [[], ["cross-site"], ["same-site"], ["word-of-the-future"]])
def test_a_trusted_origin_goes_on_whatever_the_site(site):
    request = replace(POST, sec_fetch_site=site, origins=["https://pay.example"], trusted=TRUSTED)
    verdict = check(request)
    assert verdict.allowed
    assert verdict.reason is Reason.TRUSTED_ORIGIN


def test_without_either_header_a_token_of_this_visitor_is_enough():
    verdict = check(replace(POST, token=mint(KEYS, BINDING)))
    assert verdict.allowed
    assert verdict.reason is Reason.TOKEN


def test_without_either_header_a_missing_token_is_asked_for():
    verdict = check(POST)
    assert not verdict.allowed
    assert verdict.reason is Reason.NO_TOKEN
    assert verdict.asks_for_token
    assert "{% csrf_token %} inside the <form>" in verdict.message
    assert "X-CSRFToken" in verdict.message


def test_a_token_without_a_cookie_is_explained_as_a_missing_cookie():
    verdict = check(replace(POST, token=mint(KEYS, BINDING), binding=None))
    assert verdict.reason is Reason.NO_BINDING
    assert not verdict.allowed
    assert not verdict.asks_for_token
    assert "Cookies may be switched off" in verdict.message


def test_a_wrong_token_says_to_load_the_form_again():
    verdict = check(replace(POST, token="x" * 68))
    assert verdict.reason is Reason.WRONG_TOKEN
    assert not verdict.allowed
    assert "Load the page with the form again" in verdict.message


@pytest.mark.parametrize("site", [[], ["cross-site"]])
def test_a_page_opened_as_a_file_is_told_to_open_it_from_the_server(site):
    verdict = check(replace(POST, sec_fetch_site=site, origins=["null"]))
    assert verdict.reason is Reason.OPAQUE_ORIGIN
    assert not verdict.allowed
    assert "file://" in verdict.message
    assert "https://shop.example/" in verdict.message


def test_another_site_is_named_with_the_setting_that_would_trust_it():
    verdict = check(replace(POST, sec_fetch_site=["cross-site"], origins=["https://evil.example"]))
    assert verdict.reason is Reason.CROSS_SITE
    assert "'https://evil.example' to TRUSTED_ORIGINS" in verdict.message
    assert "TRUSTED_ORIGINS" not in check(replace(POST, sec_fetch_site=["cross-site"])).message


def test_another_origin_is_named_beside_our_own():
    verdict = check(replace(POST, origins=["http://shop.example"]))
    assert verdict.reason is Reason.OTHER_ORIGIN
    assert "'http://shop.example'" in verdict.message
    assert "'https://shop.example'" in verdict.message
    assert "proxy" in verdict.message


def test_reasons_are_words_that_stay():
    assert [str(reason) for reason in Reason] == [
        "safe-method",
        "same-origin",
        "visitor",
        "own-origin",
        "trusted-origin",
        "token",
        "repeated-header",
        "opaque-origin",
        "cross-site",
        "other-origin",
        "no-binding",
        "no-token",
        "wrong-token",
    ]


def test_every_copy_of_a_token_is_good_and_looks_different():
    tokens = {mint(KEYS, BINDING) for _ in range(50)}
    assert len(tokens) == 50
    assert all(valid(token, KEYS, BINDING) for token in tokens)
    assert {len(token) for token in tokens} == {68}


def test_tokens_outlive_a_new_key_and_die_with_the_old_one():
    old, new = "the old key of the site", "the new key of the site"
    token = mint(Keyring([old]), BINDING)
    assert valid(token, Keyring([new, old]), BINDING)
    assert not valid(token, Keyring([new]), BINDING)
    assert valid(mint(Keyring([new, old]), BINDING), Keyring([new]), BINDING)


def test_a_token_of_a_version_still_to_come_is_not_taken_for_this_one():
    from base64 import urlsafe_b64encode

    head = b"\x02" + b"n" * 18
    later = urlsafe_b64encode(head + KEYS.mac("coatcheck.forms.csrf", head + BINDING)).decode()
    assert len(later) == 68
    assert not valid(later, KEYS, BINDING)


def test_nothing_is_minted_for_a_visitor_without_a_binding():
    with pytest.raises(ValueError, match="every visitor"):
        mint(KEYS, b"")
    assert not valid(mint(KEYS, BINDING), KEYS, b"")


def test_the_token_is_read_from_the_header_or_either_field():
    assert sent_token(FormData([("csrfmiddlewaretoken", "a"), ("csrf_token", "b")])) == "a"
    assert sent_token(FormData([("csrf_token", "b")])) == "b"
    assert sent_token(FormData([("csrf_token", "b")]), ["c"]) == "c"
    assert sent_token(FormData()) is None
    assert sent_token(None) is None


def test_the_hidden_field_is_the_one_that_is_read():
    token = mint(KEYS, BINDING)
    assert hidden_field(token) == f'<input type="hidden" name="{FIELD}" value="{token}">'
    assert sent_token(FormData([(FIELD, token)])) == token


def test_a_browsers_binding_has_192_random_bits_and_a_shape():
    made = {new_binding() for _ in range(50)}
    assert len(made) == 50
    assert all(is_binding(text) for text in made)
    for text in ("", "a" * 31, "a" * 33, "a" * 31 + "=", "a" * 32 + "\n", "\u0661" * 32):
        assert not is_binding(text)


def test_the_repr_of_a_request_shows_no_secret():
    text = repr(replace(POST, token="t0ken"))
    assert "t0ken" not in text
    assert "session:one" not in text


def test_the_decision_needs_no_framework_and_no_library_of_forms():
    code = "import sys, coatcheck.forms.csrf, coatcheck.forms.origins; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    loaded = {name.partition(".")[0] for name in found.split()}
    assert not loaded & {"starlette", "flask", "django", "pydantic", "multipart", "sqlalchemy"}
