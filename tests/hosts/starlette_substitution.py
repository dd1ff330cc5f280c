"""A pytest plugin for Starlette's own tests: its session middleware and its session are ours."""

from collections.abc import Mapping
from typing import Any

import starlette.middleware.sessions

from coatcheck import Sessions
from coatcheck.core.engine import Visit
from coatcheck.core.http import RequestView
from coatcheck.integrations.starlette import SessionMiddleware, StarletteSession
from coatcheck.stores.memory import MemoryStore

NOBODY = RequestView("GET", https=False, cookies=[])


class Substituted(SessionMiddleware):
    """Ours, as if ``store`` stood in each line that the tests have."""

    def __init__(self, app: Any, secret_key: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(app, secret_key, *arguments, store="memory://", **options)


def substituted_session(held: Mapping[str, Any] | None = None) -> StarletteSession:
    """One that holds *held* from before."""
    sessions = Sessions(MemoryStore())

    def opened(view: RequestView) -> Any:
        return sessions.lifecycle.open(view, Visit(sessions, view), StarletteSession)

    before = opened(NOBODY)
    before.update(held or {})
    line = sessions.commit(before, NOBODY).set_cookie or ""
    session: StarletteSession = opened(NOBODY._replace(cookies=[line.partition(";")[0].encode()]))
    return session


starlette.middleware.sessions.SessionMiddleware = Substituted  # type: ignore[assignment,misc]
starlette.middleware.sessions.Session = substituted_session  # type: ignore[assignment,misc]
