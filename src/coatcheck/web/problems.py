"""What went wrong, in words: a value that error pages, JSON answers and the log are made from.

``problem_of`` knows our own errors by their class and other libraries' by what they say. Each kind
has a code that stays the same over versions, so that it can be looked up and searched for.
``tracebacks`` finds the place in the site's own code; ``own_pages`` shows it.
"""

import http
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException

from coatcheck.core import errors as core
from coatcheck.core.session import Session
from coatcheck.forms import errors as forms
from coatcheck.forms.redirects import InvalidLocation
from coatcheck.web import errors as web
from coatcheck.web.database_files import DatabaseFileLost
from coatcheck.web.routing import Endpoint


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that went wrong. *what* and *mend* are plain text; ``code`` in backquotes."""

    status: int
    code: str
    title: str
    what: str
    mend: str = ""
    public: str = ""
    """What a visitor may read in production; empty for the status's usual words."""
    headers: Mapping[str, str] = field(default_factory=dict)
    routes: tuple[Endpoint, ...] = ()
    """The routes that were tried, for a page that was not found."""


# The message of these is written for whoever sent the request.
_PUBLIC = (core.BadRequest, web.HttpError)

_KINDS: tuple[tuple[type[BaseException], str, str], ...] = (
    (web.ViewReturnedNothing, "CC001", "The view returned nothing"),
    (web.UnusableResult, "CC002", "The view returned what is no answer"),
    (web.NoReverseMatch, "CC003", "No route of this name"),
    (web.TemplateMissing, "CC004", "Template not found"),
    (web.OutsideRequest, "CC005", "No request here"),
    (InvalidLocation, "CC008", "A redirect that cannot be sent"),
    (web.NoRoute, "CC010", "Nothing is at this address"),
    (web.MethodNotAllowed, "CC011", "This address does not take this method"),
    (web.BadHost, "CC012", "Unknown host"),
    (forms.MissingField, "CC020", "A field is missing"),
    (forms.MalformedForm, "CC021", "The form cannot be read"),
    (forms.FormTooLarge, "CC022", "The form is too large"),
    (forms.FormTooSlow, "CC027", "The form came too slowly"),
    (forms.UnsupportedForm, "CC023", "The form is of a kind that is not read here"),
    (forms.UnsuitableUpload, "CC026", "A file of another kind"),
    (forms.UploadNotStored, "CC024", "No room for the upload"),
    (web.NotJson, "CC025", "The body is not JSON"),
    (web.CsrfRefused, "CC030", "The form was refused"),
    (core.UnsupportedValue, "CC041", "A value that a session cannot keep"),
    (core.SessionConflict, "CC042", "Two requests changed the same"),
    (core.SessionBusy, "CC043", "The session is busy"),
    (DatabaseFileLost, "CC053", "The database file is gone"),
    (core.StoreUnavailable, "CC044", "The session store does not answer"),
    (core.SessionReadOnly, "CC045", "The session can no longer be changed"),
    (core.SessionTooLarge, "CC046", "The session is too large"),
    (core.SessionNotLoaded, "CC047", "The session was not loaded"),
    (core.CookieTooLarge, "CC048", "The cookie is too large"),
    (core.ConfigurationError, "CC060", "The site is not set up right"),
)

_OTHER_WORDS = {
    400: "The request could not be understood.",
    403: "This is not allowed.",
    404: "Nothing is at this address.",
    405: "This address cannot be used in this way.",
    408: "It took too long to arrive. Send it again.",
    409: "Somebody, perhaps you in another tab, changed the same thing at the same moment. "
    "Go back and try again.",
    413: "What was sent is too large.",
    415: "What was sent is of a kind that is not read here.",
    500: "The mistake is on our side and has been noted. Please try again later.",
    503: "The site is busy or under repair. Please try again in a moment.",
}


def status_of(error: BaseException) -> int:
    """The status that *error* is answered with."""
    if isinstance(error, HTTPException):
        return error.status_code
    if isinstance(error, core.CoatcheckError):
        return error.status
    return 500


def is_answer(error: BaseException) -> bool:
    """Whether *error* is an ordinary answer, after which what the view did to the session stands.

    A 404 or a bad form is one; a lost race, a store that is down and any 5xx are not.
    """
    kinds = (web.HttpError, core.BadRequest, web.CsrfRefused, HTTPException)
    return isinstance(error, kinds) and status_of(error) < 500


def words_for(status: int) -> str:
    """What to tell a visitor who can do nothing about it."""
    return _OTHER_WORDS.get(status) or _OTHER_WORDS[500 if status >= 500 else 400]


def phrase(status: int) -> str:
    """The words that HTTP has for *status*."""
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def problem_of(error: BaseException, *, session_keys: Iterable[str] | None = None) -> Problem:
    """What *error* means. *session_keys* are those of the request's session, where it was read."""
    status = status_of(error)
    for explain in _EXPLAINERS:
        problem = explain(error)
        if problem is not None:
            return problem
    if isinstance(error, KeyError) and session_keys is not None and _from_session(error):
        return _missing_key(str(error.args[0]), sorted(session_keys))
    code, title = _kind_of(error, status)
    what, mend = _split(error)
    if not mend and isinstance(error, forms.MalformedForm):
        mend = (
            "No browser sends this by itself: look at the program, the proxy or the browser "
            "extension that made the request."
        )
    return Problem(
        status,
        code,
        title,
        what or words_for(status),
        mend,
        what if isinstance(error, _PUBLIC) else "",
        _headers_of(error),
    )


def _split(error: BaseException) -> tuple[str, str]:
    """The message of *error* as what is wrong and what to do, as our own errors are written."""
    if isinstance(error, HTTPException):
        return ("" if error.detail == phrase(error.status_code) else error.detail), ""
    if isinstance(error, web.HttpError):
        return error.message, ""
    message = str(error)
    if not isinstance(error, core.CoatcheckError):
        return message, ""
    if isinstance(error, web.TemplateMissing):
        what, _, mend = message.rpartition("\n")
        return what, mend
    what, separator, mend = message.partition("\n")
    if not separator:
        what, *rest = re.split(r"(?<=\.) (?=[A-Z])", message, maxsplit=1)
        mend = "".join(rest)
    return what, mend


def _kind_of(error: BaseException, status: int) -> tuple[str, str]:
    for kind, code, title in _KINDS:
        if isinstance(error, kind):
            return code, title
    if isinstance(error, (web.HttpError, HTTPException)):
        return f"CC{status}", phrase(status)
    if isinstance(error, core.CoatcheckError):
        return f"CC{status}", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).capitalize()
    return "CC500", type(error).__name__


def _headers_of(error: BaseException) -> Mapping[str, str]:
    if isinstance(error, (web.HttpError, HTTPException)):
        return dict(error.headers or {})
    if isinstance(error, core.StoreUnavailable):
        return {"Retry-After": str(error.retry_after)}
    if status_of(error) == 503:
        return {"Retry-After": "5"}
    return {}


def _from_session(error: BaseException) -> bool:
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    return step is not None and step.tb_frame.f_globals.get("__name__") == Session.__module__


def _missing_key(key: str, keys: list[str]) -> Problem:
    have = ", ".join(repr(one) for one in keys) if keys else "no keys at all"
    return Problem(
        500,
        "CC040",
        "The session has no such key",
        f"The session has no key {key!r}; it has {have}.",
        f"Use `session.get({key!r})` where it may be missing, or set it first: "
        f"`session[{key!r}] = ...`",
    )


def _no_route(error: BaseException) -> Problem | None:
    if not isinstance(error, web.NoRoute):
        return None
    return Problem(
        404, "CC010", "Nothing is at this address", error.what, error.mend, routes=error.routes
    )


def _wrong_method(error: BaseException) -> Problem | None:
    if not isinstance(error, web.MethodNotAllowed):
        return None
    # OPTIONS is answered for every route, so it says nothing about this one.
    takes = [method for method in error.allowed if method != "OPTIONS"]
    rule = error.routes[0].rule.text if error.routes else ""
    return Problem(
        405,
        "CC011",
        "This address does not take this method",
        f"{rule} takes {', '.join(takes)}, and this was {error.method}.",
        _mend_of_method(error.method, takes, rule),
        headers=error.headers,
        routes=error.routes,
    )


def _mend_of_method(method: str, takes: list[str], rule: str) -> str:
    if method not in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        return "Ask with one of those methods."
    asked = "GET" if method == "HEAD" else method
    known = ", ".join(f'"{name}"' for name in dict.fromkeys([asked, *takes]) if name != "HEAD")
    mend = f"If it should, say so at the route: `methods=[{known}]`."
    if asked == "GET" and "POST" in takes:
        return (
            "A link or the address bar asks with GET. Ask with a form, as for everything that "
            f'changes something: `<form method="post" action="{rule}">{{% csrf_token %}}'
            f"<button>...</button></form>`. {mend}"
        )
    return mend


_NO_TABLE = re.compile(
    r"no such table: (?:\w+\.)?(?P<lite>\w+)"
    r"|relation \"(?P<pg>[\w.]+)\" does not exist"
    r"|Table '(?P<my>[\w.]+)' doesn't exist"
)
_NO_COLUMN = re.compile(
    r"no such column: (?P<lite>[\w.]+)"
    r"|has no column named (?P<lite2>\w+)"
    r"|column \"?(?P<pg>[\w.]+)\"? (?:of relation \"\w+\" )?does not exist"
)


def _database(error: BaseException) -> Problem | None:
    text = str(error)
    ours = isinstance(error, core.CoatcheckError)
    foreign = any(
        kind.__module__.partition(".")[0] in ("sqlalchemy", "sqlite3", "psycopg", "pymysql")
        for kind in type(error).__mro__
    )
    if not (foreign or (ours and status_of(error) >= 500)):
        return None
    if found := _NO_TABLE.search(text):
        table = next(filter(None, found.groups()))
        return Problem(
            status_of(error),
            "CC050",
            "A table is missing",
            f"The database has no table {table!r}.",
            "Make it: `python manage.py makemigrations` and `python manage.py migrate`. Is the app "
            "with the model in INSTALLED_APPS? A one-file app is started with `coatcheck run "
            "FILE.py`, which makes its tables by itself. A table that was dropped by hand is made "
            "again only from a copy: put the database back, or delete it and migrate anew.",
            headers=_headers_of(error),
        )
    if foreign and (found := _NO_COLUMN.search(text)):
        column = next(filter(None, found.groups()))
        return Problem(
            500,
            "CC051",
            "A column is missing",
            f"The database has no column {column!r}.",
            "If the model was changed: `python manage.py makemigrations` and "
            "`python manage.py migrate`.",
        )
    if foreign and "database is locked" in text:
        return Problem(
            503,
            "CC052",
            "The database is locked",
            "Another process holds SQLite's write lock and did not give it back in time.",
            "End the process that keeps a transaction open (a shell, a database browser), and keep "
            "slow work such as network calls out of transactions.",
            headers={"Retry-After": "2"},
        )
    return None


def _template(error: BaseException) -> Problem | None:
    if "jinja2" not in sys.modules:  # then nobody can have raised an error of its
        return None
    from jinja2 import TemplateSyntaxError, UndefinedError

    if isinstance(error, TemplateSyntaxError):
        message = error.message or "The template cannot be read."
        return Problem(500, "CC006", "A mistake in a template", message, _dialect_hint(message))
    if isinstance(error, UndefinedError):
        return Problem(
            500,
            "CC007",
            "A template used what is not there",
            f"{str(error)[:1].upper()}{str(error)[1:]}.",
            _undefined_hint(str(error)),
        )
    return None


# How Django's templates write it, and how Jinja does.
_DIALECT = {
    "empty": "Write `{% else %}` in a `{% for %}` loop where Django has `{% empty %}`.",
    "comment": "Write `{# … #}` where Django has `{% comment %}`.",
}


_UNKNOWN_TAG = (
    "Templates are Jinja's: https://jinja.palletsprojects.com/templates/ has the tags, and "
    "`{% csrf_token %}`, `{% url %}`, `{% static %}` are Django's that work here."
)

# What other stacks call it, and what it is called in our templates.
_CALLED = {
    "flash": "Messages are shown with `{% for message in get_flashed_messages() %}`.",
    "messages": "Messages are shown with `{% for message in get_flashed_messages() %}`.",
    "csrf_field": "The token of a form is `{% csrf_token %}`.",
    "csrf_protect": "The token of a form is `{% csrf_token %}`.",
    "form": "Pass it to render(). A form written by hand needs `{% csrf_token %}` only.",
    "current_user": "The user is called `user`: `{{ user }}`.",
}


def _undefined_hint(message: str) -> str:
    name = re.match(r"'(\w+)' is undefined", message)
    return (name and _CALLED.get(name[1])) or (
        "Pass it to render(), or ask first: `{% if value %}` or `{{ value or '' }}`."
    )


def _dialect_hint(message: str) -> str:
    if found := re.search(r"unknown tag '(\w+)'", message):
        return _DIALECT.get(found[1], _UNKNOWN_TAG)
    if "got ':'" in message:
        return 'A filter takes its values in brackets: `{{ day|default("today") }}`.'
    return (
        "Look at the line below and the one before it: a word, a quote or a bracket is missing or "
        "too many, or a `{% block %}`, `{% if %}` or `{% for %}` has no end."
    )


def _refused(error: BaseException) -> Problem | None:
    if not isinstance(error, web.CsrfRefused):
        return None
    what, mend = _split(error)
    return Problem(
        403,
        "CC030",
        "The form was refused",
        what,
        mend,
        public="The form could not be matched with a page of this site, so nothing was done with "
        "it. Load the page with the form again and send it from there.",
    )


def _too_large(error: BaseException) -> Problem | None:
    if not isinstance(error, forms.FormTooLarge):
        return None
    what, _ = _split(error)
    return Problem(
        413,
        "CC022",
        "The form is too large",
        what,
        "Send less. If the site is to take more, say so in its settings: "
        f'`FORM_LIMITS = {{"{error.limit}": {2 * error.allowed}}}`',
        public=f"{what} Send less.",
    )


_EXPLAINERS: tuple[Callable[[BaseException], Problem | None], ...] = (
    _no_route,
    _wrong_method,
    _refused,
    _too_large,
    _template,
    _database,
)
