"""Views whose forms are processed once: ``@once``, and ``{% once_token %}`` in the form.

Who sends the same form again is given the same answer and nothing is run: after a double click, a
reload, the back button, or a browser that sends again by itself. What may run is decided in
``coatcheck.forms.once``; ``middleware`` keeps the answer right after it has saved the session.
Blocking and async views alike; Django's own CSRF token stands in the form beside it.
"""

import asyncio
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar, overload

from asgiref.sync import iscoroutinefunction
from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from coatcheck.core.errors import StoreUnavailable
from coatcheck.core.events import logger
from coatcheck.core.http import SAFE_METHODS
from coatcheck.core.lifecycle import Lifecycle
from coatcheck.forms import csrf, tickets
from coatcheck.forms.answers import Answer, shown_fields
from coatcheck.forms.data import FormData
from coatcheck.forms.fingerprint import of_form
from coatcheck.forms.headers import is_form
from coatcheck.forms.once import Edited, Replay, Run, StillRunning, Submission
from coatcheck.forms.tickets import Binding, ClaimKey, Ticket
from coatcheck.forms.uploads import Upload, safe_filename
from coatcheck.wire.cookies import CookieAttributes, values

from ..once_blocking import Heartbeat
from . import configuration
from .engine import SessionStore
from .messages import flat

V = TypeVar("V", bound=Callable[..., Any])

FIELD = "once_token"
"""The hidden field of a form."""

IN_FLIGHT = 60.0
"""Seconds that the answer to a form without a ticket is kept, for those that wait for it only."""

SENT_BEFORE = (
    "This form was sent before, with other values, and that was processed. To send this too, load "
    "the page anew and fill it in there."
)
STILL_PROCESSED = "This form is still being processed. Look again in a moment."
OUTCOME_UNKNOWN = (
    "Whether this form was processed is not known. Look first, and if it was not, load the page "
    "anew and send it from there."
)
SHOWN_ONCE = "This was processed. Its answer is shown only once."

_OVER_HTTP = CookieAttributes(csrf.BINDING_COOKIE, secure=False)
_OVER_HTTPS = CookieAttributes(f"__Host-{csrf.BINDING_COOKIE}")


@dataclass(frozen=True)
class Rule:
    """How the forms of one view are processed. See ``once``."""

    name: str
    key: Callable[[HttpRequest], object] | None
    at_most_once: bool


@overload
def once(view: V) -> V: ...
@overload
def once(
    *,
    name: str = "",
    key: Callable[[HttpRequest], object] | None = None,
    at_most_once: bool = False,
) -> Callable[[V], V]: ...
def once(
    view: Any = None,
    *,
    name: str = "",
    key: Callable[[HttpRequest], object] | None = None,
    at_most_once: bool = False,
) -> Any:
    """Process each form that is sent to a view once.

    Forms carry ``{% once_token %}``; of those that do not, only what is sent while an equal one is
    on its way counts as the same. *name* makes all forms that a visitor was shown before the first
    was answered one submission: two tabs with one checkout. *key* tells from the request what is
    submitted, such as the number of an order: the same visitor submits the same thing once a day.
    With *at_most_once* a submission whose end nobody knows is never repeated.

    An answer of 400 and above leaves the form to be sent again. What cannot be processed is
    answered with 409. Raises ``ImproperlyConfigured`` without coatcheck's ``SessionMiddleware``.
    """
    rule = Rule(name, key, at_most_once)

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        if iscoroutinefunction(view):

            @functools.wraps(view)
            async def awaited(request: HttpRequest, *arguments: Any, **named: Any) -> Any:
                entry = _entry(request, rule)
                if isinstance(entry, _Entry):
                    entry = entry.answered(request, await configuration.current().soon(entry.claim))
                return entry or await view(request, *arguments, **named)

            return awaited

        @functools.wraps(view)
        def wrapped(request: HttpRequest, *arguments: Any, **named: Any) -> Any:
            entry = _entry(request, rule)
            if isinstance(entry, _Entry):
                entry = entry.answered(request, configuration.current().now(entry.claim))
            return entry or view(request, *arguments, **named)

        return wrapped

    return decorate if view is None else decorate(view)


def once_token(request: HttpRequest, name: str = "") -> SafeString:
    """The hidden field that names one submission of the form it stands in. Touches no session."""
    store = _store_of(request)
    bindings = _bindings(store)
    if not bindings:
        store.binding = csrf.new_binding()
        bindings = [Binding.of_browser(store.binding)]
    store.ticketed = True
    now = configuration.current().sessions.lifecycle.clock()
    token = tickets.mint(configuration.keyring(), bindings[0], now, name)
    return format_html('<input type="hidden" name="{}" value="{}">', FIELD, token)


class _Entry(NamedTuple):
    """A form that came in, before it is known whether its view is to run."""

    submission: Submission
    ticket: Ticket | None
    fields: tuple[tuple[str, str], ...]

    async def claim(self, lifecycle: Lifecycle) -> Any:
        return await configuration.current().once_over(lifecycle).claim(self.submission)

    def answered(self, request: HttpRequest, outcome: Any) -> HttpResponse | None:
        """What to answer; None if the view is to run, until which the run is kept alive."""
        match outcome:
            case Run():
                stop = _kept_alive(outcome)
                _store_of(request).processing = Processing(outcome, self.fields, stop)
                return None
            case Replay(answer):
                proved = self.ticket is None or self.ticket.proved
                return _replayed(request, answer, proved=proved)
            case Edited():
                return _not_processed(SENT_BEFORE)
            case StillRunning():
                return _not_processed(STILL_PROCESSED)
        return _not_processed(OUTCOME_UNKNOWN)


class Processing:
    """A submission while its view runs, until its answer is kept."""

    def __init__(
        self, run: Run, fields: tuple[tuple[str, str], ...], stop: Callable[[], None]
    ) -> None:
        self._run = run
        self._fields = fields
        self._stop = stop
        self._ended = False

    async def keep(
        self, request: HttpRequest, response: HttpResponse, cookies: tuple[str, ...]
    ) -> None:
        """Keep *response* as the answer, unless it is a failure. Right after the session's save."""
        if response.status_code >= 500:
            return  # close() says that it failed
        self._ended = True
        body = None if response.streaming else response.content
        set_lines = [morsel.OutputString() for morsel in response.cookies.values()]
        headers = [*response.items(), *(("Set-Cookie", line) for line in (*set_lines, *cookies))]
        queued = getattr(getattr(request, "_messages", None), "_queued_messages", ())
        flashes = [tuple(map(str, flat(message))) for message in queued]
        answer = Answer.of(response.status_code, headers, body, flashes, self._fields)
        kept = await self._run.finish(answer)
        if self._run.lost and not response.streaming:
            # Another has taken over, and was faster: there is one answer, and this is it.
            _fill(response, kept, self._run.once.clock(), proved=True)

    async def close(self) -> None:
        """Stop keeping it alive; what has no answer by now has failed."""
        self._stop()
        if not self._ended:
            self._ended = True
            await self._run.fail()


def binding_cookie(*, https: bool) -> CookieAttributes:
    """The cookie that tells browsers without a session apart."""
    return _OVER_HTTPS if https else _OVER_HTTP


def _entry(request: HttpRequest, rule: Rule) -> "_Entry | HttpResponse | None":
    store = _store_of(request)
    form = is_form(request.META.get("CONTENT_TYPE", ""))
    if request.method in SAFE_METHODS or not form or store.processing is not None:
        return None
    bindings = _bindings(store)
    if not bindings:
        return None  # a visitor whom nothing tells from others
    fields, files = _sent(request)
    now = configuration.current().sessions.lifecycle.clock()
    token = request.POST.get(FIELD)
    ticket = tickets.read(token, configuration.keyring(), bindings, now)
    if ticket is not None and ticket.stale:
        return _not_processed(OUTCOME_UNKNOWN)
    submission = _submission(request, rule, bindings, ticket, of_form(fields, files, [FIELD]), now)
    shown = tuple(pair for pair in shown_fields(fields, files) if pair[0] != FIELD)
    return _Entry(submission, ticket, shown)


def _submission(
    request: HttpRequest,
    rule: Rule,
    bindings: list[Binding],
    ticket: Ticket | None,
    fingerprint: bytes,
    now: float,
) -> Submission:
    address = f"{request.method} {request.get_full_path()}"

    # Of what tells the visitor from others what outlasts the most: the browser, if it was told so.
    # And never a session's id alone: who has only that must not get at its owner's answers.
    whose = bindings[-1].secret

    def named(kind: str, what: str) -> ClaimKey:
        return ClaimKey.of(kind, what.encode(), whose, address.encode())

    if rule.key is not None:
        key = named("key", repr(rule.key(request)))
        return Submission(key, fingerprint, 0.0, rule.at_most_once)
    if rule.name:
        minted = 0.0 if ticket is None else ticket.minted
        return Submission(named("view", rule.name), fingerprint, minted, rule.at_most_once)
    if ticket is None:
        key = named("in flight", fingerprint.hex())
        return Submission(key, fingerprint, now, rule.at_most_once, IN_FLIGHT)
    # A script may send one form many times: only what is on its way counts as the same.
    by_script = request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate"
    minted = now if by_script else ticket.minted
    return Submission(ticket.key(address), fingerprint, minted, rule.at_most_once)


def _store_of(request: HttpRequest) -> SessionStore:
    store = getattr(request, "session", None)
    if not isinstance(store, SessionStore) or not store.managed:
        raise ImproperlyConfigured(
            "forms are processed once where coatcheck saves the session: put "
            "coatcheck.integrations.django.SessionMiddleware in place of Django's."
        )
    return store


def _bindings(store: SessionStore) -> list[Binding]:
    """What tells this visitor from others: by the session first, then by the browser."""
    token = store.core.token
    found = [] if token is None else [Binding.of_session(token)]
    browser = store.binding
    if browser is None:
        shown = values(store.view.cookies, binding_cookie(https=store.view.https).name)
        browser = shown[0] if len(shown) == 1 and csrf.is_binding(shown[0]) else None
    return found if browser is None else [*found, Binding.of_browser(browser)]


def _sent(request: HttpRequest) -> tuple[FormData[str], FormData[Upload]]:
    """The form as Django has read it, under the project's own limits."""
    fields = FormData([(name, one) for name, sent in request.POST.lists() for one in sent])
    files = FormData(
        [
            (name, Upload(safe_filename(one.name), one.content_type, one.size, one.file, one.name))
            for name, sent in request.FILES.lists()
            for one in sent
        ],
        source="files",
    )
    return fields, files


def _replayed(request: HttpRequest, answer: Answer, *, proved: bool) -> HttpResponse:
    response = HttpResponse()
    now = configuration.current().sessions.lifecycle.clock()
    _fill(response, answer, now, proved=proved)
    cookie = configuration.current().cookie_name(https=_store_of(request).view.https)
    if answer.redirects and cookie not in response.cookies:
        # The page that it leads to may have been shown to the answer that nobody read.
        for level, text, extra_tags, *_ in answer.flashes:
            messages.add_message(request, int(level), text, extra_tags, fail_silently=True)
    return response


def _fill(response: HttpResponse, answer: Answer, now: float, *, proved: bool) -> None:
    response.status_code = answer.status
    for name in list(response.headers):
        del response.headers[name]
    response.cookies.clear()
    for name, value in answer.again(now, proved=proved):
        if name == "set-cookie":
            response.cookies.load(value)
        else:
            response.headers[name.title()] = value
    response.content = SHOWN_ONCE.encode() if answer.body is None else answer.body
    if answer.body is None:
        response.headers["Content-Type"] = "text/plain; charset=utf-8"


def _not_processed(words: str) -> HttpResponse:
    page = format_html(
        '<!doctype html><html lang="en"><title>Not processed</title>'
        '<meta name="viewport" content="width=device-width"><h1>Not processed</h1><p>{}</p></html>',
        words,
    )
    return HttpResponse(page, status=409, headers={"Cache-Control": "no-store"})


class _ClosingHeartbeat(Heartbeat):
    """Gives its thread's database connections back when it has used them."""

    def _renew(self, run: Run) -> None:
        super()._renew(run)
        connections.close_all()


def _kept_alive(run: Run) -> Callable[[], None]:
    """Keep *run* alive, from a thread over a store that blocks; what stops that."""
    current = configuration.current()
    sessions = current.sessions
    if sessions.blocking and run.once is current.once_over(sessions.lifecycle):
        if current.heartbeat is None:
            current.heartbeat = _ClosingHeartbeat(sessions, run.once.beat)
        current.heartbeat.add(run)
        return functools.partial(current.heartbeat.discard, run)
    task = asyncio.get_running_loop().create_task(_beating(run))

    def stop() -> None:
        task.cancel()

    return stop


async def _beating(run: Run) -> None:
    alive = True
    while alive:
        await asyncio.sleep(run.once.beat)
        try:
            alive = await configuration.current().soon(lambda lifecycle: run.renew())
        except StoreUnavailable as error:
            logger.warning("A submission could not be kept alive, and is tried again: %s", error)
