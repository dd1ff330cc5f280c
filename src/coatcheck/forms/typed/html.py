"""What a form's macros are given, and who calls them.

The HTML itself stands in ``templates/coatcheck/forms``, one macro a file; a site that has a file of
the same name has its own. Everything that a visitor or a view wrote reaches the page through
Jinja's escaping: the only text made here is names of attributes, which are checked.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from .bound import Bound
from .errors import ConfigurationError
from .host import TEMPLATES, FormHost
from .reading import PICKED, Path
from .shapes import Kind, Option, Shape
from .state import FormState
from .texts import text_of
from .trap import LABEL

_ATTRIBUTE = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]*", re.ASCII)
_INPUT_TYPES = {
    Kind.DATE: "date",
    Kind.DATETIME: "datetime-local",
    Kind.TIME: "time",
    Kind.UPLOAD: "file",
    Kind.FLAG: "checkbox",
    Kind.CONSENT: "checkbox",
}
# Numbers in a text field: a browser would blank a number field that holds "twelve" (and shows
# wheels and arrows that change a value by accident).
_KEYBOARDS = {Kind.INTEGER: "numeric", Kind.NUMBER: "decimal"}
_FEW = 6


@cache
def own_environment() -> Environment:
    """For hosts that have no Jinja environment of their own."""
    return Environment(loader=FileSystemLoader([str(TEMPLATES)]), autoescape=True)


def macro(host: FormHost | None, file: str, *arguments: Any) -> Markup:
    """What the macro *file* makes of *arguments*, in the host's environment or our own."""
    environment = host.environment() if host is not None else own_environment()
    module = environment.get_template(f"coatcheck/forms/{file}.html").module
    text: Markup = getattr(module, file)(*arguments)
    return text


def render_form(form: "Bound[Any]") -> Markup:
    """See ``Bound.render``."""
    return macro(form._state.host, "fields", Page(form))


def render_element(form: "Bound[Any]", submit: str, action: str, csrf: object) -> Markup:
    """See ``Bound.element``."""
    state = form._state
    if csrf is None and state.host is not None:
        csrf = Markup(state.host.csrf_field())  # noqa: S704 (made by ourselves)
    return macro(state.host, "element", Page(form), submit or state.say("Send"), action, csrf or "")


class Page:
    """A form as the macros see it."""

    def __init__(self, form: "Bound[Any]") -> None:
        self.id = form_id(form._state)
        self.fields = form.fields
        self.errors = form.form_errors
        self.lang = _lang(form._state)
        self.title = form._state.say("There is a problem")
        self.has_files = _has_files(form._state.form.shapes())
        self.trap = form._state.trap
        self.trap_label = LABEL.spoken(form._state.catalog)

    @property
    def problems(self) -> list[tuple["BoundField", str]]:
        """Each message of a field, with the field to jump to."""
        return [
            (field, message)
            for top in self.fields
            for field in top.all_within()
            for message in field.errors
        ]


class BoundField:
    """One field: ``{{ form.email }}`` shows its label, help, error and control.

    ``label``, ``help``, ``errors``, ``value`` and ``id`` are there to write one's own HTML around
    ``control()``.
    """

    def __init__(
        self, state: FormState[Any], shape: Shape, path: Path, *, spare: bool = False
    ) -> None:
        self._state = state
        self._spare = spare
        self.shape = shape
        self._path = path
        self.name = ".".join(str(part) for part in (state.prefix, *path) if part != "")
        self.id = "-".join(str(part) for part in (form_id(state), *path))
        self.label = state.translated(shape.label)
        self.help = state.translated(shape.help)
        self.errors = state.errors_at(path)
        self.required = shape.required and not spare

    @property
    def lang(self) -> str:
        return _lang(self._state)

    @property
    def full_label(self) -> str:
        """The label with those of what the field is in: ``Lines 2, How many``."""
        parts: list[str] = []
        for length in range(1, len(self._path)):
            part = self._path[length - 1]
            if isinstance(part, int):
                parts[-1] += f" {part + 1}"
            elif (around := self._state.shape_at(self._path[:length])) is not None:
                parts.append(self._state.translated(around.label))
        return ", ".join([*parts, self.label])

    @property
    def help_id(self) -> str:
        return f"{self.id}-help"

    @property
    def error_id(self) -> str:
        return f"{self.id}-error"

    @property
    def describedby(self) -> str:
        """The ids of what is said about the field, for ``aria-describedby``."""
        return " ".join(
            [*([self.help_id] if self.help else []), *([self.error_id] if self.errors else [])]
        )

    @property
    def value(self) -> str:
        """The text in the control: what was typed, else what it was filled with."""
        texts = self.values
        return texts[-1] if texts else ""

    @property
    def values(self) -> tuple[str, ...]:
        """Every text, of a field that takes several."""
        return () if self.shape.secret else self._state.texts_at(self._path)

    @property
    def checked(self) -> bool:
        return self.value.strip().lower() in ("1", "true", "on", "yes")

    checkbox_value = "true"
    do_not_call_in_templates = True  # Django would, and lose ``.label``

    @property
    def many(self) -> bool:
        """Whether several options of a select may be chosen."""
        return self.shape.many

    @property
    def widget(self) -> str:
        """The macro's branch that shows it."""
        shape = self.shape
        if shape.kind is Kind.GROUP:
            return "rows" if shape.many else "group"
        if shape.kind is Kind.CHOICE:
            return shape.declared.widget or ("checkboxes" if shape.many else "select")
        if shape.kind in (Kind.FLAG, Kind.CONSENT):
            return "checkbox"
        if shape.declared.widget == "hidden":
            return "hidden"
        if shape.many and shape.kind is not Kind.UPLOAD:
            return "list"
        return "textarea" if shape.declared.widget == "textarea" else "input"

    @property
    def is_group(self) -> bool:
        """Whether it takes several controls, which a fieldset holds together."""
        return self.widget in ("group", "rows", "radios", "checkboxes", "list")

    @property
    def type(self) -> str:
        """The ``type`` of its input element."""
        shape = self.shape
        if shape.text_kind is not None:
            return shape.text_kind.name
        if shape.declared.widget in ("tel", "search", "url"):
            return shape.declared.widget
        if shape.is_url:
            return "url"
        # In a date field a browser would show nothing of "tomorrow".
        return "text" if self._unreadable else _INPUT_TYPES.get(shape.kind, "text")

    @property
    def _unreadable(self) -> bool:
        pattern = PICKED.get(self.shape.kind)
        value = self.value.strip()
        return bool(value) and pattern is not None and not pattern.fullmatch(value)

    @property
    def options(self) -> list[tuple[Option, str, bool]]:
        """Each option with its id, and whether it is chosen."""
        chosen = set(self.values)
        return [
            (
                Option(option.value, option.text, self._state.translated(option.label)),
                f"{self.id}-{number}",
                option.text in chosen,
            )
            for number, option in enumerate(self.shape.options())
        ]

    @property
    def first_id(self) -> str:
        """The id that a link from the error summary goes to."""
        if self.widget in ("radios", "checkboxes"):
            options = self.options
            return options[0][1] if options else self.id
        return f"{self.id}-0" if self.widget == "list" else self.id

    @property
    def empty_option(self) -> str | None:
        """What stands in a select for no choice; None where there is always one."""
        if self.shape.many or (self.values and self.required):
            return None
        return self._state.say("Choose …") if self.required else "-"

    @property
    def optional_mark(self) -> str:
        """What is written behind the label of a field that may be left empty."""
        if self.required or self._spare or self.widget == "checkbox":
            return ""
        several = self.is_group and self.widget != "radios"
        return "" if several else self._state.say("(optional)")

    @property
    def fields(self) -> "list[BoundField]":
        """The fields of a form within the form."""
        if self._state.ends_at(self._path):
            return []
        optional = self.shape.nullable or self.shape.has_default
        return self._fields_at(self._path, spare=self._spare or optional)

    @property
    def rows(self) -> "list[list[BoundField]]":
        """The fields of each row of a list of forms, and of a spare one to add another."""
        count = self._state.rows_at(self._path)
        most = self.shape.declared.max
        shown = count if most is not None and count >= most else count + 1
        if self._state.ends_at((*self._path, count)):
            shown = count
        return [
            self._fields_at((*self._path, place), spare=self._spare or place >= count)
            for place in range(shown)
        ]

    def _fields_at(self, path: Path, *, spare: bool) -> "list[BoundField]":
        form = self.shape.form
        if form is None:
            return []
        return [
            BoundField(self._state, shape, (*path, name), spare=spare)
            for name, shape in form.shapes().items()
        ]

    def all_within(self) -> "Iterator[BoundField]":
        """The field and all fields below it."""
        yield self
        if self.widget == "group":
            for field in self.fields:
                yield from field.all_within()
        elif self.widget == "rows" and self._state.rows_at(self._path):
            for row in self.rows:
                for field in row:
                    yield from field.all_within()

    def attributes(self, given: Mapping[str, Any] | None = None) -> dict[str, str]:
        """The control's attributes but name, id, type and value; *given* ones come last."""
        shape, declared = self.shape, self.shape.declared
        single = not self.is_group
        found: dict[str, Any] = {
            "autocomplete": declared.autocomplete or self._autocomplete,
            "inputmode": declared.inputmode or _KEYBOARDS.get(shape.kind, ""),
            "placeholder": self._state.translated(declared.placeholder),
            "required": self.required and single,
            "aria-invalid": "true" if self.errors and single else "",
            "aria-describedby": self.describedby if single else "",
        }
        if shape.kind is Kind.UPLOAD:
            found["multiple"] = shape.many
            found["accept"] = ",".join(declared.types)
        if shape.kind in (Kind.DATE, Kind.TIME, Kind.DATETIME):
            if self.value.count(":") > 1:
                found["step"] = "any"  # else a browser takes seconds for a mistake
            found["min"], found["max"] = text_of(declared.min), text_of(declared.max)
        if shape.kind is Kind.TEXT and declared.pattern and self.widget == "input":
            found["pattern"] = declared.pattern
        if shape.kind is Kind.TEXT and not shape.many and declared.min:
            found["minlength"] = str(declared.min)
        if shape.text_kind is not None:
            found["autocapitalize"], found["spellcheck"] = "none", "false"
        if self.widget == "textarea":
            found["rows"] = str(declared.rows or _FEW)
        found |= declared.attributes
        for name, value in (given or {}).items():
            found[name.rstrip("_").replace("_", "-")] = value
        for name in found:
            if not _ATTRIBUTE.fullmatch(name):
                raise ConfigurationError(f"{name!r} is no name of an HTML attribute.")
        return {
            name: "" if value is True else str(value)
            for name, value in found.items()
            if value is not False and value is not None and value != ""
        }

    @property
    def _autocomplete(self) -> str:
        # A password that is to be repeated is of the same sort, or password keepers fill it in.
        other = self.shape.declared.same_as
        shape = self._state.shape_at((*self._path[:-1], other)) if other else self.shape
        return shape.text_kind.autocomplete if shape and shape.text_kind else ""

    def render(self, **attributes: Any) -> Markup:
        """Label, help, error and control; *attributes* go to the control."""
        return macro(self._state.host, "field", self, self.attributes(attributes))

    def control(self, **attributes: Any) -> Markup:
        """The control alone, wired to what is said about it."""
        return macro(self._state.host, "control", self, self.attributes(attributes))

    __call__ = render

    def __html__(self) -> str:
        return self.render()

    __str__ = __html__

    def __repr__(self) -> str:
        return f"<field {self.name!r}>"


def _lang(state: FormState[Any]) -> str:
    """The language of our own words, where it may not be the page's (WCAG 3.1.2)."""
    return "" if state.locale.startswith("en") else state.locale


def form_id(state: FormState[Any]) -> str:
    """What the ids of a form begin with: two forms of one page have different ones."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", state.form.__name__).lower()
    return state.prefix or re.sub(r"[^a-z0-9_-]", "-", name)


def _has_files(shapes: Mapping[str, Shape], depth: int = 0) -> bool:
    return depth < _FEW and any(
        shape.kind is Kind.UPLOAD
        or (shape.form is not None and _has_files(shape.form.shapes(), depth + 1))
        for shape in shapes.values()
    )
