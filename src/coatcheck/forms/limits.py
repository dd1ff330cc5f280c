"""How much of a form is read before it is refused. One object, all of it on, counted on the way."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from coatcheck.core.errors import ConfigurationError

KB = 1024
MB = 1024 * KB

# No limit of the left can be reached under a smaller one of the right.
_WITHIN = (("field_size", "body"), ("body", "total"), ("file_size", "total"))


@dataclass(frozen=True, slots=True)
class Limits:
    """What one form may hold, in bytes unless said otherwise. Going over one is ``FormTooLarge``.

    Counted as the bytes arrive, with or without Content-Length. The length of a boundary is no
    setting: RFC 2046 fixes it at 70. Raises ``ConfigurationError`` for limits that contradict each
    other.
    """

    body: int = 2 * MB + 512 * KB
    """All text fields with their names: what is held in memory. All of a body without files."""
    total: int = 32 * MB
    """The whole body, files included."""
    fields: int = 1000
    """How many text fields."""
    files: int = 100
    """How many files."""
    field_size: int = 64 * KB
    """One text field, decoded."""
    file_size: int = 32 * MB
    """One file."""
    part_headers: int = 8 * KB
    """The headers of one multipart part."""
    spool: int = 256 * KB
    """A file larger than this waits on disk instead of in memory."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if type(value) is not int or value < 1:
                raise ConfigurationError(
                    f"Limits({each.name}={value!r}) must be a whole number of 1 or more. "
                    "To refuse files altogether, do not read them; there is no unlimited."
                )
        for small, large in _WITHIN:
            if getattr(self, small) > getattr(self, large):
                raise ConfigurationError(
                    f"Limits({small}={getattr(self, small)}) can never be reached under "
                    f"{large}={getattr(self, large)}: raise {large} or lower {small}."
                )

    @classmethod
    def around(cls, given: Mapping[str, int]) -> Self:
        """Limits with the *given* ones, the others moved only where they would contradict these.

        So ``{"file_size": 100 * MB}`` raises ``total`` with it, and ``{"total": MB}`` lowers
        ``file_size``. Raises ``ConfigurationError`` where two given ones contradict each other, and
        ``TypeError`` for a name that is none.
        """
        made: dict[str, Any] = {each.name: each.default for each in fields(cls)} | dict(given)
        if all(type(value) is int for value in made.values()):
            settled = set(given)
            for small, large in _WITHIN:
                if small in settled and large not in given and made[small] > made[large]:
                    made[large] = made[small]
                    settled.add(large)
            for small, large in reversed(_WITHIN):
                if small not in given:
                    made[small] = min(made[small], made[large])
        return cls(**made)


DEFAULT = Limits()
