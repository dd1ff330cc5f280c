"""Open redirects and header injection: the spellings by which a ``next`` has left a site before."""

import time
from urllib.parse import urljoin, urlsplit

import pytest

from coatcheck.forms.redirects import InvalidLocation, location, safe_next

CONTROLS = [chr(code) for code in range(0x20)] + ["\x7f"]

LEAVES_THE_SITE = [
    # an address of another site, in so many words (CVE-2012-3442)
    "https://evil.example",
    "http://evil.example/",
    "HTTPS://EVIL.EXAMPLE",
    "http:evil.example",
    "http:/evil.example",
    "https:///evil.example",
    "ftp://evil.example",
    "evil.example",
    "www.evil.example/path",
    "https://our.example.evil.example",
    "https://our.example@evil.example",
    "http://our.example/",
    # without a scheme (CVE-2017-7233, OpenCVE 80)
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/////evil.example",
    "//evil.example/%2f..",
    "//@evil.example",
    "//evil.example:443",
    "//[::1]/",
    "//2130706433",
    # backslashes, which browsers read as slashes (CVE-2014-3730)
    "\\\\evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "/\\/evil.example",
    "//\\evil.example",
    "https:\\\\evil.example",
    "/a\\b",
    # escapes that a later hop decodes
    "/%2fevil.example",
    "/%2Fevil.example",
    "/%2f%2fevil.example",
    "/%5cevil.example",
    "/%5Cevil.example",
    "/%09/evil.example",
    "/%0a/evil.example",
    "/%0A/evil.example",
    "/%0d/evil.example",
    "/%0D%0A/evil.example",
    # characters that parsers drop, so what is looked at is not what is sent (Werkzeug, WebOb)
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "/\r\n/evil.example",
    "\t//evil.example",
    "ht\ttps://evil.example",
    "java\nscript:alert(1)",
    "/path\r\nLocation: https://evil.example",
    "/path\r\nSet-Cookie: session=evil",
    "/path\0.evil.example",
    "/\x00/evil.example",
    # blanks before the address (CVE-2015-0220)
    " https://evil.example",
    " //evil.example",
    "\u00a0//evil.example",
    "\u3000//evil.example",
    "\x1c//evil.example",
    "\ufeff//evil.example",
    "/ /evil.example",
    # letters that become slashes, dots or hosts when normalised (NFKC)
    "/\uff0fevil.example",
    "/\u2215evil.example",
    "/\u2044evil.example",
    "/\uff3cevil.example",
    "\u2044\u2044evil.example",
    "//evil\u3002example",
    "/\u2100.evil.example",
    "/\u202egnp.exe",
    # schemes that run or show something (CVE-2013-6044)
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "javascript://our.example/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD4=",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "blob:https://our.example/1",
    "view-source:https://our.example",
    "about:blank",
    "x:",
    ":",
    "://evil.example",
    # markup
    '/"><script>alert(1)</script>',
    "/<script>",
    "/a>b",
    # broken addresses on which parsers raise (CVE-2025-64458, CVE-2025-27556)
    "http://[evil",
    "//[evil",
    "/" + "\u2100" * 30_000,
    "/" + "a" * 30_000,
    "/" + "b" * 2000,
    # no path of ours
    "",
    "?next=/",
    "#top",
    "./relative",
    "../relative",
    "relative",
    # no text at all: missing, repeated, decoded by somebody
    None,
    0,
    b"/bytes",
    ["/one", "/two"],
    ("/",),
]


@pytest.mark.parametrize("payload", LEAVES_THE_SITE, ids=lambda payload: ascii(payload)[:50])
def test_open_redirect_payload_gives_the_default(payload):
    assert safe_next(payload) == "/"
    assert safe_next(payload, "/home") == "/home"


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_open_redirect_by_a_control_character_anywhere(control):
    for payload in (f"{control}/", f"/{control}/evil.example", f"/a{control}", f"/{control}"):
        assert safe_next(payload, "default") == "default"


def test_what_is_let_through_resolves_to_our_own_site():
    for path in ("/", "/a//b", "/..//evil.example", "/.//evil.example", "/@evil.example", "/:80"):
        assert safe_next(path) == path
        assert urlsplit(urljoin("https://our.example/login/", path)).netloc == "our.example"


def test_judging_a_huge_next_takes_no_time():
    begun = time.process_time()
    for value in ("/" * 1_000_000, "/%2" * 500_000, "\u2100" * 1_000_000):
        assert safe_next(value) == "/"
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize("character", [*CONTROLS, "\\", "\ud800"], ids=ascii)
def test_header_injection_through_location_is_refused(character):
    for url in (character, f"/path{character}", f"{character}/path", f"/a{character}X-Evil: 1"):
        with pytest.raises(InvalidLocation, match="Location"):
            location(url)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "JAVASCRIPT:x", "data:text/html,x", "vbscript:x", "file:///etc"]
)
def test_a_script_address_never_becomes_a_location(url):
    with pytest.raises(InvalidLocation, match="scheme"):
        location(url)


def test_a_long_location_is_written_in_linear_time():
    begun = time.process_time()
    assert location("/" + "\u00e9" * 200_000).endswith("%C3%A9")
    assert location("a" * 1_000_000)
    assert time.process_time() - begun < 1
