"""A counter without any framework: `uvicorn asgi_counter:app`."""

from coatcheck import Sessions
from coatcheck.integrations.asgi import SessionMiddleware
from coatcheck.stores.sql import SQLStore

store = SQLStore("sqlite:///sessions.sqlite3")
store.create_tables()


async def site(scope, receive, send):
    if scope["type"] != "http":
        return
    count = scope["session"].increment("visit_count")
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"text/plain; charset=utf-8")],
        }
    )
    text = f"You have visited this page {count} times."
    await send({"type": "http.response.body", "body": text.encode()})


app = SessionMiddleware(site, Sessions(store))
