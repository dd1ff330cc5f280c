"""``Bound``: one form, as a visitor sent it or as it is first shown. Templates call it ``form``.

Only what sites use of it; ``state`` has the workings, ``html`` the elements. Every public name here
is one that no field can have, so there are few.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from coatcheck.core.errors import ConfigurationError
from coatcheck.wire.signing import Keyring

from .errors import InvalidForm, NoSuchField
from .form import Form
from .state import FormState, path_of

if TYPE_CHECKING:
    from markupsafe import Markup

    from .html import BoundField

F = TypeVar("F", bound=Form)


class Bound(Generic[F]):
    """One form: ``valid``, ``data``, ``errors``, and in templates ``form`` and ``form.email``.

    A form that was not sent yet is not ``valid`` and has no errors.
    """

    def __init__(self, state: FormState[F]) -> None:
        self._state = state
        if state.data is not None:
            state.data._bound = self

    @property
    def valid(self) -> bool:
        """Whether the form was sent and has no error."""
        return self._state.was_sent and not self._state.errors()

    @property
    def data(self) -> F:
        """The values, typed. Raises ``InvalidForm`` (422) for a form that is not ``valid``."""
        if not self.valid or self._state.data is None:
            raise InvalidForm(self._state.form.__name__, self.errors)
        return self._state.data

    @property
    def raw(self) -> Mapping[str, tuple[str, ...]]:
        """The texts as they were sent, by field; without those of passwords and files."""
        return self._state.texts()

    @property
    def errors(self) -> Mapping[str, list[str]]:
        """What is wrong, in plain words, by field (``lines.0.price``); "" is the whole form."""
        return self._state.errors()

    @property
    def form_errors(self) -> list[str]:
        """What is wrong with the form as a whole."""
        return self._state.errors_at(())

    def add_error(self, field: str | None, message: str) -> None:
        """Say of *field*, or with None of the whole form, what only the view could find out.

        Raises ``NoSuchField`` for a name that the form does not have.
        """
        self._state.add_error(field, message)

    def back(self, to: str | None = None) -> Any:
        """A redirect (303) to the page with this form, where it is shown as it is now.

        *to* is that page's address; without it, the address that the form was sent to. What was
        typed and the errors wait in the session, under an id in the address that works once, so
        two tabs never see each other's. Passwords, files and card numbers are not kept.
        """
        if self._state.host is None:
            raise ConfigurationError(
                "form.back() needs a session to keep the form in, and there is none of "
                "coatcheck.web here.\nShow the page again, with the form and the status 422."
            )
        return self._state.host.back(self, to)

    # What is shown

    @property
    def fields(self) -> "list[BoundField]":
        """The fields, in the order written."""
        return [self[name] for name in self._state.form.shapes()]

    def render(self) -> "Markup":
        """The error summary and all fields, to stand inside a ``<form>`` of your own."""
        from .html import render_form

        return render_form(self)

    def element(self, submit: str = "", *, action: str = "", csrf: object = None) -> "Markup":
        """The whole ``<form>`` with its button, which says *submit*.

        *csrf* is the hidden field that proves where it comes from; ``coatcheck.web`` has its own.
        """
        from .html import render_element

        return render_element(self, submit, action, csrf)

    def __getitem__(self, name: str) -> "BoundField":
        from .html import BoundField

        path = path_of(name)
        shape = self._state.shape_at(path)
        if shape is None:
            raise NoSuchField(self._state.form.__name__, name, self._state.form.shapes())
        return BoundField(self._state, shape, path)

    def __getattr__(self, name: str) -> "BoundField":
        if name.startswith("_"):
            raise AttributeError(name)
        shapes = self._state.form.shapes()
        if name in shapes:
            return self[name]
        near = get_close_matches(name, shapes, n=1)
        raise AttributeError(
            f"{self._state.form.__name__} has no field {name!r}."
            + (f" Did you mean {near[0]!r}?" if near else "")
        )

    def __iter__(self) -> "Iterator[BoundField]":
        return iter(self.fields)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._state.shape_at(path_of(name)) is not None

    def __html__(self) -> str:
        return self.render()

    __str__ = __html__

    def __repr__(self) -> str:
        state = "valid" if self.valid else "sent" if self._state.was_sent else "blank"
        wrong = f", errors in {', '.join(self.errors)}" if self.errors else ""
        return f"<{self._state.form.__name__} form, {state}{wrong}>"


def sent(
    form: type[F],
    data: Any,
    files: Any,
    *,
    locale: str | None,
    prefix: str,
    keyring: Keyring | None,
) -> Bound[F]:
    """See ``Form.bind``."""
    state = FormState(form, locale, prefix, keyring)
    state.judge(data, files)
    return Bound(state)


def shown(
    form: type[F],
    initial: object,
    *,
    locale: str | None,
    prefix: str,
    keyring: Keyring | None,
) -> Bound[F]:
    """See ``Form.blank``."""
    state = FormState(form, locale, prefix, keyring)
    state.fill(initial)
    return Bound(state)


def restored(form: type[F], kept: Mapping[str, Any]) -> Bound[F]:
    """*form* as it stood when ``FormState.to_keep`` was asked of it."""
    state = FormState(form, None, "", None)
    state.restore(kept)
    return Bound(state)
