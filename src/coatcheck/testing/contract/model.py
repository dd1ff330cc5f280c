"""Any sequence of verbs does to a store what it does to a dict: the laws as one model."""

from collections.abc import Coroutine
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from coatcheck.core.record import Lease, Record
from coatcheck.core.store import Busy, Commit, Committed, Conflict, Gone

from .harness import HOUR, Contract, plain

SLOTS = st.integers(0, 2)
HOLDERS = st.sampled_from(["first", "second"])
FIELDS = st.dictionaries(st.sampled_from(["a", "b", "\u00e9"]), st.binary(max_size=4), max_size=3)
USERS = st.sampled_from([None, "ann", "bob"])
SECONDS = st.sampled_from([0.0, 0.5, 10.0, 30.0, 1000.0, HOUR])


class ModelLaws(Contract):
    """The store and a dict are asked the same, and give the same answers."""

    def test_any_sequence_of_verbs_does_what_it_does_to_a_dict(self) -> None:
        class Mine(Machine):
            contract = self

        with self.opened(self.make_store):
            run_state_machine_as_test(
                Mine, settings=settings(deadline=None, stateful_step_count=30)
            )


class Machine(RuleBasedStateMachine):
    """A store beside the dict ``model``, which holds what must be stored, by id.

    Three records are made, committed to, leased, touched, ended and swept. ``seen`` keeps of each
    what was ever handed out, so that commits are late as often as not.
    """

    contract: Contract

    def __init__(self) -> None:
        super().__init__()
        self.store = self.contract.store
        self.clock = self.contract.clock
        self.model: dict[str, Record] = {}
        self.seen: list[list[Record]] = []
        self.created: set[str] = set()

    def ask(self, verb: Coroutine[Any, Any, Any]) -> Any:
        return self.contract.finish(verb)

    def teardown(self) -> None:
        for history in self.seen:
            self.ask(self.store.end(history[0].id))

    @initialize()
    def three_ids(self) -> None:
        for _ in range(3):
            record = self.contract.new_record()
            self.seen.append([record])

    def live_lease(self, record: Record, asker: str | None) -> Lease | None:
        """The lease of another than *asker* that counts now."""
        held = record.lease
        if held is None or held.holder == asker or not held.held(self.clock()):
            return None
        return held

    @rule(slot=SLOTS, fields=FIELDS, user=USERS, lasts=SECONDS)
    def create(self, slot: int, fields: dict[str, bytes], user: str | None, lasts: float) -> None:
        first = self.seen[slot][0]
        known = first.id in self.model
        if not known and first.id in self.created:
            return  # it has ended, and the engine never creates an ended id
        now = self.clock()
        record = first._replace(
            fields=fields, user=user, created=now, seen=now, expires=now + lasts
        )
        assert self.ask(self.store.create(record)) is not known
        if not known:
            self.model[record.id] = record
            self.created.add(record.id)
            self.seen[slot] = [record]

    @rule(slot=SLOTS)
    def load(self, slot: int) -> None:
        id = self.seen[slot][0].id
        found = self.ask(self.store.load(id))
        expected = self.model.get(id)
        if expected is None:
            assert found is None
        else:
            assert plain(found) == plain(expected)
            self.seen[slot].append(plain(found))

    @rule(slot=SLOTS, holder=HOLDERS, seconds=SECONDS)
    def lease(self, slot: int, holder: str, seconds: float) -> None:
        id, now = self.seen[slot][0].id, self.clock()
        expected = self.model.get(id)
        if not self.store.capabilities.lease or (
            expected and expected.lease and expected.lease.holder == holder
        ):
            return  # a holder does not ask again
        lease = Lease(holder, now + seconds)
        found = self.ask(self.store.load(id, lease, now))
        held = self.live_lease(expected, holder) if expected is not None else None
        if expected is None:
            assert found is None
        elif held is not None:
            assert found == Busy(held.until)
        else:
            assert plain(found) == plain(expected)
            self.model[id] = expected._replace(lease=lease)
            self.seen[slot].append(plain(found))

    @rule(slot=SLOTS, holder=HOLDERS)
    def release(self, slot: int, holder: str) -> None:
        id = self.seen[slot][0].id
        self.ask(self.store.release(id, holder))
        expected = self.model.get(id)
        if expected is not None and expected.lease and expected.lease.holder == holder:
            self.model[id] = expected._replace(lease=None)

    @rule(
        slot=SLOTS,
        back=st.integers(0, 3),
        fields=FIELDS,
        user=USERS,
        holder=st.none() | HOLDERS,
        touching=st.booleans(),
    )
    def commit(
        self,
        slot: int,
        back: int,
        fields: dict[str, bytes],
        user: str | None,
        holder: str | None,
        touching: bool,
    ) -> None:
        history = self.seen[slot]
        base = history[max(0, len(history) - 1 - back)]
        now = self.clock()
        times = {"seen": now, "expires": now + HOUR} if touching else {}
        commit = self.contract.commit_over(base, fields, holder=holder, user=user, **times)
        answer = self.ask(self.store.commit(commit))
        expected = self.expected(commit)
        if isinstance(expected, Conflict):
            assert isinstance(answer, Conflict)
            assert plain(answer.fresh) == plain(expected.fresh)
            history.append(plain(answer.fresh))
            return
        assert answer == expected
        if answer == Committed():
            stored = self.model[base.id]
            after = plain(commit.record)
            if stored.seen > after.seen:
                after = after._replace(seen=stored.seen, expires=stored.expires)
            self.model[base.id] = after
            history.append(after)

    def expected(self, commit: Commit) -> Committed | Conflict | Busy | Gone:
        stored = self.model.get(commit.record.id)
        if stored is None:
            return Gone()
        held = self.live_lease(stored, commit.holder)
        if held is not None:
            return Busy(held.until)
        return Committed() if stored.version == commit.base else Conflict(stored)

    @rule(slot=SLOTS, back=st.sampled_from([0.0, 5.0]), lasts=SECONDS)
    def touch(self, slot: int, back: float, lasts: float) -> None:
        id, seen = self.seen[slot][0].id, self.clock() - back
        expires = seen + lasts
        expected = self.model.get(id)
        assert self.ask(self.store.touch(id, seen, expires)) is (expected is not None)
        if expected is not None and seen > expected.seen:
            self.model[id] = expected._replace(seen=seen, expires=max(expires, expected.expires))

    @rule(slot=SLOTS)
    def end(self, slot: int) -> None:
        if self.store.capabilities.revoke:
            id = self.seen[slot][0].id
            assert self.ask(self.store.end(id)) is (self.model.pop(id, None) is not None)

    @rule(limit=st.integers(1, 3))
    def sweep(self, limit: int) -> None:
        now = self.clock()
        count = self.ask(self.store.sweep(now, limit))
        gone = [id for id in self.model if self.ask(self.store.load(id)) is None]
        assert count == len(gone) <= limit
        for id in gone:
            assert self.model.pop(id).expires <= now
        if count < limit and self.store.capabilities.sweep:
            assert all(record.expires >= now for record in self.model.values())

    @rule(user=USERS)
    def list_user(self, user: str | None) -> None:
        if user is not None and self.store.capabilities.by_user:
            listed = {record.id for record in self.ask(self.store.of_user(user))}
            assert listed == {id for id, record in self.model.items() if record.user == user}

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)
