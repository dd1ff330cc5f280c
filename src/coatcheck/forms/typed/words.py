"""What is said about a field, in plain words, by the type of Pydantic's error.

Pydantic's own sentences are for programmers and never shown. Ours are English here, and put into
the visitor's language when they are shown (``sentences``).
"""

from collections.abc import Callable, Mapping
from typing import Any

from coatcheck.forms.content_types import KNOWN, allowed
from coatcheck.forms.errors import UnsuitableUpload, size_in_words

from .errors import FieldError
from .sentences import Words, counted, own, said
from .shapes import Kind, Shape
from .types import NotAnAddress

EMPTY = {
    Kind.CHOICE: said("Choose an option."),
    Kind.CONSENT: said("Tick this box to go on."),
    Kind.UPLOAD: said("Choose a file."),
    Kind.DATE: said("Enter a date."),
    Kind.DATETIME: said("Enter a date and a time."),
    Kind.TIME: said("Enter a time."),
    Kind.INTEGER: said("Enter a number."),
    Kind.NUMBER: said("Enter a number."),
}
FILL_IN = said("Fill in this field.")

UNREADABLE = {
    Kind.INTEGER: said("Enter a whole number in digits, such as 12."),
    Kind.NUMBER: said("Enter a number in digits, such as {example}.", example=3.5),
    Kind.DATE: said(
        "Enter a real date as year-month-day, such as {example}.", example="2026-01-31"
    ),
    Kind.TIME: said("Enter a time as hours and minutes, such as {example}.", example="14:30"),
    Kind.DATETIME: said(
        "Enter a real date and time, such as {example}.", example="2026-01-31T14:30"
    ),
    Kind.CHOICE: said("Choose one of the options."),
    Kind.CONSENT: said("Tick this box to go on."),
    Kind.FLAG: said("Tick the box or leave it empty."),
    Kind.UPLOAD: said("Choose a file."),
}
CHECK = said("Check what you entered here.")

NOT_THE_SAME = said("This is not the same as in “{label}”.")
"""For ``field(same_as=...)``."""


def _at_least(ctx: Mapping[str, Any], shape: Shape) -> Words:
    if shape.kind in (Kind.DATE, Kind.DATETIME, Kind.TIME):
        return said("Enter {least} or later.", least=_moment(ctx["ge"]))
    return said("Enter {least} or more.", least=ctx["ge"])


def _at_most(ctx: Mapping[str, Any], shape: Shape) -> Words:
    if shape.kind in (Kind.DATE, Kind.DATETIME, Kind.TIME):
        return said("Enter {most} or earlier.", most=_moment(ctx["le"]))
    return said("Enter {most} or less.", most=ctx["le"])


def _above(ctx: Mapping[str, Any], shape: Shape) -> Words:
    if shape.kind in (Kind.DATE, Kind.DATETIME, Kind.TIME):
        return said("Enter something later than {least}.", least=_moment(ctx["gt"]))
    return said("Enter more than {least}.", least=ctx["gt"])


def _below(ctx: Mapping[str, Any], shape: Shape) -> Words:
    if shape.kind in (Kind.DATE, Kind.DATETIME, Kind.TIME):
        return said("Enter something earlier than {most}.", most=_moment(ctx["lt"]))
    return said("Enter less than {most}.", most=ctx["lt"])


def _moment(value: object) -> str:
    return str(value).replace("T", " ")


def _too_few(ctx: Mapping[str, Any], shape: Shape) -> Words:
    least = int(ctx["min_length"])
    if shape.kind is Kind.CHOICE:
        return counted("Choose at least one.", "Choose at least {count}.", least)
    if shape.kind is Kind.UPLOAD:
        return counted("Choose at least one file.", "Choose at least {count} files.", least)
    return counted("Enter at least one.", "Enter at least {count}.", least)


def _too_many(ctx: Mapping[str, Any], shape: Shape) -> Words:
    most = int(ctx["max_length"])
    if shape.kind is Kind.CHOICE:
        return counted("Choose no more than one.", "Choose no more than {count}.", most)
    if shape.kind is Kind.UPLOAD:
        return counted("Choose no more than one file.", "Choose no more than {count} files.", most)
    return counted("Enter no more than one.", "Enter no more than {count}.", most)


_BY_TYPE: dict[str, Callable[[Mapping[str, Any], Shape], Words]] = {
    "string_too_short": lambda ctx, _: counted(
        "Enter at least one character.",
        "Enter at least {count} characters.",
        int(ctx["min_length"]),
    ),
    "string_too_long": lambda ctx, _: counted(
        "Shorten this to one character.",
        "Shorten this to {count} characters or fewer.",
        int(ctx["max_length"]),
    ),
    "string_pattern_mismatch": lambda _, __: said("Enter this in the form that is asked for."),
    "greater_than_equal": _at_least,
    "less_than_equal": _at_most,
    "greater_than": _above,
    "less_than": _below,
    "multiple_of": lambda ctx, _: said("Enter a multiple of {step}.", step=ctx["multiple_of"]),
    "too_short": _too_few,
    "too_long": _too_many,
    "decimal_max_digits": lambda ctx, _: counted(
        "Enter no more than one digit.",
        "Enter no more than {count} digits.",
        int(ctx["max_digits"]),
    ),
    "decimal_max_places": lambda ctx, _: counted(
        "Enter no more than one digit after the decimal point.",
        "Enter no more than {count} digits after the decimal point.",
        int(ctx["decimal_places"]),
    ),
    "decimal_whole_digits": lambda ctx, _: counted(
        "Enter no more than one digit before the decimal point.",
        "Enter no more than {count} digits before the decimal point.",
        int(ctx["whole_digits"]),
    ),
    "finite_number": lambda _, __: said("Enter a smaller number."),
    "int_parsing_size": lambda _, __: said("Enter a smaller number."),
    "int_from_float": lambda _, __: UNREADABLE[Kind.INTEGER],
    "date_past": lambda _, __: said("Enter a date in the past."),
    "date_future": lambda _, __: said("Enter a date in the future."),
    "datetime_past": lambda _, __: said("Enter a time in the past."),
    "datetime_future": lambda _, __: said("Enter a time in the future."),
    "uuid_parsing": lambda _, __: said("Enter the whole code: 32 digits and letters from a to f."),
    "uuid_type": lambda _, __: said("Enter the whole code: 32 digits and letters from a to f."),
    "url_parsing": lambda _, __: said("Enter a web address, such as https://example.com."),
    "url_scheme": lambda _, __: said("Enter a web address, such as https://example.com."),
    "url_syntax_violation": lambda _, __: said("Enter a web address, such as https://example.com."),
    "url_too_long": lambda _, __: said("Enter a shorter address."),
    "email": lambda _, __: said("Enter an e-mail address, such as name@example.com."),
    "email_without_at": lambda _, __: said(
        "An e-mail address has an @ in it, such as name@example.com."
    ),
    "email_without_dot": lambda _, __: said(
        "What follows the @ has a dot in it, such as name@example.com."
    ),
    "email_with_blank": lambda _, __: said("An e-mail address has no blanks in it."),
}
_FILES: dict[str, Callable[[UnsuitableUpload, Shape], Words]] = {
    "size": lambda _, shape: said(
        "The file is too large: choose one of {size} or less.",
        size=size_in_words(shape.declared.max_size or 0),
    ),
    "empty": lambda _, __: said("The file is empty: choose another one."),
    "type": lambda _, shape: said(
        "This kind of file cannot be used: choose one of {types}.",
        types=", ".join(one.extensions[0].upper() for one in allowed(shape.declared.types)),
    ),
    "extension": lambda error, _: said(
        "The file's name does not fit what is in it, which is {found}: rename it.",
        found=_as_extension(error.found),
    ),
}


def _as_extension(name: str | None) -> str:
    known = KNOWN.get(name or "")
    return known.extensions[0].upper() if known else str(name)


def words_for(error: Mapping[str, Any], shape: Shape | None, replaced: Mapping[str, str]) -> Words:
    """What to say of one of Pydantic's *error*s at the field of *shape*; None is the whole form.

    What the form has *replaced* comes after what the field has.
    """
    ctx = error.get("ctx", {})
    cause = ctx.get("error")
    kind = cause.code if isinstance(cause, NotAnAddress) else str(error["type"])
    wanted = (shape.declared.messages.get(kind) if shape else None) or replaced.get(kind)
    if wanted:
        return own(wanted)
    if isinstance(cause, UnsuitableUpload) and shape is not None:
        return _FILES[cause.problem](cause, shape)
    if isinstance(cause, FieldError):
        return own(cause.message)
    if kind in ("value_error", "assertion_error") and str(cause or ""):
        return own(str(cause))
    if shape is None:
        return said("Check what you entered.")
    if kind == "missing":
        return EMPTY.get(shape.kind, FILL_IN)
    if kind in _BY_TYPE:
        return _BY_TYPE[kind](ctx, shape)
    return UNREADABLE.get(shape.kind, CHECK)
