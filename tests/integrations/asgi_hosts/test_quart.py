"""The integration contract over Quart, with the plain ASGI middleware around it."""

from collections.abc import Callable
from typing import Any

from quart import Quart, Response, abort, redirect, request

from coatcheck import Sessions
from coatcheck.integrations.asgi import SessionMiddleware
from coatcheck.testing import IntegrationContract
from tests.integrations.asgi_hosts.acts import ACTS, CACHED, late


def answer(name: str) -> Any:
    scope: Any = request.scope
    session = scope["session"]
    text = str(ACTS[name](session, request.args))
    match name:
        case "redirect":
            return redirect("/get?key=redirected", 303)
        case "stream":
            return Response(iter("abc"), content_type="text/plain")
        case "late":
            return Response(late(session), content_type="text/plain")
        case "raise":
            raise RuntimeError("on purpose")
        case "missing":
            abort(404)
        case "cached":
            return Response(text, headers=CACHED, content_type="text/plain")
    status = 500 if name == "error" else 200
    return Response(text, status, content_type="text/plain")


def view(name: str, *, awaiting: bool) -> Callable[[], Any]:
    async def awaited() -> Any:
        return answer(name)

    def plain() -> Any:
        return answer(name)

    return awaited if awaiting else plain


def site(sessions: Sessions, *, awaiting: bool) -> Quart:
    app = Quart(__name__)
    app.add_url_rule("/untouched", "untouched", lambda: "untouched", methods=["GET", "POST"])
    for name in ACTS:
        made = view(name, awaiting=awaiting)
        app.add_url_rule(f"/{name}", name, made, methods=["GET", "POST"])
    inner: Any = app.asgi_app
    app.asgi_app = SessionMiddleware(inner, sessions)  # type: ignore[method-assign,assignment]
    return app


class TestPlainViews(IntegrationContract):
    def make_app(self, sessions: Sessions) -> Quart:
        return site(sessions, awaiting=False)


class TestAwaitedViews(IntegrationContract):
    def make_app(self, sessions: Sessions) -> Quart:
        return site(sessions, awaiting=True)


class TestAwaitedViewsOverAnAwaitedStore(TestAwaitedViews):
    awaitable = True
