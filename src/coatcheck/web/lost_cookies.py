"""Notice a session's cookie that browsers will drop: Secure, over plain http.

Only a site whose SESSION_COOKIE_SECURE says True can lose one so; "auto" follows the request. Told
once, in the log, because the visitor sees nothing but a counter that stays at one.
"""

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger("coatcheck.web")


class LostCookies:
    """Warns of the first cookie that is set in vain."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._told = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._told or scope.get("scheme") != "http":
            await self._app(scope, receive, send)
            return

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and not self._told:
                self._tell(message)
            await send(message)

        await self._app(scope, receive, watched)

    def _tell(self, message: Message) -> None:
        for name, value in message.get("headers", ()):
            if name.lower() == b"set-cookie" and b"; secure" in value.lower():
                self._told = True
                logger.warning(
                    "The cookie %s is marked Secure (SESSION_COOKIE_SECURE is True) and goes out "
                    "over plain http, where browsers drop it: every page sees a new visitor. Leave "
                    'SESSION_COOKIE_SECURE at "auto". If visitors do come over https, let the '
                    "proxy say so in X-Forwarded-Proto, and the server believe it: "
                    "--forwarded-allow-ips.",
                    value.split(b"=")[0].decode(),
                )
                return
