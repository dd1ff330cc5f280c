"""Notice, in DEBUG, a page that shows what a visitor sent without escaping it.

Whatever a visitor can put into a page as HTML, somebody else can make them put there (XSS). Seen
only where a value with an angle bracket came in and went out as it was: then there is no doubt.
"""

import logging
from collections.abc import Iterator

from starlette.responses import Response

from coatcheck.forms.errors import FormTooLarge, MalformedForm
from coatcheck.web.requests import Request
from coatcheck.web.responses import HttpResponse

logger = logging.getLogger("coatcheck.web")


def warn_of_unescaped(request: Request, response: Response, view: str) -> None:
    """Log which field *view* showed unescaped in *response*, if it did."""
    if not isinstance(response, HttpResponse) or not _is_html(response):
        return
    body = response.content
    for place, name, value in _sent(request):
        if ("<" in value or ">" in value) and value.encode() in body:
            logger.warning(
                "%s shows %s[%r] as it was sent, so a visitor's HTML and scripts run in the page. "
                "Show it with a template, or write markupsafe.escape(...) around it.",
                view,
                place,
                name,
            )


def _is_html(response: HttpResponse) -> bool:
    return response.headers.get("content-type", "").startswith("text/html")


def _sent(request: Request) -> Iterator[tuple[str, str, str]]:
    for name, value in request.POST.pairs():
        yield "request.POST", name, value
    try:
        query = request.GET.pairs()
    except (MalformedForm, FormTooLarge):
        return  # then the view did not read it either
    for name, value in query:
        yield "request.GET", name, value
