"""Two requests of one session at once: no key that only one of them wrote is ever lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.core.engine import Sessions
from coatcheck.core.errors import SessionConflict
from coatcheck.core.events import Event, EventName
from coatcheck.core.policy import SessionPolicy
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import FakeClock, Visitor

START = {"n": 1, "m": 2, "log": ["start"], "tags": {0}, "text": "t"}
WHO = st.integers(0, 2)

# An act of a request: a name, and what it does to the session; *tag* is unlike all others.
OPERATIONS = st.tuples(
    st.sampled_from(["increment", "append", "add", "own", "read", "take own", "nothing"]),
    st.integers(1, 5),
)
ANYTHING = st.tuples(
    st.sampled_from(
        ["increment", "append", "read and add", "set", "delete", "in place", "read", "clear"]
    ),
    st.sampled_from(["n", "m"]),
)


def engine(events, **policy):
    return Sessions(
        MemoryStore(), policy=SessionPolicy(**policy), clock=FakeClock(), listener=events.append
    )


def started(sessions):
    visitor = Visitor(sessions)
    with visitor.visit() as session:
        session.update(START)
    return visitor


class Tab:
    """One request that is under way."""

    def __init__(self, visitor):
        self.visitor = Visitor(visitor.sessions)
        self.visitor.cookie = visitor.cookie
        self.visit = self.visitor.visit("POST")
        self.session = self.visit.__enter__()
        # Loaded, and nothing of it read yet.
        visitor.sessions.step(visitor.sessions.lifecycle.load(self.session))

    def commit(self):
        self.visit.__exit__(None, None, None)


def values_of(visitor):
    with visitor.visit() as session:
        return dict(session)


@given(
    plans=st.lists(st.lists(OPERATIONS, max_size=4), min_size=2, max_size=3),
    order=st.permutations(range(3)),
    started_late=st.booleans(),
)
def test_operations_and_keys_of_ones_own_are_all_kept_in_whatever_order_requests_end(
    plans, order, started_late
):
    events: list[Event] = []
    visitor = started(engine(events))
    tabs = []
    count = 1
    log: list[object] = ["start"]
    tags: set[object] = {0}
    own: dict[str, object] = {}
    for who, plan in enumerate(plans):
        tab = Tab(visitor)
        tabs.append(tab)
        for number, (act, by) in enumerate(plan):
            tag = (who, number)
            if act == "increment":
                tab.session.increment("n", by)
                count += by
            elif act == "append":
                tab.session.append("log", tag)
                log.append(tag)
            elif act == "add":
                tab.session.add("tags", tag)
                tags.add(tag)
            elif act == "own":
                tab.session[f"own {who}"] = tag
                own[f"own {who}"] = tag
            elif act == "read":
                tab.session.get("text")
            elif act == "take own":
                tab.session.take(f"own {who}")
                own.pop(f"own {who}", None)
    for place in order:
        if place < len(tabs):
            tabs[place].commit()
    after = values_of(visitor)
    assert after.pop("n") == count
    assert sorted(map(str, after.pop("log"))) == sorted(map(str, log))
    assert after.pop("tags") == tags
    assert after == {"m": 2, "text": "t", **own}
    assert {event.name for event in events} <= {EventName.CREATED, EventName.MERGED}


def perform(session, act, key, tag):
    if act == "increment":
        session.increment(key)
    elif act == "append":
        session.append("log", tag)
    elif act == "read and add":
        session[key] = session.get(key, 0) + 1
    elif act == "set":
        session[key] = len(tag) * 100
    elif act == "delete":
        session.pop(key, None)
    elif act == "in place":
        session.setdefault("log", []).append(tag)
    elif act == "read":
        session.get(key)
    elif act == "clear":
        session.clear()


PLANS = st.lists(st.lists(ANYTHING, max_size=4), min_size=2, max_size=3)


def one_after_another(plans):
    """What is stored if the plans are carried out one after another."""
    visitor = started(engine([]))
    for who, plan in plans:
        with visitor.visit("POST") as session:
            for number, (act, key) in enumerate(plan):
                perform(session, act, key, (who, number))
    return values_of(visitor)


@given(PLANS, st.permutations(range(3)))
def test_under_serializable_isolation_the_result_is_that_of_some_order_of_those_that_stood(
    plans, order
):
    """Those that were refused left nothing; the others might have come one after another."""
    visitor = started(engine([], isolation="serializable"))
    tabs = []
    for who, plan in enumerate(plans):
        tab = Tab(visitor)
        tabs.append(tab)
        for number, (act, key) in enumerate(plan):
            perform(tab.session, act, key, (who, number))
    stood = []
    for place in order:
        if place < len(tabs):
            try:
                tabs[place].commit()
            except SessionConflict:
                continue
            stood.append((place, plans[place]))
    assert stood, "the first one has nobody to conflict with"
    assert values_of(visitor) == one_after_another(stood)


@given(PLANS, st.permutations(range(3)))
def test_under_merge_a_result_that_no_order_gives_is_always_reported(plans, order):
    events: list[Event] = []
    visitor = started(engine(events))
    tabs = []
    for who, plan in enumerate(plans):
        tab = Tab(visitor)
        tabs.append(tab)
        for number, (act, key) in enumerate(plan):
            perform(tab.session, act, key, (who, number))
    done = []
    for place in order:
        if place < len(tabs):
            tabs[place].commit()
            done.append((place, plans[place]))
    if not any(event.name is EventName.CONFLICT for event in events):
        assert values_of(visitor) == one_after_another(done)


@pytest.mark.parametrize("rounds", [50])
def test_a_thousand_increments_in_pairs_lose_none(rounds):
    visitor = started(engine([]))
    for _ in range(rounds):
        one, other = Tab(visitor), Tab(visitor)
        one.session.increment("n")
        other.session.increment("n")
        other.commit()
        one.commit()
    assert values_of(visitor)["n"] == 1 + 2 * rounds
