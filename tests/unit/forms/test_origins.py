import pytest

from coatcheck.core.errors import ConfigurationError
from coatcheck.forms.origins import own_origin, trusted_origins


@pytest.mark.parametrize(
    ("scheme", "host", "origin"),
    [
        ("https", "shop.example", "https://shop.example"),
        ("https", "Shop.Example:443", "https://shop.example"),
        ("http", "shop.example:80", "http://shop.example"),
        ("http", "shop.example:443", "http://shop.example:443"),
        ("http", "127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("https", "[::1]:8443", "https://[::1]:8443"),
        ("http", "localhost", "http://localhost"),
        ("http", "my_host.internal", "http://my_host.internal"),
    ],
)
def test_the_own_origin_is_written_as_browsers_write_it(scheme, host, origin):
    assert own_origin(scheme, host) == origin


@pytest.mark.parametrize("host", ["", "a/b", "a@b", "a b", "a:b", "\u00e4.xy", "a:123456", "-"])
def test_a_host_that_is_none_has_no_origin(host):
    assert own_origin("https", host) == ""


def test_trusted_origins_are_kept_as_browsers_write_them():
    assert trusted_origins(["HTTPS://Pay.Example:443", "http://localhost:3000"]) == frozenset(
        {"https://pay.example", "http://localhost:3000"}
    )
    assert trusted_origins([]) == frozenset()


@pytest.mark.parametrize(
    ("origin", "remedy"),
    [
        ("pay.example", "write 'https://pay.example'"),
        ("https://pay.example/", "write 'https://pay.example'"),
        ("https://pay.example:8443/login?x=1", "write 'https://pay.example:8443'"),
        ("https://*.example", "Name each origin in full"),
        ("*", "Name each origin in full"),
        ("null", "Leave it out"),
        ("ftp://pay.example", "'ftp'"),
        ("https://user@pay.example", "Leave it out"),
        ("https://caf\u00e9.example", "punycode"),
        ("https://", "Write it as a browser sends it"),
        ("https://pay.example:port", "Write it as a browser sends it"),
        ("https://pay.example https://b.example", "Write it as a browser sends it"),
        ("", "write 'https://"),
    ],
)
def test_what_is_no_full_origin_is_refused_at_start_with_the_remedy(origin, remedy):
    with pytest.raises(ConfigurationError) as caught:
        trusted_origins([origin])
    assert remedy in str(caught.value)
    assert repr(origin) in str(caught.value)


def test_one_text_in_place_of_a_list_is_refused():
    with pytest.raises(ConfigurationError, match=r"write \['https://pay.example'\]"):
        trusted_origins("https://pay.example")


def test_one_origin_has_one_spelling_whatever_its_port_and_address():
    assert own_origin("https", "[0:0:0:0:0:0:0:1]:0443") == "https://[::1]"
    assert own_origin("http", "a.example:08080") == "http://a.example:8080"


@pytest.mark.parametrize(
    "origin",
    ["http://[:]", "http://[::1", "http://[1::2::3]", "https://a.example:0", "https://a:99999"],
)
def test_an_address_or_port_that_is_none_is_refused(origin):
    with pytest.raises(ConfigurationError):
        trusted_origins([origin])
