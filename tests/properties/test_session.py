"""A session does what a dict does, whatever the sequence, and what is saved is that dict."""

import copy

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from coatcheck.core.engine import Sessions
from coatcheck.core.record import Record
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import CountingStore, FakeClock, Visitor
from coatcheck.wire.codec import encode

KEYS = st.sampled_from(["a", "b", "c", "\u00e9", ""])
FLAT = st.none() | st.booleans() | st.integers() | st.text("xy", max_size=2) | st.binary(max_size=2)
VALUES = st.recursive(
    FLAT,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.integers(0, 2) | st.sampled_from(["k", "l"]), inner, max_size=2)
        | st.lists(inner, max_size=2).map(tuple)
        | st.sets(st.integers(0, 3), max_size=2)
    ),
    max_leaves=4,
)


class SessionBesideDict(RuleBasedStateMachine):
    """The same is done to a session and to a dict, over several requests of one visitor."""

    def __init__(self) -> None:
        super().__init__()
        clock = FakeClock()
        self.store = CountingStore(MemoryStore())
        self.visitor = Visitor(Sessions(self.store, clock=clock, listener=lambda event: None))
        self.model: dict[str, object] = {}
        self.begin()

    def begin(self) -> None:
        self.view = self.visitor.request()
        self.session = self.visitor.sessions.open(self.view)
        self.before = [(key, encode(value)) for key, value in self.model.items()]
        self.wrote = False

    def both(self, act):
        """What *act* answers, the same from both."""
        answers = []
        for mapping in (self.session, self.model):
            try:
                answers.append(("gave", copy.deepcopy(act(mapping))))
            except KeyError as error:
                answers.append(("raised", error.args))
        ours, theirs = answers
        assert ours[0] == theirs[0]
        if ours[0] == "gave":
            assert encode(ours[1]) == encode(theirs[1])
        return theirs

    @rule(key=KEYS, value=VALUES)
    def set(self, key, value):
        self.both(lambda m: m.__setitem__(key, copy.deepcopy(value)))
        self.wrote = True

    @rule(key=KEYS)
    def get(self, key):
        self.both(lambda m: m[key])
        self.both(lambda m: m.get(key, 7))
        self.both(lambda m: key in m)

    @rule(key=KEYS)
    def delete(self, key):
        self.both(lambda m: m.__delitem__(key))

    @rule(key=KEYS, default=st.booleans())
    def pop(self, key, default):
        self.both(lambda m: m.pop(key, "default") if default else m.pop(key))

    @precondition(lambda self: self.model)
    @rule()
    def popitem(self):
        self.both(lambda m: m.popitem())

    @rule(key=KEYS, value=VALUES)
    def setdefault(self, key, value):
        self.both(lambda m: m.setdefault(key, copy.deepcopy(value)))

    @rule(values=st.dictionaries(KEYS, VALUES, max_size=3), inplace=st.booleans())
    def update(self, values, inplace):
        self.wrote = self.wrote or bool(values)
        if inplace:
            self.session |= copy.deepcopy(values)
            self.model |= copy.deepcopy(values)
        else:
            self.session.update(copy.deepcopy(values))
            self.model.update(copy.deepcopy(values))

    @rule()
    def clear(self):
        self.both(lambda m: m.clear())

    @rule(key=KEYS, value=VALUES)
    def change_in_place(self, key, value):
        for mapping in (self.session, self.model):
            container = mapping.get(key)
            while isinstance(container, tuple | list) and container:
                if not isinstance(container[-1], tuple | list | dict):
                    break
                container = container[-1]
            if isinstance(container, list):
                container.append(copy.deepcopy(value))
            elif isinstance(container, dict):
                container["new"] = copy.deepcopy(value)
                container.pop(0, None)
            elif isinstance(container, set):
                container ^= {9}

    @rule()
    def look_at_everything(self):
        assert list(self.session) == list(self.model)
        assert list(self.session.items()) == list(self.model.items())
        assert len(self.session) == len(self.model)
        assert bool(self.session) == bool(self.model)
        assert self.session == self.model

    @rule()
    def next_request(self):
        self.store.forget()
        expected = [(key, encode(value)) for key, value in self.model.items()]
        self.visitor.take(self.visitor.sessions.commit(self.session, self.view))
        if expected == self.before and not self.wrote:
            assert not {"create", "commit"} & self.store.calls.keys(), "nothing had changed"
        self.begin()
        if self.visitor.cookie is None:
            assert self.model == {}
            return
        id = self.visitor.cookie.partition("=")[2].partition(".")[0]
        record = self.store.wrapped.load(id)
        assert isinstance(record, Record)
        assert list(record.fields.items()) == expected

    @invariant()
    def they_are_equal(self):
        # Not through the session itself, which would note that everything was read.
        if self.session.loaded:
            assert list(self.session._keys) == list(self.model)


TestSessionBesideDict = SessionBesideDict.TestCase
TestSessionBesideDict.settings = settings(stateful_step_count=40)
