"""A counter in Starlette: `uvicorn starlette_counter:app`."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from coatcheck.integrations.starlette import SessionMiddleware


def visits(request: Request) -> PlainTextResponse:
    request.session["visit_count"] = request.session.get("visit_count", 0) + 1
    return PlainTextResponse(f"You have visited this page {request.session['visit_count']} times.")


app = Starlette(routes=[Route("/", visits)])
app.add_middleware(SessionMiddleware, store="sqlite:///sessions.sqlite3")
