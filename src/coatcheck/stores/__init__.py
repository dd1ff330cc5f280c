"""Where records are kept: one file or folder per store, native to its driver.

``from_url`` chooses by URL and imports only what that store needs.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, overload

from coatcheck.core.errors import ConfigurationError
from coatcheck.core.store import BlockingStore, Store

Makers = Mapping[str, Callable[[str], BlockingStore | Store]]


@overload
def from_url(
    url: str, asynchronous: Literal[False] = False, *, keys: Sequence[str] = ()
) -> BlockingStore: ...


@overload
def from_url(url: str, asynchronous: Literal[True]) -> Store: ...


def from_url(
    url: str, asynchronous: bool = False, *, keys: Sequence[str] = ()
) -> BlockingStore | Store:
    """The store that *url* names, blocking, or awaitable with *asynchronous* where there is one.

    ``sqlite:///FILE``, ``postgresql://…``, ``mysql://…``, ``mariadb://…``, ``valkey://…`` (or
    ``redis://…``), ``memcached://…``, ``file:///DIRECTORY`` or ``memory://``; PostgreSQL and Valkey
    are also awaitable. Raises ``ConfigurationError`` for another address, or when the store's extra
    is not installed.

    ``layered+CACHE,DATABASE`` puts one address in front of another, and ``encrypted+`` before any
    of them encrypts what sessions hold. ``cookie://``, which stands alone, keeps them in their
    cookies, sealed with *keys*.
    """
    scheme = url.partition(":")[0].partition("+")[0]
    makers: Makers = _AWAITABLE if asynchronous else {**_BLOCKING, "cookie": _cookie(keys)}
    if scheme not in makers and scheme not in _AROUND:
        raise ConfigurationError(
            f"no {'awaitable ' if asynchronous else ''}store is known for {scheme}:// addresses: "
            f"use {', '.join(f'{known}://' for known in makers)}."
            + (" The blocking one serves ASGI hosts too." if scheme in _BLOCKING else "")
        )
    try:
        around = _AROUND.get(scheme)
        return around(url, asynchronous) if around else makers[scheme](url)
    except ImportError as error:
        raise ConfigurationError(
            f"a {scheme}:// store needs a library that cannot be loaded ({error}): "
            f"pip install 'coatcheck[{_EXTRAS[scheme]}]'"
        ) from error


def apart(url: str) -> tuple[str, str]:
    """What *url* puts around a store, and the address of that store, which keeps the records."""
    if url.startswith("encrypted+"):
        around, inner = apart(url.removeprefix("encrypted+"))
        return f"encrypted+{around}", inner
    if url.startswith("layered+"):
        cache, comma, durable = url.partition(",")
        around, inner = apart(durable)
        return cache + comma + around, inner
    return "", url


def _encrypted(url: str, asynchronous: bool) -> BlockingStore | Store:
    from .encrypted import EncryptedStore

    inner = url.removeprefix("encrypted+")
    return EncryptedStore(from_url(inner, True) if asynchronous else from_url(inner))


def _layered(url: str, asynchronous: bool) -> BlockingStore | Store:
    from .layered import AsyncLayeredStore, LayeredStore

    cache, comma, durable = url.removeprefix("layered+").partition(",")
    if not comma:
        raise ConfigurationError(
            "a layered store needs the addresses of a cache and a database: "
            "layered+memcached://HOST:11211,sqlite:///FILE"
        )
    if asynchronous:
        return AsyncLayeredStore(from_url(cache, True), from_url(durable, True))
    return LayeredStore(from_url(cache), from_url(durable))


def _cookie(keys: Sequence[str]) -> Callable[[str], BlockingStore]:
    def made(url: str) -> BlockingStore:
        if url != "cookie://" or not keys:
            raise ConfigurationError(
                "sessions in cookies have no address but cookie:// alone, and need keys: "
                'from_url("cookie://", keys=[key, *older_keys]), or SECRET_KEY in the settings.'
            )
        from .cookie import CookieStore

        return CookieStore(keys)

    return made


def _file(url: str) -> BlockingStore:
    from .file import file_store

    return file_store(url)


def _memcached(url: str) -> BlockingStore:
    from .memcached import MemcachedStore

    return MemcachedStore(url)


def _memory(url: str) -> BlockingStore:
    from .memory import MemoryStore

    return MemoryStore()


def _sql(url: str) -> BlockingStore:
    from .sql import SQLStore

    return SQLStore(url)


def _async_sql(url: str) -> Store:
    from .sql import AsyncSQLStore

    return AsyncSQLStore(url)


def _valkey(url: str) -> BlockingStore:
    from .valkey import ValkeyStore

    return ValkeyStore(url)


def _async_valkey(url: str) -> Store:
    from .valkey import AsyncValkeyStore

    return AsyncValkeyStore(url)


_SQL_EXTRAS = {"sqlite": "sql", "postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}
_VALKEY = ("valkey", "valkeys", "redis", "rediss")
_BLOCKING: dict[str, Callable[[str], BlockingStore]] = {
    **dict.fromkeys(_SQL_EXTRAS, _sql),
    **dict.fromkeys(_VALKEY, _valkey),
    "memcached": _memcached,
    "file": _file,
    "memory": _memory,
}
_AWAITABLE: dict[str, Callable[[str], Store]] = {
    "postgresql": _async_sql,
    **dict.fromkeys(_VALKEY, _async_valkey),
}
_AROUND: dict[str, Callable[[str, bool], BlockingStore | Store]] = {
    "encrypted": _encrypted,
    "layered": _layered,
}
_EXTRAS = {
    **_SQL_EXTRAS,
    **dict.fromkeys(_VALKEY, "valkey"),
    "memcached": "memcached",
    "cookie": "encryption",
    "encrypted": "encryption",
}
