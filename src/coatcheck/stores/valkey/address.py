"""Where the servers are and how they are spoken to, from a URL or from somebody's client.

::

    valkey://USER:PASSWORD@HOST:6379/0
    valkey+sentinel://USER:PASSWORD@HOST:26379,HOST:26379/SERVICE/0
    valkey+cluster://USER:PASSWORD@HOST:6379,HOST:6379

``redis`` in place of ``valkey`` means the same, ``valkeys`` or ``rediss`` means TLS. No message
shows a URL: it may carry a password.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from coatcheck.core.errors import ConfigurationError

Kind = Literal["single", "sentinel", "cluster"]

SHAPES: Final = (
    "valkey://HOST:6379/0, valkey+sentinel://HOST:26379,HOST:26379/SERVICE/0 or "
    "valkey+cluster://HOST:6379,HOST:6379"
)

_SCHEME: Final = re.compile(r"(?:valkey|redis)(s?)(?:\+(sentinel|cluster))?")
_PREFIX: Final = re.compile(r"[A-Za-z0-9_.:-]+")
_PORTS: Final[dict[Kind, int]] = {"single": 6379, "sentinel": 26379, "cluster": 6379}

_SECONDS: Final = ("timeout", "connect_timeout")
_OF_TLS: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname")
_OF_SENTINELS: Final = ("sentinel_username", "sentinel_password")

# Of a client's settings, those that say who we are and how to get there; the rest is the store's.
_BORROWED: Final = (
    "username",
    "password",
    "credential_provider",
    "db",
    "client_name",
    "socket_keepalive",
    "socket_keepalive_options",
    "ssl_cert_reqs",
    *_OF_TLS,
)


class Place(NamedTuple):
    """The address of one server. ``sentinel`` is whether a Sentinel listens there."""

    host: str
    port: int
    sentinel: bool = False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Address:
    """Servers of one kind: ``places`` is the server, the Sentinels, or nodes to begin with."""

    kind: Kind
    places: tuple[Place, ...]
    service: str = ""
    tls: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What a connection to a server is made with, beside where and how patiently."""
    sentinels: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The same for connections to Sentinels, which have passwords of their own."""

    @property
    def name(self) -> str:
        """How messages call it."""
        places = ", ".join(map(str, self.places))
        if self.kind == "sentinel":
            return f"the Valkey service {self.service} of the Sentinels at {places}"
        if self.kind == "cluster":
            return f"the Valkey cluster at {places}"
        return f"the Valkey server at {places}"


@dataclass(frozen=True)
class Options:
    """What the store itself is told: how its keys begin, and for how many seconds it waits."""

    prefix: str
    timeout: float
    connect_timeout: float

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix):
            raise ConfigurationError(
                f"prefix={self.prefix!r} cannot begin a key: use letters, digits and _ . : - only."
            )
        for name in _SECONDS:
            if not 0 < getattr(self, name) < float("inf"):
                raise ConfigurationError(
                    f"{name}={getattr(self, name)}: it must be more than 0 seconds."
                )


def parsed(url: str, options: Options) -> tuple[Address, Options]:
    """The servers that *url* names, and *options* with those in the URL put over them.

    Raises ``ConfigurationError``.
    """
    try:
        parts = urlsplit(url)
        scheme = _SCHEME.fullmatch(parts.scheme)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        kind: Kind = "single"
        if scheme and scheme[2] == "sentinel":
            kind = "sentinel"
        elif scheme and scheme[2] == "cluster":
            kind = "cluster"
        places = tuple(_place(part, kind) for part in parts.netloc.rpartition("@")[2].split(","))
    except ValueError:
        scheme = None
    if scheme is None:
        raise ConfigurationError(
            f"the store's URL cannot be read: write {SHAPES}, with %-escapes for / : @ and ? in a "
            "password."
        )
    if kind == "single" and len(places) > 1:
        raise ConfigurationError(
            f"the store's URL names {len(places)} servers and not what they are to each other: "
            f"write {SHAPES}."
        )
    tls = bool(scheme[1])
    _check_names(query, tls=tls, kind=kind)
    service, db = _path(parts, kind)
    settings: dict[str, Any] = {"db": db} | _user(parts)
    trust: dict[str, Any] = {name: query[name] for name in _OF_TLS if name in query}
    if tls:
        # Without this a certificate for any host at all would do.
        trust["ssl_check_hostname"] = _flag("ssl_check_hostname", query, default=True)
    own = {name.removeprefix("sentinel_"): query[name] for name in _OF_SENTINELS if name in query}
    return (
        Address(kind, places, service, tls, settings | trust, own | trust),
        Options(
            query.get("prefix", options.prefix),
            _seconds("timeout", query, options.timeout),
            _seconds("connect_timeout", query, options.connect_timeout),
        ),
    )


def borrowed(client: Any) -> Address:
    """The servers that *client* of valkey-py speaks to, and as whom. It is not used itself."""
    nodes = getattr(client, "nodes_manager", None)
    if nodes is not None:
        settings = client.get_connection_kwargs()
        places = [Place(node.host, int(node.port)) for node in nodes.startup_nodes.values()]
        tls = bool(settings.get("ssl")) or _tls(settings.get("connection_class"))
        return Address("cluster", tuple(places), "", tls, _identity(settings))
    pool = client.connection_pool
    settings = pool.connection_kwargs
    tls = _tls(pool.connection_class)
    watched = getattr(pool, "sentinel_manager", None)
    if watched is not None:
        asked = [sentinel.connection_pool.connection_kwargs for sentinel in watched.sentinels]
        return Address(
            "sentinel",
            tuple(Place(each["host"], int(each["port"]), sentinel=True) for each in asked),
            pool.service_name,
            tls,
            _identity(settings),
            _identity(asked[0]),
        )
    if "path" in settings:
        raise ConfigurationError("a client of a Unix socket cannot be used: name HOST:PORT.")
    place = Place(settings.get("host", "localhost"), int(settings.get("port", _PORTS["single"])))
    return Address("single", (place,), "", tls, _identity(settings))


def _identity(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: settings[name] for name in _BORROWED if settings.get(name) is not None}


def _tls(connection: type | None) -> bool:
    return connection is not None and "SSL" in connection.__name__


def _place(text: str, kind: Kind) -> Place:
    match = re.fullmatch(r"(?:\[([^]]+)\]|([^:\[\]]*))(?::(\d+))?", text)
    if match is None:
        raise ValueError
    port = int(match[3]) if match[3] else _PORTS[kind]
    if not 0 < port < 65536:
        raise ValueError
    host = match[1] or unquote(match[2] or "") or "localhost"
    return Place(host, port, sentinel=kind == "sentinel")


def _user(parts: SplitResult) -> dict[str, str]:
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    found = {"username": unquote(user), "password": unquote(password)}
    return {name: value for name, value in found.items() if value}


def _path(parts: SplitResult, kind: Kind) -> tuple[str, int]:
    """The service and the number of the database."""
    steps = [unquote(step) for step in parts.path.strip("/").split("/")] if parts.path else []
    service = ""
    if kind == "sentinel":
        service = steps.pop(0) if steps else ""
        if not service:
            raise ConfigurationError(
                "the store's URL names Sentinels and no service: write "
                "valkey+sentinel://HOST:26379/SERVICE, with the name that they watch it under."
            )
    text = steps.pop(0) if steps else ""
    if steps or not re.fullmatch(r"\d*", text):
        raise ConfigurationError(
            f"the store's URL has a path that is no database: write {SHAPES}, with a number."
        )
    db = int(text or 0)
    if db and kind == "cluster":
        raise ConfigurationError(f"a cluster has database 0 only, and the store's URL names {db}.")
    return service, db


def _check_names(query: Mapping[str, str], *, tls: bool, kind: Kind) -> None:
    known = ["prefix", *_SECONDS]
    known += _OF_TLS if tls else ()
    known += _OF_SENTINELS if kind == "sentinel" else ()
    for name in query:
        if name not in known:
            raise ConfigurationError(
                f"the store's URL has an option {name!r} that does not belong there: use "
                f"{', '.join(known)}."
            )


def _seconds(name: str, query: Mapping[str, str], default: float) -> float:
    if name not in query:
        return default
    try:
        return float(query[name])
    except ValueError:
        raise ConfigurationError(
            f"{name}={query[name]} in the store's URL: write seconds, such as 2 or 0.5."
        ) from None


def _flag(name: str, query: Mapping[str, str], *, default: bool) -> bool:
    value = query.get(name, "yes" if default else "no").lower()
    if value not in ("yes", "no"):
        raise ConfigurationError(f"{name}={value} in the store's URL: write yes or no.")
    return value == "yes"
