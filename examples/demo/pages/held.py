"""What a session holds, as the tree that the panel beside each page shows."""

from typing import NamedTuple

LONGEST = 60


class Node(NamedTuple):
    """One value: the name it stands under, its type, and itself as text or as more nodes."""

    name: str
    type: str
    text: str = ""
    inside: tuple["Node", ...] = ()


def held(session):
    """One node for each key; a name that begins with _ is coatcheck's own."""
    return [node(key, session[key]) for key in session if not key.startswith("_")]


def node(name, value):
    match value:
        case dict():
            return Node(
                name, "dict", inside=tuple(node(str(key), item) for key, item in value.items())
            )
        case list() | tuple() | set() | frozenset():
            inside = tuple(node(str(place), item) for place, item in enumerate(value))
            return Node(name, type(value).__name__, "" if inside else "empty", inside)
    return Node(name, type(value).__name__, shortened(value))


def shortened(value):
    text = str(value) if hasattr(value, "isoformat") else repr(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
