"""Every form is processed once: what the standalone stack does with a submission.

``dispatch`` asks here after the check of the form and before the session is loaded. What comes back
is the right to run the view (an ``Attempt``), or the response for who sent it again. Whether it may
run is decided in ``forms.once``; the pages for people are next door, in ``once_pages``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, overload

from starlette.responses import Response

from coatcheck.core.http import ResponseEdits
from coatcheck.forms import tickets
from coatcheck.forms.answers import Answer, shown_fields
from coatcheck.forms.fingerprint import of_form
from coatcheck.forms.flash import flash_again
from coatcheck.forms.headers import is_form
from coatcheck.forms.once import (
    CannotTell,
    Edited,
    Once,
    Otherwise,
    Replay,
    StillRunning,
    Submission,
)
from coatcheck.forms.tickets import Binding, ClaimKey, Ticket
from coatcheck.integrations.asgi import VISIT, Visit
from coatcheck.integrations.once_asgi import Attempt, Submissions
from coatcheck.web import once_pages
from coatcheck.web.responses import HttpResponse

if TYPE_CHECKING:
    from coatcheck.web.app import App
    from coatcheck.web.requests import Request

V = TypeVar("V", bound=Callable[..., Any])

RESULTS = "/-coatcheck/result/"
"""Where a visitor is shown what became of a form that took long."""

TICKET_HEADER = "Coatcheck-Ticket"
"""A fresh ticket for a form that a script sent; from a script, a word that it takes them."""

IN_FLIGHT = 60.0
"""Seconds that the answer to a form without a ticket is kept, for those that wait for it only."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How the forms of one view are processed. See ``once``."""

    name: str = ""
    key: "Callable[[Request], object] | None" = None
    at_most_once: bool = False
    every_time: bool = False


_DEFAULT = Rule()
_RULE = "coatcheck_once"


@overload
def once(view: V) -> V: ...
@overload
def once(
    *,
    name: str = "",
    key: "Callable[[Request], object] | None" = None,
    at_most_once: bool = False,
) -> Callable[[V], V]: ...
def once(
    view: Any = None,
    *,
    name: str = "",
    key: "Callable[[Request], object] | None" = None,
    at_most_once: bool = False,
) -> Any:
    """Say how often the forms of a view are processed, where once per form shown is not enough.

    *name* makes all forms that a visitor was shown before the first was answered one submission:
    two tabs with one checkout. *key* tells from the request what is submitted, such as the number
    of an order: the same visitor submits the same thing once a day, whatever the page. With
    *at_most_once* a submission whose end is not known, because the view raised or its process died,
    is never repeated unless the visitor says so.
    """
    rule = Rule(name, key, at_most_once)
    return _ruled(rule) if view is None else _ruled(rule)(view)


def processed_every_time(view: V) -> V:
    """Process each request to *view*, also one that repeats another: for views where that is meant.

    Two clicks, a resend after a lost answer and the back button all count.
    """
    return _ruled(Rule(every_time=True))(view)


def _ruled(rule: Rule) -> Callable[[V], V]:
    def decorate(view: V) -> V:
        setattr(view, _RULE, rule)
        return view

    return decorate


def rule_of(view: Callable[..., Any]) -> Rule:
    """How the forms of *view* are processed."""
    found: Rule = getattr(view, _RULE, _DEFAULT)
    return found


class Forms:
    """The submissions of one site."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._once = Once.of(app.sessions, app.keyring)

    async def enter(
        self, request: "Request", view: Callable[..., Any]
    ) -> Attempt | Response | None:
        """Claim what *request* submits to *view*, and load the session that it writes to.

        None where there is nothing to claim: no ticket, and no visitor to tell from others.
        """
        visit: Visit = request.scope[VISIT]
        session = request.session
        then = None
        if visit.leased and not session.loaded:
            then = lambda: visit.loading(session)  # noqa: E731
        rule = rule_of(view)
        ticket = None if rule.every_time else request.csrf.ticket()
        if ticket is not None and ticket.stale:
            return once_pages.open_for_long(request)
        submission = None if rule.every_time else self._submission(request, rule, ticket)
        if submission is None:
            if then is not None:
                await session.load()
            return None
        submissions = Submissions(self._once, visit.phases)
        outcome = await submissions.claim(submission, then)
        if isinstance(outcome, Attempt):
            return outcome
        return await self._instead(request, outcome, submission.key, ticket, rule)

    def _submission(
        self, request: "Request", rule: Rule, ticket: Ticket | None
    ) -> Submission | None:
        bindings = request.csrf.bindings
        if not is_form(request.headers.get("content-type", "")) or not bindings:
            return None
        address = f"{request.method} {request.get_full_path()}"
        fingerprint = of_form(request.POST, request.FILES)
        now = self._once.clock()
        if rule.key is not None:
            key = _named("key", repr(rule.key(request)), bindings[0], address)
            return Submission(key, fingerprint, 0.0, rule.at_most_once)
        if rule.name:
            key = _named("view", rule.name, bindings[0], address)
            minted = ticket.minted if ticket is not None else 0.0
            return Submission(key, fingerprint, minted, rule.at_most_once)
        if ticket is None:
            key = _named("in flight", fingerprint.hex(), bindings[0], address)
            return Submission(key, fingerprint, now, rule.at_most_once, IN_FLIGHT)
        # A script may send one form many times. Unless it takes a fresh ticket from each answer,
        # only what is sent while another is on its way counts as the same.
        minted = now if _may_repeat(request) else ticket.minted
        return Submission(ticket.key(address), fingerprint, minted, rule.at_most_once)

    async def _instead(
        self,
        request: "Request",
        outcome: Otherwise,
        key: ClaimKey,
        ticket: Ticket | None,
        rule: Rule,
    ) -> Response:
        match outcome:
            case Replay(answer):
                proved = ticket.proved if ticket is not None else True
                return await self._replayed(request, answer, proved=proved)
            case Edited(answer):
                result = self._result_url(request, key)
                return once_pages.already_sent(request, answer, result, again=rule.key is None)
            case StillRunning():
                return once_pages.still_running(request, self._result_url(request, key))
            case CannotTell():
                return once_pages.cannot_tell(request, again=rule.key is None)

    async def result(self, request: "Request", text: str) -> Response:
        """What became of the submission that ``_result_url`` named in *text*."""
        found = tickets.read_result(text, self._app.keyring, request.csrf.bindings)
        if found is None:
            return once_pages.no_result(request)
        key, proved = found
        visit: Visit = request.scope[VISIT]
        match await visit.phases.run(self._once.answer(key)):
            case Replay(answer):
                return await self._replayed(request, answer, proved=proved)
            case StillRunning():
                return once_pages.still_running(request, request.get_full_path())
            case CannotTell():
                return once_pages.cannot_tell(request, again=False)
        return once_pages.not_processed(request)

    def _result_url(self, request: "Request", key: ClaimKey) -> str:
        root = str(request.scope.get("root_path", "")).rstrip("/")
        return root + RESULTS + tickets.result(self._app.keyring, key, request.csrf.bindings[0])

    async def _replayed(self, request: "Request", answer: Answer, *, proved: bool) -> Response:
        headers = answer.again(self._once.clock(), proved=proved)
        cookie = self._app.sessions.lifecycle.cookie.attributes(https=request.is_secure()).name
        if answer.redirects and answer.flashes and not _brings(headers, cookie):
            # The page that it leads to may have been shown to the answer that was not read.
            await request.session.load()
            flash_again(request.session, answer.flashes)
        if answer.body is None:
            return once_pages.processed(request)
        response = Response(answer.body, answer.status)
        del response.headers["content-length"]
        response.raw_headers = [
            (b"content-length", str(len(answer.body)).encode()),
            *((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers),
        ]
        return response

    def keep(self, request: "Request", response: Response, attempt: Attempt) -> None:
        """Have *response* kept as the answer of *attempt*, right after the session is committed."""
        visit: Visit = request.scope[VISIT]
        fields = shown_fields(request.POST, request.FILES)

        async def after_commit(edits: ResponseEdits) -> None:
            if getattr(response, "refused", False):
                await attempt.free()
                return
            headers = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in response.raw_headers
            ]
            headers += [("set-cookie", cookie) for cookie in edits.cookies]
            body = bytes(response.body) if isinstance(response, HttpResponse) else None
            await attempt.finish(
                Answer.of(response.status_code, headers, body, request.flashed.queued, fields)
            )

        visit.after_commit = after_commit


def _named(kind: str, name: str, binding: Binding, address: str) -> ClaimKey:
    return ClaimKey.of(kind, name.encode(), binding.owner, address.encode())


def _may_repeat(request: "Request") -> bool:
    """Whether a script sent it that keeps one ticket for all that it sends."""
    return by_script(request) and TICKET_HEADER.lower() not in request.headers


def by_script(request: "Request") -> bool:
    """Whether a script of the page sent it, and the page stays."""
    mode = request.headers.get("sec-fetch-mode", "navigate")
    return mode != "navigate" or "hx-request" in request.headers


def _brings(headers: list[tuple[str, str]], cookie: str) -> bool:
    return any(name == "set-cookie" and value.startswith(f"{cookie}=") for name, value in headers)
