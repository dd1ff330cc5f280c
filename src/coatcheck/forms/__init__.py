"""What visitors send, read strictly and judged once.

Import from the file that has the subject: ``data`` (what was sent), ``urlencoded`` and ``parser``
(bytes to data), ``uploads``, ``limits``, ``csrf``, ``flash``, ``redirects``. Only ``parser`` needs
the ``multipart`` library; hosts with a parser of their own never import it. Forms as classes
(``typed``) are given out here, and Pydantic is imported when the first of their names is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .typed.bound import Bound
    from .typed.errors import FieldError, InvalidForm
    from .typed.field import field
    from .typed.form import Form
    from .typed.languages import language_for
    from .typed.types import Email, NewPassword, Password
    from .uploads import Upload

__all__ = [
    "Bound",
    "Email",
    "FieldError",
    "Form",
    "InvalidForm",
    "NewPassword",
    "Password",
    "Upload",
    "field",
    "language_for",
]

_PLACES = {
    "Bound": ".typed.bound",
    "Email": ".typed.types",
    "FieldError": ".typed.errors",
    "Form": ".typed.form",
    "InvalidForm": ".typed.errors",
    "NewPassword": ".typed.types",
    "Password": ".typed.types",
    "Upload": ".uploads",
    "field": ".typed.field",
    "language_for": ".typed.languages",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"coatcheck.forms has no {name!r}; it has {', '.join(__all__)}.")
    value = getattr(import_module(_PLACES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
