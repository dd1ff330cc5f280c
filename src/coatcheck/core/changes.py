"""What one request did to a session, as steps that can be replayed on any version of its record.

A key that was assigned or removed has one step that looks at nothing; an operation looks at the
value that is there when it is replayed, which is why two operations never conflict.
``session`` collects the steps, ``conflict`` judges the reads, ``lifecycle`` replays and commits.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from coatcheck.wire.codec import decode, encode

from .errors import SessionConflict


class _Missing:
    def __repr__(self) -> str:
        return "<missing>"


MISSING: Any = _Missing()
"""The value of a key that is not there."""


class Step(Protocol):
    """One step: from the value that is there, or MISSING, to the one that shall be."""

    def apply(self, value: Any) -> Any:
        """The new value, or MISSING to remove the key. TypeError when *value* has another type."""
        ...


class Assign(NamedTuple):
    """Put this value, whatever was there."""

    data: bytes

    def apply(self, value: Any) -> Any:
        return decode(self.data)


class Remove(NamedTuple):
    """Take the key away, whatever was there."""

    def apply(self, value: Any) -> Any:
        return MISSING


class Increment(NamedTuple):
    """Add a number to the one that is there; nothing counts as 0."""

    by: Any

    def apply(self, value: Any) -> Any:
        return (0 if value is MISSING else value) + self.by


class Append(NamedTuple):
    """Put an item at the end of a list, and drop from its front what exceeds *maxlen* items."""

    item: Any
    maxlen: int | None

    def apply(self, value: Any) -> Any:
        if value is MISSING:
            value = []
        if not isinstance(value, list):
            raise TypeError(f"append needs a list, and the value is a {type(value).__name__}")
        items = [*value, self.item]
        return items if self.maxlen is None else items[max(0, len(items) - self.maxlen) :]


class Add(NamedTuple):
    """Put an item into a set."""

    item: Any

    def apply(self, value: Any) -> Any:
        return _as_set(value) | {self.item}


class Discard(NamedTuple):
    """Take an item out of a set, if it is there."""

    item: Any

    def apply(self, value: Any) -> Any:
        return MISSING if value is MISSING else _as_set(value) - {self.item}


class Take(NamedTuple):
    """Remove what this request has taken, and leave what others appended since."""

    taken: bytes

    def apply(self, value: Any) -> Any:
        taken = decode(self.taken)
        if not isinstance(value, list) or not isinstance(taken, list):
            return MISSING if value is MISSING or encode(value) == self.taken else value
        left = list(value)
        for item in taken:
            if item in left:
                left.remove(item)
        return left or MISSING


class Update(NamedTuple):
    """Put what a pure function makes of the value that is there."""

    function: Callable[[Any], Any]
    default: Any

    def apply(self, value: Any) -> Any:
        return self.function(self.default if value is MISSING else value)


class Once(NamedTuple):
    """Put this value only if none is there."""

    data: bytes

    def apply(self, value: Any) -> Any:
        return decode(self.data) if value is MISSING else value


def _as_set(value: Any) -> set[Any]:
    if value is MISSING:
        return set()
    if not isinstance(value, set):
        raise TypeError(f"add and discard need a set, and the value is a {type(value).__name__}")
    return value


class Reads(NamedTuple):
    """What a request looked at in the record it was given.

    ``values`` are keys whose value it saw, ``presence`` keys of which it only saw whether they are
    there, ``listing`` whether it saw the list of all keys.
    """

    values: frozenset[str] = frozenset()
    presence: frozenset[str] = frozenset()
    listing: bool = False


class Changes(NamedTuple):
    """All steps of a request by key, and what it had read. ``cleared`` empties everything first."""

    steps: Mapping[str, Sequence[Step]]
    cleared: bool = False
    reads: Reads = Reads()

    def __bool__(self) -> bool:
        return bool(self.steps) or self.cleared

    def __repr__(self) -> str:
        # Names only: values can be private, and error reports show what a frame holds.
        return f"<Changes to {', '.join(map(repr, self.steps)) or 'nothing'}>"

    @property
    def dependent(self) -> frozenset[str]:
        """Keys written by value, so that what was read of them matters."""
        return frozenset(
            key for key, steps in self.steps.items() if isinstance(steps[0], Assign | Remove)
        )

    def on(self, fields: Mapping[str, bytes]) -> dict[str, bytes]:
        """*fields* after the steps, untouched ones as they were.

        Raises ``SessionConflict`` where an operation meets a value of another type.
        """
        after = {} if self.cleared else dict(fields)
        for key, steps in self.steps.items():
            if len(steps) == 1 and isinstance(steps[0], Assign):
                after[key] = steps[0].data
                continue
            data = None if isinstance(steps[0], Assign | Remove) else after.get(key)
            value = MISSING if data is None else decode(data)
            try:
                for step in steps:
                    value = step.apply(value)
                    if value is MISSING:
                        after.pop(key, None)  # what is set afterwards goes to the end, as in a dict
            except TypeError as error:
                raise SessionConflict([key]) from error
            if value is not MISSING:
                after[key] = encode(value)
        return after


NO_CHANGES = Changes({})
