"""Jinja2 as pages need it: where templates are found, and what they know without being told.

``request``, ``session``, ``user``, ``get_flashed_messages``, ``url_for`` and the tags of
``tags`` are there in every template and macro. ``{{ session.items }}`` means the key
"items" where there is one: item first, for the session only. A name nobody gave is
shown as nothing, as in Jinja and Django, and reported with its line in DEBUG.
"""

import difflib
import logging
import sys
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from jinja2 import (
    Environment,
    FileSystemLoader,
    TemplateNotFound,
    Undefined,
    select_autoescape,
)

from coatcheck.core.session import Session
from coatcheck.forms.typed.host import TEMPLATES
from coatcheck.web import context
from coatcheck.web.errors import TemplateMissing
from coatcheck.web.requests import Request
from coatcheck.web.responses import HttpResponse
from coatcheck.web.tags import DjangoTags, csrf_input, csrf_token

logger = logging.getLogger("coatcheck.web.templates")

_OPEN = frozenset({"get", "items", "keys", "values", "user", "is_new", "handle"})
"""What a template may use of a session besides its keys; nothing that changes it."""


class PageEnvironment(Environment):
    """Jinja's environment with item-first access to the session."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if not isinstance(obj, Session):
            return super().getattr(obj, attribute)
        if attribute in obj:
            return obj[attribute]
        if attribute in _OPEN:
            return getattr(obj, attribute)
        return _no_key(attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Session) and not (isinstance(argument, str) and argument in obj):
            return _no_key(str(argument))
        return super().getitem(obj, argument)


def _no_key(key: str) -> Undefined:
    return Undefined(f"the session has no key {key!r}", name=key)


class ReportedUndefined(Undefined):
    """Shown as nothing, and reported to the log with the line of the template."""

    __slots__ = ()

    def __str__(self) -> str:
        self._report()
        return super().__str__()

    def __iter__(self) -> Any:
        self._report()
        return super().__iter__()

    def _report(self) -> None:
        line = _template_line()
        logger.warning(
            "%s: %s. Pass it to render(), or write {{ %s or '' }} if it may be missing.",
            line,
            self._undefined_message,
            self._undefined_name,
        )


def _template_line() -> str:
    frame = sys._getframe(2)
    while frame is not None:
        template = frame.f_globals.get("__jinja_template__")
        if template is not None:
            return f"{template.name}:{template.get_corresponding_lineno(frame.f_lineno)}"
        if frame.f_back is None:
            break
        frame = frame.f_back
    return "template"


def make_environment(folders: Iterable[Path], *, debug: bool) -> Environment:
    """An environment that looks in *folders* in this order; in *debug* it reloads changed files."""
    environment = PageEnvironment(
        loader=FileSystemLoader([str(folder) for folder in folders]),
        autoescape=select_autoescape(
            enabled_extensions=("html", "htm", "xml", "svg", "jinja", "j2"),
            disabled_extensions=("txt",),
            default_for_string=True,
            default=True,
        ),
        extensions=[DjangoTags],
        undefined=ReportedUndefined if debug else Undefined,
        auto_reload=debug,
    )
    environment.globals.update(
        request=context.request,
        session=context.session,
        user=context.current_user,
        get_flashed_messages=context.get_flashed_messages,
        url_for=context.url_for,
        static=context.static_url,
        csrf_token=csrf_token,
        csrf_input=csrf_input,
    )
    return environment


def render_text(name: str, values: Mapping[str, Any]) -> str:
    """The template *name* of the current application, filled with *values*.

    Raises TemplateMissing, naming where it was looked for and names that are near.
    """
    environment = context.current_app().templates
    try:
        template = environment.get_template(name)
    except TemplateNotFound as missing:
        raise _missing(environment, missing) from None
    try:
        return template.render(values)
    except TemplateNotFound as missing:
        # An {% include %} or {% extends %} inside it.
        raise _missing(environment, missing, within=name) from missing


def render(
    request: Request,
    template_name: str,
    context: Mapping[str, Any] | None = None,
    content_type: str | None = None,
    status: int = 200,
) -> HttpResponse:
    """A page made from *template_name* and the values in *context*."""
    return _page(request, template_name, context or {}, content_type, status)


def _page(
    request: Request,
    name: str,
    values: Mapping[str, Any],
    content_type: str | None,
    status: int,
) -> HttpResponse:
    bound = nullcontext() if context.has_request() else context.answering(request)
    with bound:
        return HttpResponse(render_text(name, values), content_type, status)


def render_template(template_name: str, **values: Any) -> str:
    """The text of a page made from *template_name* and *values*, as in Flask."""
    return render_text(template_name, values)


def _missing(
    environment: Environment, error: TemplateNotFound, within: str | None = None
) -> TemplateMissing:
    name = str(error.name)
    loader = environment.loader
    folders = list(loader.searchpath) if isinstance(loader, FileSystemLoader) else []
    folders = [folder for folder in folders if folder != str(TEMPLATES)]
    known = environment.list_templates()
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    near += [one for one in known if Path(one).name == Path(name).name and one not in near]
    wanted = f", which {within} asks for," if within else ""
    where = "\n".join(f"  {folder}" for folder in folders) or "  (no template folder exists)"
    mend = (
        f"Did you mean {' or '.join(repr(one) for one in near)}?"
        if near
        else f"Save it as templates/{name} in one of them."
    )
    return TemplateMissing(f"No template {name!r}{wanted} was found in:\n{where}\n{mend}")
