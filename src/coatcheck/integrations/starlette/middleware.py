"""Starlette's ``SessionMiddleware``, over a store. The work is done in ``integrations.asgi``.

What the session has to tell a visitor (409, 503) goes to the application's own exception handlers.
"""

from collections.abc import Callable, Sequence
from typing import Literal, cast

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp

from coatcheck.core.engine import Sessions
from coatcheck.core.errors import CoatcheckError, ConfigurationError, StoreUnavailable
from coatcheck.core.http import ResponseEdits
from coatcheck.core.policy import SessionCookie, SessionPolicy
from coatcheck.core.session import Session
from coatcheck.core.store import BlockingStore, Store
from coatcheck.integrations import asgi
from coatcheck.integrations.addresses import store_at
from coatcheck.integrations.headers import Headers, edited
from coatcheck.integrations.moving_in import USER_FIELDS, Incumbent
from coatcheck.integrations.refusals import log_refusal
from coatcheck.wire.cookies import SameSite

from .incumbents import FORTNIGHT, SignedCookie
from .session import StarletteSession


async def answer(
    error: CoatcheckError, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send
) -> None:
    """Answer *error* by the application's handler for it, for its status, or in plain words."""
    handlers = getattr(scope.get("app"), "exception_handlers", {})
    kinds = [kind for kind in type(error).__mro__ if issubclass(kind, CoatcheckError)]
    found = next((handlers[key] for key in [*kinds, error.status] if key in handlers), None)
    if found is None:
        await asgi.plain_answer(error, scope, receive, send)
        return
    log_refusal(scope["path"], error)
    by_type = any(kind in handlers for kind in kinds)
    # A handler for a status expects Starlette's own exception.
    given = error if by_type else HTTPException(error.status, headers=_headers(error))
    request = Request(scope, receive)
    response = found(request, given)
    if hasattr(response, "__await__"):
        response = await response
    for name, value in (_headers(error) or {}).items():
        response.headers.setdefault(name, value)
    await response(scope, receive, send)


def _headers(error: CoatcheckError) -> dict[str, str] | None:
    if isinstance(error, StoreUnavailable):
        return {"Retry-After": str(error.retry_after)}
    return None


class SessionMiddleware(asgi.SessionMiddleware):
    """Starlette's ``SessionMiddleware``, over *store*: a store, or the address of one, which is
    closed when the application shuts down.

    The options up to *partitioned* are those of Starlette's own and mean what they mean there.
    ``max_age`` is the idle timeout, and None a cookie that ends with the browser. With *secret_key*
    the cookies that Starlette's own middleware has given out are taken over at first sight; there
    is no other use for it. Give *sessions* in place of all these for a policy and a cookie of your
    own, and *incumbent* to take over others (see ``moving_in``). Whoever the application names
    under one of *user_keys* is logged in, as by ``session.login`` (see ``named_user``). The rest is
    as in ``coatcheck.integrations.asgi.SessionMiddleware``.

    Raises ``ConfigurationError`` for options that contradict each other.
    """

    kind = StarletteSession

    def __init__(
        self,
        app: ASGIApp,
        secret_key: object = None,
        session_cookie: str = "session",
        max_age: int | None = FORTNIGHT,
        path: str = "/",
        same_site: Literal["lax", "strict", "none"] = "lax",
        https_only: bool = False,
        domain: str | None = None,
        partitioned: bool = False,
        *,
        store: str | BlockingStore | Store | None = None,
        sessions: Sessions | None = None,
        incumbent: Incumbent | None = None,
        user_keys: Sequence[str] = USER_FIELDS,
        mode: Callable[[asgi.Scope], asgi.Mode | None] = lambda scope: None,
        preload: bool = True,
        eager: bool = True,
        answer: asgi.Answer = answer,
    ) -> None:
        if (store is None) == (sessions is None):
            raise ConfigurationError(
                "SessionMiddleware keeps sessions in a store: add store='sqlite:///FILE', or "
                "another address, to app.add_middleware(SessionMiddleware, ...). With "
                "sessions=Sessions(...), which has a store, leave store out."
            )
        if isinstance(user_keys, str):
            raise ConfigurationError(
                f"user_keys is {user_keys!r}: it must be a list of session keys, such as "
                f"[{user_keys!r}]."
            )
        stock = (secret_key, session_cookie, max_age, path, same_site, https_only, domain)
        if sessions is not None and (*stock, partitioned) != UNSAID:
            raise ConfigurationError(
                "with sessions=Sessions(...), cookie and times are said there: "
                "Sessions(store, cookie=SessionCookie(...), policy=SessionPolicy(...)). For "
                "secret_key=... write incumbent=SignedCookie(...)."
            )
        if store is not None:
            sessions = Sessions(
                store_at(store) if isinstance(store, str) else store,
                policy=_policy(max_age),
                cookie=SessionCookie(
                    name=session_cookie,
                    path=path,
                    domain=domain,
                    secure=True if https_only else "auto",
                    same_site=cast(SameSite, same_site.capitalize()),
                    partitioned=partitioned,
                    persistent=max_age is not None,
                ),
            )
        if secret_key is not None and incumbent is None:
            incumbent = SignedCookie(secret_key, session_cookie, max_age, path, domain)
        self.user_keys = user_keys
        self._own = isinstance(store, str)
        super().__init__(
            app,
            cast(Sessions, sessions),
            mode=mode,
            preload=preload,
            eager=eager,
            answer=answer,
            incumbent=incumbent,
        )

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if scope["type"] == "lifespan" and self._own:
                await self.phases.finish(self.lifecycle.store.close())

    def conclude(self, session: Session) -> None:
        if isinstance(session, StarletteSession) and session.loaded:
            session.follow(self.user_keys)

    def edited(self, headers: Headers, edits: ResponseEdits) -> Headers:
        """*headers* as the session wants them, cookies in Starlette's own spelling."""
        spelled = edits._replace(
            set_cookie=_spelled(edits.set_cookie), forget=_spelled(edits.forget)
        )
        return edited(headers, spelled)


UNSAID: tuple[object, ...] = (None, "session", FORTNIGHT, "/", "lax", False, None, False)
"""The options of Starlette's own middleware, where nothing is said."""


def _policy(max_age: int | None) -> SessionPolicy:
    if max_age is None:
        return SessionPolicy()
    return SessionPolicy(idle_timeout=max_age, lifetime=max(SessionPolicy.lifetime, max_age))


def _spelled(line: str | None) -> str | None:
    """A Set-Cookie *line* as applications' tests look for it; browsers do not mind the case."""
    if line is None:
        return None
    pair, *attributes = line.split("; ")
    return "; ".join([pair, *map(_lowered, attributes)])


def _lowered(attribute: str) -> str:
    name, equals, value = attribute.partition("=")
    if name == "Max-Age":
        return attribute
    return name.lower() + equals + (value.lower() if name == "SameSite" else value)


def session_of(connection: HTTPConnection) -> Session:
    """The session of a request or websocket, typed as what it is."""
    session = connection.scope.get("session")
    if not isinstance(session, Session):
        raise ConfigurationError(
            "this request has no coatcheck session: "
            "app.add_middleware(SessionMiddleware, store=...) is missing, or another "
            "middleware has replaced it."
        )
    return session
