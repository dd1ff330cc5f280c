"""Records in memcached: fast, shared, and gone when memcached says so.

A record is one value, changed by ``gets`` and ``cas``. What the server cannot do is not made up
for: there is no list of a user's sessions, and memcached forgets whatever it likes when its memory
is full or it is started anew. ``layered`` puts it in front of a database.
"""

import select
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from pymemcache.client.base import Client
from pymemcache.exceptions import MemcacheError, MemcacheServerError

from coatcheck.core.errors import (
    ConfigurationError,
    SessionTooLarge,
    StoreUnavailable,
    UnreadableRecord,
)
from coatcheck.core.record import Record

from .compare import ComparingStore
from .packing import pack, unpack, unreadable, whose
from .pool import Pool

T = TypeVar("T")

PORT: Final = 11211

SLACK: Final = 3600
"""Seconds that memcached keeps a record after its deadline, which the record itself knows best."""

LONGEST_RELATIVE: Final = 30 * 86400
"""From here on memcached takes a number of seconds for a moment since 1970."""

LONGEST_PREFIX: Final = 180
_TOO_LARGE: Final = b"too large"


class MemcachedStore(ComparingStore[bytes]):
    """A blocking store in the memcached that *url* names: ``memcached://HOST:11211``.

    ``memcached:///PATH`` is a Unix socket. *prefix* stands before each key, so that nothing else in
    the same memcached can meet a session. *timeout* in seconds bounds connecting and each answer,
    *connections* how many are kept open.

    What is acknowledged lives in one server's memory. A restart forgets all of it, and a full
    memory what was used longest ago: then the visitor has no session any more. One server only,
    as a record that moves to another and back could return in an older state.

    A record above memcached's limit, 1 MB unless ``-I`` says more, raises ``SessionTooLarge``.
    Raises ``ConfigurationError`` for a URL that names no server.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "coatcheck:",
        timeout: float = 1.0,
        connections: int = 10,
    ) -> None:
        self._server, options = _address(url)
        self._prefix = options.get("prefix", prefix)
        self._timeout = _seconds(options.get("timeout", timeout))
        _check(self._prefix)
        self._pool: Pool[Any] = Pool(
            self._connect,
            lambda client: client.close(),
            _quiet,
            size=connections,
            bounded=False,
            timeout=self._timeout,
        )

    def __repr__(self) -> str:
        return f"<MemcachedStore: {self._name}>"

    # -- what ComparingStore asks for ---------------------------------------------------------

    def get(self, id: str) -> tuple[Record, bytes] | None:
        data, stamp = self._ask(lambda client: client.gets(self._key(id)))
        if data is None:
            return None
        record = unpack(data, whose(id))
        if record.id != id:
            raise UnreadableRecord(unreadable(whose(id), "another session is in its place"))
        return record, stamp

    def add(self, record: Record) -> bool:
        key, data, until = self._value(record)
        return bool(
            self._ask(lambda client: client.add(key, data, until, noreply=False), record=record)
        )

    def put(self, record: Record, stamp: bytes) -> bool:
        key, data, until = self._value(record)
        # None for a key that is gone, False for one in another state: neither makes a record.
        return bool(self._ask(lambda client: client.cas(key, data, stamp, until), record=record))

    def remove(self, id: str) -> bool:
        return bool(self._ask(lambda client: client.delete(self._key(id), noreply=False)))

    def close(self) -> None:
        """Close the connections. The store is not used afterwards."""
        self._pool.close()

    # -- the server ---------------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return self._server if isinstance(self._server, str) else "{}:{}".format(*self._server)

    def _key(self, id: str) -> str:
        # A digest: ids have any length and character, and the server's operator need not know them.
        return self._prefix + sha256(id.encode()).hexdigest()

    def _value(self, record: Record) -> tuple[str, bytes, int]:
        """The key and value for *record*, and when memcached may drop it."""
        # Counted from when the record was last seen: not the server's clock but ours is asked.
        left = max(int(record.expires - record.seen), 0) + SLACK
        until = left if left < LONGEST_RELATIVE else int(time.time()) + left
        return self._key(record.id), pack(record), until

    def _connect(self) -> Any:
        return Client(
            self._server, connect_timeout=self._timeout, timeout=self._timeout, no_delay=True
        )

    def _ask(self, question: Callable[[Any], T], record: Record | None = None) -> T:
        """The answer to *question*. *record* is what it carries, if any."""
        client = self._pool.take(sure=True)
        try:
            answer = question(client)
        except BaseException as error:
            # Whatever it was: an answer that nobody has read would be taken for the next one's.
            self._pool.drop(client)
            if isinstance(error, MemcacheServerError) and record is not None:
                self._refuse_size(error, record)
            if isinstance(error, OSError | MemcacheError):
                raise StoreUnavailable(
                    f"memcached at {self._name} does not answer: {_said(error)}. Look whether it "
                    "runs, and whether this machine may connect to it."
                ) from error
            raise
        self._pool.give(client)
        return answer

    def _refuse_size(self, error: MemcacheServerError, record: Record) -> None:
        if _TOO_LARGE not in bytes(error.args[0] if error.args else b""):
            return
        largest = max(record.fields, key=lambda key: len(record.fields[key]), default="")
        raise SessionTooLarge(
            f"the session would hold {record.size} bytes and memcached at {self._name} takes less; "
            f"the largest key is {largest!r}. Keep large data in your database and its id in the "
            "session, or start memcached with -I 4m."
        ) from error


def _address(url: str) -> tuple[tuple[str, int] | str, dict[str, str]]:
    """The server that *url* names, and the options behind it."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = options.keys() - {"prefix", "timeout"}
    try:
        port = parts.port or PORT
    except ValueError:
        port = 0
    if parts.scheme != "memcached" or not port or unknown or parts.username or "," in parts.netloc:
        raise ConfigurationError(
            "this is no address of one memcached. Use memcached://HOST:11211 or memcached:///PATH "
            "for a Unix socket, with ?prefix=… and ?timeout=… where needed."
        )
    if parts.hostname:
        return (parts.hostname, port), options
    if len(parts.path) > 1:
        return f"unix:{unquote(parts.path)}", options
    raise ConfigurationError(f"{url!r} names no server: use memcached://HOST:11211.")


def _check(prefix: str) -> None:
    if len(prefix) > LONGEST_PREFIX or not prefix.isascii() or not prefix.isprintable():
        raise ConfigurationError(
            f"prefix={prefix!r} cannot begin a key: use up to {LONGEST_PREFIX} ASCII characters."
        )
    if " " in prefix:
        raise ConfigurationError(f"prefix={prefix!r} holds a space, which memcached splits at.")


def _seconds(timeout: float | str) -> float:
    try:
        seconds = float(timeout)
    except ValueError:
        seconds = 0.0
    if seconds <= 0:
        raise ConfigurationError(f"timeout={timeout}: it must be seconds, more than 0.")
    return seconds


def _quiet(client: Any) -> bool:
    """Whether nothing has come on an idle connection: not its end, and no stray answer."""
    if client.sock is None:
        return True
    poll = select.poll()
    poll.register(client.sock, select.POLLIN)
    return not poll.poll(0)


def _said(error: Exception) -> str:
    """What the client or the server said, as text."""
    said = error.args[0] if error.args else ""
    if isinstance(said, bytes):
        return said.decode("ascii", "replace")
    return str(error) or type(error).__name__
