"""What can go wrong with a typed form: the visitor's values, or what a view found out about them.

A form that is *written* wrongly is a ``ConfigurationError``, raised where its class is defined.
"""

from collections.abc import Iterable

from coatcheck.core.errors import BadRequest, CoatcheckError, ConfigurationError

__all__ = ["ConfigurationError", "FieldError", "InvalidForm", "NoSuchField"]


class FieldError(BadRequest, ValueError):
    """Something wrong with the field *field*, or with the whole form where that is None.

    Raise it in a Pydantic validator to put a rule's message beside one field, or in a view below
    ``@app.form``: its work is undone, and the form is shown again with the message.
    """

    status = 422

    def __init__(self, field: str | None, message: str) -> None:
        self.field = field
        self.message = message
        super().__init__(message)


class InvalidForm(BadRequest):
    """The data of a form was asked for, and it has errors. ``fields`` are those that have one."""

    status = 422

    def __init__(self, form: str, fields: Iterable[str]) -> None:
        self.fields = tuple(fields)
        where = ", ".join(repr(name) for name in self.fields if name) or "the form as a whole"
        super().__init__(
            f"{form} has errors ({where}), so there is no data. Ask form.valid first, and show the "
            "form again where it is False."
        )


class NoSuchField(CoatcheckError, KeyError):
    """A name that no field of the form has. A KeyError, so Django's templates look on."""

    def __init__(self, form: str, name: str, known: Iterable[str]) -> None:
        names = ", ".join(known) or "none"
        self.message = f"{form} has no field {name!r}. Its fields are: {names}."
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message  # KeyError would show it in quotes
