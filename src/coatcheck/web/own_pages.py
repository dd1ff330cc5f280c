"""The pages that coatcheck shows itself: problems, plain or with everything a developer needs.

In DEBUG a problem is shown with all of ``debug_page``. Otherwise visitors get the site's own
``404.html`` (or whichever status) if there is one, else a plain page that gives nothing away.
Whoever asks for JSON gets RFC 9457 problem details.
"""

import logging
import re
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers

from coatcheck.core.http import CACHE_CONTROL
from coatcheck.web.debug_page import MASK, debug_values, session_keys
from coatcheck.web.errors import CsrfRefused
from coatcheck.web.problems import Problem, phrase, problem_of, words_for
from coatcheck.web.resend import Returned, came_from_elsewhere, returned
from coatcheck.web.responses import HttpResponse, JsonResponse
from coatcheck.web.transactions import transaction

if TYPE_CHECKING:
    from jinja2 import Environment

    from coatcheck.web.app import App
    from coatcheck.web.requests import Request

logger = logging.getLogger("coatcheck.web")


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
    return _guarded(own_environment().get_template(name).render(values), status)


def resend_page(
    request: "Request",
    form: Returned,
    *,
    title: str,
    text: str,
    status: int,
    button: str = "Send it again",
    page: str = "resend.html",
    **values: Any,
) -> HttpResponse:
    """A page with *form* as it was typed, a fresh token, and a *button* that sends it once more.

    *text* tells the visitor why. *page* may be another of our pages that includes
    ``returned.html``; it gets the *values* too.
    """
    shown = {"title": title, "text": text, "returned": form, "button": button, **values}
    response = own_page(page, shown, status)
    response.headers["cache-control"] = CACHE_CONTROL
    return response


def _guarded(text: str, status: int) -> HttpResponse:
    return HttpResponse(text, status=status, headers={"Content-Security-Policy": content_policy()})


@cache
def content_policy() -> str:
    """What a browser may do with our own pages: use our style sheet, and run nothing.

    They show what visitors sent. Should escaping ever fail, a script in it would not run.
    """
    style = own_environment().get_template("page.css").render()
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


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
    problem = problem_of(error, session_keys=session_keys(error, request))
    if request is not None:
        headers = request.headers
    if headers is not None and wants_json(headers):
        response: HttpResponse = _as_json(problem, app)
    elif app.debug:
        page = own_environment().get_template("debug.html")
        values = debug_values(error, problem, request)
        text = page.render(values, returned=_to_send_again(error, request))
        response = _guarded(_scrubbed(text, app), problem.status)
    elif request is not None and (form := _to_send_again(error, request)):
        response = resend_page(
            request,
            form,
            title="Please send this once more",
            text="The page with this form was shown some time ago, or before you logged in or out, "
            "so nothing was done with it yet. If this is what you typed, send it again. (If "
            "this page comes back, allow cookies for this site.)",
            status=problem.status,
        )
    else:
        response = await _plain_page(problem, app, request)
    for name, value in problem.headers.items():
        response.headers[name] = value
    response.headers.setdefault("cache-control", "no-store" if app.debug else "no-cache")
    return response


def _to_send_again(error: BaseException, request: "Request | None") -> Returned | None:
    """What was typed into a form that was refused for its token, unless another site sent it.

    Only forms about which the browser said nothing come to be judged by their token; those that it
    calls another site's never come back.
    """
    if request is None or not isinstance(error, CsrfRefused) or not error.by_token:
        return None
    return None if came_from_elsewhere(request) else returned(request)


def wants_json(headers: Headers) -> bool:
    """Whether whoever asks is a program that reads JSON and no browser that shows a page.

    A script's ``fetch()`` that names no type counts, unless it swaps the answer into the page, as
    htmx and Turbo do.
    """
    accept = headers.get("accept", "").lower()
    if "json" in accept:
        return "text/html" not in accept
    is_script = headers.get("sec-fetch-dest") == "empty"
    swaps = "hx-request" in headers or "turbo-frame" in headers
    return is_script and not swaps and "text/" not in accept


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


def _scrubbed(text: str, app: "App") -> str:
    """*text* without the site's own secrets, wherever they crept in: a line of code, a message."""
    for secret in app.secrets:
        text = text.replace(secret, MASK).replace(str(escape(secret)), MASK)
    return text


def _with_code(text: str) -> Markup:
    """*text* with its `backquoted` parts as code."""
    parts = re.split(r"`([^`]+)`", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part)
        for number, part in enumerate(parts)
    )
