"""From what was sent to values that Pydantic judges, along the shapes of a form.

Here is decided what *not filled in* means: "" in an optional field is None, a checkbox that was not
sent is False. What a control cannot have sent becomes ``UNREADABLE``, so that Pydantic reports it
by the field's own type instead of guessing (to it, "12" would be a date in 1970). Raw texts are
kept for showing the form again.
"""

import logging
import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, Final

from coatcheck.forms.names import DEEPEST, Node

from .shapes import Kind, Shape
from .uploaded import as_upload

logger = logging.getLogger("coatcheck.forms")

Path = tuple[str | int, ...]


class _Unreadable:
    """Stands where no value could be read."""

    def __repr__(self) -> str:
        return "<unreadable>"


UNREADABLE: Final = _Unreadable()
_NOTHING: Final = object()

_FALSE = frozenset({"", "0", "false", "off", "no"})
_TRUE = frozenset({"1", "true", "on", "yes"})
_INTEGER = re.compile(r"[+-]?[0-9]{1,4000}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]{3})+", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?", re.ASCII)
_DATETIME = re.compile(
    rf"({_DATE.pattern})[T ]({_TIME.pattern}(?:Z|[+-][0-9]{{2}}:[0-9]{{2}})?)", re.ASCII
)

_PICKED = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,3})?)?"
PICKED = {
    Kind.DATE: _DATE,
    Kind.TIME: re.compile(_PICKED, re.ASCII),
    Kind.DATETIME: re.compile(f"{_DATE.pattern}T{_PICKED}", re.ASCII),
}
"""What browsers' own controls can hold (HTML 2.3.5); they show nothing of any other text."""


class Reading:
    """One form's values on their way in.

    ``raw`` has the texts of every control by its path, ``rows`` how many rows a list of forms has.
    *decimal_comma*: whether visitors write 3,50.
    """

    def __init__(self, *, decimal_comma: bool = False) -> None:
        self.raw: dict[Path, tuple[str, ...]] = {}
        self.rows: dict[Path, int] = {}
        self._comma = decimal_comma
        self._filled = 0

    def read(self, shapes: Mapping[str, Shape], sent: Node, path: Path = ()) -> dict[str, Any]:
        """The values of *shapes* in what was *sent*; a field that was left empty is left out."""
        values: dict[str, Any] = {}
        for name, shape in shapes.items():
            value = self._field(shape, sent.at(name), (*path, name))
            if value is not _NOTHING:
                values[name] = value
        return values

    def _field(self, shape: Shape, sent: Node, path: Path) -> Any:
        if shape.kind is Kind.GROUP:
            return self._rows(shape, sent, path) if shape.many else self._group(shape, sent, path)
        if shape.kind is Kind.UPLOAD:
            return self._uploads(shape, sent, path)
        texts = [value for value in sent.all_values() if isinstance(value, str)]
        if any(text.strip() and not (shape.kind is Kind.FLAG and text in _FALSE) for text in texts):
            self._filled += 1
        if shape.many:
            return self._many(shape, texts, path)
        text = texts[-1] if texts else None
        self.raw[path] = () if text is None else (text,)
        if shape.kind is Kind.FLAG:
            return _flag(text)
        value = self._one(shape, text or "")
        if value is not None:
            return value
        if shape.nullable:
            return _NOTHING if text is None and shape.has_default else None
        return _NOTHING

    def _many(self, shape: Shape, texts: list[str], path: Path) -> Any:
        filled = [(text, self._one(shape, text)) for text in texts]
        filled = [(text, value) for text, value in filled if value is not None]
        self.raw[path] = tuple(text for text, _ in filled)
        if not filled and (shape.nullable or (shape.has_default and not texts)):
            # Boxes that are all unticked send nothing: an empty choice, not an absent one.
            return [] if shape.kind is Kind.CHOICE and not shape.nullable else _NOTHING
        return [value for _, value in filled]

    def _one(self, shape: Shape, text: str) -> Any:
        """The value of one control; None where it is empty."""
        text = text.replace("\r\n", "\n")
        stripped = text.strip()
        if shape.kind is Kind.TEXT:
            text = stripped if shape.strips else text
            if not text:
                return None
            return UNREADABLE if "\0" in text else text
        if not stripped:
            return None
        match shape.kind:
            case Kind.CONSENT:
                return True if stripped in _TRUE else UNREADABLE if stripped not in _FALSE else None
            case Kind.CHOICE:
                return _chosen(shape, text)
            case Kind.INTEGER:
                return stripped if _INTEGER.fullmatch(stripped) else UNREADABLE
            case Kind.NUMBER:
                return self._number(stripped)
            case Kind.DATE:
                return _when(date.fromisoformat, stripped, _DATE)
            case Kind.TIME:
                return _when(time.fromisoformat, stripped, _TIME)
            case Kind.DATETIME:
                return _when(datetime.fromisoformat, stripped, _DATETIME)
        return UNREADABLE

    def _number(self, text: str) -> Any:
        if self._comma:
            if _THOUSANDS.fullmatch(text):
                return UNREADABLE  # 1.234 is a thousand to some who write 3,50
            if "," in text and "." not in text:
                text = text.replace(",", ".")
        return text if _NUMBER.fullmatch(text) else UNREADABLE

    def _uploads(self, shape: Shape, sent: Node, path: Path) -> Any:
        values = sent.all_values()
        found = [as_upload(value) for value in values if not isinstance(value, str)]
        uploads = [one for one in found if one is not None]
        if not uploads and any(isinstance(value, str) and value for value in values):
            logger.warning(
                "The file field %r came as text: only its name was sent. Write the form as "
                '<form method="post" enctype="multipart/form-data">, or show form.element().',
                ".".join(str(part) for part in path),
            )
        self._filled += len(uploads)
        if shape.many:
            return uploads if uploads or not (shape.has_default or shape.nullable) else _NOTHING
        if uploads:
            return uploads[-1]
        return None if shape.nullable and not shape.has_default else _NOTHING

    def _group(self, shape: Shape, sent: Node, path: Path) -> Any:
        if len(path) > DEEPEST:
            return _NOTHING
        before = self._filled
        values = self.read(shape.form.shapes(), sent, path) if shape.form else {}
        if (shape.nullable or shape.has_default) and self._filled == before:
            return None if shape.nullable else _NOTHING
        return values

    def _rows(self, shape: Shape, sent: Node, path: Path) -> Any:
        if len(path) > DEEPEST or shape.form is None:
            return _NOTHING
        rows: list[dict[str, Any]] = []
        for node in (*sent.numbered(), *sent.nameless_rows()):
            before = self._filled
            values = self.read(shape.form.shapes(), node, (*path, len(rows)))
            # A row that nobody filled in is no row; the next one takes its place.
            if self._filled > before:
                rows.append(values)
        self.rows[path] = len(rows)
        if not rows and (shape.has_default or shape.nullable):
            return [] if not shape.nullable else _NOTHING
        return rows


def _flag(text: str | None) -> Any:
    if text is None or text.strip().lower() in _FALSE:
        return False
    return True if text.strip().lower() in _TRUE else UNREADABLE


def _chosen(shape: Shape, text: str) -> Any:
    for option in shape.options():
        if option.text == text:
            return option.value
    return UNREADABLE


def _when(read: Any, text: str, pattern: re.Pattern[str]) -> Any:
    if not pattern.fullmatch(text):
        return UNREADABLE
    try:
        return read(text)
    except ValueError:  # the 31st of February
        return UNREADABLE
