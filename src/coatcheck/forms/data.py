"""What was sent: names with one or more values each, never changed after reading.

``request.POST``, ``request.GET`` and ``request.FILES`` are all of this type. Bytes become data in
``urlencoded`` and ``parser``.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, TypeVar, overload
from urllib.parse import urlencode

from .errors import MissingField
from .names import nested
from .sensitive import is_sensitive

V_co = TypeVar("V_co", covariant=True)
D = TypeVar("D")
Source = Literal["form", "query", "files"]

_PlainDict = dict  # the class below has a method of that name
_REPR_LENGTH = 40


class FormData(Mapping[str, V_co]):
    """Field names and values in the order sent. ``[]`` gives a name's last value.

    A missing name raises ``MissingField``: a KeyError, and a 400 when nobody catches it. *source*
    says in that message where the data came from. Two are equal when every name has the same
    values in the same order.
    """

    __slots__ = ("_lists", "_pairs", "source")

    source: Source

    def __init__(self, pairs: Iterable[tuple[str, V_co]] = (), *, source: Source = "form") -> None:
        self._pairs = tuple(pairs)
        self._lists: dict[str, list[V_co]] = {}
        for name, value in self._pairs:
            self._lists.setdefault(name, []).append(value)
        self.source = source

    def __getitem__(self, name: str) -> V_co:
        try:
            return self._lists[name][-1]
        except KeyError:
            raise MissingField(name, self._lists, self.source) from None

    def __contains__(self, name: object) -> bool:
        return name in self._lists

    def __iter__(self) -> Iterator[str]:
        return iter(self._lists)

    def __len__(self) -> int:
        """How many different names were sent."""
        return len(self._lists)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FormData):
            return NotImplemented
        return self._lists == other._lists

    __hash__ = None  # type: ignore[assignment]  # its values need not be hashable

    @overload
    def get(self, name: str, default: None = None, /) -> V_co | None: ...
    @overload
    def get(self, name: str, default: D, /) -> V_co | D: ...
    def get(self, name: str, default: object = None, /) -> object:
        """The last value of *name*, or *default*."""
        values = self._lists.get(name)
        return values[-1] if values else default

    def getlist(self, name: str) -> list[V_co]:
        """Every value of *name* in the order sent; an empty list when there is none."""
        return list(self._lists.get(name, ()))

    def lists(self) -> Iterator[tuple[str, list[V_co]]]:
        """Each name with all its values."""
        return ((name, list(values)) for name, values in self._lists.items())

    def pairs(self) -> tuple[tuple[str, V_co], ...]:
        """Every name and value exactly as sent, repeated names in their places."""
        return self._pairs

    def dict(self) -> _PlainDict[str, V_co]:
        """A plain dict of each name's last value."""
        return {name: values[-1] for name, values in self._lists.items()}

    def nested(self) -> _PlainDict[str, Any]:
        """Dicts and lists of names such as ``a[b][]``, ``a.b`` and ``a-0-b``; see ``names``.

        Raises ``MalformedForm`` for names that go too deep or contradict each other.
        """
        return nested(self.lists())

    def urlencode(self: "FormData[str]") -> str:
        """The fields as a query string, in the order sent."""
        return urlencode(self._pairs)

    def __repr__(self) -> str:
        shown = " ".join(
            f"{name!r}=<hidden>"
            if is_sensitive(name)
            else f"{name!r}={', '.join(_short(value) for value in values)}"
            for name, values in self._lists.items()
        )
        return f"<FormData {shown}>" if shown else "<FormData>"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _REPR_LENGTH else f"{text[:_REPR_LENGTH]}..."
