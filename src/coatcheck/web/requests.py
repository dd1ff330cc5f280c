"""The request a view gets: Starlette's, with the names of Django and Flask.

The body is read and, where it is a form, strictly parsed *before* the view runs
(``body``), so ``POST``, ``form``, ``json`` and ``body`` are plain values in sync and
async views alike; they replace Starlette's coroutines of these names.
"""

import http.cookies
import json
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from starlette.requests import Request as StarletteRequest
from starlette.requests import empty_receive, empty_send
from starlette.types import Receive, Scope, Send

from coatcheck.forms.data import FormData
from coatcheck.forms.flash import Taken
from coatcheck.forms.uploads import Upload
from coatcheck.forms.urlencoded import parse_query
from coatcheck.web.csrf import Csrf
from coatcheck.web.errors import NotJson

if TYPE_CHECKING:
    from coatcheck.core.session import Session
    from coatcheck.integrations.once_asgi import Attempt
    from coatcheck.web.app import App
    from coatcheck.web.routing import Endpoint


class Request(StarletteRequest):
    """What a visitor sent. Read only, but for ``session``."""

    endpoint: "Endpoint | None" = None
    """The route that answers, once one is found."""
    attempt: "Attempt | None" = None
    """The right to process what was submitted, while its view runs."""
    body_read = False
    """Whether the body has been read; then it stands in ``POST``, ``FILES`` and ``body``."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive = empty_receive,
        send: Send = empty_send,
        *,
        app: "App",
    ) -> None:
        super().__init__(scope, receive, send)
        self._site = app
        self.csrf = Csrf(self, app.keyring, app.trusted_origins, app.sessions.lifecycle.clock)
        self.flashed = Taken()
        self._content = b""
        self._fields: FormData[str] = FormData()
        self._files: FormData[Upload] = FormData(source="files")

    @property
    def app(self) -> "App":
        return self._site

    # What was sent

    @property
    def POST(self) -> "FormData[str]":
        """Fields of a form sent in the body; empty where there was none."""
        return self._fields

    @cached_property
    def GET(self) -> "FormData[str]":
        """Values of the query string. Raises MalformedForm (400) where it cannot be read."""
        return parse_query(self.scope.get("query_string", b""), self.app.limits)

    @property
    def FILES(self) -> "FormData[Upload]":
        """Files of a multipart form, open for reading until the response is sent."""
        return self._files

    @property
    def form(self) -> "FormData[str]":  # type: ignore[override]
        """Flask's name for ``POST``."""
        return self._fields

    @property
    def args(self) -> "FormData[str]":
        """Flask's name for ``GET``."""
        return self.GET

    @property
    def files(self) -> "FormData[Upload]":
        """Flask's name for ``FILES``."""
        return self._files

    @property
    def body(self) -> bytes:  # type: ignore[override]
        """The raw body; empty where it was a form, which stands in ``POST`` and ``FILES``."""
        return self._content

    data = body
    """Flask's name for ``body``."""

    @property
    def json(self) -> Any:
        """The body read as JSON; see ``get_json``."""
        return self.get_json()

    def get_json(self, *, silent: bool = False) -> Any:
        """The body read as JSON.

        Raises NotJson (400) where the Content-Type is not JSON or the body cannot be
        read; with *silent* the answer is None instead.
        """
        try:
            return self._json_value
        except NotJson:
            if silent:
                return None
            raise

    @cached_property
    def _json_value(self) -> Any:
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            raise NotJson(
                f"This address was to get JSON and got {kind or 'no Content-Type'}.\n"
                "Send the header Content-Type: application/json."
            )
        try:
            return json.loads(self._content)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "not readable"
            raise NotJson(f"The body is not JSON: {reason}.\nSend valid JSON as UTF-8.") from None

    @cached_property
    def cookies(self) -> dict[str, str]:
        """The browser's cookies by exact name; of two with one name, the first."""
        # Only space and tab are trimmed: Starlette's parser strips Unicode blanks, which
        # lets another cookie pass for a "__Host-" one ("Cookie Chaos", 2025).
        found: dict[str, str] = {}
        for header in self.headers.getlist("cookie"):
            for pair in header.split(";"):
                name, equals, value = pair.partition("=")
                if equals:
                    unquoted = http.cookies._unquote(value.strip(" \t"))
                    found.setdefault(name.strip(" \t"), unquoted)
        return found

    @property
    def COOKIES(self) -> dict[str, str]:
        return self.cookies

    # Who and where

    @property
    def session(self) -> "Session":  # type: ignore[override]
        """What this site remembers of the visitor: a dict kept on the server."""
        found: Session = self.scope["session"]
        return found

    @cached_property
    def user(self) -> Any:
        """The user who is logged in, or an AnonymousUser, whose ``is_authenticated`` is False."""
        from coatcheck.web.auth import user_of

        return user_of(self.session)

    @property
    def path(self) -> str:
        """The path, decoded and without the query string."""
        return str(self.scope["path"])

    def get_full_path(self) -> str:
        """The path as it was sent, with its query string; fit for a ``next`` field."""
        raw = self.scope.get("raw_path") or self.path.encode()
        query = self.scope.get("query_string", b"")
        return str((raw.partition(b"?")[0] + (b"?" + query if query else b"")).decode("latin-1"))

    def is_secure(self) -> bool:
        """Whether the visitor came over https, as far as the server believes its proxy."""
        return self.scope.get("scheme") == "https"

    def get_host(self) -> str:
        """Host and port as the browser named them; already checked against ALLOWED_HOSTS."""
        return self.headers.get("host", "")

    def build_absolute_uri(self, location: str | None = None) -> str:
        """*location*, or this page's own address, with scheme and host."""
        base = f"{'https' if self.is_secure() else 'http'}://{self.get_host()}"
        full = self.get_full_path()
        return urljoin(base + full, location) if location is not None else base + full

    # What ``body`` fills in and ``dispatch`` gives back

    def take_body(self, content: bytes, fields: "FormData[str]", files: "FormData[Upload]") -> None:
        """Take over what was read of the body."""
        self._content, self._fields, self._files = content, fields, files
        self.body_read = True

    def close_files(self) -> None:
        """Remove the uploads that nobody saved."""
        for _, upload in self._files.pairs():
            upload.close()

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.path}>"
