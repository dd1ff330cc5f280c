"""Answers, and what a view may return instead of one.

``as_response`` is the rule: text is HTML, dicts and lists are JSON, tuples carry a status, a
response is itself. Addresses in ``Location`` go through ``forms.redirects.location``, so a
response can never carry a second header line (CVE-2015-2317).
"""

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, NoReturn
from uuid import UUID

from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.responses import StreamingResponse as StreamingHttpResponse

from coatcheck.core.http import SAFE_METHODS
from coatcheck.forms.redirects import location
from coatcheck.web.errors import HttpError, NoReverseMatch, UnusableResult, ViewReturnedNothing

__all__ = [
    "FileResponse",
    "HttpResponse",
    "HttpResponsePermanentRedirect",
    "HttpResponseRedirect",
    "JsonResponse",
    "Response",
    "StreamingHttpResponse",
    "abort",
    "as_response",
    "name_of",
    "redirect",
    "settle",
]

logger = logging.getLogger("coatcheck.web")


class HttpResponse(Response):
    """A page. ``response["Name"] = value`` sets a header, as in Django."""

    refused = False
    """Whether the form that it answers was not processed, so that the same may be sent again. An
    answer of 400 and above says so anyway."""

    def __init__(
        self,
        content: object = "",
        content_type: str | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if isinstance(content, Iterator):
            raise TypeError(
                "HttpResponse was given an iterator, whose parts it would not show.\n"
                'Join them, "".join(parts), or send them one by one: StreamingHttpResponse(parts).'
            )
        body = content if isinstance(content, (bytes, memoryview)) else str(content)
        super().__init__(body, status, headers, content_type or "text/html; charset=utf-8")

    def __getitem__(self, name: str) -> str:
        return self.headers[name]

    def __setitem__(self, name: str, value: object) -> None:
        _set_header(self, name, value)

    def __delitem__(self, name: str) -> None:
        del self.headers[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self.headers

    @property
    def content(self) -> bytes:
        return bytes(self.body)


class HttpResponseRedirect(HttpResponse):
    """Send the browser to another address: 302, and 303 as the answer to a POST.

    303 makes every browser follow with GET (RFC 9110 §15.4.4), so that a reload of
    the next page never sends the form again.
    """

    see_other = True

    def __init__(
        self,
        to: object,
        content_type: str | None = None,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__("", content_type, status or 302, headers)
        self.url = str(to)
        self.see_other = self.see_other and status is None
        self.headers["Location"] = location(self.url)
        if " " in self.url.strip():
            logger.warning(
                "redirect to %r: an address with blanks looks like a sentence. To show text, "
                "return HttpResponse(%r).",
                self.url,
                self.url,
            )


class HttpResponsePermanentRedirect(HttpResponseRedirect):
    """The page has moved for good: 301."""

    see_other = False

    def __init__(self, to: object, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(to, status=301, headers=headers)


class JsonResponse(HttpResponse):
    """*data* as JSON. Dates, Decimal, UUID, sets and enums are written as their plain twins."""

    def __init__(
        self,
        data: Any,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> None:
        self.data = data
        text = json.dumps(data, default=_plain, ensure_ascii=False, separators=(",", ":"))
        super().__init__(text.encode(), content_type, status, headers)


def _plain(value: object) -> object:
    match value:
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal() | UUID() | PurePath():
            return str(value)
        case Enum():
            return value.value
        case Mapping():
            return dict(value)
        case set() | frozenset() | tuple():
            return list(value)
    raise TypeError(
        f"A {type(value).__name__} has no JSON form.\n"
        "Return plain data: dicts, lists, text, numbers, dates."
    )


def redirect(to: object, code: int | None = None, **values: Any) -> HttpResponseRedirect:
    """An answer that sends the browser to *to*: an address, a path, or the name of a route.

    After a POST it is 303, otherwise 302, unless *code* says so. Only a *to* without
    slash and dot can be a route's name; *values* fill its places.
    """
    from coatcheck.web.context import reverse

    target = str(to)
    if values or not any(mark in target for mark in "/.?#"):
        try:
            target = reverse(target, kwargs=values)
        except NoReverseMatch:
            if values or not target or ":" in target:
                raise
            raise NoReverseMatch(
                f"redirect({target!r}) is no address, and no route is named {target!r}.\n"
                f"Write redirect('/{target}') for the path, or name a route {target!r}."
            ) from None
    return HttpResponseRedirect(target, status=code)


def abort(code: int, message: str = "") -> NoReturn:
    """End the request here with an error page of this status; *message* is for the visitor."""
    if not 400 <= code <= 599:
        raise ValueError(
            f"abort({code}) is no error status.\nUse one from 400 to 599, or return a response."
        )
    raise HttpError(code, message)


def as_response(result: object, view: Callable[..., Any]) -> Response:
    """The response that *result*, which *view* returned, stands for.

    Raises ViewReturnedNothing or UnusableResult.
    """
    match result:
        case Response():
            return result
        case None:
            raise ViewReturnedNothing(
                f"The view {name_of(view)} returned None: it came to its end without a return.\n"
                "Return text, render(...), redirect(...) or another answer on every path "
                "through it.",
                view,
            )
        case str() | bytes():
            return HttpResponse(result)
        case dict() | list():
            return JsonResponse(result)
        case tuple():
            return _from_tuple(result, view)
    raise UnusableResult(
        f"The view {name_of(view)} returned {type(result).__name__}, which is no answer.\n"
        "Return text, a dict or list (JSON), a tuple (body, status, headers), or a response "
        "such as HttpResponse(...), render(...), redirect(...).",
        view,
    )


def name_of(view: object) -> str:
    """*view* as error pages call it: ``shop.views.cart``."""
    name = getattr(view, "__qualname__", None) or type(view).__name__
    module = getattr(view, "__module__", None)
    return f"{module}.{name}" if module else str(name)


def _from_tuple(result: tuple[Any, ...], view: Callable[..., Any]) -> Response:
    status: int | None
    headers: Any
    match result:
        case (body, int(status)):
            headers = {}
        case (body, int(status), headers) if _is_headers(headers):
            pass
        case (body, headers) if _is_headers(headers):
            status = None
        case _:
            raise UnusableResult(
                f"The view {name_of(view)} returned a tuple of "
                f"({', '.join(type(part).__name__ for part in result)}).\n"
                "Return (body, status), (body, headers) or (body, status, headers).",
                view,
            )
    response = as_response(body, view)
    if status is not None:
        response.status_code = status
        if status in (204, 304):  # RFC 9110 §8.6: these have no content, so no length of it
            del response.headers["content-length"]
        if isinstance(response, HttpResponseRedirect):
            response.see_other = False
    for name, value in headers.items() if isinstance(headers, Mapping) else headers:
        _set_header(response, name, value)
    return response


def _set_header(response: Response, name: str, value: object) -> None:
    text = str(value)
    # RFC 9110 §5.5; a line break would begin a header of somebody else's.
    if any(ord(character) < 32 and character != "\t" for character in name + text):
        raise ValueError(f"The header {name!r} may not hold control characters: {text!r}.")
    response.headers[name] = text


def _is_headers(value: object) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, Iterable)
        and not isinstance(value, str | bytes)
        and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value)
    )


def settle(response: Response, *, method: str) -> Response:
    """*response* as it may answer *method*: a redirect after an unsafe one is a 303.

    Also Starlette's RedirectResponse, whose 307 nobody asked for: it would send the form again.
    """
    if isinstance(response, HttpResponseRedirect) and response.see_other:
        response.status_code = 302 if method in SAFE_METHODS else 303
    elif (
        isinstance(response, RedirectResponse)
        and response.status_code == 307
        and method not in SAFE_METHODS
    ):
        response.status_code = 303
        logger.warning(
            "RedirectResponse answers with 307, which makes browsers send the form again, so it "
            "was sent as 303. Write redirect(...); or redirect(..., code=307) to send it again."
        )
    return response
