"""A counter in Litestar: `uvicorn litestar_counter:app`. Its own session middleware is left out."""

from litestar import Litestar, Request, get
from litestar.types import ASGIApp

from coatcheck import Sessions
from coatcheck.integrations.asgi import SessionMiddleware
from coatcheck.stores.sql import SQLStore

store = SQLStore("sqlite:///sessions.sqlite3")
store.create_tables()


def sessions(app: ASGIApp) -> ASGIApp:
    return SessionMiddleware(app, Sessions(store))


@get("/", media_type="text/plain", sync_to_thread=True)
def visits(request: Request) -> str:
    request.session["visit_count"] = request.session.get("visit_count", 0) + 1
    return f"You have visited this page {request.session['visit_count']} times."


app = Litestar([visits], middleware=[sessions])
