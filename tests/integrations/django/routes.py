"""The routes that the contract of integrations asks for, as Django's views: blocking and async."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import wraps
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.contrib import admin, messages
from django.contrib.auth import alogin, alogout, login, logout
from django.contrib.auth.models import User
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import path

from coatcheck.core.errors import SessionReadOnly
from coatcheck.testing.integration import VALUES

View = Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]


def text(value: object) -> HttpResponse:
    return HttpResponse(str(value), content_type="text/plain")


def user_called(name: str) -> Any:
    return User.objects.get_or_create(username=name)[0]


def untouched(request: HttpRequest) -> HttpResponse:
    return text("untouched")


def count(request: HttpRequest) -> HttpResponse:
    request.session["count"] = request.session.get("count", 0) + 1
    return text(request.session["count"])


def get(request: HttpRequest) -> HttpResponse:
    return text(repr(request.session.get(request.GET["key"])))


def keys(request: HttpRequest) -> HttpResponse:
    return text(len(list(request.session.keys())))


def put(request: HttpRequest) -> HttpResponse:
    request.session[request.GET["key"]] = request.GET["value"]
    return text("set")


def delete(request: HttpRequest) -> HttpResponse:
    request.session.pop(request.GET["key"], None)
    return text("deleted")


def nested(request: HttpRequest) -> HttpResponse:
    request.session.setdefault("cart", {"items": []})
    request.session["cart"]["items"].append(request.GET["value"])
    return text("added")


def values(request: HttpRequest) -> HttpResponse:
    request.session.update(VALUES)
    return text("set")


def log_in(request: HttpRequest) -> HttpResponse:
    login(request, user_called(request.GET["user"]))
    return text("in")


def log_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return text("out")


def renew(request: HttpRequest) -> HttpResponse:
    request.session.cycle_key()
    return text("renewed")


def who(request: HttpRequest) -> HttpResponse:
    return text(request.user.get_username() or "nobody")


def flash(request: HttpRequest) -> HttpResponse:
    messages.info(request, request.GET["text"])
    return text("kept")


def flashes(request: HttpRequest) -> HttpResponse:
    return text("|".join(str(message) for message in messages.get_messages(request)))


def redirect(request: HttpRequest) -> HttpResponse:
    request.session["redirected"] = request.GET["value"]
    return HttpResponseRedirect("/get?key=redirected")


def stream(request: HttpRequest) -> HttpResponse:
    request.session["streamed"] = request.GET["value"]
    return StreamingHttpResponse(iter(["a", "b", "c"]), content_type="text/plain")


def tried(request: HttpRequest) -> str:
    try:
        request.session["late"] = 1
    except SessionReadOnly:
        return "refused"
    return "taken"


def late(request: HttpRequest) -> HttpResponse:
    def parts() -> Iterator[str]:
        yield tried(request)

    return StreamingHttpResponse(parts(), content_type="text/plain")


def fail(request: HttpRequest) -> HttpResponse:
    request.session["failed"] = request.GET["value"]
    raise ZeroDivisionError("as the test wants it")


def error(request: HttpRequest) -> HttpResponse:
    request.session["failed"] = request.GET["value"]
    return HttpResponse("no", status=500)


def missing(request: HttpRequest) -> HttpResponse:
    request.session["missed"] = request.GET["value"]
    raise Http404


def cached(request: HttpRequest) -> HttpResponse:
    request.session.get("count")
    return HttpResponse("kept", headers={"Cache-Control": "public, max-age=60", "Vary": "Accept"})


# -- the same for an event loop: with Django's async methods where they are -------------------


async def acount(request: HttpRequest) -> HttpResponse:
    seen = await request.session.aget("count", 0) + 1
    await request.session.aset("count", seen)
    return text(seen)


async def aget(request: HttpRequest) -> HttpResponse:
    return text(repr(await request.session.aget(request.GET["key"])))


async def anested(request: HttpRequest) -> HttpResponse:
    await request.session.asetdefault("cart", {"items": []})
    (await request.session.aget("cart"))["items"].append(request.GET["value"])
    return text("added")


async def avalues(request: HttpRequest) -> HttpResponse:
    await request.session.aupdate(VALUES)
    return text("set")


async def alog_in(request: HttpRequest) -> HttpResponse:
    await alogin(request, await sync_to_async(user_called)(request.GET["user"]))
    return text("in")


async def alog_out(request: HttpRequest) -> HttpResponse:
    await alogout(request)
    return text("out")


async def arenew(request: HttpRequest) -> HttpResponse:
    await request.session.acycle_key()
    return text("renewed")


async def awho(request: HttpRequest) -> HttpResponse:
    return text((await request.auser()).get_username() or "nobody")


async def astream(request: HttpRequest) -> HttpResponse:
    async def parts() -> AsyncIterator[str]:
        for part in "abc":
            yield part

    await request.session.aset("streamed", request.GET["value"])
    return StreamingHttpResponse(parts(), content_type="text/plain")


async def alate(request: HttpRequest) -> HttpResponse:
    async def parts() -> AsyncIterator[str]:
        yield tried(request)

    return StreamingHttpResponse(parts(), content_type="text/plain")


def on_the_loop(view: View) -> View:
    """The blocking *view* as an async one: its session has been loaded before it runs."""
    if inspect.iscoroutinefunction(view):
        return view

    @wraps(view)
    async def run(request: HttpRequest) -> HttpResponse:
        return cast(HttpResponse, view(request))

    return run


VIEWS: dict[str, tuple[View, View]] = {
    "untouched": (untouched, untouched),
    "count": (count, acount),
    "get": (get, aget),
    "keys": (keys, keys),
    "set": (put, put),
    "delete": (delete, delete),
    "nested": (nested, anested),
    "values": (values, avalues),
    "login": (log_in, alog_in),
    "logout": (log_out, alog_out),
    "renew": (renew, arenew),
    "who": (who, awho),
    "flash": (flash, flash),
    "flashes": (flashes, flashes),
    "redirect": (redirect, redirect),
    "stream": (stream, astream),
    "late": (late, alate),
    "raise": (fail, fail),
    "error": (error, error),
    "missing": (missing, missing),
    "cached": (cached, cached),
}


STREAMS = ("stream", "late")


class Async:
    """The routes of async views, as another URL configuration."""

    urlpatterns = tuple(path(name, on_the_loop(views[1])) for name, views in VIEWS.items())


class Blocking:
    """The routes of blocking views over ASGI, where Django warns of streams that block."""

    urlpatterns = tuple(
        path(name, on_the_loop(views[1]) if name in STREAMS else views[0])
        for name, views in VIEWS.items()
    )


urlpatterns = [path(name, views[0]) for name, views in VIEWS.items()]
urlpatterns.append(path("admin/", admin.site.urls))
