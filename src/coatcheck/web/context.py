"""``request`` and ``session`` as names a module can import, bound to the request being answered.

They are stand-ins: each use looks up the request of the running task or thread. Outside
a request they raise OutsideRequest. ``dispatch`` binds the request; nobody else does.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode

from coatcheck.forms import flash as messages
from coatcheck.forms.typed.host import host
from coatcheck.web.errors import OutsideRequest
from coatcheck.web.form_host import RequestHost

if TYPE_CHECKING:
    from coatcheck.core.session import Session
    from coatcheck.web.app import App
    from coatcheck.web.requests import Request

_request: "ContextVar[Request]" = ContextVar("coatcheck_request")
_app: "ContextVar[App]" = ContextVar("coatcheck_app")


@contextmanager
def answering(request: "Request") -> Iterator[None]:
    """Make *request* the one that ``request`` and ``session`` stand for."""
    token, form_host = _request.set(request), host.set(RequestHost(request))
    try:
        yield
    finally:
        host.reset(form_host)
        _request.reset(token)


@contextmanager
def using(app: "App") -> Iterator[None]:
    """Let ``reverse``, ``url_for`` and templates know *app* where no request is, as in a shell."""
    token = _app.set(app)
    try:
        yield
    finally:
        _app.reset(token)


def current_request(wanted: str = "request") -> "Request":
    """The request being answered; raises OutsideRequest, naming what was *wanted*."""
    try:
        return _request.get()
    except LookupError:
        raise OutsideRequest(
            f"{wanted} was used where no request is being answered.\n"
            "Use it inside a view, or in what a view calls. A thread you start yourself needs "
            "contextvars.copy_context().run(...); at import time there is no request yet."
        ) from None


def has_request() -> bool:
    """Whether a request is being answered here."""
    return _request.get(None) is not None


def current_app() -> "App":
    """The application of the request being answered, or the one named by ``using``."""
    request = _request.get(None)
    if request is not None:
        return request.app
    try:
        return _app.get()
    except LookupError:
        raise OutsideRequest(
            "There is no request here, so it is not clear which application is meant.\n"
            "Do it inside a view, or say: with coatcheck.web.context.using(app): ..."
        ) from None


class StandIn:
    """Passes everything on to what *find* returns, so that it can be imported before it exists."""

    __slots__ = ("_find", "_kind", "_name")

    def __init__(self, name: str, find: Callable[[], Any], kind: Callable[[], type]) -> None:
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_find", find)
        object.__setattr__(self, "_kind", kind)

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # isinstance() must not need a request
        return cast("type", object.__getattribute__(self, "_kind")())

    def __getattr__(self, name: str) -> Any:
        return getattr(_found(self), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(_found(self), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(_found(self), name)

    def __getitem__(self, key: Any) -> Any:
        return _found(self)[key]

    def __setitem__(self, key: Any, value: object) -> None:
        _found(self)[key] = value

    def __delitem__(self, key: Any) -> None:
        del _found(self)[key]

    def __contains__(self, key: object) -> bool:
        return key in _found(self)

    def __iter__(self) -> Iterator[Any]:
        return iter(_found(self))

    def __len__(self) -> int:
        return len(_found(self))

    def __bool__(self) -> bool:
        return bool(_found(self))

    def __eq__(self, other: object) -> bool:
        return bool(_found(self) == other)

    def __hash__(self) -> int:
        return hash(_found(self))

    def __str__(self) -> str:
        return str(_found(self))

    def __repr__(self) -> str:
        if not has_request():
            return f"<{object.__getattribute__(self, '_name')}, of no request here>"
        return repr(_found(self))

    def __dir__(self) -> Iterable[str]:
        return dir(_found(self)) if has_request() else []


def _found(stand_in: StandIn) -> Any:
    return object.__getattribute__(stand_in, "_find")()


def _request_type() -> type:
    from coatcheck.web.requests import Request

    return Request


def _session_type() -> type:
    from coatcheck.core.session import Session

    return Session


def _user_type() -> type:
    return object


request = cast("Request", StandIn("request", current_request, _request_type))
"""The request being answered."""

session = cast(
    "Session", StandIn("session", lambda: current_request("session").session, _session_type)
)
"""The session of the request being answered: what this site remembers of its visitor."""

current_user: Any = StandIn("user", lambda: current_request("user").user, _user_type)
"""The user who is logged in, or ``coatcheck.web.auth.AnonymousUser``."""


def flash(message: str, category: str = "message") -> None:
    """Keep *message* for the next page that shows messages."""
    request = current_request("flash()")
    messages.flash(request.session, message, category, request.flashed)


def get_flashed_messages(
    with_categories: bool = False, category_filter: Iterable[str] = ()
) -> Sequence[Any]:
    """The messages kept so far, each given out once; pairs of (category, message) if asked.

    A second call in the same request gives the same messages, as in Flask: a layout
    and its page may both show them.
    """
    request = current_request("get_flashed_messages()")
    return messages.get_flashed_messages(
        request.session, with_categories, category_filter, request.flashed
    )


def reverse(name: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> str:
    """The path of the route called *name*, with these values in its places.

    ``"ns:name"`` looks inside a namespace. Raises NoReverseMatch.
    """
    return _mount() + current_app().routes.reverse(name, args, kwargs)


def url_for(endpoint: str, *, _external: bool = False, _anchor: str = "", **values: Any) -> str:
    """The path of the route called *endpoint*; values without a place become the query string.

    ``url_for("static", filename="site.css")`` is the address of a static file.
    """
    if endpoint == "static" and not current_app().routes.named("static"):
        url = static_url(str(values.pop("filename")))
        rest = values
    else:
        built, rest = current_app().routes.build(endpoint, values)
        url = _mount() + built
    query = {key: value for key, value in rest.items() if value is not None}
    if query:
        url += "?" + urlencode(query, doseq=True)
    if _anchor:
        url += "#" + quote(_anchor)
    return current_request("url_for(_external=True)").build_absolute_uri(url) if _external else url


def static_url(file: str) -> str:
    """The address of the static *file*."""
    prefix = current_app().settings.static_url
    return ("" if "://" in prefix else _mount()) + prefix + quote(file.lstrip("/"))


def _mount() -> str:
    """The path under which a server or another application mounted this one."""
    request = _request.get(None)
    return str(request.scope.get("root_path", "")).rstrip("/") if request is not None else ""
