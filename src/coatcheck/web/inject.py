"""Add the hidden field to forms of our own pages that have none.

So that a form is processed once although nobody wrote ``{% csrf_token %}`` into it. Only forms that
are sent by POST to this very site, in pages that a view has made as one text; a form of which there
is any doubt is left alone, as a token that went to another site would be that site's to use.
"""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from starlette.responses import Response

from coatcheck.forms.csrf import FIELDS, hidden_field
from coatcheck.forms.origins import own_origin
from coatcheck.web.responses import HttpResponse

if TYPE_CHECKING:
    from coatcheck.web.requests import Request

LARGEST = 1024 * 1024
"""Bytes of a page that is looked through."""

_POST_FORM = re.compile(rb"<form\b[^>]*\bmethod\s*=\s*[\"']?post\b", re.IGNORECASE)
_FIELD = re.compile("|".join(FIELDS).encode())

# Text to a browser, whatever stands in it. Scripts and styles the parser knows itself.
_RAW = frozenset({"textarea", "title", "xmp", "iframe", "noembed", "noframes", "noscript"})
_RAW_FOR_EVER = "plaintext"

# No scheme, no host, and nothing that a browser reads otherwise than it is written.
_LOCAL = re.compile(r"(?!//)[^\\:\x00-\x20\x7f-\x9f]*")


class _Forms(HTMLParser):
    """Where the start tags end of the forms that lack a token."""

    def __init__(self, page: str, origin: str) -> None:
        super().__init__(convert_charrefs=False)
        self.places: list[int] = []
        self._origin = origin
        self._lines = [0, *(found.end() for found in re.finditer("\n", page))]
        self._raw: str | None = None
        self._open: int | None = None
        self._elsewhere = False
        self.feed(page)
        self.close()
        self._end()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._raw is not None:
            return
        if tag in _RAW or tag == _RAW_FOR_EVER:
            self._raw = tag
        elif tag == "base":
            # All addresses that are written without a host may lead elsewhere from here.
            self._elsewhere = self._elsewhere or any(name == "href" for name, _ in attrs)
        elif tag == "form" and self._open is None:
            self._begin(dict(reversed(attrs)))
        elif tag in ("input", "button") and self._open is not None:
            given = dict(reversed(attrs))
            if given.get("name") in FIELDS or "formaction" in given:
                self._open = -1

    def handle_endtag(self, tag: str) -> None:
        if self._raw is not None:
            if tag == self._raw:
                self._raw = None
        elif tag == "form":
            self._end()

    def _begin(self, attributes: dict[str, str | None]) -> None:
        method = (attributes.get("method") or "").strip().lower()
        wanted = method == "post" and self._is_ours(attributes.get("action"))
        line, column = self.getpos()
        end = self._lines[line - 1] + column + len(self.get_starttag_text() or "")
        self._open = end if wanted else -1

    def _end(self) -> None:
        if self._open is not None and self._open >= 0:
            self.places.append(self._open)
        self._open = None

    def _is_ours(self, action: str | None) -> bool:
        """Whether *action* leads to this site beyond doubt."""
        if self._elsewhere:
            return False
        if action is None or _LOCAL.fullmatch(action):
            return True
        rest = action.removeprefix(self._origin) if self._origin else action
        return rest != action and rest[:1] in ("", "/", "?", "#") and "\\" not in rest


def add_tokens(request: "Request", response: Response) -> None:
    """Give the forms in *response* tokens, if it is a page that a view has made."""
    headers = response.headers
    if (
        not isinstance(response, HttpResponse)
        or response.status_code != 200
        or not headers.get("content-type", "").startswith("text/html")
        or "content-encoding" in headers
        or "etag" in headers
    ):
        return
    origin = own_origin("https" if request.is_secure() else "http", request.get_host())
    page = bytes(response.body)
    changed = with_tokens(page, origin, request.csrf.token)
    if changed is not page:
        response.body = changed
        headers["content-length"] = str(len(changed))


def with_tokens(page: bytes, origin: str, token: Callable[[], str]) -> bytes:
    """*page* with a hidden field, and a *token* of its own, in each form that lacks one.

    *origin* is the site's own. A page that is not UTF-8 comes back as it is.
    """
    posts = len(_POST_FORM.findall(page))
    if not posts or len(page) > LARGEST or len(_FIELD.findall(page)) >= posts:
        return page
    try:
        text = page.decode()
    except UnicodeDecodeError:
        return page
    parts, begun = [], 0
    for place in _Forms(text, origin).places:
        parts += [text[begun:place], hidden_field(token())]
        begun = place
    return "".join([*parts, text[begun:]]).encode() if parts else page
