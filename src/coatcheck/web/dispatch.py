"""The innermost application: from a route to a response, in one place and one order.

Route, form check, body, view inside the database's scope, response. Errors that are an ordinary
answer (404, a bad form) become pages here, inside the session, so what the view did to it stands;
everything else passes outwards, past the session, which then saves nothing.
"""

import functools
import inspect
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from coatcheck.forms.csrf import SAFE_METHODS
from coatcheck.integrations.asgi import VISIT
from coatcheck.integrations.once_asgi import TakenOver
from coatcheck.web import body, context
from coatcheck.web.csrf import is_unprotected
from coatcheck.web.errors import CsrfRefused, MethodNotAllowed, NoRoute
from coatcheck.web.hooks import handled
from coatcheck.web.inject import add_tokens
from coatcheck.web.own_pages import problem_response, welcome_response
from coatcheck.web.problems import is_answer
from coatcheck.web.requests import Request
from coatcheck.web.responses import HttpResponse, HttpResponsePermanentRedirect, as_response, settle
from coatcheck.web.routing import Endpoint, Found, NotFound, View, WrongMethod
from coatcheck.web.submissions import RESULTS, TICKET_HEADER, Forms, by_script
from coatcheck.web.transactions import transaction
from coatcheck.web.unescaped import warn_of_unescaped

if TYPE_CHECKING:
    from coatcheck.web.app import App


READING = frozenset({"GET", "HEAD"})

logger = logging.getLogger("coatcheck.web")


class Dispatcher:
    """Answers the requests of one application."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._forms = Forms(app) if app.settings.form_once else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send, app=self._app)
        trail_of(scope).request = request
        with context.answering(request):
            try:
                response = await self._answer(request)
                if request.attempt is not None and self._forms is not None:
                    self._forms.keep(request, response, request.attempt)
                await response(scope, receive, send)
            finally:
                if request.attempt is not None:
                    await request.attempt.close()
                request.close_files()

    async def _answer(self, request: Request) -> Response:
        try:
            response = await self._find_and_call(request)
        except Exception as error:
            if not is_answer(error):
                raise
            if isinstance(error, CsrfRefused):
                # Visitors are not told what gave it away, so whoever runs the site must be.
                logger.warning(
                    "%s %r: the form was refused. %s", request.method, request.path, error
                )
            handler = self._app.handler_of(error, debug=self._app.debug)
            if handler is not None:
                response = await handled(handler, error)
            else:
                response = await problem_response(error, self._app, request)
        response = await self._app.finish(response)
        settle(response, method=request.method)
        if request.method not in SAFE_METHODS and by_script(request) and request.csrf.ticket():
            response.headers[TICKET_HEADER] = request.csrf.token()  # for the form that stays
        if self._app.settings.form_add_token:
            add_tokens(request, response)
        request.csrf.finish(response)
        if request.method == "HEAD" and isinstance(response, HttpResponse):
            response.body = b""  # RFC 9110 §9.3.2: the headers stay as for GET
        return response

    async def _find_and_call(self, request: Request) -> Response:
        path = own_path(request.scope)
        if path.startswith(RESULTS) and self._forms is not None and request.method in READING:
            return await self._forms.result(request, path.removeprefix(RESULTS))
        match resolve(self._app, request.scope):
            case Found(endpoint, values):
                request.endpoint = endpoint
                request.scope["path_params"] = dict(values)
                response = await self._call(request, endpoint, values)
                if self._app.debug:
                    warn_of_unescaped(request, response, endpoint.view_name)
                return response
            case WrongMethod(allowed, endpoints):
                if request.method == "OPTIONS":
                    return HttpResponse(status=204, headers={"Allow": ", ".join(allowed)})
                raise MethodNotAllowed(request.method, allowed, endpoints)
            case NotFound(with_slash):
                return self._not_found(request, with_slash)

    def _not_found(self, request: Request, with_slash: Endpoint | None) -> Response:
        app, path = self._app, request.path
        if with_slash is not None and request.method in ("GET", "HEAD"):
            return HttpResponsePermanentRedirect(_slashed(request))
        if app.debug and path == "/" and not app.routes.has_site_routes:
            return welcome_response(app)
        raise NoRoute(*_why_not_found(app, path, with_slash), app.routes.endpoints)

    async def _call(self, request: Request, endpoint: Endpoint, values: Any) -> Response:
        view = endpoint.route.view
        read = functools.partial(body.read, request, self._app.limits)
        if request.method not in SAFE_METHODS:
            if not is_unprotected(view):
                await request.csrf.protect(read)
            await read()
        arguments = (request,) if endpoint.route.takes_request else ()
        call = functools.partial(view, *arguments, **values)
        if request.method in SAFE_METHODS:
            return await self._process(request, call, view)
        if self._forms is None:
            if request.session.token is not None and request.scope[VISIT].leased:
                await request.session.load()
            return await self._process(request, call, view)
        while True:
            claimed = await self._forms.enter(request, view, protected=not is_unprotected(view))
            if isinstance(claimed, Response):
                return claimed
            request.attempt = claimed
            try:
                return await self._process(request, call, view)
            except TakenOver:
                await self._forms.leave(request)  # and wait for the answer of the other

    async def _process(self, request: Request, call: Callable[[], object], view: View) -> Response:
        if not is_async(view):
            return await run_in_threadpool(self._run, request, call, view)
        if not self._app.sessions.store.capabilities.inline:
            await request.session.load()
        with transaction(self._app) as answered:
            response = await self._app.answer_early()
            if response is not None:
                response.refused = True  # type: ignore[attr-defined]
            else:
                result = call()
                if inspect.isawaitable(result):
                    result = await result
                response = as_response(result, view)
            if request.attempt is not None and self._forms is not None:
                await request.attempt.require()
                self._forms.join(request, response, view)
            return answered(response)

    def _run(self, request: Request, call: Callable[[], object], view: View) -> Response:
        with transaction(self._app) as answered:
            response = self._app.answer_early_in_thread()
            if response is not None:
                response.refused = True  # type: ignore[attr-defined]
            else:
                response = as_response(call(), view)
            if request.attempt is not None and self._forms is not None:
                request.attempt.require_in_thread()
                self._forms.join(request, response, view)
            return answered(response)


def _why_not_found(app: "App", path: str, with_slash: Endpoint | None) -> tuple[str, str]:
    """What is wrong with *path*, and what might mend it."""
    if with_slash is not None:
        return (
            f"{path!r} lacks its last slash: the route is {with_slash.rule.text!r}.",
            "A GET is redirected there; a form is not, because its fields would be lost. Write "
            f'the address with the slash: `<form method="post" action="{path}/">`.',
        )
    mend = ""
    shorter = path.rstrip("/")
    if shorter != path and isinstance(app.routes.resolve("GET", shorter), Found):
        mend = f"Without the last slash it is there: {shorter!r}."
    elif path == app.settings.login_url:
        mend = (
            "`login_required` sends visitors here to log in. Write a page for it, or name the "
            "one there is: `LOGIN_URL` in the settings, or `@login_required(login_url=...)`."
        )
    elif " " in path:
        mend = (
            "This address looks like a sentence. `HttpResponseRedirect(...)` and `redirect(...)` "
            "take an address; to show text, `return HttpResponse(...)`."
        )
    elif near := app.routes.like(path):
        mend = f"There is {near!r}, which is like it."
    return f"No route of this site fits {path!r}.", mend


class Trail:
    """What became of a request, kept outside of it for the error pages around it."""

    request: Request | None = None
    resolved: Found | WrongMethod | NotFound | None = None


def trail_of(scope: Scope) -> Trail:
    """The trail of the request in *scope*, which all copies of the scope share."""
    trail: Trail = scope.setdefault("coatcheck.trail", Trail())
    return trail


def resolve(app: "App", scope: Scope) -> Found | WrongMethod | NotFound:
    """What answers the request in *scope*; found once, however often it is asked."""
    trail = trail_of(scope)
    if trail.resolved is None:
        trail.resolved = app.routes.resolve(scope["method"], own_path(scope) or "/")
    return trail.resolved


def own_path(scope: Scope) -> str:
    """The path below the place where a server or another application mounted this one."""
    return str(scope["path"]).removeprefix(str(scope.get("root_path", "")).rstrip("/"))


def is_async(view: Callable[..., Any]) -> bool:
    """Whether *view* has to run on the event loop, also below decorators and partials."""
    while isinstance(view, functools.partial):
        view = view.func
    view = inspect.unwrap(view)
    return inspect.iscoroutinefunction(view) or (
        not inspect.isroutine(view)
        and not inspect.isclass(view)
        and inspect.iscoroutinefunction(getattr(view, "__call__", None))  # noqa: B004
    )


def _slashed(request: Request) -> str:
    path, mark, query = request.get_full_path().partition("?")
    # "//host/" would be another site's address (CVE-2018-14574).
    path = "/%2F" + path[2:] if path.startswith("//") else path
    return quote(path, safe="/%-._~!$&'()*+,;=:@") + "/" + mark + query
