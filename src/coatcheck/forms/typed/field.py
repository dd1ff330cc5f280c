"""``field(...)``: what a form says about one of its fields beside the type."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Any, Literal

from pydantic import Field

from .errors import ConfigurationError

Widget = Literal[
    "text", "textarea", "select", "radios", "checkboxes", "hidden", "tel", "search", "url"
]
Choices = Mapping[Any, str] | Iterable[Any]
_WIDGETS = Widget.__args__  # type: ignore[attr-defined]

_LENGTHS = ("str", "bytes", "list", "set", "frozenset", "tuple")
_ORDERED = ("int", "float", "decimal", "date", "datetime", "time", "timedelta")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Declared:
    """What ``field`` was given. Pydantic asks it for the constraints."""

    label: str | None = None
    help: str = ""
    widget: Widget | None = None
    placeholder: str = ""
    autocomplete: str = ""
    inputmode: str = ""
    min: Any = None
    max: Any = None
    pattern: str | None = None
    same_as: str | None = None
    choices: Choices | Callable[[], Choices] | None = None
    rows: int | None = None
    strip: bool | None = None
    types: tuple[str, ...] = ()
    max_size: int | None = None
    messages: Mapping[str, str] = attribute(default_factory=dict)
    attributes: Mapping[str, str] = attribute(default_factory=dict)

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        schema = handler(source)
        inner = schema
        while inner["type"] not in (*_LENGTHS, *_ORDERED) and "schema" in inner:
            inner = inner["schema"]
        kind = inner["type"]
        for bound, value in (("min", self.min), ("max", self.max)):
            if value is None:
                continue
            if kind in _LENGTHS:
                inner[f"{bound}_length"] = value
            elif kind in _ORDERED:
                inner["ge" if bound == "min" else "le"] = value
            else:
                raise ConfigurationError(
                    f"field({bound}={value!r}) stands at a field of the type {source!r}, which has "
                    "no length and no order. Leave it out, or check the value in a validator."
                )
        if self.pattern is not None:
            if kind != "str":
                raise ConfigurationError(
                    f"field(pattern={self.pattern!r}) stands at a field of the type {source!r}. "
                    "Only text has a pattern."
                )
            inner["pattern"] = f"^(?:{self.pattern})$"
        return schema


UNDECLARED = Declared()


def field(
    default: Any = ...,
    *,
    default_factory: Callable[[], Any] | None = None,
    label: str | None = None,
    help: str = "",
    widget: Widget | None = None,
    placeholder: str = "",
    autocomplete: str = "",
    inputmode: str = "",
    min: Any = None,
    max: Any = None,
    pattern: str | None = None,
    same_as: str | None = None,
    choices: Choices | Callable[[], Choices] | None = None,
    rows: int | None = None,
    strip: bool | None = None,
    types: Iterable[str] = (),
    max_size: int | None = None,
    messages: Mapping[str, str] | None = None,
    attributes: Mapping[str, str] | None = None,
) -> Any:
    """One field of a form: ``age: int = field(label="Your age", min=18)``.

    Without *default* and *default_factory* the field must be filled in, unless its type allows
    None. *min* and *max* are a length for text and lists, else a value. *pattern* must fit all of a
    text. *same_as* names a field that must hold the same. *choices* are values, or a mapping of
    values to labels, or a function that gives either anew for each form. *types* and *max_size*
    (bytes) are for files. *messages* replaces what is said, by Pydantic's error type. *attributes*
    are added to the control's element. Raises ``ConfigurationError`` for what cannot be meant.
    """
    if widget is not None and widget not in _WIDGETS:
        raise ConfigurationError(
            f"field(widget={widget!r}) is none that there is. Use one of {', '.join(_WIDGETS)}."
        )
    if min is not None and max is not None and min > max:
        raise ConfigurationError(
            f"field(min={min!r}, max={max!r}) lets no value through: swap them."
        )
    declared = Declared(
        label=label,
        help=help,
        widget=widget,
        placeholder=placeholder,
        autocomplete=autocomplete,
        inputmode=inputmode,
        min=min,
        max=max,
        pattern=pattern,
        same_as=same_as,
        choices=choices,
        rows=rows,
        strip=strip,
        types=(types,) if isinstance(types, str) else tuple(types),
        max_size=max_size,
        messages=dict(messages or {}),
        attributes=dict(attributes or {}),
    )
    info: Any = (
        Field(default_factory=default_factory) if default_factory is not None else Field(default)
    )
    info.metadata.append(declared)
    return info
