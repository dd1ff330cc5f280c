"""The integration contract over FastAPI's own routes: ``def`` and ``async def`` endpoints."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request, Response

from coatcheck import Sessions
from coatcheck.integrations.fastapi import SessionDep, SessionMiddleware
from coatcheck.testing import IntegrationContract
from tests.integrations.starlette.routes import VIEWS


def plain(view: Callable[[Request], Response]) -> Callable[..., Any]:
    def endpoint(request: Request) -> Response:
        return view(request)

    return endpoint


def with_dependency(view: Callable[[Request], Response]) -> Callable[..., Any]:
    async def endpoint(request: Request, session: SessionDep) -> Response:
        assert session is request.session
        return view(request)

    return endpoint


def site(sessions: Sessions, kind: Callable[..., Any]) -> FastAPI:
    app = FastAPI()
    app.add_middleware(SessionMiddleware, sessions=sessions)
    for name, view in VIEWS.items():
        made = plain(view) if name == "untouched" else kind(view)
        app.api_route(f"/{name}", methods=["GET", "POST"], response_model=None)(made)
    return app


class TestPlainEndpoints(IntegrationContract):
    def make_app(self, sessions: Sessions) -> FastAPI:
        return site(sessions, plain)


class TestEndpointsWithADependency(IntegrationContract):
    def make_app(self, sessions: Sessions) -> FastAPI:
        return site(sessions, with_dependency)


class TestEndpointsWithADependencyOverAnAwaitedStore(TestEndpointsWithADependency):
    awaitable = True
