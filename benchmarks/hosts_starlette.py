"""What a session adds to a request of a Starlette application: ours, Starlette's own, starsessions.

The application is called directly, over a session of 200 bytes. Every way is measured in the same
run, in turns; the figures are what it adds to the same page without any session. starsessions and
ours share one Valkey, whose client is the same library's there, and server and client one core.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from counters.requests import SHOP
from measure.asgi import App, ask, scope_of
from measure.servers import on_one_core, valkey_port
from measure.tables import machine, show
from measure.turns import AsyncWork, Costs, in_turns_awaited
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware as Stock
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starsessions import SessionMiddleware as Starsessions
from starsessions import load_session
from starsessions.stores.redis import RedisStore

from coatcheck import Sessions
from coatcheck.integrations.starlette import SessionMiddleware
from coatcheck.stores import from_url

TURNS = 41
CALLS = 50
DONE = ("untouched", "read", "written")

View = Callable[[Request], Awaitable[Response]]


async def untouched(request: Request) -> Response:
    return PlainTextResponse("page")


async def read(request: Request) -> Response:
    return PlainTextResponse(str(request.session["visits"]))


async def written(request: Request) -> Response:
    request.session["visits"] += 1
    return PlainTextResponse(str(request.session["visits"]))


async def filled(request: Request) -> Response:
    request.session.update(SHOP)
    return PlainTextResponse("filled")


def loading(view: View) -> View:
    """*view* as starsessions has it: whoever touches the session loads it first."""

    async def run(request: Request) -> Response:
        await load_session(request)
        return await view(request)

    return run


def site(middleware: Any = None, *, loads: bool = False, **options: Any) -> App:
    views = {"untouched": untouched}
    for name, view in (("read", read), ("written", written), ("filled", filled)):
        views[name] = loading(view) if loads else view
    app = Starlette(routes=[Route(f"/{name}", view) for name, view in views.items()])
    if middleware is not None:
        app.add_middleware(middleware, **options)
    return app


async def works(sites: dict[str, App], done: str) -> dict[str, AsyncWork]:
    """A request to the page *done* of each site, by a visitor with a session."""
    found: dict[str, AsyncWork] = {}
    for name, app in sites.items():
        cookie = None
        if name != "none":
            cookie = (await ask(app, scope_of("/filled", None))).cookie
        found[name] = _asking(app, "/untouched" if name == "none" else f"/{done}", cookie)
    return found


def _asking(app: App, path: str, cookie: str | None) -> AsyncWork:
    jar = [cookie]

    async def work() -> None:
        answer = await ask(app, scope_of(path, jar[0]))
        assert answer.status == 200
        jar[0] = answer.cookie or jar[0]  # a signed cookie is another after each change

    return work


async def main() -> None:
    with valkey_port() as port, tempfile.TemporaryDirectory(prefix="coatcheck-bench-") as folder:
        async with AsyncExitStack() as stack:
            redis = await stack.enter_async_context(Redis(port=port))
            sites = {
                "none": site(),
                "Starlette's own, in a signed cookie": site(Stock, secret_key="x" * 32),
                "starsessions, Valkey": site(
                    Starsessions, loads=True, store=RedisStore(connection=redis), lifetime=3600
                ),
            }
            url = f"valkey://127.0.0.1:{port}/0"
            for name, store in {
                "coatcheck, Valkey, awaited": from_url(url, True),
                "coatcheck, Valkey, in a thread": from_url(url),
                "coatcheck, SQLite": _sqlite(f"sqlite:///{folder}/sessions.db"),
                "coatcheck, memory": from_url("memory://"),
            }.items():
                sessions = Sessions(store, listener=lambda event: None)
                stack.push_async_callback(_close, sessions)
                sites[name] = site(SessionMiddleware, sessions=sessions)
            costs: dict[str, Costs] = {}
            for done in DONE:
                ways = await works(sites, done)
                costs[done] = await in_turns_awaited(ways, turns=TURNS, calls=CALLS)
    page = costs["untouched"].median("none")
    show(
        f"Microseconds that a session adds to a request; the page alone takes {page:.0f}",
        ["sessions", *DONE],
        [
            [name, *(costs[done].difference(name, "none") for done in DONE)]
            for name in sites
            if name != "none"
        ],
    )


def _sqlite(url: str) -> Any:
    store: Any = from_url(url)
    store.create_tables()
    return store


async def _close(sessions: Sessions) -> None:
    if sessions.blocking:
        sessions.close()
    else:
        await sessions.lifecycle.store.close()


if __name__ == "__main__":
    on_one_core()
    print(machine())
    asyncio.run(main())
