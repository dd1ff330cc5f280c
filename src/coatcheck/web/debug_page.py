"""What a debug page shows of a request that went wrong: the place, what was sent, what was kept.

Values whose names sound secret are masked, and so are cookies. The session is looked at only once
it is past saving: to look earlier would count as the view's reading.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from coatcheck.core.errors import BadRequest
from coatcheck.core.http import SAFE_METHODS
from coatcheck.core.session import Session
from coatcheck.forms.sensitive import is_sensitive
from coatcheck.web import tracebacks
from coatcheck.web.errors import UnusableResult
from coatcheck.web.problems import Problem, is_answer, phrase

if TYPE_CHECKING:
    from coatcheck.web.requests import Request

MASK = "••••••"
"""What stands in place of a secret."""

Rows = list[tuple[str, str]]

_LONGEST = 400
_HIDDEN_HEADERS = frozenset({"cookie", "authorization", "proxy-authorization"})


def debug_values(
    error: BaseException, problem: Problem, request: "Request | None"
) -> dict[str, Any]:
    """What ``debug.html`` shows of *error*."""
    shows_code = not problem.routes and problem.code not in ("CC012", "CC030")
    values: dict[str, Any] = {
        "problem": problem,
        "phrase": phrase(problem.status),
        "place": _place(error) if shows_code else None,
        "places": tracebacks.places(error) if shows_code else (),
        "traceback": tracebacks.full_text(error),
    }
    if request is not None:
        values |= {
            "method": request.method,
            "path": request.path,
            "sent": _sent(request, show_values=not is_answer(error)),
            "headers": _headers(request),
            "came_from": _form_page(request, problem),
        }
    return values


def _place(error: BaseException) -> tracebacks.Place | None:
    if isinstance(error, UnusableResult):
        return tracebacks.definition(error.view)
    return tracebacks.site_place(error)


def session_keys(error: BaseException, request: "Request | None") -> list[str] | None:
    """The keys of the request's session, where looking at them can no longer matter."""
    session = _session_of(request)
    if is_answer(error) or session is None or not session.accessed:
        return None
    return list(session)


def _form_page(request: "Request", problem: Problem) -> str:
    """The page that a refused form was on, as far as the browser said."""
    is_form = request.method not in SAFE_METHODS and problem.status in (400, 403, 413, 415)
    return _short(request.headers.get("referer", "")) if is_form else ""


def _sent(request: "Request", *, show_values: bool) -> list[tuple[str, Rows]]:
    try:
        query = _rows(request.GET.pairs())
    except BadRequest:
        query = [("", "cannot be read")]
    tables = [
        ("Query string (request.GET)", query),
        ("Form (request.POST)", _rows(request.POST.pairs())),
        ("Files (request.FILES)", [(name, repr(file)) for name, file in request.FILES.pairs()]),
        ("Session (request.session)", _session_rows(_session_of(request), show_values=show_values)),
    ]
    return [(title, rows) for title, rows in tables if rows]


def _headers(request: "Request") -> list[tuple[str, Rows]]:
    headers = [
        (name, MASK if _is_hidden_header(name) else _short(value))
        for name, value in request.headers.items()
    ]
    cookies = [(name, MASK) for name in request.cookies]
    return [("Headers", headers), *([("Cookies", cookies)] if cookies else [])]


def _rows(pairs: Iterable[tuple[str, Any]]) -> Rows:
    return [(name, MASK if is_sensitive(name) else _short(value)) for name, value in pairs]


def _session_rows(session: Session | None, *, show_values: bool) -> Rows:
    if session is None or not session.accessed:
        return []
    if not show_values:
        # Its repr names the keys. Looking at the values would count as the view's reading.
        return [("keys", repr(session))]
    rows = []
    for key in session:
        try:
            rows.append((key, MASK if is_sensitive(key) else _short(repr(session[key]))))
        except ValueError as unreadable:
            rows.append((key, str(unreadable)))
    return rows


def _session_of(request: "Request | None") -> Session | None:
    return request.scope.get("session") if request is not None else None


def _is_hidden_header(name: str) -> bool:
    return name in _HIDDEN_HEADERS or is_sensitive(name)


def _short(value: str) -> str:
    return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}… ({len(value):,} characters)"
