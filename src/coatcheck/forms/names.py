"""Field names that hold a path: ``a[b][]``, ``a.b`` and ``a-0-b`` are ways to write the same one.

Typed forms read the tree that ``grown`` makes: every spelling is taken, because the form says what
to look for. ``nested`` is for who has no such form, and so there ``-`` separates only beside a
number: ``first-name`` is one name.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from .errors import MalformedForm, shown

DEEPEST = 8
"""How many levels a name may have; deeper ones no honest page has."""

_BRACKETS = re.compile(r"[^\[\]]+(?:\[[^\[\]]*\][^\[\]]*)+")
_ONE = re.compile(r"\[([^\[\]]*)\]|([^\[\].-]+)")
_HAS_ROW = re.compile(r"-[0-9]{1,9}(?:-|$)", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


class Node:
    """What was sent at one place of the tree, and below it."""

    __slots__ = ("below", "values")

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.below: dict[str, Node] = {}

    def at(self, key: str) -> "Node":
        """What is at *key*; an empty node where nothing is."""
        return self.below.get(key) or Node()

    def numbered(self) -> Iterator["Node"]:
        """What stands below numbers, in their order. Gaps are closed: ``a[999999]`` is one item."""
        numbers = sorted((int(key), key) for key in self.below if _NUMBER.fullmatch(key))
        return (self.below[key] for _, key in numbers)

    def all_values(self) -> list[Any]:
        """The values of a list, however its name was written."""
        values = [*self.values, *self.at("").values]
        for item in self.numbered():
            values += item.values
        return values

    def nameless_rows(self) -> Iterator["Node"]:
        """The rows of ``a[][b]``: the first values of all names are a row, then the second ones."""
        fields = self.at("").below
        for place in range(max((len(node.values) for node in fields.values()), default=0)):
            row = Node()
            for name, node in fields.items():
                if place < len(node.values):
                    row.below[name] = field = Node()
                    field.values = [node.values[place]]
            yield row


def grown(lists: Iterable[tuple[str, list[Any]]]) -> Node:
    """The tree of names and values, every separator taken for one. Names too deep are left out."""
    root = Node()
    for name, values in lists:
        path = _segments(name)
        if path is None or len(path) > DEEPEST:
            continue
        node = root
        for key in path:
            node = node.below.setdefault(key, Node())
        node.values += values
    return root


def _segments(name: str) -> list[str] | None:
    if "[" in name or "]" in name:
        if not _BRACKETS.fullmatch(name):
            return None
        return [found[2] or found[1] or "" for found in _ONE.finditer(name)]
    return re.split(r"[.-]", name)


def nested(lists: Iterable[tuple[str, list[Any]]]) -> dict[str, Any]:
    """Dicts and lists of what was sent: ``a[b]=1`` is ``{"a": {"b": "1"}}``.

    Numbers make a list, in their order and without gaps; a name that ends in ``[]`` has all its
    values, any other its last. Raises ``MalformedForm`` for names deeper than ``DEEPEST`` and for
    one that is a value and a group at once.
    """
    root = Node()
    for name, values in lists:
        path = _plain_segments(name)
        if len(path) > DEEPEST:
            raise MalformedForm(
                f"The field name {shown(name)} goes {len(path)} levels deep; {DEEPEST} are read."
            )
        node = root
        for key in path:
            node = node.below.setdefault(key, Node())
        node.values += values
    return {key: _plain(node, key) for key, node in root.below.items()}


def _plain_segments(name: str) -> list[str]:
    if "[" in name or "]" in name:
        return _segments(name) or [name]
    found: list[str] = []
    for part in name.split("."):
        found += part.split("-") if _HAS_ROW.search(part) else [part]
    return found


def _plain(node: Node, name: str) -> Any:
    if node.values and node.below:
        raise MalformedForm(
            f"The field {shown(name)} was sent as a value and as a group of fields; it is one."
        )
    if not node.below:
        return node.values[-1]
    if [*node.below] == [""]:
        inner = node.below[""]
        return list(inner.values) if not inner.below else [_plain(inner, name)]
    if all(_NUMBER.fullmatch(key) for key in node.below):
        return [_plain(one, name) for one in node.numbered()]
    return {key: _plain(one, key) for key, one in node.below.items()}
