"""``Form``: a class with annotations, from which one form or a thousand are bound.

The class is a Pydantic model, and an instance is what a valid form holds. What was sent, its errors
and its HTML are a ``Bound``, next door: ``bind`` and ``blank`` give one.
"""

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr

from coatcheck.forms.honeypot import SHOWN_AT, TRAP
from coatcheck.wire.signing import Keyring

from .errors import ConfigurationError
from .shapes import Kind, Shape, shape_of

if TYPE_CHECKING:
    # Only a type checker has to know its name, which Pydantic keeps to itself.
    from pydantic._internal._model_construction import ModelMetaclass

    from .bound import Bound
else:
    ModelMetaclass = type(BaseModel)

OF_EVERY_FORM = frozenset(
    {
        # of a Bound
        *("add_error", "back", "data", "element", "errors", "fields", "form_errors", "raw"),
        *("render", "valid"),
        # of a Form
        *("bind", "blank", "bound", "honeypot", "messages", "shapes", "translations"),
    }
)
"""Names that no field may have: templates and views mean something else by them."""


class MultiDict(Protocol):
    """Form data as every framework has it: ours, Django's, Werkzeug's, Starlette's."""

    def keys(self) -> Iterable[str]:
        """The names that were sent."""

    def getlist(self, name: str, /) -> Iterable[Any]:
        """Every value of *name*."""


class _FormMeta(ModelMetaclass):
    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> Any:
        taken = OF_EVERY_FORM & set(namespace.get("__annotations__", ()))
        if taken and bases != (BaseModel,):
            settings = {"honeypot", "messages", "translations"}
            if wrong := sorted(taken - settings):
                raise ConfigurationError(
                    f"The form {name} has a field {wrong[0]!r}, and every form has something else "
                    f"of that name.\nRename the field, such as {name.lower()}_{wrong[0]}."
                )
        with warnings.catch_warnings():
            # A field may be called "copy" or "json": we use none of Pydantic's old methods.
            warnings.filterwarnings("ignore", r'Field name ".*" in ".*" shadows an attribute')
            return super().__new__(cls, name, bases, namespace, **options)


class Form(BaseModel, metaclass=_FormMeta):
    """Base of a site's forms: ``class Register(Form): email: Email``.

    An instance holds the values of a form without errors. Raises ``ConfigurationError`` at the
    definition of a class with a field that no form can send.
    """

    model_config = ConfigDict(allow_inf_nan=False, populate_by_name=True, loc_by_alias=False)

    honeypot: ClassVar[bool | float] = False
    """Whether ``{{ form }}`` holds a trap for programs; a number is the least time for filling the
    form in, in seconds (True: 2). See ``coatcheck.forms.honeypot``."""
    messages: ClassVar[Mapping[str, str]] = {}
    """What is said instead of our own words, by Pydantic's error type."""
    translations: ClassVar[Path | None] = None
    """A folder with catalogs of the site's own, ``<language>/LC_MESSAGES/coatcheck.mo``."""

    _bound: "Bound[Any] | None" = PrivateAttr(None)

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        super().__pydantic_init_subclass__(**options)
        if cls.__pydantic_complete__:
            cls.shapes()

    @classmethod
    def shapes(cls) -> Mapping[str, Shape]:
        """What each field is, in the order written."""
        known: dict[str, Shape] | None = cls.__dict__.get("_shapes_of_fields")
        if known is None:
            if not cls.__pydantic_complete__:
                cls.model_rebuild()
            known = {name: shape_of(cls, name, info) for name, info in cls.model_fields.items()}
            _check(cls, known)
            type.__setattr__(cls, "_shapes_of_fields", known)
        return known

    @classmethod
    def bind(
        cls,
        data: "MultiDict | Mapping[str, Any]",
        files: "MultiDict | Mapping[str, Any] | None" = None,
        *,
        locale: str | None = None,
        prefix: str = "",
        keyring: Keyring | None = None,
    ) -> "Bound[Self]":
        """The form as a visitor sent it, checked: all its errors at once, never an exception.

        *locale* is the language of the messages; without it the host says, else English. *prefix*
        keeps two forms of one page apart, in names and ids. *keyring* is for a form with a honeypot
        where no host has one.
        """
        from .bound import sent

        return sent(cls, data, files, locale=locale, prefix=prefix, keyring=keyring)

    @classmethod
    def blank(
        cls,
        initial: object = None,
        *,
        locale: str | None = None,
        prefix: str = "",
        keyring: Keyring | None = None,
    ) -> "Bound[Self]":
        """The form as it is first shown, filled with *initial*: a mapping, or an object with
        attributes of the fields' names. The rest is as for ``bind``."""
        from .bound import shown

        return shown(cls, initial, locale=locale, prefix=prefix, keyring=keyring)

    @property
    def bound(self) -> "Bound[Self]":
        """The form that this data came from, to show it again."""
        if self._bound is None:
            return type(self).blank(self)
        return self._bound

    def add_error(self, field: str | None, message: str) -> None:
        """Say of *field*, or with None of the whole form, what the view found out about it."""
        self.bound.add_error(field, message)

    def back(self, to: str | None = None) -> Any:
        """See ``Bound.back``."""
        return self.bound.back(to)

    def __html__(self) -> str:
        return str(self.bound.__html__())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Form):
            return NotImplemented
        return type(self) is type(other) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        secret = {name for name, shape in type(self).shapes().items() if shape.secret}
        for name, value in super().__repr_args__():
            yield name, "<hidden>" if name in secret else value


def _check(form: type[Form], shapes: Mapping[str, Shape]) -> None:
    if form.honeypot and (taken := {TRAP, SHOWN_AT} & shapes.keys()):
        raise ConfigurationError(
            f"The field {min(taken)!r} of {form.__name__} has the name of a part of its honeypot.\n"
            "Rename the field."
        )
    for name, shape in shapes.items():
        other = shape.declared.same_as
        if other is not None and (other not in shapes or other == name):
            raise ConfigurationError(
                f"The field {name!r} of {form.__name__} is to be the same as {other!r}, which is "
                f"no other field of it.\nIts fields are: {', '.join(shapes)}."
            )
        if shape.kind is not Kind.UPLOAD and (shape.declared.types or shape.declared.max_size):
            raise ConfigurationError(
                f"The field {name!r} of {form.__name__} has types or max_size, and is no file.\n"
                "Write Upload as its type, from coatcheck.forms; the length of a text is max."
            )
        if shape.kind is Kind.UPLOAD:
            from coatcheck.forms.content_types import allowed

            allowed(shape.declared.types)
        if shape.kind is Kind.GROUP and shape.many and shape.length is not None:
            raise ConfigurationError(
                f"The field {name!r} of {form.__name__} is a tuple of forms of a fixed length.\n"
                f"Write list[...] with field(min={shape.length}, max={shape.length})."
            )
