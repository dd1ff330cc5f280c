"""Sessions for Starlette: ``app.add_middleware(SessionMiddleware, sessions=sessions)``.

``request.session`` is then a coatcheck ``Session``. What the session has to tell a visitor (409,
503) goes to the application's own exception handlers. The work is done in ``asgi``.
"""

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp

from coatcheck.core.engine import Sessions
from coatcheck.core.errors import CoatcheckError, ConfigurationError, StoreUnavailable
from coatcheck.core.session import Session

from . import asgi
from .moving_in import Incumbent


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
    """Starlette's ``SessionMiddleware``, over the store of *sessions*.

    Options as of ``coatcheck.integrations.asgi.SessionMiddleware``; *secret_key* is refused with
    ``ConfigurationError``, as it belongs to Starlette's own middleware.
    """

    def __init__(
        self,
        app: ASGIApp,
        sessions: Sessions | None = None,
        *,
        mode: Callable[[asgi.Scope], asgi.Mode | None] = lambda scope: None,
        preload: bool = True,
        answer: asgi.Answer = answer,
        incumbent: Incumbent | None = None,
        secret_key: object = None,
    ) -> None:
        if sessions is None or secret_key is not None:
            raise ConfigurationError(
                "SessionMiddleware keeps sessions in a store, so it takes no secret_key: "
                "app.add_middleware(SessionMiddleware, sessions=Sessions(store=...)). Cookie and "
                "times go into Sessions(cookie=SessionCookie(...), policy=SessionPolicy(...))."
            )
        super().__init__(
            app, sessions, mode=mode, preload=preload, answer=answer, incumbent=incumbent
        )


def session_of(connection: HTTPConnection) -> Session:
    """The session of a request or websocket, typed as what it is."""
    session = connection.scope.get("session")
    if not isinstance(session, Session):
        raise ConfigurationError(
            "this request has no coatcheck session: "
            "app.add_middleware(SessionMiddleware, sessions=...) is missing, or another "
            "middleware has replaced it."
        )
    return session
