"""Functions of the site that run around its views: before each, after each, and when one fails.

``App`` collects them, ``dispatch`` calls them; ``boundary`` calls the handlers of errors after
which nothing is saved. They are Flask's, in their names and in what they take and return.
"""

import inspect
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, TypeVar, cast

from anyio import from_thread
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from coatcheck.core.errors import ConfigurationError
from coatcheck.web.errors import CsrfRefused, UnusableResult
from coatcheck.web.problems import status_of
from coatcheck.web.responses import as_response, name_of

Before = Callable[[], Any]
After = Callable[[Any], object]
Handler = Callable[[Any], object]
F = TypeVar("F", bound=Callable[..., Any])


class Hooks:
    """The functions of one site, in the order they were given."""

    def __init__(self) -> None:
        self._before: list[Before] = []
        self._after: list[After] = []
        self._by_status: dict[int, Handler] = {}
        self._by_class: dict[type[BaseException], Handler] = {}

    def before_request(self, function: F) -> F:
        """Call *function* before each view. What it returns, if anything, is the answer instead.

        A form has been checked and read by then, and a page was found.
        """
        self._before.append(function)
        return function

    def after_request(self, function: F) -> F:
        """Call *function* with each answer; it returns that answer, or another.

        The last one given is called first. An answer for which nothing is saved, such as that to
        an error of the site's own, is not among them.
        """
        self._after.append(function)
        return function

    def errorhandler(self, kind: int | type[BaseException]) -> Callable[[F], F]:
        """Answer errors of *kind*, a status or a class, with what the decorated function returns.

        It is called with the error. Its answer has the error's status unless it says another.
        While DEBUG is on, a handler of 500 or ``Exception`` gives way to the debug page.
        """
        if isinstance(kind, type) and issubclass(kind, BaseException):
            known: dict[Any, Handler] = self._by_class
        elif isinstance(kind, int) and kind in list(HTTPStatus) and kind >= 400:
            known = self._by_status
        else:
            raise ConfigurationError(
                f"@app.errorhandler({kind!r}) names no error.\n"
                "Name a status from 400 on, such as 404, or a class of exceptions."
            )

        def decorate(function: F) -> F:
            known[kind] = function
            return function

        return decorate

    def handler_of(self, error: BaseException, *, debug: bool) -> Handler | None:
        """The function that answers *error*: the most special class first, then the status."""
        for kind in type(error).__mro__:
            if kind in self._by_class and kind not in (Exception, BaseException):
                return self._by_class[kind]
        status = status_of(error)
        if (debug and status == 500) or (isinstance(error, CsrfRefused) and error.by_token):
            return None  # what was typed is given back, which a plain 403 would not do
        return self._by_status.get(status) or self._by_class.get(Exception)

    async def answer_early(self) -> Response | None:
        """The answer of the first function before the view that gives one."""
        for function in self._before:
            result = await called(function)
            if result is not None:
                return as_response(result, function)
        return None

    def answer_early_in_thread(self) -> Response | None:
        """The same, from the thread that a view runs in."""
        for function in self._before:
            result = from_thread.run(function) if _is_async(function) else function()
            if result is not None:
                return as_response(result, function)
        return None

    async def finish(self, response: Response) -> Response:
        """*response* as the functions after the view leave it. Raises UnusableResult."""
        for function in reversed(self._after):
            result = await called(function, response)
            if not isinstance(result, Response):
                raise UnusableResult(
                    f"{name_of(function)}, which runs after each view, returned "
                    f"{type(result).__name__}.\nReturn the response it was given, or another one: "
                    "`return response`.",
                    function,
                )
            response = result
        return response


async def handled(handler: Handler, error: BaseException) -> Response:
    """What *handler* answers *error* with."""
    result = await called(handler, error)
    response = as_response(result, handler)
    if not isinstance(result, (Response, tuple)):
        response.status_code = status_of(error)
    return response


async def called(function: Callable[..., object], *values: object) -> object:
    """What *function* returns, called on the loop if it is async and in a thread if not."""
    if _is_async(function):
        return await cast("Awaitable[object]", function(*values))
    return await run_in_threadpool(function, *values)


def _is_async(function: Callable[..., object]) -> bool:
    return inspect.iscoroutinefunction(inspect.unwrap(function))
