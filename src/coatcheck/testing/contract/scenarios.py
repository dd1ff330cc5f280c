"""The ways in which ended sessions have come back elsewhere, and updates were lost: whole requests.

These run ``Sessions`` over the store under test. A slow request is a block around the quick one
that is answered first.
"""

from typing import Any

import pytest

from coatcheck.core.engine import Sessions
from coatcheck.core.errors import SessionBusy, SessionConflict, StoreUnavailable
from coatcheck.core.events import Event, EventName
from coatcheck.core.http import ResponseEdits
from coatcheck.core.policy import SessionPolicy
from coatcheck.core.record import Record
from coatcheck.testing.barrier import BarrierStore
from coatcheck.testing.counting import CountingStore
from coatcheck.testing.faulty import FaultyStore
from coatcheck.testing.visitor import Visitor

from .harness import AnyStore, Contract, law

NO_COOKIE = ResponseEdits(vary=True)


class SessionScenarios(Contract):
    """What visitors live through on the store under test."""

    def sessions(
        self, store: AnyStore | None = None, *, waits: bool = False, **policy: Any
    ) -> Sessions:
        """The engine over *store*, or the store under test.

        Where it would wait it lets the fake clock run, or with *waits* it does wait.
        """
        self.events: list[Event] = []
        sessions = Sessions(
            self.made if store is None else store,
            policy=SessionPolicy(**policy),
            clock=self.clock,
            listener=self.events.append,
        )
        if not waits:
            over = sessions.lifecycle.over(sessions.lifecycle.store, self.clock.pause)
            sessions.lifecycle = over
        return sessions

    async def visitor(self, sessions: Sessions, **values: Any) -> Visitor:
        """A visitor who was here once; their session holds a count of 1 and *values*."""
        visitor = Visitor(sessions)
        async with visitor.visit() as session:
            session.update({"count": 1, **values})
        self.events.clear()
        return visitor

    def twin(self, visitor: Visitor) -> Visitor:
        """Another tab of the visitor's browser: the same cookie, answered on its own."""
        twin = Visitor(visitor.sessions)
        twin.cookie = visitor.cookie
        return twin

    async def record_of(self, visitor: Visitor) -> Record | None:
        """What the visitor's cookie opens."""
        session = visitor.sessions.open(visitor.request())
        await session.load()
        return session.record

    async def values_of(self, visitor: Visitor) -> dict[str, Any]:
        """What the visitor's session holds."""
        session = visitor.sessions.open(visitor.request())
        await session.load()
        return dict(session)

    def happened(self) -> list[EventName]:
        """The names of the events since the visitor was here first."""
        return [event.name for event in self.events]

    # -- ended is terminal ---------------------------------------------------------------------

    @law
    async def test_a_slow_request_does_not_undo_a_logout(self) -> None:
        self.requires("revoke")
        visitor = await self.visitor(self.sessions())
        cookie = visitor.cookie
        async with visitor.visit() as slow:
            slow["count"] += 1
            async with visitor.visit("POST") as quick:
                quick.logout()
            assert visitor.cookie is None
        assert visitor.answer == NO_COOKIE
        visitor.cookie = cookie
        assert await self.record_of(visitor) is None
        assert self.happened().count(EventName.DROPPED) == 1

    @law
    async def test_a_slow_request_does_not_undo_a_revocation(self) -> None:
        self.requires("revoke")
        sessions = self.sessions()
        visitor = await self.visitor(sessions)
        async with visitor.visit() as slow:
            slow["count"] += 1
            assert slow.record is not None
            assert await sessions.lifecycle.revoke(slow.record.id) is True
        assert visitor.answer == NO_COOKIE
        assert await self.record_of(visitor) is None
        assert self.happened().count(EventName.DROPPED) == 1

    @law
    async def test_a_slow_request_does_not_undo_an_expiry(self) -> None:
        visitor = await self.visitor(self.sessions(idle_timeout=60))
        async with visitor.visit() as slow:
            slow["count"] += 1
            self.clock.advance(61)
        assert visitor.answer == NO_COOKIE
        assert await self.record_of(visitor) is None
        assert self.happened().count(EventName.DROPPED) == 1

    @law
    async def test_a_slow_request_does_not_undo_a_sweep(self) -> None:
        sessions = self.sessions(idle_timeout=60)
        visitor = await self.visitor(sessions)
        async with visitor.visit() as slow:
            slow["count"] += 1
            self.clock.advance(61)
            await sessions.lifecycle.delete_expired()
        assert visitor.answer == NO_COOKIE
        assert await self.record_of(visitor) is None

    @law
    async def test_a_slow_anonymous_request_leaves_the_cookie_of_a_login_alone(self) -> None:
        visitor = await self.visitor(self.sessions())
        async with visitor.visit() as slow:
            slow["seen"] = True
            async with visitor.visit("POST") as quick:
                quick.login("ann")
            cookie = visitor.cookie
        assert visitor.answer == NO_COOKIE
        assert visitor.cookie == cookie
        record = await self.record_of(visitor)
        assert record is not None
        assert record.user == "ann"

    @law
    async def test_a_request_with_the_cookie_from_before_a_login_opens_nothing(self) -> None:
        visitor = await self.visitor(self.sessions())
        late = self.twin(visitor)
        async with visitor.visit("POST") as session:
            session.login("ann")
        async with late.visit() as session:
            assert session.user is None
            assert dict(session) == {}
            session["count"] = 99
        # A cookie of its own would replace the newer one in the browser.
        assert late.answer == NO_COOKIE
        assert self.happened().count(EventName.LATE) == 1
        assert self.happened().count(EventName.DROPPED) == 1
        assert await self.values_of(visitor) == {"count": 1}

    @law
    async def test_a_slow_request_is_saved_after_a_renewal_and_leaves_its_cookie_alone(
        self,
    ) -> None:
        visitor = await self.visitor(self.sessions(renew_every=3600, grace=60))
        self.clock.advance(4000)
        quick = self.twin(visitor)
        async with visitor.visit() as slow:
            slow.increment("count")
            async with quick.visit() as session:
                assert session["count"] == 1
            assert quick.cookie != visitor.cookie
        assert visitor.answer == NO_COOKIE
        assert await self.values_of(quick) == {"count": 2}

    @law
    async def test_a_slow_reader_does_not_touch_an_ended_session_back(self) -> None:
        self.requires("revoke")
        store = CountingStore(self.made)
        visitor = await self.visitor(self.sessions(store, idle_timeout=600))
        cookie = visitor.cookie
        self.clock.advance(300)
        async with visitor.visit() as slow:
            assert slow["count"] == 1
            async with visitor.visit("POST") as quick:
                quick.logout()
        assert store.calls["touch"] == 1
        assert visitor.answer == NO_COOKIE
        visitor.cookie = cookie
        assert await self.record_of(visitor) is None

    @law
    async def test_a_logout_between_two_tries_of_a_commit_wins(self) -> None:
        self.requires("revoke")
        store = BarrierStore(self.made)
        visitor = await self.visitor(self.sessions(store))
        other = self.twin(visitor)

        async def writes() -> None:
            async with other.visit() as session:
                session["other"] = 1

        async def logs_out() -> None:
            async with other.visit("POST") as session:
                session.logout()

        async with visitor.visit() as session:
            session["mine"] = 1
            store.run_before("commit", self.inside(writes))
            store.run_after("commit", lambda: None)  # the commit of the one who writes
            store.run_after("commit", self.inside(logs_out))  # the first try of this one
        assert visitor.answer == NO_COOKIE
        assert await self.record_of(visitor) is None
        assert self.happened().count(EventName.DROPPED) == 1

    @law
    async def test_after_a_logout_two_visitors_share_nothing(self) -> None:
        self.requires("revoke")
        sessions = self.sessions()
        visitors = [await self.visitor(sessions) for _ in range(2)]
        for visitor in visitors:
            async with visitor.visit("POST") as session:
                session.logout()
        for n, visitor in enumerate(visitors):
            async with visitor.visit() as session:
                assert dict(session) == {}
                session["mine"] = n
        for n, visitor in enumerate(visitors):
            assert await self.values_of(visitor) == {"mine": n}

    @law
    async def test_all_sessions_of_a_user_end_but_the_one_that_asks(self) -> None:
        self.requires("revoke")
        self.requires("by_user")
        sessions = self.sessions()
        visitors = []
        for user in ("ann", "ann", "ann", "bob"):
            visitor = await self.visitor(sessions)
            async with visitor.visit("POST") as session:
                session.login(user)
            visitors.append(visitor)
        mine = await self.record_of(visitors[0])
        assert mine is not None
        assert await sessions.lifecycle.revoke_user("ann", except_=mine.id) == 2
        left = [await self.record_of(visitor) is not None for visitor in visitors]
        assert left == [True, False, False, True]
        assert [record.id for record in await sessions.lifecycle.of("ann")] == [mine.id]

    # -- two at once ---------------------------------------------------------------------------

    @law
    async def test_two_logins_at_once_give_two_sessions_and_both_cookies_work(self) -> None:
        visitor = await self.visitor(self.sessions(), cart=["tea"])
        other = self.twin(visitor)
        async with visitor.visit("POST") as slow:
            slow.login("ann")
            async with other.visit("POST") as quick:
                quick.login("bob")
        records = [await self.record_of(visitor), await self.record_of(other)]
        assert [record.user for record in records if record is not None] == ["ann", "bob"]
        assert visitor.cookie != other.cookie
        for each in (visitor, other):
            assert await self.values_of(each) == {"count": 1, "cart": ["tea"]}

    @law
    async def test_two_first_visits_at_once_give_two_sessions(self) -> None:
        sessions = self.sessions()
        one, two = Visitor(sessions), Visitor(sessions)
        async with one.visit() as slow:
            slow["name"] = "one"
            async with two.visit() as quick:
                quick["name"] = "two"
        assert await self.values_of(one) == {"name": "one"}
        assert await self.values_of(two) == {"name": "two"}

    @law
    async def test_writers_of_different_keys_keep_what_both_wrote(self) -> None:
        visitor = await self.visitor(self.sessions(), gone=True)
        async with visitor.visit() as slow:
            slow["mine"] = [1]
            async with visitor.visit() as quick:
                quick["theirs"] = [2]
                del quick["gone"]
        assert await self.values_of(visitor) == {"count": 1, "mine": [1], "theirs": [2]}
        assert self.happened() == [EventName.MERGED]

    @law
    async def test_writers_who_read_one_key_are_settled_and_reported(self) -> None:
        visitor = await self.visitor(self.sessions())
        async with visitor.visit() as slow:
            slow["count"] += 10
            async with visitor.visit() as quick:
                quick["count"] += 100
        assert await self.values_of(visitor) == {"count": 11}
        (event,) = self.events
        assert event.name is EventName.CONFLICT
        assert event.keys == {"count"}

    @law
    async def test_with_serializable_isolation_the_loser_saves_nothing(self) -> None:
        visitor = await self.visitor(self.sessions(isolation="serializable"))

        async def loses() -> None:
            async with visitor.visit() as slow:
                slow["count"] += 10
                slow["mine"] = True
                async with visitor.visit() as quick:
                    quick["count"] += 100

        with pytest.raises(SessionConflict) as caught:
            await loses()
        assert caught.value.keys == {"count"}
        assert await self.values_of(visitor) == {"count": 101}

    @law
    async def test_operations_of_many_at_once_are_all_kept(self) -> None:
        visitor = await self.visitor(self.sessions(waits=True), log=[], tags=set())

        async def works(worker: int) -> None:
            tab = self.twin(visitor)
            for n in range(10):
                async with tab.visit("POST") as session:
                    session.increment("count")
                    session.append("log", (worker, n))
                    session.add("tags", worker)
                    session[f"own {worker}"] = n

        await self.together(*(works(worker) for worker in range(4)))
        values = await self.values_of(visitor)
        assert values["count"] == 41
        assert sorted(values["log"]) == [(worker, n) for worker in range(4) for n in range(10)]
        assert values["tags"] == {0, 1, 2, 3}
        assert [values[f"own {worker}"] for worker in range(4)] == [9] * 4
        assert EventName.CONFLICT not in self.happened()
        assert EventName.DROPPED not in self.happened()

    @law
    async def test_writers_who_take_turns_lose_nothing(self) -> None:
        self.requires("lease")
        sessions = self.sessions(waits=True, isolation="serializable")
        visitor = await self.visitor(sessions)

        async def works() -> None:
            tab = self.twin(visitor)
            for _ in range(5):
                async with tab.visit("POST", leased=True) as session:
                    session["count"] = session["count"] + 1

        await self.together(*(works() for _ in range(4)))
        assert await self.values_of(visitor) == {"count": 21}
        assert self.happened() == []

    @law
    async def test_a_writer_waits_for_a_lease_until_it_lapses_and_the_holder_sees_it(self) -> None:
        self.requires("lease")
        visitor = await self.visitor(self.sessions(lease=5, wait=10))
        began = self.clock()
        async with visitor.visit("POST", leased=True) as slow:
            slow["count"] += 10
            async with visitor.visit() as quick:
                quick["count"] += 100
            assert self.clock() - began >= 5
        assert await self.values_of(visitor) == {"count": 11}
        assert self.happened() == [EventName.CONFLICT]

    @law
    async def test_a_writer_that_waited_too_long_is_told_so_and_saves_nothing(self) -> None:
        self.requires("lease")
        visitor = await self.visitor(self.sessions(lease=600, wait=10))
        async with visitor.visit("POST", leased=True) as holder:
            holder["count"] += 10
            with pytest.raises(SessionBusy):
                async with visitor.visit() as quick:
                    quick["theirs"] = True
        assert await self.values_of(visitor) == {"count": 11}

    @law
    async def test_a_reader_neither_waits_for_a_lease_nor_asks_twice(self) -> None:
        self.requires("lease")
        store = CountingStore(self.made)
        visitor = await self.visitor(self.sessions(store))
        began = self.clock()
        async with visitor.visit("POST", leased=True) as holder:
            holder["count"] += 1
            store.forget()
            async with visitor.visit() as reader:
                assert reader["count"] == 1
            assert store.calls == {"load": 1}
        assert self.clock() == began

    # -- a network that loses calls ------------------------------------------------------------

    @law
    async def test_a_lost_request_is_tried_again_and_done_once(self) -> None:
        store = FaultyStore(self.made)
        visitor = await self.visitor(self.sessions(store))
        store.lose_request("commit")
        async with visitor.visit("POST") as session:
            session.increment("count")
        assert await self.values_of(visitor) == {"count": 2}
        assert self.happened() == []

    @law
    async def test_a_lost_acknowledgement_is_recognised_and_not_done_twice(self) -> None:
        store = FaultyStore(self.made)
        visitor = await self.visitor(self.sessions(store))
        store.lose_acknowledgement("commit")
        async with visitor.visit("POST") as session:
            session.increment("count")
            session.append("log", "once")
        assert await self.values_of(visitor) == {"count": 2, "log": ["once"]}
        assert self.happened() == []

    @law
    async def test_a_lost_acknowledgement_is_recognised_after_others_have_written(self) -> None:
        barrier = BarrierStore(self.made)
        store = FaultyStore(barrier)
        visitor = await self.visitor(self.sessions(store))
        other = Visitor(Sessions(self.made, clock=self.clock))
        other.cookie = visitor.cookie

        async def others_write() -> None:
            for _ in range(3):
                async with other.visit("POST") as session:
                    session.increment("count", 10)

        store.lose_acknowledgement("commit")
        barrier.run_after("commit", self.inside(others_write))
        async with visitor.visit("POST") as session:
            session.increment("count")
        assert await self.values_of(visitor) == {"count": 32}
        assert self.happened() == []

    @law
    async def test_a_lease_whose_acknowledgement_was_lost_holds_nobody_up(self) -> None:
        self.requires("lease")
        store = FaultyStore(self.made)
        visitor = await self.visitor(self.sessions(store, lease=600))
        began = self.clock()
        store.lose_acknowledgement("load")
        async with visitor.visit("POST", leased=True) as session:
            session["count"] += 1
        async with visitor.visit("POST", leased=True) as session:
            session["count"] += 1
        assert self.clock() == began
        assert await self.values_of(visitor) == {"count": 3}

    @law
    async def test_a_renewal_whose_acknowledgement_was_lost_gives_a_cookie_that_opens(self) -> None:
        store = FaultyStore(self.made)
        visitor = await self.visitor(self.sessions(store))
        old = visitor.cookie
        store.lose_acknowledgement("commit")
        async with visitor.visit("POST") as session:
            session.login("ann")
        assert visitor.cookie != old
        record = await self.record_of(visitor)
        assert record is not None
        assert record.user == "ann"

    @law
    async def test_a_commit_that_never_arrives_is_an_error_and_nothing_is_saved(self) -> None:
        store = FaultyStore(self.made)
        visitor = await self.visitor(self.sessions(store))
        store.lose_request("commit", 1)
        store.lose_request("commit", 2)
        with pytest.raises(StoreUnavailable):
            async with visitor.visit("POST") as session:
                session["count"] += 1
        assert await self.values_of(visitor) == {"count": 1}

    @law
    async def test_a_store_that_is_down_never_makes_a_visitor_a_stranger(self) -> None:
        store = FaultyStore(self.made)
        visitor = await self.visitor(self.sessions(store))
        cookie = visitor.cookie
        store.down = True
        with pytest.raises(StoreUnavailable):
            async with visitor.visit() as session:
                session.get("count")
        assert visitor.cookie == cookie
        store.down = False
        assert await self.values_of(visitor) == {"count": 1}
