"""Forms of WTForms, shown by our macros: label, help, errors, summary, and all of it wired.

The form stays what it is; ``dressed`` only looks at it. A control is made by the field's own
widget, which gets the attributes that it lacks, so widgets of other packages work too. Forms of our
own are in ``typed``.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, cast

from markupsafe import Markup
from wtforms import (
    BooleanField,
    DecimalField,
    EmailField,
    Field,
    FieldList,
    FloatField,
    FormField,
    HiddenField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectMultipleField,
)
from wtforms import Form as WTForm
from wtforms.form import BaseForm
from wtforms.widgets import CheckboxInput, HiddenInput, ListWidget

from .data import FormData
from .typed.errors import NoSuchField
from .typed.host import FormHost, host
from .typed.html import macro
from .typed.languages import translations
from .typed.shapes import Option

W = TypeVar("W", bound=WTForm)


def filled(
    form: type[W], fields: Any = None, files: Any = None, /, *args: Any, **options: Any
) -> W:
    """An instance of *form* with what was sent: ``filled(Register, request.POST, request.FILES)``.

    *fields* and *files* may be any multi-dicts; both None is a form that was not sent. The rest
    goes to *form* as it is.
    """
    if fields is None and files is None:
        return cast("W", form(None, *args, **options))
    pairs = [
        (name, value)
        for lists in (fields, files)
        if lists is not None
        for name in lists
        for value in lists.getlist(name)
    ]
    return cast("W", form(FormData(pairs), *args, **options))


def dressed(form: BaseForm, *, locale: str | None = None) -> "Dressed":
    """*form* for a template: ``{{ form }}``, ``{{ form.email }}``, with errors and all wiring.

    *locale* is the language of the few words that are ours; those of WTForms are its own.
    """
    return Dressed(form, locale)


class Dressed:
    """A form of WTForms as our macros see it."""

    trap = None

    def __init__(self, form: BaseForm, locale: str | None) -> None:
        self._form = form
        self._host: FormHost | None = host.get()
        self._locale = locale or (self._host.locale() if self._host else "en")
        self._catalog = translations(self._locale)
        self.id = type(form).__name__.lower()
        self.lang = "" if self._locale.startswith("en") else self._locale
        self.title = self._catalog.gettext("There is a problem")

    @property
    def errors(self) -> list[str]:
        """What is wrong with the form as a whole."""
        return [str(message) for message in getattr(self._form, "form_errors", ())]

    @property
    def fields(self) -> "list[DressedField]":
        """The fields, in the order of the form."""
        return [self[name] for name in self._form._fields]

    @property
    def problems(self) -> "list[tuple[DressedField, str]]":
        """Each message of a field, with the field to jump to."""
        return [
            (field, message)
            for top in self.fields
            for field in top.all_within()
            for message in field.errors
        ]

    @property
    def has_files(self) -> bool:
        """Whether a field takes files."""
        return any(
            getattr(field.inner.widget, "input_type", "") == "file"
            for top in self.fields
            for field in top.all_within()
        )

    def render(self) -> Markup:
        """The error summary and all fields, to stand inside a ``<form>`` of your own."""
        return macro(self._host, "fields", self)

    def element(self, submit: str = "", *, action: str = "", csrf: object = None) -> Markup:
        """The whole ``<form>`` with its button."""
        if csrf is None and self._host is not None:
            csrf = Markup(self._host.csrf_field())  # noqa: S704 (made by ourselves)
        text = submit or self._catalog.gettext("Send")
        return macro(self._host, "element", self, text, action, csrf or "")

    def __getitem__(self, name: str) -> "DressedField":
        if name not in self._form._fields:
            raise NoSuchField(type(self._form).__name__, name, self._form._fields)
        return DressedField(self._form._fields[name], self._host, self.lang)

    def __getattr__(self, name: str) -> "DressedField":
        if name.startswith("_") or name not in self._form._fields:
            raise AttributeError(f"{type(self._form).__name__} has no field {name!r}.")
        return self[name]

    def __iter__(self) -> "Iterator[DressedField]":
        return iter(self.fields)

    def __html__(self) -> str:
        return self.render()

    __str__ = __html__


class DressedField:
    """A field of WTForms as our macros see it. ``inner`` is the field itself."""

    checkbox_value = "y"
    do_not_call_in_templates = True  # Django would, and lose ``.label``
    empty_option = None
    optional_mark = ""

    def __init__(self, inner: Field, host: FormHost | None, lang: str) -> None:
        self.inner = inner
        self._host = host
        self.lang = lang
        self.id = inner.id
        self.name = inner.name
        self.label = inner.label.text if inner.label is not None else inner.name
        self.help = inner.description
        self.required = bool(getattr(inner.flags, "required", False))

    @property
    def errors(self) -> list[str]:
        """What is wrong with the field itself; a group's fields have their own."""
        if isinstance(self.inner, FormField):
            return []
        if isinstance(self.inner, FieldList):
            # Those of the list itself stand among the lists of its entries' errors.
            return [str(one) for one in self.inner.errors if isinstance(one, str)]
        return [str(one) for one in self.inner.errors]

    @property
    def full_label(self) -> str:
        """The label, in the summary of errors."""
        return str(self.label)

    @property
    def help_id(self) -> str:
        return f"{self.id}-help"

    @property
    def error_id(self) -> str:
        return f"{self.id}-error"

    @property
    def describedby(self) -> str:
        """The ids of what is said about the field."""
        return " ".join(
            [*([self.help_id] if self.help else []), *([self.error_id] if self.errors else [])]
        )

    @property
    def widget(self) -> str:
        """The macro's branch that shows it."""
        inner = self.inner
        if isinstance(inner, FormField):
            return "group"
        if isinstance(inner, FieldList):
            return "rows"
        if isinstance(inner, HiddenField) or isinstance(inner.widget, HiddenInput):
            return "hidden"
        if isinstance(inner, BooleanField) and isinstance(inner.widget, CheckboxInput):
            return "checkbox"
        if isinstance(inner, RadioField):
            return "radios"
        if isinstance(inner, SelectMultipleField) and isinstance(inner.widget, ListWidget):
            return "checkboxes"
        return "own"

    @property
    def is_group(self) -> bool:
        return self.widget in ("group", "rows", "radios", "checkboxes")

    @property
    def values(self) -> tuple[str, ...]:
        """The text of a hidden field."""
        return (str(self.inner._value()),) if hasattr(self.inner, "_value") else ()

    @property
    def checked(self) -> bool:
        return bool(self.inner.data)

    @property
    def options(self) -> list[tuple[Option, str, bool]]:
        """Each option with its id, and whether it is chosen."""
        return [
            (Option(choice[0], str(choice[0]), str(choice[1])), f"{self.id}-{number}", choice[2])
            for number, choice in enumerate(self.inner.iter_choices())
        ]

    @property
    def first_id(self) -> str:
        """The id that a link from the error summary goes to."""
        return f"{self.id}-0" if self.widget in ("radios", "checkboxes") else self.id

    @property
    def fields(self) -> "list[DressedField]":
        """The fields of a form within the form."""
        return [DressedField(one, self._host, self.lang) for one in self.inner]

    @property
    def rows(self) -> "list[list[DressedField]]":
        """The entries of a list, each with its fields."""
        entries = [DressedField(entry, self._host, self.lang) for entry in self.inner]
        return [entry.fields if entry.widget == "group" else [entry] for entry in entries]

    def all_within(self) -> "Iterator[DressedField]":
        """The field and all fields below it."""
        yield self
        below = self.fields if self.widget == "group" else []
        rows = self.rows if self.widget == "rows" else []
        for field in (*below, *(field for row in rows for field in row)):
            yield from field.all_within()

    def attributes(self) -> dict[str, str]:
        """What the control lacks of wiring."""
        single = not self.is_group
        given = self.inner.render_kw or {}
        found = {
            "aria-invalid": "true" if self.errors and single else "",
            "aria-describedby": self.describedby if single else "",
            "autocomplete": _autocomplete(self.inner),
            "inputmode": _keyboard(self.inner),
            "required": "required" if self.required and self.widget == "checkbox" else "",
        }
        return {name: value for name, value in found.items() if value and name not in given}

    def own_control(self, attributes: Mapping[str, str]) -> Markup:
        """The control, by the field's own widget."""
        return Markup(self.inner(**attributes))  # noqa: S704 (WTForms escapes, as it always did)

    def render(self, **attributes: Any) -> Markup:
        """Label, help, error and control; *attributes* go to the control."""
        given = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return macro(self._host, "field", self, self.attributes() | given)

    __call__ = render

    def __html__(self) -> str:
        return self.render()

    __str__ = __html__


def _autocomplete(field: Field) -> str:
    if isinstance(field, EmailField):
        return "email"
    if not isinstance(field, PasswordField):
        return ""
    name = field.short_name.lower()
    return "new-password" if any(part in name for part in ("new", "confirm", "repeat")) else ""


def _keyboard(field: Field) -> str:
    if isinstance(field, IntegerField):
        return "numeric"
    return "decimal" if isinstance(field, (DecimalField, FloatField)) else ""
