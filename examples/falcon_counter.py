"""A visit counter with Falcon, over the plain WSGI middleware: `gunicorn falcon_counter:app`.

Two lines of a Falcon middleware put the session where Falcon's users look for such things: into
`req.context`. Requests of one visitor that write take turns here ("serializable"), so that plain
`n = n + 1` counts right as well.
"""

import falcon

from coatcheck import SessionPolicy, Sessions
from coatcheck.integrations.wsgi import SessionMiddleware
from coatcheck.stores.sql import SQLStore


class SessionInContext:
    """Puts the session into ``req.context``."""

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        req.context.session = req.env["coatcheck.session"]


class Visits:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        session = req.context.session
        session["visits"] = session.get("visits", 0) + 1
        resp.media = {"visits": session["visits"]}

    def on_delete(self, req: falcon.Request, resp: falcon.Response) -> None:
        req.context.session.destroy()
        resp.status = falcon.HTTP_NO_CONTENT


site = falcon.App(middleware=[SessionInContext()])
site.add_route("/", Visits())

store = SQLStore("sqlite:///sessions.sqlite3")
store.create_tables()
app = SessionMiddleware(site, Sessions(store, policy=SessionPolicy(isolation="serializable")))
