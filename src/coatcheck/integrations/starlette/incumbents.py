"""Read the sessions that visitors have from Starlette's own middleware, and from starsessions.

See ``coatcheck.integrations.moving_in`` for when they are read, and what becomes of them.
"""

import json
from base64 import b64decode
from collections.abc import Awaitable, Mapping
from typing import Protocol

from coatcheck.core.errors import ConfigurationError, StoreUnavailable
from coatcheck.core.http import RequestView
from coatcheck.integrations.moving_in import Held, shown
from coatcheck.wire.cookies import CookieAttributes

FORTNIGHT = 14 * 24 * 60 * 60


class SignedCookie:
    """The session in the cookie of ``starlette.middleware.sessions.SessionMiddleware``.

    The options are that middleware's own. A cookie that it would not have believed, or that is no
    JSON object, is ignored. Raises ``ConfigurationError`` for an empty key and where itsdangerous
    is not installed.
    """

    inline = True

    def __init__(
        self,
        secret_key: object,
        session_cookie: str = "session",
        max_age: int | None = FORTNIGHT,
        path: str = "/",
        domain: str | None = None,
    ) -> None:
        if str(secret_key) == "":
            raise ConfigurationError(
                "secret_key is empty, and anybody can sign a cookie with that: give the key that "
                "Starlette's own SessionMiddleware had, or leave secret_key out."
            )
        try:
            from itsdangerous import TimestampSigner
        except ImportError as error:
            raise ConfigurationError(
                "the cookies of Starlette's own SessionMiddleware are read with itsdangerous, "
                "which is not installed: pip install itsdangerous, or leave secret_key out when "
                "nobody has such a cookie any more."
            ) from error
        self._signer = TimestampSigner(str(secret_key))
        self._max_age = max_age
        self.cookie = CookieAttributes(session_cookie, path=path, domain=domain, secure=False)

    def read(self, view: RequestView) -> Held | None:
        """What the cookie holds, if its signature and age are right."""
        from itsdangerous import BadSignature

        text = shown(view, self.cookie.name)
        if text is None:
            return None
        try:
            return _mapping(b64decode(self._signer.unsign(text, max_age=self._max_age)))
        except (BadSignature, ValueError):
            return None


class AsyncRedis(Protocol):
    """What is asked of the connection: ``redis.asyncio.Redis`` and ``valkey.asyncio.Valkey`` do."""

    def get(self, name: str, /) -> Awaitable[bytes | str | None]:
        """The value at *name*."""
        ...


class Starsessions:
    """The session in a row that starsessions' ``RedisStore`` keeps, as JSON.

    *connection* and *prefix* are that store's, the cookie's options those of its middleware.
    """

    inline = False

    def __init__(
        self,
        connection: AsyncRedis,
        prefix: str = "starsessions.",
        cookie_name: str = "session",
        cookie_path: str = "/",
        cookie_domain: str | None = None,
    ) -> None:
        self._connection = connection
        self._prefix = prefix
        self.cookie = CookieAttributes(
            cookie_name, path=cookie_path, domain=cookie_domain, secure=False
        )

    async def read(self, view: RequestView) -> Held | None:
        """What the row holds. Raises ``StoreUnavailable`` when the connection does not answer."""
        id = shown(view, self.cookie.name)
        if not id:
            return None
        try:
            row = await self._connection.get(self._prefix + id)
        except Exception as error:  # each client has errors of its own, and which one is not ours
            raise StoreUnavailable(
                f"the sessions of starsessions could not be read ({type(error).__name__}). Start "
                "their server, or drop incumbent=... to go on without them."
            ) from error
        held = _mapping(row) if row else None
        return {key: held[key] for key in held if key != "__metadata__"} if held else None


def _mapping(text: bytes | str) -> Mapping[str, object] | None:
    """The JSON object in *text*, or None for anything else."""
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return held if isinstance(held, dict) else None
