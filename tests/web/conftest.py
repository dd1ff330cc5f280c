"""Every site and every database that a test makes is closed when the test ends."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event

from coatcheck.web import App


@pytest.fixture(autouse=True)
def closed_afterwards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """From Python 3.13 a connection that is left open is told of, by whichever test comes next."""
    sites: list[App] = []
    engines: dict[int, Engine] = {}
    begin = App.__init__

    def noted(site: App, *given: Any, **named: Any) -> None:
        begin(site, *given, **named)
        sites.append(site)

    def connected(connection: Any) -> None:
        engines[id(connection.engine)] = connection.engine

    monkeypatch.setattr(App, "__init__", noted)
    event.listen(Engine, "engine_connect", connected)
    yield
    event.remove(Engine, "engine_connect", connected)
    for site in sites:
        asyncio.run(site.close())
    for engine in engines.values():
        engine.dispose()
