"""Let only some visitors through to a view. For views of both styles, sync and async."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool

from coatcheck.core.http import SAFE_METHODS
from coatcheck.web.context import current_app, current_request, reverse
from coatcheck.web.dispatch import is_async
from coatcheck.web.errors import HttpError
from coatcheck.web.responses import HttpResponseRedirect

if TYPE_CHECKING:
    from coatcheck.web.requests import Request

V = TypeVar("V", bound=Callable[..., Any])


@overload
def login_required(view: V) -> V: ...
@overload
def login_required(*, login_url: str | None = None) -> Callable[[V], V]: ...
def login_required(view: Any = None, *, login_url: str | None = None) -> Any:
    """Send visitors who are not logged in to the login page, and back afterwards.

    That page is *login_url*, else LOGIN_URL of the settings: a path or the name of a route.
    """
    return _guarded(view, login_url, lambda user: None)


@overload
def staff_required(view: V) -> V: ...
@overload
def staff_required(*, login_url: str | None = None) -> Callable[[V], V]: ...
def staff_required(view: Any = None, *, login_url: str | None = None) -> Any:
    """Like ``login_required``, and 403 for users who are not staff."""
    return _guarded(view, login_url, _require_staff)


def _require_staff(user: Any) -> None:
    if not user.is_staff:
        raise HttpError(403, f"{user} may not open this page: it is for staff.")


def _guarded(view: Any, login_url: str | None, judge: Callable[[Any], None]) -> Any:
    if view is None:
        return lambda given: _guarded(given, login_url, judge)

    def turned_away() -> HttpResponseRedirect | None:
        request = current_request("login_required")
        if not request.user.is_authenticated:
            return to_login(request, login_url)
        judge(request.user)
        return None

    guards = (turned_away, *getattr(view, "guards", ()))
    if is_async(view):

        @functools.wraps(view)
        async def guarded_async(*args: Any, **kwargs: Any) -> Any:
            # In a thread: it asks the database.
            return await run_in_threadpool(turned_away) or await view(*args, **kwargs)

        guarded_async.guards = guards  # type: ignore[attr-defined]
        return guarded_async

    @functools.wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        return turned_away() or view(*args, **kwargs)

    # A page with a form asks them too, for it shows the form before the view is called.
    guarded.guards = guards  # type: ignore[attr-defined]
    return guarded


def to_login(request: "Request", login_url: str | None = None) -> HttpResponseRedirect:
    """To the login page, with the way back in ``next`` unless this was a form being sent."""
    target = login_url or current_app().settings.login_url
    if not target.startswith("/"):
        target = reverse(target)
    if request.method in SAFE_METHODS:
        target += "?" + urlencode({"next": request.get_full_path()})
    response = HttpResponseRedirect(target)
    response.refused = True  # after the login the visitor may go back and send the form
    return response
