"""How the scenarios are run: an application from the factory under test, over a store that counts,
stops and fails where a scenario says so.
"""

import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import Any, ClassVar, TypeVar

import pytest

from coatcheck.core.bridge import Awaitable as AwaitableVerbs
from coatcheck.core.engine import Sessions
from coatcheck.core.events import Event, EventName
from coatcheck.core.policy import SessionPolicy
from coatcheck.core.record import Record
from coatcheck.core.store import BlockingStore, Store
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing.barrier import BarrierStore
from coatcheck.testing.clock import FakeClock
from coatcheck.testing.faulty import FaultyStore
from coatcheck.wire.tokens import Token

from .client import PATIENCE, Browser, Host, Interface

S = TypeVar("S", bound="HostedScenarios")


class Shelf(MemoryStore):
    """A store whose records a test can look at."""

    def records(self) -> list[Record]:
        """All records of sessions there are; what else is kept beside them has a ':' in its id."""
        with self._lock:
            return [record for id, record in self._records.items() if ":" not in id]

    def everything(self) -> str:
        """All that a thief of the store would have, as one text."""
        with self._lock:
            return repr([tuple(record) for record in self._records.values()])


class HostedScenarios:
    """What every part of the contract stands on. See ``IntegrationContract``."""

    awaitable: ClassVar[bool] = False
    """Whether the store is awaited (ASGI only), as one across a network can be."""
    interface: ClassVar[Interface | None] = None
    """How ``make_app``'s application is called; found out by itself for nearly every one."""
    exceptions: ClassVar[Mapping[str, str]] = {}
    """Scenarios that cannot hold on this host, each with the reason. They are skipped by name."""

    shelf: Shelf
    clock: FakeClock
    events: list[Event]
    store: BarrierStore
    """The store under the application: it counts, and stops requests where a scenario says so."""
    faults: FaultyStore
    sessions: Sessions
    host: Host

    def make_app(self, sessions: Sessions) -> Any:
        """The application with the agreed routes, its sessions kept by *sessions*."""
        raise NotImplementedError(f"{type(self).__name__} must define make_app(self, sessions).")

    def session_cookie(self, *, https: bool) -> str:
        """The name of the session's cookie."""
        return self.sessions.lifecycle.cookie.attributes(https=https).name

    def user_key(self, user: str) -> str:
        """The text under which the host keeps *user*, of whom ``/login`` heard, in the record."""
        return user

    @contextmanager
    def serving(self, *, racing: bool = False, **policy: Any) -> Iterator[Browser]:
        """A block with the application running, for a browser without cookies over https.

        *racing* lets no verb run on the event loop, so that each can be stopped.
        """
        self.shelf = Shelf()
        self.clock = FakeClock()
        self.events = []
        store: BlockingStore | Store = self.shelf
        if self.awaitable:
            store = AwaitableVerbs(self.shelf)
        self.faults = FaultyStore(store)
        self.store = BarrierStore(self.faults)
        if racing or self.awaitable:
            self.store.capabilities = replace(self.store.capabilities, inline=False)
        self.sessions = Sessions(
            self.store,
            policy=SessionPolicy(**policy),
            clock=self.clock,
            listener=self.events.append,
        )
        with Host(self.make_app(self.sessions), self.interface) as self.host:
            yield self.new_browser()

    def new_browser(self, *, https: bool = True) -> Browser:
        """A browser without cookies."""
        return Browser(self.host, self.session_cookie(https=https), https=https)

    # -- what scenarios are said with ----------------------------------------------------------

    def calls(self) -> dict[str, int]:
        """What the store was asked since ``forget``."""
        return dict(self.store.begun)

    def forget(self) -> None:
        """Begin to count calls and to note events anew."""
        self.store.begun.clear()
        self.events.clear()

    def happened(self) -> list[EventName]:
        """The names of the events since ``forget``."""
        return [event.name for event in self.events]

    def stop_before(self, verb: str) -> "Stop":
        """Stop the next request that comes to *verb*, before the store sees it."""
        stop = Stop(f"before {verb}", awaited=self.awaitable)
        self.store.run_before(verb, stop.wait)
        return stop

    def stop_after(self, verb: str) -> "Stop":
        """Stop the next request that comes to *verb*, when the store has done it."""
        stop = Stop(f"after {verb}", awaited=self.awaitable)
        self.store.run_after(verb, stop.wait)
        return stop

    def only_record(self) -> Record:
        """The one session that there is."""
        (record,) = self.shelf.records()
        return record

    def forged(self, browser: Browser) -> str:
        """A cookie with the id of *browser*'s session and another secret."""
        token = Token.parse(browser.cookie or "")
        assert token is not None, f"the session's cookie is no token: {browser.cookie!r}"
        return str(Token.new(token.id))


class Stop:
    """A point at which one request waits until the test lets it go on, on a thread or a loop."""

    def __init__(self, point: str, *, awaited: bool) -> None:
        self._point = point
        self._arrived = threading.Event()
        self._released = threading.Event()
        self.wait: Callable[[], Awaitable[None] | None] = self._await if awaited else self._block

    def _block(self) -> None:
        self._arrived.set()
        if not self._released.wait(PATIENCE):
            raise AssertionError(f"nobody let the request go on that waits {self._point}.")

    async def _await(self) -> None:
        import asyncio  # here, as WSGI hosts have no use for it

        await asyncio.to_thread(self._block)

    @contextmanager
    def reached(self) -> Iterator[None]:
        """A block that begins when a request waits here, and lets it go on when it ends."""
        try:
            if not self._arrived.wait(PATIENCE):
                raise AssertionError(f"no request came {self._point}.")
            yield
        finally:
            self._released.set()


def scenario(test: Callable[[S], None]) -> Callable[[S], None]:
    """A scenario as a test, skipped by name where the host says why it cannot hold."""

    @wraps(test)
    def run(self: S) -> None:
        reason = self.exceptions.get(test.__name__)
        if reason is not None:
            pytest.skip(reason)
        test(self)

    return run
