"""The URL of a Valkey store: what it names, and what it refuses without showing a password."""

import pytest

from coatcheck.core.errors import ConfigurationError
from coatcheck.stores import from_url
from coatcheck.stores.valkey import AsyncValkeyStore, ValkeyStore
from coatcheck.stores.valkey.address import Address, Options, Place, parsed

USUAL = Options("coatcheck", 2.0, 2.0)


def address(url: str) -> Address:
    return parsed(url, USUAL)[0]


@pytest.mark.parametrize("scheme", ["valkey", "redis"])
@pytest.mark.parametrize(
    ("rest", "place", "db"),
    [
        ("", Place("localhost", 6379), 0),
        ("example.org", Place("example.org", 6379), 0),
        ("example.org:7000/3", Place("example.org", 7000), 3),
        ("127.0.0.1:6380/", Place("127.0.0.1", 6380), 0),
        ("[::1]:6380/2", Place("::1", 6380), 2),
        ("[2001:db8::1]", Place("2001:db8::1", 6379), 0),
    ],
)
def test_one_server_is_named_by_host_port_and_database(scheme, rest, place, db):
    found = address(f"{scheme}://{rest}")
    assert (found.kind, found.places, found.tls) == ("single", (place,), False)
    assert found.settings == {"db": db}


@pytest.mark.parametrize(
    ("user", "settings"),
    [
        ("ann:secret@", {"username": "ann", "password": "secret"}),
        (":secret@", {"password": "secret"}),
        ("ann:s%2Fe%3Ac%40r%3Fet@", {"username": "ann", "password": "s/e:c@r?et"}),
    ],
)
def test_user_and_password_may_be_escaped_and_are_never_shown(user, settings):
    found = address(f"valkey://{user}example.org/0")
    assert found.settings == {"db": 0} | settings
    store = ValkeyStore(f"valkey://{user}example.org/0")
    for shown in (repr(found), found.name, repr(store)):
        assert settings["password"] not in shown
        assert "ann" not in shown
    assert repr(store) == "<ValkeyStore: the Valkey server at example.org:6379>"


def test_sentinels_name_a_service_and_may_have_a_password_of_their_own():
    found = address(
        "valkey+sentinel://ann:secret@a,b:26380,[::1]:26381/sessions/2"
        "?sentinel_username=watch&sentinel_password=quiet"
    )
    assert found.kind == "sentinel"
    assert found.service == "sessions"
    assert found.places == (
        Place("a", 26379, sentinel=True),
        Place("b", 26380, sentinel=True),
        Place("::1", 26381, sentinel=True),
    )
    assert found.settings == {"db": 2, "username": "ann", "password": "secret"}
    assert found.sentinels == {"username": "watch", "password": "quiet"}
    assert (
        found.name
        == "the Valkey service sessions of the Sentinels at a:26379, b:26380, [::1]:26381"
    )


def test_a_cluster_is_named_by_some_of_its_nodes():
    found = address("redis+cluster://:secret@a:7000,b")
    assert (found.kind, found.places) == ("cluster", (Place("a", 7000), Place("b", 6379)))
    assert found.name == "the Valkey cluster at a:7000, b:6379"


@pytest.mark.parametrize(
    "url", ["valkeys://h", "rediss://h", "valkeys+cluster://h", "rediss+sentinel://h/s"]
)
def test_tls_asks_for_a_certificate_of_that_very_host(url):
    found = address(url)
    assert found.tls is True
    assert found.settings["ssl_check_hostname"] is True


def test_tls_may_trust_an_authority_of_ones_own():
    found = address("valkeys://h?ssl_ca_certs=/etc/ca.pem&ssl_check_hostname=no")
    assert found.settings["ssl_ca_certs"] == "/etc/ca.pem"
    assert found.settings["ssl_check_hostname"] is False


def test_the_sentinels_of_a_service_over_tls_are_spoken_to_over_tls():
    found = address("valkeys+sentinel://h/s?ssl_ca_certs=/etc/ca.pem")
    assert found.sentinels == {"ssl_ca_certs": "/etc/ca.pem", "ssl_check_hostname": True}


def test_options_in_the_url_win():
    _, options = parsed("valkey://h?prefix=shop&timeout=0.5&connect_timeout=1", USUAL)
    assert options == Options("shop", 0.5, 1.0)
    assert parsed("valkey://h", Options("shop", 3.0, 4.0))[1] == Options("shop", 3.0, 4.0)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("memcached://h", "cannot be read"),
        ("valkey+standby://h", "cannot be read"),
        ("valkey://ann:hunter2@h:port", "cannot be read"),
        ("valkey://ann:hunter2@h:70000", "cannot be read"),
        ("valkey://ann:hunter2@a,b", "names 2 servers and not what they are"),
        ("valkey://ann:hunter2@h/sessions", "a path that is no database"),
        ("valkey://ann:hunter2@h/0/1", "a path that is no database"),
        ("valkey+cluster://ann:hunter2@h/3", "database 0 only"),
        ("valkey+sentinel://ann:hunter2@h", "names Sentinels and no service"),
        ("valkey+sentinel://ann:hunter2@h/", "names Sentinels and no service"),
        ("valkey://ann:hunter2@h?time_out=2", "has an option 'time_out'"),
        ("valkey://ann:hunter2@h?ssl_ca_certs=x", "has an option 'ssl_ca_certs'"),
        ("valkeys://ann:hunter2@h?sentinel_password=x", "has an option 'sentinel_password'"),
        ("valkey://ann:hunter2@h?timeout=soon", "write seconds"),
        ("valkey://ann:hunter2@h?timeout=0", "more than 0 seconds"),
        ("valkey://ann:hunter2@h?timeout=nan", "more than 0 seconds"),
        ("valkey://ann:hunter2@h?connect_timeout=-1", "more than 0 seconds"),
        ("valkey://ann:hunter2@h?prefix={shop}", "cannot begin a key"),
        ("valkey://ann:hunter2@h?prefix=", "cannot begin a key"),
        ("valkeys://ann:hunter2@h?ssl_check_hostname=maybe", "write yes or no"),
    ],
)
@pytest.mark.parametrize("store", [ValkeyStore, AsyncValkeyStore])
def test_what_cannot_work_is_refused_at_once_without_the_password(store, url, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        store(url)
    assert "hunter2" not in str(caught.value)


def test_an_awaitable_store_needs_a_connection():
    with pytest.raises(ConfigurationError, match="connections=0"):
        AsyncValkeyStore("valkey://h", connections=0)


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    "url",
    [
        "valkey://h",
        "redis://h",
        "valkeys://h",
        "rediss://h",
        "valkey+sentinel://h/s",
        "redis+cluster://h",
    ],
)
def test_one_url_chooses_the_store(url, asynchronous):
    expected = AsyncValkeyStore if asynchronous else ValkeyStore
    assert isinstance(from_url(url, asynchronous), expected)
