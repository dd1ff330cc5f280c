"""The database's scope around a view, opened when the view first asks for ``db``.

SQLAlchemy is imported by then and not before: nothing here needs it. ``database`` looks for the
scope in force in ``opened``.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Self

from starlette.responses import Response

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from coatcheck.web.app import App
    from coatcheck.web.database import Scope

opened: "ContextVar[Callable[[], Scope] | None]" = ContextVar(
    "coatcheck_database_scope", default=None
)
"""What gives ``db`` the scope that it stands for here."""

_working: "ContextVar[_Work | None]" = ContextVar("coatcheck_work", default=None)


def undo() -> None:
    """Take back what the view did to the database so far, if it did anything."""
    work = _working.get()
    if work is not None:
        work.undo()


@contextmanager
def transaction(app: "App") -> Iterator[Callable[[Response], Response]]:
    """Give ``db`` a scope for this block: committed at its end, rolled back if it raises.

    What the block yields takes the view's response and hands it back: with a status of 500 and
    above, its work is undone too, as it is in the session. What is returned with a 4xx stands: the
    view chose to return it. The commit comes before the session's, so a session never speaks of
    rows that are not there.
    """
    with _Work(app) as work:
        token, worker = opened.set(work.scope), _working.set(work)
        try:
            yield work.answered
        finally:
            _working.reset(worker)
            opened.reset(token)


def used_connection() -> "Connection | None":
    """The connection of ``db`` in its transaction, everything sent; None where it was not used."""
    from coatcheck.web.database import Scope

    work = getattr(opened.get(), "__self__", None)
    scope = work.used if isinstance(work, _Work) else None
    if not isinstance(scope, Scope) or not scope.used:
        return None
    scope.session.flush()
    return scope.session.connection()


class _Work:
    """The database work of one view, if it does any."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._scope: Scope | None = None
        self._opening = threading.Lock()

    def scope(self) -> "Scope":
        from coatcheck.web.database import Scope

        with self._opening:  # a view may hand db to threads of its own
            if self._scope is None:
                self._scope = Scope(self._app.database)
            return self._scope

    @property
    def used(self) -> "Scope | None":
        """The scope, if the view has asked for it."""
        return self._scope

    def answered(self, response: Response) -> Response:
        if response.status_code >= 500:
            self.undo()
        return response

    def undo(self) -> None:
        if self._scope is not None:
            self._scope.rollback()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._scope is not None:
            self._scope.__exit__(kind, error, trace)
