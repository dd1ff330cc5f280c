"""What stands between the server and the views, besides sessions: hosts, headers, MIDDLEWARE.

All of it is plain ASGI. Order, from the outside: ``SecurityHeaders``, the error pages,
``AllowedHosts``, static files, the session, the site's own MIDDLEWARE, ``dispatch``.
"""

import importlib
import inspect
import re
from collections.abc import Callable, Iterable
from typing import cast

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coatcheck.core.errors import ConfigurationError
from coatcheck.web.errors import BadHost
from coatcheck.web.modules import is_missing

BUILT_IN = frozenset(
    {
        "coatcheck.web.middleware.SessionMiddleware",
        "coatcheck.web.middleware.CsrfMiddleware",
        "coatcheck.web.middleware.SecurityMiddleware",
    }
)
"""Names that MIDDLEWARE may list for the reader: these are always there, each in its place."""

LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]", ".localhost", "testserver")
"""Who may ask for a site whose ALLOWED_HOSTS is empty."""

_HOST = re.compile(r"([a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.IGNORECASE)


class SecurityHeaders:
    """Headers that every answer carries unless the site set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("x-content-type-options", "nosniff")
                headers.setdefault("referrer-policy", "same-origin")
                headers.setdefault("x-frame-options", "DENY")
            await send(message)

        await self._app(scope, receive, secured)


class AllowedHosts:
    """Refuse requests for hosts that are not this site's (CVE-2012-4520).

    *hosts* are names, ``.example.com`` for a domain with all below it, or ``*``.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = tuple(hosts) or LOCAL_HOSTS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = Headers(scope=scope).getlist("host")
        # HTTP/1.0 knows no Host; two of them are read differently by different servers.
        host = given[0] if len(given) == 1 else ""
        if not is_allowed(host, self._hosts):
            raise BadHost(
                f"The Host {host!r} is not one of this site's.\n"
                f"If it is, add it to the settings: ALLOWED_HOSTS = [{_without_port(host)!r}]"
                if len(given) == 1
                else f"The request has {len(given)} Host headers; it must have one."
            )
        await self._app(scope, receive, send)


def is_allowed(host: str, allowed: Iterable[str]) -> bool:
    """Whether the Host header *host* names one of the *allowed* hosts, whatever its port."""
    if _HOST.fullmatch(host) is None:
        return False
    name = _without_port(host).rstrip(".")
    return any(
        pattern == "*"
        or name == pattern
        or (pattern.startswith(".") and (name.endswith(pattern) or name == pattern[1:]))
        for pattern in allowed
    )


def _without_port(host: str) -> str:
    return re.sub(r":[0-9]*\Z", "", host).lower()


def site_middleware(names: Iterable[str], where: str) -> tuple[Callable[[ASGIApp], ASGIApp], ...]:
    """The factories that MIDDLEWARE names beyond the built-in ones, outermost first.

    Each is called with the application to wrap and returns another: ASGI middleware.
    Raises ConfigurationError for a name that cannot be imported.
    """
    return tuple(_factory(name, where) for name in names if name not in BUILT_IN)


def _factory(name: str, where: str) -> Callable[[ASGIApp], ASGIApp]:
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if not is_missing(module, error):
            raise
        found = None
    except (AttributeError, ValueError):
        found = None
    if found is None:
        raise ConfigurationError(
            f"MIDDLEWARE in {where} names {name!r}, which cannot be imported.\n"
            "Name a class as package.module.Class; sessions and the check of forms are there "
            "without being named."
        )

    def wrap(app: ASGIApp) -> ASGIApp:
        wrapped = found(app)
        takes = len(inspect.signature(wrapped).parameters) if callable(wrapped) else 0
        if takes != 3:
            raise ConfigurationError(
                f"{name!r} in MIDDLEWARE of {where} makes no ASGI application: it must take "
                "(scope, receive, send).\nSee https://asgi.readthedocs.io; a Django middleware "
                "takes get_response and does not fit."
            )
        return cast("ASGIApp", wrapped)

    return wrap
