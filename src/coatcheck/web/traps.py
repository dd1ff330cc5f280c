"""A trap for programs in a form that a template writes by hand: ``{% honeypot %}`` and its check.

A typed form with ``honeypot = True`` has both by itself. ``forms.honeypot`` decides.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, overload

from markupsafe import Markup

from coatcheck.core.http import SAFE_METHODS
from coatcheck.forms.honeypot import LEAST_TIME, SHOWN_AT, TRAP, suspicion
from coatcheck.forms.typed.languages import translations
from coatcheck.forms.typed.trap import LABEL, SUSPICIOUS, Trap
from coatcheck.web.context import current_request
from coatcheck.web.dispatch import is_async
from coatcheck.web.errors import HttpError
from coatcheck.web.form_host import RequestHost

V = TypeVar("V", bound=Callable[..., Any])


def honeypot_fields() -> Markup:
    """What ``{% honeypot %}`` shows."""
    host = RequestHost(current_request("{% honeypot %}"))
    trap = Trap(host.keyring(), host.now(), LEAST_TIME)
    macros = host.environment().get_template("coatcheck/forms/honeypot.html").module
    label = LABEL.spoken(translations(host.locale()))
    text: Markup = macros.honeypot(trap, "form", label)  # type: ignore[attr-defined]
    return text


@overload
def honeypot(view: V) -> V: ...
@overload
def honeypot(*, least: float = LEAST_TIME) -> Callable[[V], V]: ...
def honeypot(view: Any = None, *, least: float = LEAST_TIME) -> Any:
    """Refuse (422) a form with ``{% honeypot %}`` in it that no person has sent.

    That is one with the trap filled in, or sent within *least* seconds. People are told to go back,
    where what they typed still stands.
    """
    if view is None:
        return lambda given: _checked(given, least)
    return _checked(view, least)


def _checked(view: Callable[..., Any], least: float) -> Callable[..., Any]:
    if is_async(view):

        @functools.wraps(view)
        async def checked_async(*args: Any, **kwargs: Any) -> Any:
            _check(least)
            result = view(*args, **kwargs)
            return await result if inspect.isawaitable(result) else result

        return checked_async

    @functools.wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        _check(least)
        return view(*args, **kwargs)

    return checked


def _check(least: float) -> None:
    request = current_request("honeypot")
    if request.method in SAFE_METHODS:
        return
    host, sent = RequestHost(request), request.POST
    found = suspicion(sent.getlist(TRAP), sent.getlist(SHOWN_AT), host.keyring(), host.now(), least)
    if found is not None:
        raise HttpError(422, SUSPICIOUS[found].spoken(translations(host.locale())))
