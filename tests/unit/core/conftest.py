"""One engine over a counted memory store, on a clock that only the tests move."""

from collections.abc import Callable
from typing import Any

import pytest

from coatcheck.core.engine import Sessions
from coatcheck.core.events import Event
from coatcheck.core.policy import SessionCookie, SessionPolicy
from coatcheck.core.record import Record
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import CountingStore, FakeClock, Visitor
from coatcheck.wire.tokens import Token


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store() -> CountingStore:
    return CountingStore(MemoryStore())


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def engine(store, clock, events) -> Callable[..., Sessions]:
    """Makes an engine under the policy that is given; where it would wait, the clock runs."""

    def made(*, cookie: SessionCookie | None = None, **policy: Any) -> Sessions:
        sessions = Sessions(
            store,
            policy=SessionPolicy(**policy),
            cookie=cookie,
            clock=clock,
            listener=events.append,
        )
        sessions.lifecycle = sessions.lifecycle.over(sessions.lifecycle.store, clock.pause)
        return sessions

    return made


@pytest.fixture
def returning(store, events) -> Callable[..., Visitor]:
    """Makes a visitor of an engine who was here once and left some values."""

    def made(sessions: Sessions, values: dict[str, Any] | None = None, **options: Any) -> Visitor:
        visitor = Visitor(sessions, **options)
        with visitor.visit() as session:
            session.update({"count": 1} if values is None else values)
        store.forget()
        events.clear()
        return visitor

    return made


@pytest.fixture
def visitor(engine, returning) -> Visitor:
    """A visitor under the default policy, whose session holds a count of 1."""
    made: Visitor = returning(engine())
    return made


@pytest.fixture
def stored(store) -> Callable[[Visitor], Record | None]:
    """Finds the record behind a visitor's cookie, uncounted."""

    def found(visitor: Visitor) -> Record | None:
        assert visitor.cookie is not None
        token = Token.parse(visitor.cookie.partition("=")[2])
        assert token is not None
        record = store.wrapped.load(token.id)
        assert record is None or isinstance(record, Record)
        return record

    return found
