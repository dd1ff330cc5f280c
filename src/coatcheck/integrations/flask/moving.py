"""What kept a Flask application's sessions before: its signed cookie, or Flask-Session's rows.

``Coatcheck(app, move_from="flask")`` or ``"flask-session"`` reads them once, at first sight, as
``coatcheck.integrations.moving_in`` has it. A pickle is never opened: whoever can write one into
the old store could have any code run here.
"""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import flask
import itsdangerous
import ormsgpack
from flask.sessions import SecureCookieSessionInterface
from flask.sessions import SessionInterface as FlaskInterface

from coatcheck.core.errors import ConfigurationError, StoreUnavailable
from coatcheck.core.http import RequestView
from coatcheck.integrations.moving_in import Held, Incumbent, shown
from coatcheck.wire.cookies import CookieAttributes

from .config import MOVE_FROM
from .session import FLASHES, marked

logger = logging.getLogger("coatcheck")

KNOWN = ("flask", "flask-session")

_LONGEST_ID = 512
_UNPACK = ormsgpack.OPT_NON_STR_KEYS | ormsgpack.OPT_DATETIME_AS_TIMESTAMP_EXT


def incumbent_of(app: flask.Flask, before: "str | Incumbent") -> Incumbent:
    """What *before* names. Raises ``ConfigurationError`` for what is unknown or cannot be read."""
    if not isinstance(before, str):
        return before
    if before == "flask":
        return SignedCookie(app, app.session_interface)
    if before == "flask-session":
        return FlaskSessionRows(app)
    raise ConfigurationError(
        f"{MOVE_FROM} is {before!r}: use 'flask' for Flask's signed cookie, 'flask-session' for "
        "what Flask-Session kept, or an Incumbent of your own."
    )


def old_cookie(app: flask.Flask, interface: FlaskInterface) -> CookieAttributes:
    """The cookie as *interface* has set it."""
    secure = interface.get_cookie_secure(app)
    return CookieAttributes(
        name=interface.get_cookie_name(app),
        path=interface.get_cookie_path(app),
        domain=interface.get_cookie_domain(app),
        secure=secure,
        http_only=interface.get_cookie_httponly(app),
        same_site=interface.get_cookie_samesite(app) or "Lax",  # type: ignore[arg-type]  # checked there
        partitioned=interface.get_cookie_partitioned(app),
    )


class SignedCookie:
    """Flask's own sessions: all of it is in the cookie, signed with SECRET_KEY or a fallback.

    *interface* is the one that the application had. Its salt, serializer and digest are kept, where
    it is a ``SecureCookieSessionInterface``.
    """

    inline = True

    def __init__(self, app: flask.Flask, interface: FlaskInterface) -> None:
        self._app = app
        self._interface = (
            interface
            if isinstance(interface, SecureCookieSessionInterface)
            else SecureCookieSessionInterface()
        )
        self.cookie = old_cookie(app, self._interface)

    def read(self, view: RequestView) -> Held | None:
        """What the cookie holds, unless its signature or age is wrong."""
        text = shown(view, self.cookie.name)
        if text is None:
            return None
        signed = self._interface.get_signing_serializer(self._app)
        if signed is None:
            raise ConfigurationError(
                f"{MOVE_FROM} is 'flask', and there is no SECRET_KEY to read the old cookies with. "
                "Keep the key that signed them, or stop moving in."
            )
        age = int(self._app.permanent_session_lifetime.total_seconds())
        try:
            held = signed.loads(text, max_age=age)
        except itsdangerous.BadData:
            return None
        if not isinstance(held, dict):
            return None
        if FLASHES in held:
            held[FLASHES] = marked(held[FLASHES])
        return held


class FlaskSessionRows:
    """Flask-Session's records in Redis or SQLAlchemy, as its own settings in *app*'s config say.

    Raises ``ConfigurationError`` for another SESSION_TYPE, and where SESSION_REDIS or
    SESSION_SQLALCHEMY is missing.
    """

    inline = False

    def __init__(self, app: flask.Flask) -> None:
        self._app = app
        self.cookie = old_cookie(app, FlaskInterface())
        kind = app.config.get("SESSION_TYPE")
        if kind not in _READERS:
            why = (
                "which keeps pickles, and opening one can run any code that is in it"
                if kind in ("cachelib", "filesystem", "memcached")
                else "of which nothing is known here"
            )
            raise ConfigurationError(
                f"SESSION_TYPE is {kind!r}, {why}: sessions are taken over from "
                f"{' and '.join(map(repr, _READERS))}. Drop {MOVE_FROM}, and visitors log in again."
            )
        setting, reader = _READERS[kind]
        if app.config.get(setting) is None:
            raise ConfigurationError(f"{setting} is not set, so the old sessions cannot be found.")
        self._reader = reader
        self._signer: itsdangerous.Signer | None = None
        if app.config.get("SESSION_USE_SIGNER"):
            if not app.secret_key:
                raise ConfigurationError("SESSION_USE_SIGNER needs the SECRET_KEY of before.")
            self._signer = itsdangerous.Signer(
                app.secret_key, salt="flask-session", key_derivation="hmac"
            )

    def read(self, view: RequestView) -> Held | None:
        """What the record of the cookie's id holds, unless it has expired or is a pickle."""
        id = shown(view, self.cookie.name)
        if id is None or len(id) > _LONGEST_ID:
            return None
        if self._signer is not None:
            try:
                id = self._signer.unsign(id).decode()
            except (itsdangerous.BadSignature, UnicodeDecodeError):
                return None
        prefix = self._app.config.get("SESSION_KEY_PREFIX", "session:")
        data = self._reader(self._app, prefix + id)
        return None if data is None else unpacked(data)


def unpacked(data: bytes) -> Held | None:
    """What Flask-Session has packed into *data*: MessagePack or JSON. None for anything else."""
    if data[:1] == b"\x80" and len(data) > 1:
        logger.warning(
            "a session of Flask-Session is a pickle, from before version 0.7, and was not opened: "
            "that could run any code that is in it. Its visitor begins anew."
        )
        return None
    try:
        held = json.loads(data) if data[:1] == b"{" else ormsgpack.unpackb(data, option=_UNPACK)
    except ValueError:  # of both
        return None
    return held if isinstance(held, Mapping) else None


def _redis_row(app: flask.Flask, key: str) -> bytes | None:
    try:
        found = app.config["SESSION_REDIS"].get(key)
    except Exception as error:
        # Which client that is, and so its errors, is the application's choice.
        raise StoreUnavailable(f"the Redis of Flask-Session does not answer: {error}") from error
    return found.encode() if isinstance(found, str) else found


def _sql_row(app: flask.Flask, key: str) -> bytes | None:
    database = app.config["SESSION_SQLALCHEMY"]
    names = [
        app.config.get("SESSION_SQLALCHEMY_SCHEMA"),
        app.config.get("SESSION_SQLALCHEMY_TABLE", "sessions"),
    ]
    columns = [database.column(name) for name in ("data", "expiry", "session_id")]
    table = database.table(names[1], *columns, schema=names[0])
    query = database.select(
        table.c.data, database.type_coerce(table.c.expiry, database.DateTime)
    ).where(table.c.session_id == key)
    try:
        with app.app_context():
            engine = database.engines[app.config.get("SESSION_SQLALCHEMY_BIND_KEY")]
        # A connection of its own: the application's transaction is its own business.
        with engine.connect() as connection:
            row = connection.execute(query).first()
    except database.exc.SQLAlchemyError as error:
        raise StoreUnavailable(f"the database of Flask-Session failed: {error}") from error
    if row is None or row[1] is None or row[1].replace(tzinfo=UTC) <= datetime.now(UTC):
        return None
    return row[0].encode() if isinstance(row[0], str) else bytes(row[0])


_Reader = Callable[[flask.Flask, str], bytes | None]
_READERS: dict[Any, tuple[str, _Reader]] = {
    "redis": ("SESSION_REDIS", _redis_row),
    "sqlalchemy": ("SESSION_SQLALCHEMY", _sql_row),
}
