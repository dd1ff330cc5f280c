"""Django's session middleware, in whose place it goes: ``SessionMiddleware``.

What an engine alone cannot do is done here: a request that ends with a status of 500 or more saves
nothing at all; no answer takes away the cookie of a newer login; a store that does not answer is a
503 with Retry-After, and the log has the reason; the response goes out when everything is saved.

Under ``COATCHECK["ISOLATION"] = "serializable"`` an unsafe request takes the session's lease when
it first touches the session. A safe request that lost a race is run once more, under the lease,
from this middleware inwards: the request object is given back the state it came with, what the
first run did to the session is forgotten and its response is never sent. What its view did
elsewhere, in the database say, is done twice, which a safe request by definition allows. There is
no second run where the body of the request was read already: then the answer is 409.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeGuard

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib.sessions import middleware as djangos
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control, patch_vary_headers

from coatcheck.core.errors import CoatcheckError, SessionConflict
from coatcheck.core.events import Event, EventName
from coatcheck.core.http import CACHE_CONTROL, NO_EDITS, RequestView, ResponseEdits
from coatcheck.core.lifecycle import Lifecycle
from coatcheck.wire.cookies import LONGEST_AGE, values

from ..refusals import VISITORS_ERRORS, plain_words
from . import configuration
from .engine import SessionStore
from .submissions import binding_cookie

logger = logging.getLogger("coatcheck")

STARTED = (
    "the session was changed after the response had been made, so it cannot be saved. Change it in "
    "the view, not while its response is streamed."
)


class SessionMiddleware(djangos.SessionMiddleware):
    """Gives each request its session and saves it before the response goes out."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        super().__init__(get_response)
        if self.async_mode:
            self.process_view = self._load_for_async_views

    def __call__(self, request: HttpRequest) -> Any:
        if self.async_mode:
            return self.__acall__(request)
        self.process_request(request)
        before = _State(request)
        response = self._finished(request, self.get_response(request), before)
        if before.lost:
            before.restore(request)
            response = self._finished(request, self.get_response(request), before)
        return response

    async def __acall__(self, request: HttpRequest) -> HttpResponse:
        self.process_request(request)
        before = _State(request)
        response = await self._answered(request, before)
        if before.lost:
            before.restore(request)
            response = await self._answered(request, before)
        return response

    def process_request(self, request: HttpRequest) -> None:
        if not issubclass(self.SessionStore, SessionStore):
            super().process_request(request)  # a test has set another engine for a while
            return
        view = request_view(request)
        leased = _takes_turns() and not view.safe
        request.session = self.SessionStore.for_request(view, leased=leased)

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """*response* with what the session has to say, for code that calls us in two halves."""
        return self._finished(request, response, None)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The answer to a view that could not have its session."""
        return refusal(request, error) if isinstance(error, VISITORS_ERRORS) else None

    async def _load_for_async_views(
        self, request: HttpRequest, view: Callable[..., Any], args: object, kwargs: object
    ) -> HttpResponse | None:
        """Load the session before a view on the event loop, which could not wait for it."""
        store = request.session
        if _is_managed(store) and iscoroutinefunction(view):
            try:
                await store.preload()
            except VISITORS_ERRORS as error:
                return refusal(request, error)
        return None

    def _finished(
        self, request: HttpRequest, response: HttpResponse, before: "_State | None"
    ) -> HttpResponse:
        store = getattr(request, "session", None)
        if not _is_managed(store):
            return super().process_response(request, response)  # put there by somebody else
        ending = _Ending(request, store, response)
        error = None
        if ending.has_work:
            try:
                configuration.current().now(ending.phase)
            except VISITORS_ERRORS as refused:
                error = refused
        return _answer(request, ending, error, before)

    async def _answered(self, request: HttpRequest, before: "_State") -> HttpResponse:
        try:
            response = await self.get_response(request)
        except asyncio.CancelledError:
            await _given_back(getattr(request, "session", None))
            raise
        store = getattr(request, "session", None)
        if not _is_managed(store):
            return await sync_to_async(super().process_response)(request, response)
        ending = _Ending(request, store, response)
        error = None
        if ending.has_work:
            try:
                # A visitor who leaves must not leave half a commit behind.
                await _through(configuration.current().soon(ending.phase))
            except VISITORS_ERRORS as refused:
                error = refused
        return _answer(request, ending, error, before)


class _Ending:
    """The end of one run of a request: what is done with its session."""

    def __init__(self, request: HttpRequest, store: SessionStore, response: HttpResponse) -> None:
        self.request = request
        self.store = store
        self.response = response
        self.edits = NO_EDITS
        self.saves = response.status_code < 500 and not store.given_up
        if self.saves and settings.SESSION_SAVE_EVERY_REQUEST and store:
            store.accessed = True  # each request counts as use, if its view looks at it or not

    @property
    def has_work(self) -> bool:
        """Whether the store has to be asked at all."""
        store = self.store
        held = store.opened and store.core.holder is not None
        return store.accessed or held or store.processing is not None

    async def phase(self, lifecycle: Lifecycle) -> None:
        """Save the session, or only give its lease back."""
        core = self.store.core
        try:
            if self.saves and self.store.accessed:
                if not core.loaded:
                    await lifecycle.load(core)
                core.accessed = True
                self.edits = await lifecycle.commit(core, self.store.view)
                self.store.moved()
                if self.store.flushed and self.edits.set_cookie is None and not core.late:
                    self.edits = self.edits._replace(set_cookie=self._farewell(lifecycle))
            if self.store.processing is not None:
                cookies = self.edits.cookies
                await self.store.processing.keep(self.request, self.response, cookies)
        finally:
            if self.store.processing is not None:
                await self.store.processing.close()
            if core.holder is not None:
                await lifecycle.give_back(core)

    def _farewell(self, lifecycle: Lifecycle) -> str | None:
        """The line that expires a cookie which opened nothing: its visitor wants it gone."""
        view = self.store.view
        cookie = lifecycle.cookie.attributes(https=view.https)
        return cookie.expire() if values(view.cookies, cookie.name) else None

    def edited(self) -> HttpResponse:
        """The response as the session wants it."""
        store = self.store
        if store.binding is not None:
            cookie = binding_cookie(https=store.view.https)
            _set_cookie(self.response, cookie.render(store.binding, LONGEST_AGE))
        if store.accessed or store.ticketed:
            apply(self.response, self.edits._replace(vary=True), ticketed=store.ticketed)
        return self.response


def _answer(
    request: HttpRequest, ending: _Ending, error: CoatcheckError | None, before: "_State | None"
) -> HttpResponse:
    """What goes out, unless the request is to run again, which *before* then says."""
    ending.store.close(STARTED)
    if before is not None:
        before.lost = isinstance(error, SessionConflict) and before.may_run_again(request)
    if error is None:
        return ending.edited()
    for close in ending.response._resource_closers:
        close()  # its page, file or stream is not sent
    if before is not None and before.lost:
        notify = configuration.current().sessions.lifecycle.notify
        notify(Event(EventName.RERUN, detail=request.path))
        return ending.response
    return refusal(request, error)


class _State:
    """The request as it came in, to be run a second time. Kept only where that may be."""

    def __init__(self, request: HttpRequest) -> None:
        self.lost = False
        """Whether the run lost a race, so that there is another one."""
        store = request.session
        self._repeatable = _is_managed(store) and store.view.safe and _takes_turns()
        if self._repeatable:
            self._attributes = dict(request.__dict__)
            self._dicts = [
                (value, dict(value))
                for name in ("META", "COOKIES")
                if (value := request.__dict__.get(name)) is not None
            ]

    def may_run_again(self, request: HttpRequest) -> bool:
        """Whether there is a second run; there is no third, and none without the body."""
        return self._repeatable and not request._read_started

    def restore(self, request: HttpRequest) -> None:
        """Give *request* back what it came with, and a session under its lease."""
        self._repeatable = self.lost = False
        request.__dict__.clear()
        request.__dict__.update(self._attributes)
        for value, before in self._dicts:
            value.clear()
            value.update(before)
        first = request.session
        request.session = type(first).for_request(first.view, leased=True)


def request_view(request: HttpRequest) -> RequestView:
    """What a session needs to know of *request*."""
    https = request.is_secure()
    name = configuration.current().cookie_name(https=https)
    raw = request.META.get("HTTP_COOKIE", "").encode("latin-1", "replace")
    cookies = (raw,)
    if name.encode() not in raw and name in request.COOKIES:
        # Code has put it there. What the visitor sent is read from the header alone: there, blanks
        # beyond ASCII before a name do not make it this one.
        cookies = (f"{name}={request.COOKIES[name]}".encode("ascii", "replace"),)
    return RequestView(
        method=request.method or "GET",
        https=https,
        cookies=cookies,
        user_agent=request.META.get("HTTP_USER_AGENT", ""),
        address=request.META.get("REMOTE_ADDR", ""),
    )


def apply(response: HttpResponse, edits: ResponseEdits, *, ticketed: bool = False) -> None:
    """Put *edits* on *response*, which is *ticketed* if it holds a form to be sent once."""
    for line in edits.cookies:
        _set_cookie(response, line)
    if edits.vary:
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = CACHE_CONTROL
        if ticketed and response["Cache-Control"] == CACHE_CONTROL:
            # So that Back brings that very ticket: see ``integrations.headers``. Django's CSRF
            # middleware has put it there for its own cookie.
            _unvary(response, "cookie")
        else:
            patch_vary_headers(response, ("Cookie",))
    if edits.cookies:
        # Whatever the view said: a shared cache would hand the cookie to others (CVE-2026-48588).
        patch_cache_control(response, private=True)


def _unvary(response: HttpResponse, name: str) -> None:
    """Take *name*, in small letters, out of Vary."""
    words = [word.strip() for word in response.get("Vary", "").split(",")]
    others = [word for word in words if word and word.lower() != name]
    del response["Vary"]
    if others:
        response["Vary"] = ", ".join(others)


def _set_cookie(response: HttpResponse, line: str) -> None:
    """The Set-Cookie *line* as Django keeps cookies, where tests and middlewares look for them."""
    pair, *attributes = line.split("; ")
    name, _, value = pair.partition("=")
    said = {key.lower(): text for key, _, text in (part.partition("=") for part in attributes)}
    age = int(said["max-age"]) if "max-age" in said else None
    response.set_cookie(
        name,
        value,
        max_age=age,
        expires="Thu, 01 Jan 1970 00:00:00 GMT" if age == 0 else None,
        path=said["path"],
        domain=said.get("domain"),
        secure="secure" in said,
        httponly="httponly" in said,
        samesite=said["samesite"],
    )


def refusal(request: HttpRequest, error: CoatcheckError) -> HttpResponse:
    """What the visitor is told of *error*; the log is told the reason."""
    headers, text = plain_words(error)
    log = logger.error if error.status >= 500 else logger.warning
    log("%s %s was answered with %d: %s", request.method, request.path, error.status, error)
    return HttpResponse(text, status=error.status, headers=dict(headers))


def _takes_turns() -> bool:
    return configuration.current().sessions.policy.isolation == "serializable"


def _is_managed(store: object) -> TypeGuard[SessionStore]:
    return isinstance(store, SessionStore) and store.managed


async def _given_back(store: object) -> None:
    """Give back what a request has that its visitor did not wait for: lease and submission."""
    if not isinstance(store, SessionStore):
        return
    core, processing = store.core, store.processing

    async def phase(lifecycle: Lifecycle) -> None:
        if processing is not None:
            await processing.close()
        await lifecycle.give_back(core)

    if core.holder is not None or processing is not None:
        await _through(configuration.current().soon(phase))


async def _through(phase: Coroutine[Any, Any, None]) -> None:
    """Run *phase* to its end, also when this task is cancelled, which takes effect then."""
    task = asyncio.ensure_future(phase)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # asked for, so that nobody is told it was not
        raise
