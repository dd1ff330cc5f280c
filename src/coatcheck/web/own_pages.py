"""The pages that coatcheck shows itself: problems, plain or with everything a developer needs.

In DEBUG a problem is shown with its place in the site's code, the way to mend it and what was sent,
secrets masked. Otherwise visitors get the site's own ``404.html`` (or whichever status) if there is
one, else a plain page that gives nothing away. Whoever asks for JSON gets RFC 9457 problem details.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers

from coatcheck.core.http import SAFE_METHODS
from coatcheck.core.session import Session
from coatcheck.forms.errors import MalformedForm
from coatcheck.forms.sensitive import is_sensitive
from coatcheck.web import tracebacks
from coatcheck.web.errors import UnusableResult
from coatcheck.web.problems import Problem, is_answer, phrase, problem_of, words_for
from coatcheck.web.responses import HttpResponse, JsonResponse
from coatcheck.web.transactions import transaction

if TYPE_CHECKING:
    from jinja2 import Environment

    from coatcheck.web.app import App
    from coatcheck.web.requests import Request

logger = logging.getLogger("coatcheck.web")

_MASK = "••••••"
_LONGEST = 400
_HIDDEN_HEADERS = frozenset({"cookie", "authorization", "proxy-authorization"})


@cache
def own_environment() -> "Environment":
    """The templates of coatcheck's own pages, out of reach of the site's."""
    from jinja2 import Environment, PackageLoader

    from coatcheck.web.tags import DjangoTags

    environment = Environment(
        loader=PackageLoader("coatcheck.web", "pages"),
        autoescape=True,
        extensions=[DjangoTags],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = _with_code
    return environment


def own_page(name: str, values: Mapping[str, Any], status: int = 200) -> HttpResponse:
    """One of coatcheck's own pages."""
    return HttpResponse(own_environment().get_template(name).render(values), status=status)


def welcome_response(app: "App") -> HttpResponse:
    """What a fresh site shows at ``/``."""
    urlconf = (app.settings.root_urlconf or "").replace(".", "/") + ".py"
    return own_page(
        "welcome.html",
        {
            "project": bool(app.settings.root_urlconf),
            "urlconf": urlconf,
            "file": app.file.name if app.file else "app.py",
        },
    )


async def problem_response(
    error: BaseException, app: "App", request: "Request | None", headers: Headers | None = None
) -> HttpResponse:
    """The answer to a request that ended with *error*.

    Its *headers* are enough where it ended before there was a *request*.
    """
    problem = problem_of(error, session_keys=_session_keys(error, request))
    if request is not None:
        headers = request.headers
    if headers is not None and wants_json(headers):
        response: HttpResponse = _as_json(problem, app)
    elif app.debug:
        response = _debug_page(error, problem, app, request)
    else:
        response = await _plain_page(problem, app, request)
    for name, value in problem.headers.items():
        response.headers[name] = value
    response.headers.setdefault("cache-control", "no-store" if app.debug else "no-cache")
    return response


def wants_json(headers: Headers) -> bool:
    """Whether whoever asks is a program that reads JSON and no browser."""
    accept = headers.get("accept", "").lower()
    return "json" in accept and "text/html" not in accept


def _as_json(problem: Problem, app: "App") -> HttpResponse:
    detail = problem.what if app.debug else problem.public or words_for(problem.status)
    body = {
        "type": "about:blank",
        "title": phrase(problem.status),
        "status": problem.status,
        "detail": _scrubbed(detail, app),
    }
    if app.debug:
        body |= {"code": problem.code, "mend": _scrubbed(problem.mend, app)}
    return JsonResponse(body, problem.status, content_type="application/problem+json")


async def _plain_page(problem: Problem, app: "App", request: "Request | None") -> HttpResponse:
    root = request.scope.get("root_path", "") if request is not None else ""
    values = {
        "status": problem.status,
        "phrase": phrase(problem.status),
        "text": problem.public or words_for(problem.status),
        "home": f"{root}/",
    }
    name = f"{problem.status}.html"
    try:
        # In a thread: the site's page may read the session.
        text = await run_in_threadpool(_site_page, app, name, values)
    except Exception:
        logger.exception("The site's own %s failed, so the plain page was shown.", name)
        text = None
    if text is None:
        return own_page("problem.html", values, problem.status)
    return HttpResponse(text, status=problem.status)


def _site_page(app: "App", name: str, values: Mapping[str, Any]) -> str | None:
    """The site's own page for a problem; None if it has none."""
    from jinja2 import TemplateNotFound

    from coatcheck.web import context

    try:
        template = app.templates.get_template(name)
    except TemplateNotFound:
        return None
    with context.using(app), transaction(app):
        return template.render(values)


def _debug_page(
    error: BaseException, problem: Problem, app: "App", request: "Request | None"
) -> HttpResponse:
    page = own_environment().get_template("debug.html")
    shows_code = not problem.routes and problem.code not in ("CC012", "CC030")
    text = page.render(
        problem=problem,
        phrase=phrase(problem.status),
        method=request.method if request is not None else "",
        path=request.path if request is not None else "",
        place=_place(error) if shows_code else None,
        places=tracebacks.places(error) if shows_code else (),
        traceback=tracebacks.full_text(error),
        sent=_sent(request, show_values=not is_answer(error)) if request is not None else (),
        headers=_headers(request) if request is not None else (),
        came_from=_form_page(request, problem) if request is not None else "",
    )
    return HttpResponse(_scrubbed(text, app), status=problem.status)


def _place(error: BaseException) -> tracebacks.Place | None:
    if isinstance(error, UnusableResult):
        return tracebacks.definition(error.view)
    return tracebacks.site_place(error)


def _session_keys(error: BaseException, request: "Request | None") -> list[str] | None:
    session = _session_of(request)
    if is_answer(error) or session is None or not session.accessed:
        return None
    return list(session)


def _form_page(request: "Request", problem: Problem) -> str:
    """The page that a refused form was on, as far as the browser said."""
    is_form = request.method not in SAFE_METHODS and problem.status in (400, 403, 413, 415)
    return _short(request.headers.get("referer", "")) if is_form else ""


Rows = list[tuple[str, str]]


def _sent(request: "Request", *, show_values: bool) -> list[tuple[str, Rows]]:
    try:
        query = _rows(request.GET.pairs())
    except MalformedForm:
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
        (name, _MASK if _is_hidden_header(name) else _short(value))
        for name, value in request.headers.items()
    ]
    cookies = [(name, _MASK) for name in request.cookies]
    return [("Headers", headers), *([("Cookies", cookies)] if cookies else [])]


def _rows(pairs: Iterable[tuple[str, Any]]) -> Rows:
    return [(name, _MASK if is_sensitive(name) else _short(value)) for name, value in pairs]


def _session_rows(session: Session | None, *, show_values: bool) -> Rows:
    if session is None or not session.accessed:
        return []
    if not show_values:
        # Its repr names the keys. Looking at the values would count as the view's reading.
        return [("keys", repr(session))]
    rows = []
    for key in session:
        try:
            rows.append((key, _MASK if is_sensitive(key) else _short(repr(session[key]))))
        except ValueError as unreadable:
            rows.append((key, str(unreadable)))
    return rows


def _session_of(request: "Request | None") -> Session | None:
    return request.scope.get("session") if request is not None else None


def _is_hidden_header(name: str) -> bool:
    return name in _HIDDEN_HEADERS or is_sensitive(name)


def _short(value: str) -> str:
    return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}… ({len(value):,} characters)"


def _scrubbed(text: str, app: "App") -> str:
    """*text* without the site's own secrets, wherever they crept in: a line of code, a message."""
    for secret in app.secrets:
        text = text.replace(secret, _MASK).replace(str(escape(secret)), _MASK)
    # SQLAlchemy adds the values of a failed statement, password hashes among them.
    return re.sub(r"\[parameters: .*?\](?=\n|$|<)", f"[parameters: {_MASK}]", text)


def _with_code(text: str) -> Markup:
    """*text* with its `backquoted` parts as code."""
    parts = re.split(r"`([^`]+)`", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part)
        for number, part in enumerate(parts)
    )
