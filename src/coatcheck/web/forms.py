"""A typed form as a page: shown to a GET, judged on a POST, shown again while it has errors.

``form_page`` makes a view of it, ``App.form`` a route too. For a view that does it all by hand
``form_of`` gives the form as the request has it and ``show_form`` answers with it: the whole page
with 422 where there are errors, only the form where htmx or Turbo ask for a part.
"""

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from jinja2 import TemplateNotFound
from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from coatcheck.core.http import SAFE_METHODS
from coatcheck.forms.typed.bound import Bound, restored
from coatcheck.forms.typed.errors import FieldError
from coatcheck.forms.typed.form import Form
from coatcheck.web.context import current_request
from coatcheck.web.dispatch import is_async
from coatcheck.web.form_host import kept_for
from coatcheck.web.responses import HttpResponse
from coatcheck.web.templates import render_text
from coatcheck.web.transactions import undo

if TYPE_CHECKING:
    from coatcheck.web.requests import Request

F = TypeVar("F", bound=Form)
V = TypeVar("V", bound=Callable[..., Any])

OWN_PAGE = "coatcheck/forms/page.html"
_PARTIAL = ("HX-Request", "HX-Boosted", "HX-Target", "Turbo-Frame")


def form_page(
    form: type[Form],
    *,
    template: str | None = None,
    initial: Any = None,
) -> Callable[[V], V]:
    """Make a view that is called only with a form that has no errors: ``view(request, data)``.

    A GET shows *template*, with the form as ``form``; without it ``<name of the view>.html`` or,
    where there is none, a plain page. *initial* fills the form in: a mapping, an object, or a
    function of what the view gets but the data. What the view returns is the answer; it shows the
    form again by raising ``FieldError``, or with ``data.add_error(...)`` and ``return data``.
    """

    def decorate(view: V) -> V:
        return cast("V", form_view(form, view, template, initial, takes_request=True))

    return decorate


def form_of(form: type[F]) -> Bound[F]:
    """*form* as the current request has it: sent, on its way back, or still blank."""
    request = current_request("form_of()")
    if request.method not in SAFE_METHODS:
        return form.bind(request.POST, request.FILES)
    kept = kept_for(request, form)
    return form.blank() if kept is None else restored(form, kept)


def show_form(form: "Bound[Any] | Form", template: str, **values: Any) -> HttpResponse:
    """The page *template* with *form* as ``form``: 422 where it was sent and has errors, else 200.

    htmx and Turbo Frames get the form alone: the template's block named ``form``, where it has
    one.
    """
    bound = form.bound if isinstance(form, Form) else form
    return _shown(bound, template, values)


def form_view(
    form: type[Form],
    view: Callable[..., Any],
    template: str | None,
    initial: Any,
    *,
    takes_request: bool,
) -> Callable[..., Any]:
    """The view of ``form_page``, and that of ``App.form``, which gets no request."""
    name = template or f"{getattr(view, '__name__', 'form')}.html"
    plain = template is None
    guards: tuple[Callable[[], Response | None], ...] = getattr(view, "guards", ())

    def before(args: tuple[Any, ...], values: dict[str, Any]) -> "Response | Bound[Any]":
        for guard in guards:
            if (answer := guard()) is not None:
                return answer
        request = current_request()
        if request.method not in SAFE_METHODS:
            bound = form.bind(request.POST, request.FILES)
            return bound if bound.valid else _shown(bound, name, values, plain)
        kept = kept_for(request, form)
        if kept is not None:
            bound = restored(form, kept)
        else:
            given = (request, *args) if takes_request else args
            bound = form.blank(initial(*given, **values) if callable(initial) else initial)
        return _shown(bound, name, values, plain)

    def after(bound: "Bound[Any]", result: Any, values: dict[str, Any]) -> Any:
        if isinstance(result, FieldError):
            undo()
            known = result.field is not None and result.field in bound
            bound.add_error(result.field if known else None, result.message)
        elif result is None and not bound.errors:
            return None  # said by whoever asked for an answer
        elif result is not None and not isinstance(result, (Form, Bound)):
            return result
        return _shown(bound, name, values, plain)

    if is_async(view):

        @functools.wraps(view)
        async def answer_async(*args: Any, **values: Any) -> Any:
            head, args = (args[:1], args[1:]) if takes_request else ((), args)
            # In a thread: guards and templates may ask the database.
            found = await run_in_threadpool(before, args, values)
            if isinstance(found, Response):
                return found
            try:
                result = view(*head, found.data, *args, **values)
                result = await result if inspect.isawaitable(result) else result
            except FieldError as error:
                result = error
            return await run_in_threadpool(after, found, result, values)

        return answer_async

    @functools.wraps(view)
    def answer(*args: Any, **values: Any) -> Any:
        head, args = (args[:1], args[1:]) if takes_request else ((), args)
        found = before(args, values)
        if isinstance(found, Response):
            return found
        try:
            result = view(*head, found.data, *args, **values)
        except FieldError as error:
            result = error
        return after(found, result, values)

    return answer


def _shown(
    form: "Bound[Any]", template: str, values: Mapping[str, Any], plain: bool = False
) -> HttpResponse:
    request = current_request()
    failed = bool(form.errors) and request.method not in SAFE_METHODS
    page = {**values, "form": form, "form_title": _title(form), "form_locale": form._state.locale}
    name = _existing(request, template) if plain else template
    text = _part(request, name, page) or render_text(name, page)
    response = HttpResponse(text, status=422 if failed else 200)
    for header in _PARTIAL:
        response.headers.add_vary_header(header)
    response.headers.add_vary_header("Accept-Language")
    return response


def _existing(request: "Request", template: str) -> str:
    try:
        request.app.templates.get_template(template)
    except TemplateNotFound:
        return OWN_PAGE
    return template


def _part(request: "Request", name: str, values: Mapping[str, Any]) -> str | None:
    """The form alone, for a request that puts the answer into a page it has."""
    frame = request.headers.get("turbo-frame")
    htmx = request.headers.get("hx-request") == "true" and "hx-boosted" not in request.headers
    if not (frame or htmx):
        return None
    form: Bound[Any] = values["form"]
    template = request.app.templates.get_template(name)
    block = template.blocks.get("form")
    text = (
        Markup("".join(block(template.new_context(dict(values)))))  # noqa: S704 (escaped there)
        if block is not None
        else form.element()
    )
    if not frame or Markup('<turbo-frame id="{}"').format(frame) in text:
        return text
    return Markup('<turbo-frame id="{}">\n{}\n</turbo-frame>').format(escape(frame), text)


def _title(form: "Bound[Any]") -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", form._state.form.__name__)
