"""The engine as an application holds it: one store, one policy, one cookie.

``Sessions`` has plain methods for blocking code. Asynchronous code awaits the same verbs on
``sessions.lifecycle``. Integrations take a ``Sessions`` and nothing else.
"""

import copy
import inspect
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar, cast

from . import bridge
from .at_rest import EncryptedLifecycle
from .errors import ConfigurationError
from .events import Listener, log
from .http import RequestView, ResponseEdits
from .in_cookie import CookieLifecycle
from .lifecycle import Lifecycle
from .policy import Isolation, SessionCookie, SessionPolicy
from .record import Record
from .session import Phase, Session
from .store import BlockingStore, Capabilities, Store

T = TypeVar("T")


class Sessions:
    """Sessions over *store*, blocking or awaitable. *clock* gives seconds since the epoch.

    *listener* is called with each ``Event``; it must not raise. With an awaitable store the plain
    methods raise ``ConfigurationError``, and those of ``lifecycle`` are awaited instead.
    """

    def __init__(
        self,
        store: BlockingStore | Store,
        *,
        policy: SessionPolicy | None = None,
        cookie: SessionCookie | None = None,
        clock: Callable[[], float] = time.time,
        listener: Listener = log,
    ) -> None:
        self.store = store
        self.blocking = not inspect.iscoroutinefunction(store.load)
        """Whether the store blocks, so that an event loop hands its work to a thread."""
        self.lifecycle = _kind(store.capabilities)(
            bridge.awaitable(cast(BlockingStore, store)) if self.blocking else cast(Store, store),
            policy or SessionPolicy(),
            cookie or SessionCookie(),
            clock,
            bridge.pause if self.blocking else bridge.async_pause,
            listener,
        )

    @property
    def policy(self) -> SessionPolicy:
        """The policy in force."""
        return self.lifecycle.policy

    def under(self, policy: SessionPolicy, cookie: SessionCookie) -> "Sessions":
        """The same store, clock and listener, with another policy and cookie."""
        changed = copy.copy(self)
        changed.lifecycle = self.lifecycle.under(policy, cookie)
        return changed

    def open(self, view: RequestView) -> Session:
        """The session of a request. It loads itself at the first touch, and may raise then."""
        return self.lifecycle.open(view, Visit(self, view))

    def commit(
        self, session: Session, view: RequestView, isolation: Isolation | None = None
    ) -> ResponseEdits:
        """Save *session*, once, before the response's first byte. See ``Lifecycle.commit``."""
        return self.step(self.lifecycle.commit(session, view, isolation))

    def of(self, user: object) -> Sequence[Record]:
        """The live sessions of *user*, last seen first. Raises ``StoreUnavailable``."""
        return self.step(self.lifecycle.of(user))

    def revoke(self, id: str) -> bool:
        """End the session of the record *id*; whether there was one."""
        return self.step(self.lifecycle.revoke(id))

    def revoke_user(self, user: object, except_: str | None = None) -> int:
        """End all sessions of *user* but that of the record id *except_*; how many ended."""
        return self.step(self.lifecycle.revoke_user(user, except_))

    def delete_expired(self, batch: int = 500) -> int:
        """Remove the records whose deadline has passed, *batch* at a time; how many."""
        return self.step(self.lifecycle.delete_expired(batch))

    def close(self) -> None:
        """Give the store's connections back."""
        self.step(self.lifecycle.store.close())

    def step(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine of ``lifecycle`` on this thread. Refused for an awaitable store."""
        if not self.blocking:
            coroutine.close()
            raise ConfigurationError(
                f"{type(self.store).__name__} is asynchronous and this code cannot await it: "
                "await the same method of sessions.lifecycle, or use a blocking store."
            )
        return bridge.step(coroutine)


def _kind(capabilities: Capabilities) -> type[Lifecycle]:
    """The lifecycle for what a store can do."""
    if capabilities.in_cookie is not None:
        return CookieLifecycle
    return Lifecycle if capabilities.at_rest is None else EncryptedLifecycle


class Visit:
    """One request of a blocking host: how its session reaches the store."""

    def __init__(self, sessions: Sessions, view: RequestView) -> None:
        self._sessions = sessions
        self._view = view

    def load_now(self, session: Session) -> None:
        self._sessions.step(self._sessions.lifecycle.load(session))

    async def load(self, session: Session) -> None:
        await self._here(self._sessions.lifecycle.load(session))

    def run_now(self, phase: Phase) -> None:
        self._sessions.step(phase(self._sessions.lifecycle, self._view))

    async def run(self, phase: Phase) -> None:
        await self._here(phase(self._sessions.lifecycle, self._view))

    async def _here(self, coroutine: Coroutine[Any, Any, None]) -> None:
        # Asynchronous code without an integration: over a blocking store it waits on this thread.
        await coroutine if not self._sessions.blocking else self._sessions.step(coroutine)
