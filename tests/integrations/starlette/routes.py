"""The routes that the integration contract agrees on, for Starlette: views of both kinds."""

from collections.abc import Callable, Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from coatcheck import Sessions
from coatcheck.core.errors import SessionReadOnly
from coatcheck.forms.flash import flash, get_flashed_messages
from coatcheck.integrations.starlette import SessionMiddleware, session_of
from coatcheck.testing.integration import VALUES


def untouched(request: Request) -> Response:
    return PlainTextResponse("untouched")


def count(request: Request) -> Response:
    request.session["count"] = request.session.get("count", 0) + 1
    return PlainTextResponse(str(request.session["count"]))


def get(request: Request) -> Response:
    return PlainTextResponse(repr(request.session.get(request.query_params["key"])))


def set(request: Request) -> Response:
    request.session[request.query_params["key"]] = request.query_params["value"]
    return PlainTextResponse("set")


def delete(request: Request) -> Response:
    request.session.pop(request.query_params["key"], None)
    return PlainTextResponse("deleted")


def nested(request: Request) -> Response:
    request.session.setdefault("cart", {"items": []})
    request.session["cart"]["items"].append(request.query_params["value"])
    return PlainTextResponse("appended")


def values(request: Request) -> Response:
    request.session.update(VALUES)
    return PlainTextResponse("kept")


def login(request: Request) -> Response:
    session_of(request).login(request.query_params["user"])
    return PlainTextResponse("in")


def logout(request: Request) -> Response:
    session_of(request).logout()
    return PlainTextResponse("out")


def renew(request: Request) -> Response:
    session_of(request).renew()
    return PlainTextResponse("renewed")


def who(request: Request) -> Response:
    return PlainTextResponse(session_of(request).user or "nobody")


def keep_flash(request: Request) -> Response:
    flash(session_of(request), request.query_params["text"])
    return PlainTextResponse("kept")


def flashes(request: Request) -> Response:
    return PlainTextResponse("|".join(get_flashed_messages(session_of(request))))


def redirect(request: Request) -> Response:
    request.session["redirected"] = request.query_params["value"]
    return RedirectResponse("/get?key=redirected", status_code=303)


def stream(request: Request) -> Response:
    request.session["streamed"] = request.query_params["value"]
    return StreamingResponse(iter("abc"))


def late(request: Request) -> Response:
    def words() -> Iterator[str]:
        try:
            request.session["late"] = 1
        except SessionReadOnly:
            yield "refused"
        else:
            yield "taken"

    return StreamingResponse(words())


def fail(request: Request) -> Response:
    request.session["failed"] = request.query_params["value"]
    raise RuntimeError("on purpose")


def error(request: Request) -> Response:
    request.session["failed"] = request.query_params["value"]
    return PlainTextResponse("on purpose", status_code=500)


def missing(request: Request) -> Response:
    request.session["missed"] = request.query_params["value"]
    raise HTTPException(404)


def cached(request: Request) -> Response:
    request.session.get("count")
    headers = {"Cache-Control": "public, max-age=60", "Vary": "Accept"}
    return PlainTextResponse("cached", headers=headers)


VIEWS: dict[str, Callable[[Request], Response]] = {
    "untouched": untouched,
    "count": count,
    "get": get,
    "set": set,
    "delete": delete,
    "nested": nested,
    "values": values,
    "login": login,
    "logout": logout,
    "renew": renew,
    "who": who,
    "flash": keep_flash,
    "flashes": flashes,
    "redirect": redirect,
    "stream": stream,
    "late": late,
    "raise": fail,
    "error": error,
    "missing": missing,
    "cached": cached,
}


def awaited(view: Callable[[Request], Response]) -> Callable[[Request], Any]:
    """The same view as an ``async def``, which touches the session on the event loop."""

    async def run(request: Request) -> Response:
        return view(request)

    return run


def site(sessions: Sessions, *, awaiting: bool) -> Starlette:
    """The application of the contract."""
    routes = [
        Route(f"/{name}", awaited(view) if awaiting else view, methods=["GET", "POST"])
        for name, view in VIEWS.items()
    ]
    middleware = [Middleware(SessionMiddleware, sessions=sessions)]
    return Starlette(routes=routes, middleware=middleware)
