"""The admin's pages on sessions: who is here, on what devices, and out they go.

The list is that of the table, so it is there where sessions are in Django's database; the page of
one user's devices asks the engine and is there for every store that lists by user.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from coatcheck.core.record import Record
from coatcheck.wire.tokens import handle

from . import configuration
from .models import Session


class SessionList(ChangeList):
    """The list with the user of each session, asked for once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        model = get_user_model()
        keys = {session.user_id for session in self.result_list if session.user_id}
        try:
            users = model._default_manager.in_bulk([model._meta.pk.to_python(key) for key in keys])
        except Exception:  # noqa: BLE001 (ValidationError, ValueError: keys of an earlier user model)
            users = {}
        named = {str(key): user for key, user in users.items()}
        here = record_id(request)
        for session in self.result_list:
            session.user = named.get(session.user_id)
            session.here = session.pk == here


@admin.register(Session)
class SessionAdmin(admin.ModelAdmin):
    """Sessions can be seen and ended, and never be written: what they hold is their visitors'."""

    list_display = ("name", "who", "device", "address", "begun", "last_seen", "this_one")
    list_display_links = None
    ordering = ("-seen",)
    search_fields = ("=user_id", "address", "user_agent")
    search_help_text = "A user's primary key, an address, or part of a device's name"
    actions = ("end",)
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # Forms that were processed once are kept beside sessions, under ids with a colon.
        found = super().get_queryset(request).exclude(pk__contains=":").defer("data", "commits")
        return found.filter(expires__gt=timezone.now().timestamp())

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return SessionList

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found: dict[str, Any] = super().get_actions(request)
        found.pop("delete_selected", None)
        return found if self.has_delete_permission(request) else {}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        devices = self.admin_site.admin_view(self.devices)
        own = path("of/<str:user>/", devices, name="coatcheck_session_devices")
        return [own, *super().get_urls()]

    @admin.display(description="session")
    def name(self, session: Any) -> str:
        return handle(session.pk)

    @admin.display(description="user", ordering="user_id")
    def who(self, session: Any) -> str:
        if session.user_id is None:
            return "-"
        url = reverse("admin:coatcheck_session_devices", args=[session.user_id])
        link: str = format_html('<a href="{}">{}</a>', url, session.user or session.user_id)
        return link

    @admin.display(ordering="user_agent")
    def device(self, session: Any) -> str:
        named: str = session.user_agent
        return named or "unknown device"

    @admin.display(ordering="created")
    def begun(self, session: Any) -> datetime:
        return moment(session.created)

    @admin.display(ordering="seen")
    def last_seen(self, session: Any) -> datetime:
        return moment(session.seen)

    @admin.display(boolean=True, description="this session")
    def this_one(self, session: Any) -> bool:
        return bool(session.here)

    @admin.action(description="End selected sessions", permissions=["delete"])
    def end(self, request: HttpRequest, found: QuerySet[Any]) -> None:
        self._end(request, found.values_list("pk", flat=True))

    def devices(self, request: HttpRequest, user: str) -> HttpResponse:
        """The devices on which one user is logged in, and a button that ends each."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        model = get_user_model()
        person = get_object_or_404(model, pk=model._meta.pk.to_python(user))
        records = configuration.current().sessions.of(person)
        may_end = self.has_delete_permission(request)
        if request.method == "POST":
            if not may_end:
                raise PermissionDenied
            wanted = request.POST.getlist("session")
            self._end(request, [record.id for record in records if handle(record.id) in wanted])
            return HttpResponseRedirect(request.path)
        shown = partial(device_of, here=record_id(request))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Devices of {person}",
            "devices": [shown(record) for record in records],
            "may_end": may_end,
        }
        return TemplateResponse(request, "admin/coatcheck/session/devices.html", context)

    def _end(self, request: HttpRequest, ids: Iterable[str]) -> None:
        ended = sum(configuration.current().sessions.revoke(id) for id in ids)
        what = "1 session was ended." if ended == 1 else f"{ended} sessions were ended."
        self.message_user(request, what, messages.SUCCESS)


def device_of(record: Record, *, here: str | None) -> dict[str, Any]:
    """What the page says of one session."""
    return {
        "name": handle(record.id),
        "device": record.user_agent or "unknown device",
        "address": record.address or "-",
        "begun": moment(record.created),
        "seen": moment(record.seen),
        "here": record.id == here,
    }


def record_id(request: HttpRequest) -> str | None:
    """The id of the record behind the session of *request*."""
    core = getattr(request.session, "core", None)
    return core.record.id if core is not None and core.record is not None else None


def moment(seconds: float) -> datetime:
    """Seconds since the epoch as the admin shows times."""
    aware = datetime.fromtimestamp(seconds, timezone.get_default_timezone())
    return aware if timezone.is_aware(timezone.now()) else timezone.make_naive(aware)
