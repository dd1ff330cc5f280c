"""Views whose forms are processed once: ``@once``, and ``{{ once_token() }}`` in the form.

Who sends the same form again is given the same answer and nothing is run: after a double click, a
reload, the back button, or a browser that sends again by itself. What may run is decided in
``coatcheck.forms.once``; ``interface`` keeps the answer right after it has saved the session.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, overload

import flask
from flask import current_app, request
from markupsafe import Markup
from werkzeug.exceptions import Conflict

from coatcheck.core.errors import ConfigurationError
from coatcheck.core.http import SAFE_METHODS
from coatcheck.forms import csrf, tickets
from coatcheck.forms.answers import Answer, shown_fields
from coatcheck.forms.data import FormData
from coatcheck.forms.fingerprint import of_form
from coatcheck.forms.flash import flash_again
from coatcheck.forms.headers import is_form
from coatcheck.forms.once import Edited, Once, Replay, StillRunning, Submission
from coatcheck.forms.tickets import Binding, ClaimKey, Ticket
from coatcheck.forms.uploads import Upload, safe_filename
from coatcheck.integrations.once_blocking import Attempt, Submissions
from coatcheck.wire.cookies import CookieAttributes, values
from coatcheck.wire.signing import Keyring

from .session import FlaskSession

if TYPE_CHECKING:
    from .extension import Installed

V = TypeVar("V", bound=Callable[..., Any])

IN_FLIGHT = 60.0
"""Seconds that the answer to a form without a ticket is kept, for those that wait for it only."""

_OVER_HTTP = CookieAttributes(csrf.BINDING_COOKIE, secure=False)
_OVER_HTTPS = CookieAttributes(f"__Host-{csrf.BINDING_COOKIE}")


class NotProcessed(Conflict):
    """A form that is not processed now, as it was sent before, or may have been: 409."""


class SentBefore(NotProcessed):
    """It was processed before, with other values. ``answer`` is what was answered then."""

    description = (
        "This form was sent before, with other values, and that was processed. To send this too, "
        "load the page anew and fill it in there."
    )
    answer: Answer


class StillProcessed(NotProcessed):
    """Another request processes it, and has done so for longer than anybody waits."""

    description = "This form is still being processed. Look again in a moment."


class OutcomeUnknown(NotProcessed):
    """Nobody can tell whether it was processed."""

    description = (
        "Whether this form was processed is not known. Look first, and if it was not, load the "
        "page anew and send it from there."
    )


@dataclass(frozen=True)
class _Rule:
    name: str
    key: Callable[[], object] | None
    at_most_once: bool


@overload
def once(view: V) -> V: ...
@overload
def once(
    *, name: str = "", key: Callable[[], object] | None = None, at_most_once: bool = False
) -> Callable[[V], V]: ...
def once(
    view: Any = None,
    *,
    name: str = "",
    key: Callable[[], object] | None = None,
    at_most_once: bool = False,
) -> Any:
    """Process each form that is sent to a view once. Write it below ``@app.route``.

    Forms carry ``{{ once_token() }}``; of those that do not, only what is sent while an equal one
    is on its way counts as the same. *name* makes all forms that a visitor was shown before the
    first was answered one submission: two tabs with one checkout. *key* tells what is submitted,
    such as the number of an order in ``request.form``: the same visitor submits the same thing once
    a day. With *at_most_once* a submission whose end nobody knows is never repeated.

    An answer of 400 and above leaves the form to be sent again. Raises, as answers of 409,
    ``SentBefore``, ``StillProcessed`` and ``OutcomeUnknown``; and ``ConfigurationError`` without a
    SECRET_KEY, or over a store inside the cookie.
    """
    rule = _Rule(name, key, at_most_once)

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        def wrapped(*arguments: Any, **named: Any) -> Any:
            if request.method not in SAFE_METHODS:
                answer = _entered(rule)
                if answer is not None:
                    return answer
            return current_app.ensure_sync(view)(*arguments, **named)

        return wrapped

    return decorate if view is None else decorate(view)


def once_token() -> Markup:
    """The hidden field that names one submission of the form it stands in. Touches no session."""
    session, forms = _at_hand()
    session.visit.personal = True
    bindings = forms.bindings(session)
    if not bindings:
        session.visit.binding = csrf.new_binding()
        bindings = [Binding.of_browser(session.visit.binding)]
    token = tickets.mint(forms.keyring, bindings[0], forms.claims.clock())
    return Markup(csrf.hidden_field(token))  # noqa: S704 (a token holds no character of HTML's)


class Forms:
    """The submissions of one application, signed with its SECRET_KEY."""

    def __init__(self, installed: "Installed", keys: list[str]) -> None:
        if not keys:
            raise ConfigurationError(
                "a form that is processed once carries a signed ticket: set SECRET_KEY in the "
                "application's config, to 50 random characters."
            )
        self.keyring = Keyring(keys)
        self.claims = Once.of(installed.given, self.keyring)
        self.submissions = Submissions(installed.given, self.claims)

    def bindings(self, session: FlaskSession) -> list[Binding]:
        """What tells this visitor from others: by the session first, then by the browser."""
        found = [] if session.token is None else [Binding.of_session(session.token)]
        browser = session.visit.binding
        if browser is None:
            shown = values(session.visit.view.cookies, binding_cookie(session).name)
            browser = shown[0] if len(shown) == 1 and csrf.is_binding(shown[0]) else None
        return found if browser is None else [*found, Binding.of_browser(browser)]

    def submission(
        self,
        rule: _Rule,
        session: FlaskSession,
        ticket: Ticket | None,
        fingerprint: bytes,
    ) -> Submission | None:
        """What the request submits; None for a visitor whom nothing tells from others."""
        bindings = self.bindings(session)
        if not bindings:
            return None
        address = f"{request.method} {request.full_path.removesuffix('?')}"
        now = self.claims.clock()

        def named(kind: str, what: str) -> ClaimKey:
            # By the visitor's secret: who has only a session's id must not get at its answers.
            return ClaimKey.of(kind, what.encode(), bindings[0].secret, address.encode())

        if rule.key is not None:
            key = named("key", repr(rule.key()))
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


class Processing:
    """A submission while its view runs, until its answer is kept."""

    def __init__(self, attempt: Attempt, fields: tuple[tuple[str, str], ...]) -> None:
        self._attempt = attempt.__enter__()
        self._fields = fields

    def keep(self, response: flask.Response, flashes: list[tuple[str, ...]]) -> None:
        """Keep *response* as the answer, unless it is a failure. Right after the session's save."""
        if response.status_code >= 500:
            return  # close() says that it failed
        body = None if response.is_streamed else response.get_data()
        answer = Answer.of(
            response.status_code, response.headers.items(), body, flashes, self._fields
        )
        kept = self._attempt.finish(answer)
        if self._attempt.run.lost:
            # Another has taken over, and was faster: there is one answer, and this is it.
            _fill(response, kept, self._attempt.run.once.clock(), proved=True)

    def close(self) -> None:
        """Stop keeping it alive; what has no answer by now has failed."""
        self._attempt.__exit__(None, None, None)


def binding_cookie(session: FlaskSession) -> CookieAttributes:
    """The cookie that tells browsers without a session apart."""
    return _OVER_HTTPS if session.visit.view.https else _OVER_HTTP


def _at_hand() -> tuple[FlaskSession, Forms]:
    session = flask.session._get_current_object()  # type: ignore[attr-defined]
    installed = current_app.extensions.get("coatcheck")
    if installed is None or not isinstance(session, FlaskSession):
        raise ConfigurationError(
            "forms are processed once where Coatcheck(app) keeps the sessions: it is missing, or "
            "another session_interface has replaced it."
        )
    forms: Forms = installed.forms(current_app)
    return session, forms


def _entered(rule: _Rule) -> flask.Response | None:
    """Claim what the request submits: None if its view is to run, else what to answer."""
    session, forms = _at_hand()
    if not is_form(request.content_type or "") or session.visit.processing is not None:
        return None
    fields, files = _sent()
    bindings = forms.bindings(session)
    ticket = tickets.read(csrf.sent_token(fields), forms.keyring, bindings, forms.claims.clock())
    if ticket is not None and ticket.stale:
        raise OutcomeUnknown
    submission = forms.submission(rule, session, ticket, of_form(fields, files))
    if submission is None:
        return None
    outcome = forms.submissions.claim(submission)
    match outcome:
        case Attempt():
            session.visit.processing = Processing(outcome, shown_fields(fields, files))
            return None
        case Replay(answer):
            proved = ticket is None or ticket.proved
            return _replayed(session, answer, forms.claims.clock(), proved=proved)
        case Edited(answer):
            refused = SentBefore()
            refused.answer = answer
            raise refused
        case StillRunning():
            raise StillProcessed
    raise OutcomeUnknown


def _replayed(session: FlaskSession, answer: Answer, now: float, *, proved: bool) -> flask.Response:
    response = current_app.response_class()
    _fill(response, answer, now, proved=proved)
    cookie = session.visit.sessions.lifecycle.cookie.attributes(https=session.visit.view.https)
    brought = any(
        line.startswith(f"{cookie.name}=") for line in response.headers.getlist("Set-Cookie")
    )
    if answer.redirects and answer.flashes and not brought:
        # The page that it leads to may have been shown to the answer that nobody read.
        flash_again(session, answer.flashes)
    return response


def _fill(response: flask.Response, answer: Answer, now: float, *, proved: bool) -> None:
    response.status_code = answer.status
    response.headers.clear()
    for name, value in answer.again(now, proved=proved):
        response.headers.add(name, value)
    if answer.body is None:
        response.headers["Content-Type"] = "text/plain; charset=utf-8"
        response.set_data("This was processed. Its answer is shown only once.\n")
    else:
        response.set_data(answer.body)


def _sent() -> tuple[FormData[str], FormData[Upload]]:
    """The form as Werkzeug has read it, under the application's own limits."""
    fields = FormData(request.form.items(multi=True))
    files = FormData(
        [
            (
                name,
                Upload(
                    safe_filename(file.filename or ""),
                    file.mimetype,
                    file.stream.seek(0, 2),
                    file.stream,
                    file.filename or "",
                ),
            )
            for name, file in request.files.items(multi=True)
        ],
        source="files",
    )
    for upload in files.values():
        upload.file.seek(0)
    return fields, files
