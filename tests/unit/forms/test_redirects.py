import pytest

from coatcheck.forms.redirects import InvalidLocation, location, safe_next


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/account",
        "/a//b",
        "/search?q=a%20b&page=2#top",
        "/next?next=https://other.example/",
        "/caf%C3%A9",
        "/~ada/(1)/a;b=c,d@e:f!g$h'i*j+k|l{m}n^o`p[q]",
        "/." + "x" * 1998,
    ],
)
def test_a_path_of_this_site_is_kept_as_it_is(path):
    assert safe_next(path) == path


def test_everything_else_gives_the_default():
    assert safe_next(None) == "/"
    assert safe_next("https://other.example/", "/account") == "/account"


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("session is set", "session%20is%20set"),
        ("abc abc@gmail.com", "abc%20abc@gmail.com"),
        ("/thankyou", "/thankyou"),
        ("/caf\u00e9/\U0001f9e5", "/caf%C3%A9/%F0%9F%A7%A5"),
        ("/already%20escaped?a=%C3%A9", "/already%20escaped?a=%C3%A9"),
        ("https://user@[::1]:8443/a;b=c?d=e&f=(g)#h", "https://user@[::1]:8443/a;b=c?d=e&f=(g)#h"),
        ("/quoted\"<b>'^`{|}", "/quoted%22%3Cb%3E'%5E%60%7B%7C%7D"),
        ("100% sure %zz %41", "100%25%20sure%20%25zz%20%41"),
        ("?page=2", "?page=2"),
        ("#top", "#top"),
        ("", ""),
        ("../up", "../up"),
        ("/a:b", "/a:b"),
        ("HTTPS://shop.example", "HTTPS://shop.example"),
        ("/\u2028line", "/%E2%80%A8line"),
    ],
)
def test_a_location_is_percent_encoded_and_what_is_legal_kept(url, sent):
    assert location(url) == sent
    assert location(sent) == sent


def test_a_location_that_cannot_be_sent_is_explained():
    with pytest.raises(InvalidLocation, match=r"holds '\\n' at position 3") as caught:
        location("/a\nSet-Cookie: a=b")
    assert "Set-Cookie" not in str(caught.value)
    with pytest.raises(InvalidLocation, match="scheme 'mailto'"):
        location("mailto:ada@shop.example")
