"""The standalone stack: everything that a page needs, importable from here.

Names are loaded when they are first asked for, so that a site without a database never imports
SQLAlchemy, and one without templates never imports Jinja.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coatcheck.forms.limits import Limits
    from coatcheck.forms.redirects import safe_next
    from coatcheck.forms.uploads import Upload
    from coatcheck.web import admin, auth
    from coatcheck.web.app import App
    from coatcheck.web.auth import (
        AnonymousUser,
        User,
        authenticate,
        login,
        login_required,
        logout,
    )
    from coatcheck.web.context import (
        flash,
        get_flashed_messages,
        request,
        reverse,
        session,
        url_for,
    )
    from coatcheck.web.csrf import csrf_unprotected
    from coatcheck.web.database import (
        ForeignKey,
        Mapped,
        Model,
        db,
        delete,
        func,
        insert,
        mapped_column,
        relationship,
        select,
        update,
    )
    from coatcheck.web.errors import Http404
    from coatcheck.web.forms import form_of, form_page, show_form
    from coatcheck.web.habits import g, jsonify, make_response
    from coatcheck.web.requests import Request
    from coatcheck.web.responses import (
        FileResponse,
        HttpResponse,
        HttpResponsePermanentRedirect,
        HttpResponseRedirect,
        JsonResponse,
        StreamingHttpResponse,
        abort,
        redirect,
    )
    from coatcheck.web.routing import include, path
    from coatcheck.web.submissions import once, processed_every_time
    from coatcheck.web.templates import render, render_template
    from coatcheck.web.traps import honeypot

__all__ = [
    # a site and its routes
    "App",
    "include",
    "path",
    "reverse",
    "url_for",
    # what came in, and what is remembered
    "Limits",
    "Request",
    "Upload",
    "csrf_unprotected",
    "once",
    "processed_every_time",
    "flash",
    "g",
    "get_flashed_messages",
    "request",
    "safe_next",
    "session",
    # forms as classes
    "form_of",
    "form_page",
    "honeypot",
    "show_form",
    # answers
    "FileResponse",
    "Http404",
    "HttpResponse",
    "HttpResponsePermanentRedirect",
    "HttpResponseRedirect",
    "JsonResponse",
    "StreamingHttpResponse",
    "abort",
    "jsonify",
    "make_response",
    "redirect",
    "render",
    "render_template",
    # tables
    "ForeignKey",
    "Mapped",
    "Model",
    "db",
    "delete",
    "func",
    "insert",
    "mapped_column",
    "relationship",
    "select",
    "update",
    # users
    "AnonymousUser",
    "User",
    "admin",
    "auth",
    "authenticate",
    "login",
    "login_required",
    "logout",
]

_PLACES = {
    "coatcheck.forms.limits": ("Limits",),
    "coatcheck.forms.redirects": ("safe_next",),
    "coatcheck.forms.uploads": ("Upload",),
    "coatcheck.web.app": ("App",),
    "coatcheck.web.auth": (
        "AnonymousUser",
        "User",
        "authenticate",
        "login",
        "login_required",
        "logout",
    ),
    "coatcheck.web.context": (
        "flash",
        "get_flashed_messages",
        "request",
        "reverse",
        "session",
        "url_for",
    ),
    "coatcheck.web.csrf": ("csrf_unprotected",),
    "coatcheck.web.submissions": ("once", "processed_every_time"),
    "coatcheck.web.database": (
        "ForeignKey",
        "Mapped",
        "Model",
        "db",
        "delete",
        "func",
        "insert",
        "mapped_column",
        "relationship",
        "select",
        "update",
    ),
    "coatcheck.web.errors": ("Http404",),
    "coatcheck.web.habits": ("g", "jsonify", "make_response"),
    "coatcheck.web.forms": ("form_of", "form_page", "show_form"),
    "coatcheck.web.traps": ("honeypot",),
    "coatcheck.web.requests": ("Request",),
    "coatcheck.web.responses": (
        "FileResponse",
        "HttpResponse",
        "HttpResponsePermanentRedirect",
        "HttpResponseRedirect",
        "JsonResponse",
        "StreamingHttpResponse",
        "abort",
        "redirect",
    ),
    "coatcheck.web.routing": ("include", "path"),
    "coatcheck.web.templates": ("render", "render_template"),
}
_MODULE_OF = {name: module for module, names in _PLACES.items() for name in names}
_MODULES = ("admin", "auth")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"coatcheck.web.{name}")
    module = _MODULE_OF.get(name)
    if module is None:
        from coatcheck.web.elsewhere import IMPORT_HABITS

        if name in IMPORT_HABITS:
            # Not an AttributeError, whose words an import statement leaves out.
            raise ImportError(f"coatcheck.web has no {name}. Here it is: {IMPORT_HABITS[name]}.")
        raise AttributeError(f"coatcheck.web has no {name!r}; it has {', '.join(__all__)}.")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
