"""What people see of a form that was sent before: pages in plain words, with what they typed.

Programs that ask for JSON get problem details instead. Nothing here decides anything.
"""

from typing import TYPE_CHECKING

from starlette.responses import Response

from coatcheck.core.http import CACHE_CONTROL
from coatcheck.forms.answers import Answer, shown_fields
from coatcheck.web.own_pages import own_page, resend_page, wants_json
from coatcheck.web.resend import Returned, returned
from coatcheck.web.responses import JsonResponse

if TYPE_CHECKING:
    from coatcheck.web.requests import Request

_NOTHING_KEPT = Returned((), ())


def still_running(request: "Request", result: str) -> Response:
    """202: it is being processed, and the page asks for its end by itself."""
    text = "What you sent is still being worked on. This page goes on by itself when it is done."
    if wants_json(request.headers):
        response: Response = _problem(202, "Still being processed", text)
    else:
        response = own_page("once_running.html", {"text": text, "result": result}, 202)
        response.headers["refresh"] = f"1; url={result}"
    response.headers["retry-after"] = "1"
    response.headers["location"] = result
    return _private(response)


def already_sent(request: "Request", answer: Answer, result: str, *, again: bool) -> Response:
    """409: this form was processed with other values; which ones are meant?"""
    text = "This form was sent before, with other values, and that was processed."
    if wants_json(request.headers):
        return _private(_problem(409, "Already sent", text, result=result))
    first, second = dict(answer.fields), dict(shown_fields(request.POST, request.FILES))
    names = dict.fromkeys([*first, *second])
    rows = [(name, first.get(name, ""), second.get(name, "")) for name in names]
    return resend_page(
        request,
        returned(request) or _NOTHING_KEPT,
        title="You have sent this form already",
        text="It was processed as it was then. What you sent now differs, and nothing was done "
        "with it yet.",
        status=409,
        button="Send as a new one",
        page="once_edited.html",
        rows=rows,
        result=result,
        again=again,
    )


def open_for_long(request: "Request") -> Response:
    """409: nobody can tell whether so old a form was sent before."""
    text = "This page was open for so long that nobody knows whether you sent it before."
    if wants_json(request.headers):
        return _private(_problem(409, "The form is too old", text))
    return resend_page(
        request,
        returned(request) or _NOTHING_KEPT,
        title="This form was open for long",
        text="It was open for more than a day, so we cannot tell whether you sent it before. "
        "Nothing was done with it now. If you mean it, send it with one more click.",
        status=409,
        button="Send it",
    )


def cannot_tell(request: "Request", *, again: bool) -> Response:
    """409: it was begun, and nobody knows how it ended."""
    text = "Your form was being processed when something broke off, and nobody knows how it ended."
    if wants_json(request.headers):
        return _private(_problem(409, "The outcome is not known", text))
    return resend_page(
        request,
        (returned(request) if again else None) or _NOTHING_KEPT,
        title="We cannot tell whether this went through",
        text=f"{text} Please look whether it was done before you send it again.",
        status=409,
        button="It was not done: send it again",
        page="once_unknown.html",
        again=again and request.method == "POST",
    )


def not_processed(request: "Request") -> Response:
    """409: it broke off, or was refused, and can be sent again."""
    text = "It was not processed. Go back to the form and send it again; what you typed is there."
    return _told(request, 409, "That did not go through", text)


def no_result(request: "Request") -> Response:
    """404: an address that is nobody's, somebody else's, or older than a day."""
    text = "There is nothing at this address for you any more."
    return _told(request, 404, "Nothing is here", text)


def processed(request: "Request") -> Response:
    """200: it was processed, and the answer was too large to keep, or is made anew each time."""
    text = "What you sent was processed. Its answer is shown only once and cannot be shown again."
    return _told(request, 200, "This was processed", text)


def _told(request: "Request", status: int, title: str, text: str) -> Response:
    if wants_json(request.headers):
        return _private(_problem(status, title, text))
    root = request.scope.get("root_path", "")
    values = {"status": "", "phrase": title, "text": text, "home": f"{root}/"}
    return _private(own_page("problem.html", values, status))


def _problem(status: int, title: str, text: str, **more: str) -> JsonResponse:
    body = {"type": "about:blank", "title": title, "status": status, "detail": text, **more}
    return JsonResponse(body, status, content_type="application/problem+json")


def _private(response: Response) -> Response:
    response.headers["cache-control"] = CACHE_CONTROL
    return response
