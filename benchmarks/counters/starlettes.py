"""Starlette with its own cookie sessions, with starsessions, and with coatcheck's middleware."""

import asyncio
from collections.abc import Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware as CookieMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starsessions import InMemoryStore, load_session
from starsessions import SessionMiddleware as StarsessionsMiddleware
from starsessions.stores.redis import RedisStore

from coatcheck.core.engine import Sessions
from coatcheck.core.policy import SessionPolicy
from coatcheck.integrations.starlette import SessionMiddleware
from coatcheck.stores.memory import MemoryStore
from coatcheck.stores.sql import AsyncSQLStore, SQLStore
from coatcheck.stores.valkey import AsyncValkeyStore

from .requests import KEY, SHOP, Counter, Where


async def at_hand(request: Request) -> None:
    """Nothing to do: the session is loaded, or loads itself in place."""


async def by_hand(request: Request) -> None:
    await request.session.load()  # type: ignore[attr-defined]


def application(middleware: list[Middleware], load: Any = at_hand) -> Starlette:
    """The counter. *load* is what a view awaits before it touches the session."""

    async def untouched(request: Request) -> Response:
        return PlainTextResponse("hello")

    async def read(request: Request) -> Response:
        await load(request)
        return PlainTextResponse(str(request.session["visits"]))

    async def visit(request: Request) -> Response:
        await load(request)
        request.session["visits"] = request.session.get("visits", 0) + 1
        return PlainTextResponse(str(request.session["visits"]))

    async def slow(request: Request) -> Response:
        await load(request)
        count = request.session.get("visits", 0)
        await asyncio.sleep(0.001)
        request.session["visits"] = count + 1
        return PlainTextResponse(str(count + 1))

    async def fill(request: Request) -> Response:
        await load(request)
        request.session.update(SHOP)
        return PlainTextResponse("filled")

    views = (untouched, read, visit, slow, fill)
    routes = [Route(f"/{view.__name__}", view) for view in views]
    return Starlette(routes=routes, middleware=middleware)


def _ours(store: Any, *, preload: bool = True, policy: SessionPolicy | None = None) -> Starlette:
    sessions = Sessions(store, policy=policy, listener=lambda event: None)
    middleware = Middleware(SessionMiddleware, sessions=sessions, preload=preload)
    return application([middleware], at_hand if preload else by_hand)


def peers(where: Where) -> Iterator[Counter]:
    """Starlette's own, and starsessions."""
    bare = application([])
    cookie = Middleware(CookieMiddleware, secret_key=KEY, https_only=True)
    yield Counter("Starlette cookie", application([cookie]), bare, asgi=True)
    stores = {
        "memory": InMemoryStore(),
        "Valkey": RedisStore(f"redis://127.0.0.1:{where.valkey}/2"),
    }
    for name, store in stores.items():
        middleware = Middleware(StarsessionsMiddleware, store=store, lifetime=1209600)
        app = application([middleware], load_session)
        yield Counter(f"starsessions, {name}", app, bare, asgi=True)


def counters(where: Where) -> Iterator[Counter]:
    """coatcheck's middleware on each store."""
    bare = application([])
    sqlite = SQLStore(f"sqlite:///{where.folder}/starlette.sqlite3")
    sqlite.create_tables()
    postgresql = AsyncSQLStore(where.postgresql)  # the engine's table
    valkey = AsyncValkeyStore(f"valkey://127.0.0.1:{where.valkey}/3")
    apps = {
        "memory": _ours(MemoryStore()),
        "SQLite": _ours(sqlite),
        "PostgreSQL": _ours(postgresql),
        "PostgreSQL, preload=False": _ours(postgresql, preload=False),
        "Valkey": _ours(valkey),
        "Valkey, preload=False": _ours(valkey, preload=False),
    }
    for name, app in apps.items():
        yield Counter(f"coatcheck ASGI, {name}", app, bare, asgi=True)


def serializable(where: Where) -> Iterator[Counter]:
    """coatcheck's middleware where requests that write take turns, as in ``coatcheck.web``."""
    bare = application([])
    policy = SessionPolicy(isolation="serializable")
    sqlite = SQLStore(f"sqlite:///{where.folder}/turns.sqlite3")
    sqlite.create_tables()
    stores = {
        "memory": MemoryStore(),
        "SQLite": sqlite,
        "PostgreSQL": AsyncSQLStore(where.postgresql),
        "Valkey": AsyncValkeyStore(f"valkey://127.0.0.1:{where.valkey}/4"),
    }
    for name, store in stores.items():
        app = _ours(store, policy=policy)
        yield Counter(f"coatcheck ASGI, {name}, serializable", app, bare, asgi=True)
