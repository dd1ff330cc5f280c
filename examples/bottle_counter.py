"""A visit counter with Bottle, over the plain WSGI middleware. Run it: `python bottle_counter.py`.

The session stands in the environ of each request. Parallel visits of one browser all count, as
`increment` is replayed on what is stored by then.
"""

from bottle import Bottle, request, run

from coatcheck import Sessions
from coatcheck.integrations.wsgi import SessionMiddleware
from coatcheck.stores.sql import SQLStore

site = Bottle()


@site.get("/")
def visits() -> str:
    session = request.environ["coatcheck.session"]
    return f"You have visited this page {session.increment('visits')} times."


@site.post("/forget")
def forget() -> str:
    request.environ["coatcheck.session"].destroy()
    return "Forgotten."


store = SQLStore("sqlite:///sessions.sqlite3")
store.create_tables()
app = SessionMiddleware(site, Sessions(store))

if __name__ == "__main__":
    run(app, host="127.0.0.1", port=8000)
