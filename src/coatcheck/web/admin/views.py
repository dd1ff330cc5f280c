"""The admin's start page, and its own way in and out."""

from datetime import UTC, datetime

from coatcheck.core.record import Record
from coatcheck.forms.redirects import safe_next
from coatcheck.web.auth.access import staff_required
from coatcheck.web.auth.visitor import APP, login, logout
from coatcheck.web.context import reverse
from coatcheck.web.own_pages import own_page
from coatcheck.web.requests import Request
from coatcheck.web.responses import HttpResponse, redirect
from coatcheck.wire.tokens import handle


@staff_required(login_url="admin:login")
def index(request: Request) -> HttpResponse:
    """Who is logged in here, and where else."""
    own = request.session.handle
    page = own_page(
        "admin_index.html",
        {
            "user": request.user,
            "logout": reverse("admin:logout"),
            "sessions": [_row(one, own) for one in request.app.sessions.of(request.user.id)],
        },
    )
    return _kept_by_nobody(page)


def login_page(request: Request) -> HttpResponse:
    """The form, and what becomes of it. A wrong pair gets the form back, with a word on it."""
    target = safe_next(request.GET.get("next"), reverse("admin:index"))
    problem = ""
    if request.method == "POST":
        from coatcheck.web.auth.accounts import authenticate
        from coatcheck.web.auth.visitor import require_installed

        require_installed()
        user = authenticate(request.POST["username"], request.POST["password"])
        if user is not None and user.is_staff:
            login(request, user)
            return redirect(target)
        problem = "Name and password do not fit, or the user is not staff."
    installed = APP in request.app.settings.installed_apps
    page = own_page(
        "admin_login.html",
        {
            "problem": problem,
            "username": request.POST.get("username", ""),
            "missing": "" if installed or not request.app.debug else APP,
        },
        status=422 if problem else 200,
    )
    return _kept_by_nobody(page)


def logout_page(request: Request) -> HttpResponse:
    """End the session. By POST only: a link on another site must not log anybody out."""
    logout(request)
    return redirect(reverse("admin:login"))


def _row(record: Record, own: str) -> dict[str, object]:
    return {
        "device": record.user_agent or "unknown device",
        "address": record.address,
        "created": _moment(record.created),
        "seen": _moment(record.seen),
        "here": handle(record.id) == own,
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _kept_by_nobody(page: HttpResponse) -> HttpResponse:
    page["Cache-Control"] = "no-store"
    return page
