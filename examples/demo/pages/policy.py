"""Let a page load its own files only: no script at all, nothing from elsewhere."""

from starlette.datastructures import MutableHeaders

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class ContentPolicy:
    """ASGI middleware that adds the header to pages that do not bring their own."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        async def guarded(message):
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("content-security-policy", POLICY)
            await send(message)

        await self.app(scope, receive, guarded)
