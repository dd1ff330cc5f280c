"""Drive an ASGI application from a test: one event loop, real concurrency, no server."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2

ASGIApp = Callable[..., Awaitable[Any]]


def client(app: ASGIApp, base_url: str = "http://localhost") -> httpx2.AsyncClient:
    """A client with a cookie jar; errors that reach the server are raised."""
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url=base_url, timeout=60
    )


def run(scenario: Callable[[], Awaitable[None]], seconds: float = 60) -> None:
    """Run *scenario* on a loop of its own, for at most so many seconds."""

    async def bounded() -> None:
        await asyncio.wait_for(scenario(), seconds)

    asyncio.run(bounded())
