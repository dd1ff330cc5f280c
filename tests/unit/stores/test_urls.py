"""One URL chooses the store. A mistake in it is refused with the remedy, and without a password."""

import pytest

from coatcheck.core.errors import ConfigurationError
from coatcheck.stores import from_url
from coatcheck.stores.file import FileStore
from coatcheck.stores.memcached import MemcachedStore
from coatcheck.stores.memory import MemoryStore
from coatcheck.stores.sql import AsyncSQLStore, SQLStore
from coatcheck.stores.valkey import AsyncValkeyStore, ValkeyStore

PASSWORD = "s3cr3t"


def test_the_scheme_chooses_the_store(tmp_path):
    assert isinstance(from_url("memory://"), MemoryStore)
    assert isinstance(from_url(f"file://{tmp_path}/sessions"), FileStore)
    assert isinstance(from_url(f"sqlite:///{tmp_path}/site.sqlite3"), SQLStore)
    assert isinstance(from_url("postgresql://localhost/site"), SQLStore)
    assert isinstance(from_url("postgresql+psycopg://localhost/site"), SQLStore)
    assert isinstance(from_url("postgresql://localhost/site", asynchronous=True), AsyncSQLStore)
    for scheme in ("mysql", "mariadb", "mysql+pymysql", "mariadb+pymysql"):
        assert isinstance(from_url(f"{scheme}://localhost/site"), SQLStore)
    assert isinstance(from_url("valkey://localhost"), ValkeyStore)
    assert isinstance(from_url("rediss+cluster://localhost:6379"), ValkeyStore)
    assert isinstance(from_url("redis://localhost", asynchronous=True), AsyncValkeyStore)
    assert isinstance(from_url("memcached://localhost:11211"), MemcachedStore)


def test_choosing_a_store_connects_to_nothing(tmp_path):
    from_url(f"sqlite:///{tmp_path}/site.sqlite3")
    from_url("postgresql://192.0.2.1/site")
    from_url("mysql://192.0.2.1/site")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["redsi://localhost", "", "localhost", "/srv/sessions"])
def test_an_unknown_address_is_refused_with_those_that_are_known(url):
    with pytest.raises(ConfigurationError, match="sqlite://, postgresql://"):
        from_url(url)


@pytest.mark.parametrize("url", ["memory://", "sqlite:///site.sqlite3", "mysql://localhost/site"])
def test_a_store_that_only_blocks_is_not_given_out_as_awaitable(url):
    with pytest.raises(ConfigurationError, match="The blocking one serves ASGI hosts too"):
        from_url(url, asynchronous=True)


@pytest.mark.parametrize(
    "url", ["sqlite:///site.sqlite3", "mysql://u@h/site", "mariadb://u@h/site"]
)
def test_where_there_is_no_awaitable_sql_store_the_refusal_names_what_to_use(url):
    with pytest.raises(ConfigurationError, match="use SQLStore"):
        AsyncSQLStore(url)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://site:{PASSWORD}@localhost:54x2/site",
        f"postgresql://site:{PASSWORD}@localhost/site?sslmod=require",
        f"postgresql:/site:{PASSWORD}@localhost/site",
        f"oracle://site:{PASSWORD}@localhost/site",
        f"sqlite:///site.sqlite3?key={PASSWORD}",
        f"mysql://site:{PASSWORD}@localhost/",
        f"mysql://site:{PASSWORD}@localhost/site?sslmode=require",
        f"mysql://site:{PASSWORD}@localhost/site?connect_timeout={PASSWORD}",
        f"mysql://site:{PASSWORD}@localhost/site?read_timeout=0",
        f"mariadb://site:{PASSWORD}@localhost/site?ssl_ca=/no/such/file",
    ],
)
def test_a_url_that_cannot_work_is_refused_without_its_password(url):
    with pytest.raises(ConfigurationError) as caught:
        SQLStore(url)
    assert PASSWORD not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_store_is_named_without_its_password():
    store = SQLStore(f"postgresql://site:{PASSWORD}@db.example:5433/shop")
    assert repr(store) == "<SQLStore: PostgreSQL database shop at db.example:5433>"
    store = SQLStore(f"mysql+pymysql://site:{PASSWORD}@db.example:3307/shop?charset=latin1")
    assert repr(store) == "<SQLStore: MySQL database shop at db.example:3307>"
    store = SQLStore(f"mariadb://site:{PASSWORD}@/shop?unix_socket=/run/mysqld/mysqld.sock")
    assert repr(store) == "<SQLStore: MariaDB database shop at /run/mysqld/mysqld.sock>"


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("sync=FULL", "no option 'sync'"),
        ("synchronous=OFF", "NORMAL or FULL"),
        ("timeout=soon", "write seconds"),
        ("timeout=-1", "write seconds"),
        ("timeout=nan", "write seconds"),
    ],
)
def test_an_option_that_sqlite_does_not_have_is_refused(query, problem):
    with pytest.raises(ConfigurationError, match=problem):
        SQLStore(f"sqlite:///site.sqlite3?{query}")


def test_options_for_the_driver_of_the_sites_own_tables_are_let_be():
    SQLStore("sqlite:///site.sqlite3?check_same_thread=false&timeout=2")


@pytest.mark.parametrize("limits", [{"timeout": 0}, {"timeout": -1}, {"connections": 0}])
@pytest.mark.parametrize("kind", [SQLStore, AsyncSQLStore])
def test_limits_under_which_nothing_could_run_are_refused(kind, limits):
    with pytest.raises(ConfigurationError, match=r"more than 0|at least 1"):
        kind("postgresql://localhost/site", **limits)
