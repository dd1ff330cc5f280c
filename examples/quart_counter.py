"""A counter in Quart: `uvicorn quart_counter:app`. Quart's own `session` stays what it is."""

from quart import Quart, request

from coatcheck import Sessions
from coatcheck.integrations.asgi import SessionMiddleware
from coatcheck.stores.sql import SQLStore

store = SQLStore("sqlite:///sessions.sqlite3")
store.create_tables()

app = Quart(__name__)
app.asgi_app = SessionMiddleware(app.asgi_app, Sessions(store))


@app.get("/")
async def visits() -> str:
    session = request.scope["session"]
    session["visit_count"] = session.get("visit_count", 0) + 1
    return f"You have visited this page {session['visit_count']} times."
