"""The integration contract over Litestar, with the plain ASGI middleware and nothing else."""

from collections.abc import Callable
from typing import Any

from litestar import HttpMethod, Litestar, Request, Response, route
from litestar.exceptions import NotFoundException
from litestar.response import Redirect, Stream

from coatcheck import Sessions
from coatcheck.integrations.asgi import SessionMiddleware
from coatcheck.testing import IntegrationContract
from tests.integrations.asgi_hosts.acts import ACTS, CACHED, late

BOTH = [HttpMethod.GET, HttpMethod.POST]


def answer(name: str, request: Request[Any, Any, Any]) -> Response[Any]:
    session: Any = request.session
    text = str(ACTS[name](session, request.query_params))
    match name:
        case "redirect":
            return Redirect("/get?key=redirected", status_code=303)
        case "stream":
            return Stream(iter("abc"), status_code=200)
        case "late":
            return Stream(late(session), status_code=200)
        case "raise":
            raise RuntimeError("on purpose")
        case "missing":
            raise NotFoundException
        case "cached":
            return Response(text, headers=CACHED, media_type="text/plain", status_code=200)
    status = 500 if name == "error" else 200
    return Response(text, media_type="text/plain", status_code=status)


def handler(name: str, *, awaiting: bool) -> Any:
    made: Callable[..., Any]
    if awaiting:

        async def awaited(request: Request[Any, Any, Any]) -> Response[Any]:
            return answer(name, request)

        made = awaited
    else:

        def plain(request: Request[Any, Any, Any]) -> Response[Any]:
            return answer(name, request)

        made = plain
    threaded = None if awaiting else True
    return route(f"/{name}", http_method=BOTH, name=name, sync_to_thread=threaded)(made)


@route("/untouched", http_method=BOTH, sync_to_thread=False)
def untouched() -> Response[str]:
    return Response("untouched", media_type="text/plain", status_code=200)


def site(sessions: Sessions, *, awaiting: bool) -> Litestar:
    def middleware(app: Any) -> Any:
        return SessionMiddleware(app, sessions)

    return Litestar(
        [untouched, *(handler(name, awaiting=awaiting) for name in ACTS)],
        middleware=[middleware],
        openapi_config=None,
    )


class TestPlainHandlers(IntegrationContract):
    def make_app(self, sessions: Sessions) -> Litestar:
        return site(sessions, awaiting=False)


class TestAwaitedHandlers(IntegrationContract):
    def make_app(self, sessions: Sessions) -> Litestar:
        return site(sessions, awaiting=True)


class TestAwaitedHandlersOverAnAwaitedStore(TestAwaitedHandlers):
    awaitable = True
