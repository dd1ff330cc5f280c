"""An address around another: a cache in front of a database, and encryption around a store."""

import pytest

from coatcheck.core.errors import ConfigurationError
from coatcheck.stores import apart, from_url
from coatcheck.stores.encrypted import EncryptedStore
from coatcheck.stores.layered import AsyncLayeredStore, LayeredStore
from coatcheck.stores.memcached import MemcachedStore
from coatcheck.stores.sql import AsyncSQLStore, SQLStore
from coatcheck.stores.valkey import AsyncValkeyStore


def test_layered_puts_the_first_address_in_front_of_the_second(tmp_path):
    store = from_url(f"layered+memcached://localhost,sqlite:///{tmp_path}/site.sqlite3")
    assert isinstance(store, LayeredStore)
    assert isinstance(store.cache, MemcachedStore)
    assert isinstance(store.durable, SQLStore)


def test_layered_is_awaitable_over_two_that_are():
    url = "layered+valkey://localhost,postgresql://localhost/site"
    store = from_url(url, asynchronous=True)
    assert isinstance(store, AsyncLayeredStore)
    assert isinstance(store.cache, AsyncValkeyStore)
    assert isinstance(store.durable, AsyncSQLStore)
    with pytest.raises(ConfigurationError, match="no awaitable store is known for memcached"):
        from_url("layered+memcached://localhost,postgresql://localhost/site", asynchronous=True)


def test_encrypted_goes_around_any_address(tmp_path):
    store = from_url(f"encrypted+layered+memory://,sqlite:///{tmp_path}/site.sqlite3")
    assert isinstance(store, EncryptedStore)
    assert isinstance(store.store, LayeredStore)
    awaitable = from_url("encrypted+postgresql://localhost/site", asynchronous=True)
    assert isinstance(awaitable, EncryptedStore)
    assert isinstance(awaitable.store, AsyncSQLStore)


@pytest.mark.parametrize(
    "url", ["layered+memory://", "layered+memory://,", "layered:memory://,memory://"]
)
def test_a_layered_address_that_misses_one_is_refused(url):
    with pytest.raises(ConfigurationError):
        from_url(url)


def test_what_stands_inside_is_refused_as_ever():
    with pytest.raises(ConfigurationError, match="no store is known for nowhere://"):
        from_url("encrypted+nowhere://")


@pytest.mark.parametrize(
    ("url", "around", "inner"),
    [
        ("sqlite:///a,b.sqlite3", "", "sqlite:///a,b.sqlite3"),
        ("encrypted+sqlite:///db", "encrypted+", "sqlite:///db"),
        ("layered+memcached://h,sqlite:///db", "layered+memcached://h,", "sqlite:///db"),
        (
            "encrypted+layered+memory://,postgresql://h/db",
            "encrypted+layered+memory://,",
            "postgresql://h/db",
        ),
        ("layered+memory://,encrypted+memory://", "layered+memory://,encrypted+", "memory://"),
    ],
)
def test_what_stands_around_a_store_can_be_taken_off_and_put_back(url, around, inner):
    assert apart(url) == (around, inner)
    assert around + inner == url
