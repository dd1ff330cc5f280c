"""Every form is processed once: what the standalone stack does with a submission.

``dispatch`` asks here after the check of the form and before the session is loaded. What comes back
is the right to run the view (an ``Attempt``), or the response for who sent it again. Whether it may
run is decided in ``forms.once``; the pages for people are next door, in ``submission_pages``.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, overload

from starlette.responses import Response

from coatcheck.core import bridge
from coatcheck.core.http import ResponseEdits
from coatcheck.forms import tickets
from coatcheck.forms.answers import Answer, shown_fields
from coatcheck.forms.fingerprint import of_body, of_form
from coatcheck.forms.flash import flash_again
from coatcheck.forms.headers import is_form
from coatcheck.forms.idempotency import (
    HEADER,
    REPLAYED,
    InvalidKey,
    KeyInUse,
    ReusedKey,
    UnknownOutcome,
    claim_key,
    sent_key,
)
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
from coatcheck.integrations.once_asgi import Attempt, Submissions, TakenOver
from coatcheck.web import submission_pages
from coatcheck.web.errors import HttpError
from coatcheck.web.responses import HttpResponse, settle
from coatcheck.web.transactions import used_connection

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
    atomic: bool = False
    needs_key: bool = False
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
    atomic: bool = False,
    needs_key: bool = False,
) -> Callable[[V], V]: ...
def once(
    view: Any = None,
    *,
    name: str = "",
    key: "Callable[[Request], object] | None" = None,
    at_most_once: bool = False,
    atomic: bool = False,
    needs_key: bool = False,
) -> Any:
    """Say how often the forms of a view are processed, where once per form shown is not enough.

    *name* makes all forms that a visitor was shown before the first was answered one submission:
    two tabs with one checkout. *key* tells from the request what is submitted, such as the number
    of an order: the same visitor submits the same thing once a day, whatever the page. With
    *at_most_once* a submission whose end is not known, because the view raised or its process died,
    is never repeated unless the visitor says so. *atomic* keeps the answer in the very transaction
    of ``db``, so that not even a crash between two commits runs it twice; sessions have to be in
    that database, which is asked at start. *needs_key* refuses programs that send no
    ``Idempotency-Key``.
    """
    rule = Rule(name, key, at_most_once, atomic, needs_key)
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
        self._submissions: Submissions | None = None
        for endpoint in app.routes.endpoints:
            if rule_of(endpoint.route.view).atomic:
                from coatcheck.web.one_database import require_one_database

                require_one_database(app.settings, endpoint.view_name)

    async def enter(
        self, request: "Request", view: Callable[..., Any], *, protected: bool
    ) -> Attempt | Response | None:
        """Claim what *request* submits to *view*, and load the session that it writes to.

        None where there is nothing to claim: no ticket, and no visitor to tell from others. A view
        that is not *protected* takes forms of other sites, which are all meant.
        """
        visit: Visit = request.scope[VISIT]
        session, rule = request.session, rule_of(view)
        try:
            key = sent_key(request.headers.getlist(HEADER), needed=rule.needs_key)
            if key is not None:
                return await self._enter_with_key(request, rule, key)
        except (InvalidKey, ReusedKey, KeyInUse, UnknownOutcome) as error:
            wait = {"Retry-After": str(error.retry_after)} if isinstance(error, KeyInUse) else {}
            raise HttpError(error.status, str(error), wait) from error
        ticket = submission = None
        if protected and not rule.every_time:
            ticket = request.csrf.ticket()
            if ticket is not None and ticket.stale:
                return submission_pages.open_for_long(request)
            submission = self._submission(request, rule, ticket)
        if submission is None:
            if visit.leased:
                await session.load()
            return None
        outcome = await self._claimed(request, submission)
        if isinstance(outcome, Attempt):
            return outcome
        return await self._instead(request, outcome, submission.key, ticket, rule)

    async def leave(self, request: "Request") -> None:
        """Forget what was done for *request*: another has taken over."""
        if request.attempt is not None:
            request.attempt.ended = True
            await request.attempt.close()
            request.attempt = None
        request.session.begin(request.session.record, holder=request.session.holder)
        request.flashed.queued.clear()

    async def _claimed(
        self, request: "Request", submission: Submission, wait: float | None = None
    ) -> Attempt | Otherwise:
        visit: Visit = request.scope[VISIT]
        session = request.session
        if self._submissions is None or self._submissions.phases is not visit.phases:
            self._submissions = Submissions(self._once, visit.phases)
        loading = functools.partial(visit.loading, session)
        then = loading if visit.leased and not session.loaded else None
        return await self._submissions.claim(submission, then, wait=wait)

    def _submission(
        self, request: "Request", rule: Rule, ticket: Ticket | None
    ) -> Submission | None:
        bindings = request.csrf.bindings
        if not is_form(request.headers.get("content-type", "")) or not bindings:
            return None
        address = _address(request)
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

    async def _enter_with_key(
        self, request: "Request", rule: Rule, text: str
    ) -> Attempt | Response:
        """The same for a request with an ``Idempotency-Key``, as programs send it."""
        bindings = request.csrf.bindings
        whose = request.headers.get("authorization", "").encode("latin-1")
        whose = whose or (bindings[0].secret if bindings else b"")
        kind = request.headers.get("content-type", "")
        sent = (
            of_form(request.POST, request.FILES) if is_form(kind) else of_body(kind, request.body)
        )
        key = claim_key(text, whose, _address(request))
        submission = Submission(key, sent, 0.0, rule.at_most_once, strict=True)
        outcome = await self._claimed(request, submission, wait=0)
        match outcome:
            case Replay(answer):
                # Who shows nothing at all may be another program that made up the same key.
                response = await self._replayed(request, answer, proved=bool(whose))
                response.headers[REPLAYED] = "true"
                return response
            case Edited():
                raise ReusedKey
            case StillRunning():
                raise KeyInUse
            case CannotTell():
                raise UnknownOutcome
        return outcome

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
                return submission_pages.already_sent(
                    request, answer, result, again=rule.key is None
                )
            case StillRunning():
                return submission_pages.still_running(request, self._result_url(request, key))
            case CannotTell():
                return submission_pages.cannot_tell(request, again=rule.key is None)

    async def result(self, request: "Request", text: str) -> Response:
        """What became of the submission that ``_result_url`` named in *text*."""
        found = tickets.read_result(text, self._app.keyring, request.csrf.bindings)
        if found is None:
            return submission_pages.no_result(request)
        key, proved = found
        visit: Visit = request.scope[VISIT]
        match await visit.phases.run(self._once.answer(key)):
            case Replay(answer):
                return await self._replayed(request, answer, proved=proved)
            case StillRunning():
                return submission_pages.still_running(request, request.get_full_path())
            case CannotTell():
                return submission_pages.cannot_tell(request, again=False)
        return submission_pages.not_processed(request)

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
            return submission_pages.processed(request)
        response = Response(answer.body, answer.status)
        response.raw_headers = [
            (b"content-length", str(len(answer.body)).encode()),
            *((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers),
        ]
        return response

    def join(self, request: "Request", response: Response, view: Callable[..., Any]) -> None:
        """Keep *response* in the transaction of ``db``, if *view* asks for that and has used it.

        Called where ``db`` is at hand, right before it commits. Raises ``TakenOver``.
        """
        attempt = request.attempt
        if attempt is None or not rule_of(view).atomic or response.status_code >= 400:
            return
        connection = used_connection()
        if connection is None or getattr(response, "refused", False):
            return
        from coatcheck.stores.sql.joined import JoinedVerbs

        settle(response, method=request.method)
        answer = _answer_of(request, response, ())
        if not bridge.step(attempt.run.finish_in(JoinedVerbs(connection), answer)):
            raise TakenOver
        attempt.joined = True

    def keep(self, request: "Request", response: Response, attempt: Attempt) -> None:
        """Have *response* kept as the answer of *attempt*, right after the session is committed."""
        visit: Visit = request.scope[VISIT]

        async def after_commit(edits: ResponseEdits) -> None:
            if attempt.joined and not edits.cookies:
                attempt.ended = True
            elif getattr(response, "refused", False):
                await attempt.free()
            else:
                await attempt.finish(_answer_of(request, response, edits.cookies))

        visit.after_commit = after_commit


def _answer_of(request: "Request", response: Response, cookies: Sequence[str]) -> Answer:
    headers = [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers
    ]
    headers += [("set-cookie", cookie) for cookie in cookies]
    body = bytes(response.body) if isinstance(response, HttpResponse) else None
    fields = shown_fields(request.POST, request.FILES)
    return Answer.of(response.status_code, headers, body, request.flashed.queued, fields)


def _address(request: "Request") -> str:
    return f"{request.method} {request.get_full_path()}"


def _named(kind: str, name: str, binding: Binding, address: str) -> ClaimKey:
    # By the visitor's secret: who shows only a session's id must not get at its answers.
    return ClaimKey.of(kind, name.encode(), binding.secret, address.encode())


def _may_repeat(request: "Request") -> bool:
    """Whether a script sent it that keeps one ticket for all that it sends."""
    return by_script(request) and TICKET_HEADER.lower() not in request.headers


def by_script(request: "Request") -> bool:
    """Whether a script of the page sent it, and the page stays."""
    mode = request.headers.get("sec-fetch-mode", "navigate")
    return mode != "navigate" or "hx-request" in request.headers


def _brings(headers: list[tuple[str, str]], cookie: str) -> bool:
    return any(name == "set-cookie" and value.startswith(f"{cookie}=") for name, value in headers)
