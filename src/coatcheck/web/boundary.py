"""The outermost catch: whatever was raised becomes one log line and one page.

It stands outside the session, so a page made here never changes a cookie.
"""

import logging
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coatcheck.core.errors import CoatcheckError
from coatcheck.web import context, tracebacks
from coatcheck.web.dispatch import trail_of
from coatcheck.web.hooks import handled
from coatcheck.web.own_pages import problem_response
from coatcheck.web.problems import status_of

if TYPE_CHECKING:
    from coatcheck.web.app import App
    from coatcheck.web.requests import Request

logger = logging.getLogger("coatcheck.web")


class ErrorPages:
    """Answers what *inner* raised, unless its response had already begun."""

    def __init__(self, inner: ASGIApp, app: "App") -> None:
        self._inner = inner
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        trail = trail_of(scope)
        try:
            await self._inner(scope, receive, watched)
        except ClientDisconnect:
            logger.debug("%s %r: the client left.", scope["method"], scope["path"])
        except Exception as error:
            status = status_of(error)
            if status >= 500:
                _log(error, scope)
            else:
                logger.warning("%s %r: %d, %s", scope["method"], scope["path"], status, error)
            if started:
                raise  # the server cuts the connection, so nobody takes half a page for a whole one
            response = await self._response(error, trail.request, Headers(scope=scope))
            if scope["method"] == "HEAD":
                response.body = b""
            await response(scope, receive, send)

    async def _response(
        self, error: Exception, request: "Request | None", headers: Headers
    ) -> Response:
        handler = self._app.handler_of(error, debug=self._app.debug)
        if handler is not None and request is not None:
            try:
                with context.answering(request):
                    return await handled(handler, error)
            except Exception as another:
                logger.exception("The handler of %s failed, so our own page is shown.", error)
                error = another
        return await problem_response(error, self._app, request, headers)


def _log(error: Exception, scope: Scope) -> None:
    # %r: the path is the visitor's words (CVE-2025-48432).
    own = tracebacks.from_site(error)
    if isinstance(error, CoatcheckError) and (own is None or error.status == 503):
        # Its message says it all; the lines between server and session say nothing, and neither do
        # those of a view whose store is away.
        logger.error("%s %r: %s", scope["method"], scope["path"], error)
    else:
        trace = (type(error), error, own or error.__traceback__)
        logger.error("%s %r", scope["method"], scope["path"], exc_info=trace)
