"""What a typed form asks of this stack: templates, language, token, key, and the way back.

Made for every request and nearly free: neither Pydantic nor Jinja is imported before a form asks.
"""

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from coatcheck.forms.typed.languages import language_for
from coatcheck.forms.typed.old_input import KEY, PARAMETER, key_of, new_id, outdated
from coatcheck.wire.signing import Keyring

if TYPE_CHECKING:
    from jinja2 import Environment

    from coatcheck.forms.typed.bound import Bound
    from coatcheck.web.requests import Request


class RequestHost:
    """The ``FormHost`` of one request."""

    def __init__(self, request: "Request") -> None:
        self._request = request

    def environment(self) -> "Environment":
        return self._request.app.templates

    def locale(self) -> str:
        header = ",".join(self._request.headers.getlist("accept-language"))
        return language_for(header, self._request.app.settings.languages)

    def csrf_field(self) -> str:
        from coatcheck.web.tags import csrf_input

        return str(csrf_input())

    def keyring(self) -> Keyring:
        return self._request.app.keyring

    def now(self) -> float:
        return self._request.app.sessions.lifecycle.clock()

    def back(self, form: "Bound[Any]", to: str | None) -> Any:
        """303 to the page with the form; its state waits in the session under a one-time id."""
        from coatcheck.web.responses import HttpResponseRedirect

        request = self._request
        session, now = request.session, self.now()
        for late in outdated(session, now):
            session.pop(late, None)
        id, state = new_id(), form._state
        session[f"{KEY}{id}"] = {"form": _name_of(state.form), "at": now, **state.to_keep()}
        response = HttpResponseRedirect(_with_id(to or request.get_full_path(), id), status=303)
        response.refused = True  # nothing was done: the same form may be sent again
        return response


def kept_for(request: "Request", form: type[Any]) -> dict[str, Any] | None:
    """The state that ``back`` left for this request and *form*; given out once."""
    id = request.GET.get(PARAMETER)
    key = key_of(id) if id else None
    if key is None or key not in request.session:
        return None
    if request.session[key].get("form") != _name_of(form):
        return None
    found: dict[str, Any] = request.session.take(key)
    return found


def _name_of(form: type[Any]) -> str:
    return f"{form.__module__}.{form.__qualname__}"


def _with_id(address: str, id: str) -> str:
    path, _, rest = address.partition("?")
    query, hash_, anchor = rest.partition("#")
    pairs = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != PARAMETER]
    return f"{path}?{urlencode([*pairs, (PARAMETER, id)])}{hash_}{anchor}"
