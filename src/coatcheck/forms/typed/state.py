"""Where one form stands: the texts in its controls and what is wrong with them.

``Bound`` is what sites see of it, ``html`` shows it. All errors are found in one go, each at the
path of its field; () is the whole form.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from coatcheck.forms.errors import UnsuitableUpload
from coatcheck.forms.honeypot import LEAST_TIME
from coatcheck.forms.names import grown
from coatcheck.forms.uploads import Upload
from coatcheck.wire.signing import Keyring

from .errors import ConfigurationError, NoSuchField
from .form import Form
from .host import FormHost, host
from .languages import decimal_comma, translations
from .old_input import may_wait
from .reading import Path, Reading
from .sentences import Words, own, said
from .shapes import Kind, Shape
from .texts import text_of
from .trap import SUSPICIOUS, Trap
from .words import NOT_THE_SAME, words_for

F = TypeVar("F", bound=Form)


class FormState(Generic[F]):
    """Texts, errors and data of one form. *locale* None: the host says, else English."""

    def __init__(
        self, form: type[F], locale: str | None, prefix: str, keyring: Keyring | None
    ) -> None:
        self.form = form
        self.host: FormHost | None = host.get()
        self.locale = locale or (self.host.locale() if self.host else "en")
        self.prefix = prefix
        self.was_sent = False
        self.data: F | None = None
        self.trap = _trap_of(form, keyring, self.host)
        self._errors: dict[Path, list[Words]] = {}
        self.catalog = translations(self.locale, form.translations)
        self._comma = decimal_comma(self.locale)
        self._reading = Reading(decimal_comma=self._comma)

    # How it comes to be

    def judge(self, data: Any, files: Any) -> None:
        """Take what was sent, and note everything that is wrong with it."""
        self.was_sent = True
        tree = grown([*_lists(data), *_lists(files)])
        shapes = self.form.shapes()
        values = self._reading.read(shapes, tree.at(self.prefix) if self.prefix else tree)
        try:
            self.data = self.form.model_validate(values)
        except ValidationError as error:
            for one in error.errors(include_url=False, include_input=False):
                self._note(one)
        self._check_files(shapes, values, ())
        self._check_same()
        if self.trap is not None and (found := self.trap.suspicion(tree)) is not None:
            self._add((), SUSPICIOUS[found])

    def fill(self, initial: object) -> None:
        """Show *initial*, a mapping or an object, and the fields' defaults where it has nothing."""
        self._fill(self.form, initial, ())

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Stand as the form did that ``to_keep`` was asked of."""
        self._reading.read(
            self.form.shapes(), grown((name, texts) for name, texts in kept["texts"])
        )
        for name, messages in kept["errors"]:
            self._errors[path_of(name)] = [own(message) for message in messages]

    def to_keep(self) -> dict[str, Any]:
        """What may wait in a session, as plain values: no passwords, files or card numbers."""
        return {
            "texts": [
                [name, list(texts)] for name, texts in self.texts().items() if may_wait(name, texts)
            ],
            "errors": [[name, found] for name, found in self.errors().items()],
        }

    def add_error(self, field: str | None, message: str) -> None:
        """Note what a view found out. Raises ``NoSuchField``."""
        path = path_of(field) if field else ()
        if path and self.shape_at(path) is None:
            raise NoSuchField(self.form.__name__, str(field), self.form.shapes())
        self._add(path, own(message))

    # What there is to see

    def texts(self) -> dict[str, tuple[str, ...]]:
        """The texts of every field but the secret ones."""
        return {
            name_of(path): texts
            for path, texts in self._reading.raw.items()
            if (shape := self.shape_at(path)) is None or not shape.secret
        }

    def texts_at(self, path: Path) -> tuple[str, ...]:
        """The texts in the controls at *path*."""
        return self._reading.raw.get(path, ())

    def rows_at(self, path: Path) -> int:
        """How many rows the list of forms at *path* has."""
        return self._reading.rows.get(path, 0)

    def errors(self) -> dict[str, list[str]]:
        """What is wrong, by the fields' names."""
        return {name_of(path): self._spoken(words) for path, words in self._errors.items()}

    def errors_at(self, path: Path) -> list[str]:
        """What is wrong at *path*, and with the items of a list that has one control for each."""
        found = list(self._errors.get(path, ()))
        shape = self.shape_at(path)
        if shape is not None and shape.many and shape.kind is not Kind.GROUP:
            for below, words in self._errors.items():
                if below != path and below[: len(path)] == path:
                    found += [one for one in words if one not in found]
        return self._spoken(found)

    def shape_at(self, path: Path) -> Shape | None:
        """The field at *path*; None where there is none."""
        shapes: Mapping[str, Shape] = self.form.shapes()
        shape: Shape | None = None
        for part in path:
            if isinstance(part, int):
                if shape is None or not shape.many or shape.kind is not Kind.GROUP:
                    return None
                continue
            if shape is not None:
                shapes = shape.form.shapes() if shape.form is not None else {}
            shape = shapes.get(part)
            if shape is None:
                return None
        return shape

    def ends_at(self, path: Path) -> bool:
        """Whether the form at *path* is one that holds itself, and empty from there on."""
        filled = any(
            at[: len(path)] == path and any(texts) for at, texts in self._reading.raw.items()
        )
        return not filled and self._within_itself(path)

    def say(self, sentence: str) -> str:
        """One of our own sentences in the form's language."""
        return self.catalog.gettext(sentence)

    def translated(self, text: str) -> str:
        """What a form's class says, where the site's catalog has it in the form's language."""
        return self.catalog.gettext(text) if text else ""

    def _within_itself(self, path: Path) -> bool:
        while path and isinstance(path[-1], int):
            path = path[:-1]
        shape = self.shape_at(path)
        around = [self.shape_at(path[:length]) for length in range(1, len(path))]
        outer = [self.form, *(one.form for one in around if one is not None)]
        return shape is not None and shape.form in outer

    # What is wrong

    def _note(self, error: Any) -> None:
        path: Path = tuple(error["loc"])
        named = getattr(error.get("ctx", {}).get("error"), "field", None)
        if named is not None and self.shape_at((*path, *path_of(named))) is not None:
            path = (*path, *path_of(named))
        # Pydantic adds parts for items and unions: what they are in is the field.
        shape = self.shape_at(path)
        at = path
        while at and shape is None:
            at = at[:-1]
            shape = self.shape_at(at)
        self._add(at if shape is not None else (), words_for(error, shape, self.form.messages))

    def _add(self, path: Path, words: Words) -> None:
        known = self._errors.setdefault(path, [])
        if words not in known:
            known.append(words)

    def _check_files(self, shapes: Mapping[str, Shape], values: Any, path: Path) -> None:
        for name, shape in shapes.items():
            value = values.get(name)
            each = value if isinstance(value, list) else [value]
            if shape.form is not None:
                for place, one in enumerate(each):
                    if isinstance(one, dict):
                        at = (*path, name, place) if shape.many else (*path, name)
                        self._check_files(shape.form.shapes(), one, at)
            elif shape.kind is Kind.UPLOAD:
                for upload in each:
                    if isinstance(upload, Upload):
                        self._check_file(upload, shape, (*path, name))

    def _check_file(self, upload: Upload, shape: Shape, path: Path) -> None:
        try:
            upload.check(types=shape.declared.types, max_size=shape.declared.max_size)
        except UnsuitableUpload as error:
            wrong = {"type": f"upload_{error.problem}", "ctx": {"error": error}}
            self._add(path, words_for(wrong, shape, self.form.messages))

    def _check_same(self) -> None:
        # On the texts, so that it is said together with everything else that is wrong.
        for path in list(self._reading.raw):
            shape = self.shape_at(path)
            other = shape.declared.same_as if shape is not None else None
            if shape is None or other is None or path in self._errors:
                continue
            beside = self.shape_at((*path[:-1], other))
            if beside and self.texts_at(path) != self.texts_at((*path[:-1], other)):
                replaced = {**self.form.messages, **shape.declared.messages}.get("same_as")
                words = said(NOT_THE_SAME.one, label=self.translated(beside.label))
                self._add(path, own(replaced) if replaced else words)

    # What is shown at first

    def _fill(self, form: type[Form], initial: object, path: Path) -> None:
        for name, shape in form.shapes().items():
            value = _value_of(initial, name)
            if value is _MISSING:
                info = form.model_fields[name]
                value = None if info.is_required() else info.get_default(call_default_factory=True)
            self._fill_one(shape, value, (*path, name))

    def _fill_one(self, shape: Shape, value: Any, path: Path) -> None:
        raw = self._reading.raw
        if shape.form is not None and not shape.many:
            if value is not None or not self._within_itself(path):
                self._fill(shape.form, value, path)
        elif shape.form is not None:
            rows = list(value or ())
            self._reading.rows[path] = len(rows)
            for place, row in enumerate(rows):
                self._fill(shape.form, row, (*path, place))
        elif shape.kind is Kind.UPLOAD or shape.secret or value is None:
            raw[path] = ()
        elif shape.many:
            raw[path] = tuple(self._text(shape, one) for one in value)
        else:
            raw[path] = (self._text(shape, value),)

    def _text(self, shape: Shape, value: Any) -> str:
        text = text_of(value)
        return text.replace(".", ",") if self._comma and shape.kind is Kind.NUMBER else text

    def _spoken(self, words: Iterable[Words]) -> list[str]:
        return [one.spoken(self.catalog, comma=self._comma) for one in words]


def _trap_of(form: type[Form], keyring: Keyring | None, host: FormHost | None) -> Trap | None:
    if not form.honeypot:
        return None
    if keyring is None and host is not None:
        keyring = host.keyring()
    if keyring is None:
        raise ConfigurationError(
            f"{form.__name__} has a honeypot, and no key to sign the time with.\n"
            f"Give it one: {form.__name__}.bind(..., keyring=Keyring([SECRET_KEY])), and blank() "
            "too. Keyring is in coatcheck.wire.signing."
        )
    least = LEAST_TIME if form.honeypot is True else float(form.honeypot)
    return Trap(keyring, host.now() if host is not None else time.time(), least)


_MISSING = object()


def name_of(path: Path) -> str:
    """*path* as names and errors have it: ``lines.0.price``."""
    return ".".join(str(part) for part in path)


def path_of(name: str) -> Path:
    """The path that *name* writes."""
    return tuple(int(part) if part.isdecimal() else part for part in name.split("."))


def _lists(data: Any) -> Iterator[tuple[str, list[Any]]]:
    if data is None:
        return
    if hasattr(data, "getlist"):
        for name in dict.fromkeys(data.keys()):
            yield str(name), list(data.getlist(name))
    else:
        for name, value in data.items():
            yield str(name), list(value) if isinstance(value, (list, tuple)) else [value]


def _value_of(initial: object, name: str) -> Any:
    if isinstance(initial, Mapping):
        return initial.get(name, _MISSING)
    return getattr(initial, name, _MISSING)
