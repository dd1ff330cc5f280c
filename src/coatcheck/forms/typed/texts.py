"""How values are written: in a control, in a sentence, and as a browser sends them back."""

from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any


def text_of(value: Any) -> str:
    """*value* as a control holds it, and as a browser sends it back."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Enum():
            return text_of(value.value)
        case datetime():
            return value.isoformat("T", _precision(value))
        case time():
            return value.isoformat(_precision(value))
        case date():
            return value.isoformat()
        case Decimal():
            return format(value, "f") if value.is_finite() else str(value)
        case _:
            return str(value)


def _precision(value: datetime | time) -> str:
    if value.microsecond:
        return "microseconds" if value.microsecond % 1000 else "milliseconds"
    return "seconds" if value.second else "minutes"
