"""What each field of a form is, read once from its annotation: which control, how many values.

A ``Shape`` is all that reading and showing need to know; neither looks at annotations. A type that
no control can send is refused here, when the form's class is defined.
"""

import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import (
    AnyUrl,
    AwareDatetime,
    BaseModel,
    FutureDate,
    FutureDatetime,
    NaiveDatetime,
    PastDate,
    PastDatetime,
)
from pydantic.fields import FieldInfo

from coatcheck.forms.uploads import Upload

from .errors import ConfigurationError
from .field import UNDECLARED, Declared
from .sentences import said
from .texts import text_of
from .types import TextKind

if TYPE_CHECKING:
    from .form import Form


YES = said("Yes")
NO = said("No")


class Kind(StrEnum):
    """What a field holds."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    FLAG = "flag"
    """True or False: a checkbox."""
    CONSENT = "consent"
    """True and nothing else: a checkbox that must be ticked."""
    CHOICE = "choice"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    UPLOAD = "upload"
    GROUP = "group"
    """A form within the form."""


@dataclass(frozen=True, slots=True)
class Option:
    """One of the values to choose from. ``text`` is what a browser sends for it."""

    value: Any
    text: str
    label: str


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """One field."""

    name: str
    kind: Kind
    declared: Declared
    many: bool
    """Whether it holds a list, set or tuple of what ``kind`` says."""
    nullable: bool
    has_default: bool
    label: str
    help: str
    text_kind: TextKind | None = None
    fixed: tuple[Option, ...] = ()
    form: "type[Form] | None" = None
    is_url: bool = False
    length: int | None = None
    """How many items a tuple has, where that is fixed."""

    @property
    def required(self) -> bool:
        """Whether a visitor has to fill it in."""
        if self.many:
            return not self.has_default and not self.nullable and bool(self.declared.min)
        return not (self.has_default or self.nullable or self.kind is Kind.FLAG)

    @property
    def secret(self) -> bool:
        """Whether what was typed must never go back to the browser."""
        return self.text_kind is not None and self.text_kind.secret

    @property
    def strips(self) -> bool:
        """Whether blanks around the text are taken for an accident."""
        return not self.secret if self.declared.strip is None else self.declared.strip

    def options(self) -> tuple[Option, ...]:
        """What there is to choose from, asked anew where it comes from a function."""
        given = self.declared.choices
        if given is None:
            return self.fixed
        choices = given() if callable(given) else given
        return tuple(_labelled(choices))


def shape_of(form: type[BaseModel], name: str, info: FieldInfo) -> Shape:
    """The field *name* of *form*. Raises ConfigurationError for a type that no form can send."""
    found = _Found(form.__name__, name)
    found.note(info.metadata)
    found.read(info.annotation)
    declared = found.declared
    kind, fixed = found.kind, found.options
    if declared.choices is not None and kind is Kind.TEXT:
        kind = Kind.CHOICE
    if found.text_kind is not None:
        found.text_kind.check_installed(form.__name__, name)
    return Shape(
        name=name,
        kind=kind,
        declared=declared,
        many=found.many,
        nullable=found.nullable,
        has_default=not info.is_required(),
        label=declared.label or info.title or name.replace("_", " ").strip().capitalize(),
        help=declared.help or info.description or "",
        text_kind=found.text_kind,
        fixed=fixed,
        form=found.form,
        is_url=found.is_url,
        length=found.length,
    )


class _Found:
    """What an annotation turned out to be."""

    def __init__(self, form: str, name: str) -> None:
        self._of = f"The field {name!r} of {form}"
        self.kind = Kind.TEXT
        self.declared = UNDECLARED
        self.many = self.nullable = self.is_url = False
        self.length: int | None = None
        self.text_kind: TextKind | None = None
        self.options: tuple[Option, ...] = ()
        self.form: type[Form] | None = None

    def note(self, metadata: Iterable[object]) -> None:
        for one in metadata:
            if isinstance(one, FieldInfo):
                self.note(one.metadata)
            elif isinstance(one, Declared):
                self.declared = one
            elif isinstance(one, TextKind):
                self.text_kind = one

    def read(self, annotation: Any) -> None:
        origin, args = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            self.note(annotation.__metadata__)
            self.read(annotation.__origin__)
        elif origin is Union or origin is types.UnionType:
            self._read_union(args)
        elif origin is Literal:
            self._read_literal(args)
        elif origin in (list, set, frozenset, tuple):
            self._read_many(origin, args)
        elif hasattr(annotation, "__value__"):  # ``type Name = ...``
            self.read(annotation.__value__)
        else:
            self._read_class(origin or annotation)

    def _read_union(self, args: tuple[Any, ...]) -> None:
        others = [one for one in args if one is not types.NoneType]
        if len(others) < len(args) and not self.many:
            self.nullable = True
        if len(others) == 1:
            self.read(others[0])

    def _read_literal(self, values: tuple[Any, ...]) -> None:
        if values == (True,):
            self.kind = Kind.CONSENT
            return
        if None in values:
            self.nullable = True
        self.kind = Kind.CHOICE
        self.options = tuple(_labelled([value for value in values if value is not None]))

    def _read_many(self, origin: Any, args: tuple[Any, ...]) -> None:
        if self.many:
            raise ConfigurationError(
                f"{self._of} is a list of lists, which no form can send.\n"
                "Make the inner one a field of a Form, and this one a list of that Form."
            )
        self.many = True
        if origin is tuple:
            if not args[1:] or args[1] is not Ellipsis:
                self.length = len(args)
            if len({*args} - {Ellipsis}) > 1:
                raise ConfigurationError(
                    f"{self._of} is a tuple of different types.\nGive each a field of its own, in "
                    "a Form of its own if they belong together."
                )
        self.read(args[0] if args else str)

    def _read_class(self, found: Any) -> None:
        from .form import Form

        found = _PYDANTICS.get(found, found)
        match found:
            case type() if issubclass(found, Form):
                self.kind, self.form = Kind.GROUP, found
            case type() if issubclass(found, Upload):
                self.kind = Kind.UPLOAD
            case type() if issubclass(found, Enum):
                self.kind = Kind.CHOICE
                self.options = tuple(_of_enum(found))
            case type() if issubclass(found, bool):
                self.kind = Kind.CHOICE if self.nullable or self.many else Kind.FLAG
                if self.kind is Kind.CHOICE:
                    self.options = (Option(True, "true", YES.one), Option(False, "false", NO.one))
            case type() if issubclass(found, int):
                self.kind = Kind.INTEGER
            case type() if issubclass(found, (float, Decimal)):
                self.kind = Kind.NUMBER
            case type() if issubclass(found, datetime):
                self.kind = Kind.DATETIME
            case type() if issubclass(found, date):
                self.kind = Kind.DATE
            case type() if issubclass(found, time):
                self.kind = Kind.TIME
            case type() if issubclass(found, (dict, Mapping, BaseModel)):
                raise ConfigurationError(
                    f"{self._of} is a {found.__name__}, which no field of a form can send.\n"
                    "For fields that belong together write a class of them: "
                    "class Address(Form): ..."
                )
            case type() if issubclass(found, AnyUrl):
                self.is_url = True
            case type() if issubclass(found, bytes):
                raise ConfigurationError(
                    f"{self._of} is bytes, and forms send text and files.\n"
                    "For a file write Upload, from coatcheck.forms."
                )


# Pydantic's names for dates and times with a condition are classes of their own.
_PYDANTICS: Mapping[Any, type] = {
    PastDate: date,
    FutureDate: date,
    PastDatetime: datetime,
    FutureDatetime: datetime,
    AwareDatetime: datetime,
    NaiveDatetime: datetime,
}


def _labelled(choices: Mapping[Any, str] | Iterable[Any]) -> Iterator[Option]:
    if isinstance(choices, Mapping):
        for value, label in choices.items():
            yield Option(value, text_of(value), str(label))
        return
    for choice in choices:
        if isinstance(choice, tuple) and len(choice) == 2:
            yield Option(choice[0], text_of(choice[0]), str(choice[1]))
        elif isinstance(choice, Enum):
            yield from _of_enum([choice])
        else:
            yield Option(choice, text_of(choice), _in_words(str(choice)))


def _of_enum(members: Iterable[Enum]) -> Iterator[Option]:
    for member in members:
        label = getattr(member, "label", None)
        text = label if isinstance(label, str) else _in_words(member.name.lower())
        yield Option(member, text_of(member), text)


def _in_words(name: str) -> str:
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]
