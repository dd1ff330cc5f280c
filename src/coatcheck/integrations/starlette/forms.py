"""Forms in Starlette and FastAPI: where they come from, and that each is processed once.

One ``Forms`` for an application holds the key. A page shows ``forms.field(request)`` in each form;
the view that takes it begins with ``await forms.check(request)`` or ``await forms.once(request)``,
which are dependencies for FastAPI. Whether a form is believed is decided in ``forms.csrf``, whether
it is processed in ``forms.once``. The application needs the ``SessionMiddleware`` of this package.
"""

import logging
from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from coatcheck.core.errors import ConfigurationError
from coatcheck.core.http import ResponseEdits
from coatcheck.forms import csrf, tickets
from coatcheck.forms.answers import Answer, shown_fields
from coatcheck.forms.data import FormData
from coatcheck.forms.fingerprint import of_form
from coatcheck.forms.headers import is_form
from coatcheck.forms.once import Edited, Once, Replay, StillRunning, Submission
from coatcheck.forms.origins import own_origin
from coatcheck.forms.origins import trusted_origins as origins_trusted
from coatcheck.forms.tickets import Binding, ClaimKey
from coatcheck.forms.uploads import Upload, safe_filename
from coatcheck.integrations.asgi import VISIT, Visit
from coatcheck.integrations.asgi_answers import Answered
from coatcheck.integrations.asgi_answers import Response as Whole
from coatcheck.integrations.once_asgi import Attempt, Submissions
from coatcheck.wire.cookies import CookieAttributes, values
from coatcheck.wire.signing import Keyring

from .middleware import session_of

logger = logging.getLogger("coatcheck")

_OVER_HTTP = CookieAttributes(csrf.BINDING_COOKIE, secure=False)
_OVER_HTTPS = CookieAttributes(f"__Host-{csrf.BINDING_COOKIE}")
_STATE = "coatcheck.forms"

IN_FLIGHT = 60.0
"""Seconds that the answer to a form without a ticket is kept, for those that wait for it only."""


class FormRefused(HTTPException):
    """A form that no page of this site sent: 403. ``reason`` is the word for logs and counters."""

    def __init__(self, verdict: csrf.Verdict) -> None:
        super().__init__(
            403, "This form was not sent from a page of this site. Load the page and send it again."
        )
        self.reason = verdict.reason


class NotProcessed(HTTPException):
    """A form that is not processed now, as it was sent before, or may have been: 409."""


class SentBefore(NotProcessed):
    """It was processed before, with other values. ``answer`` is what was answered then."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(
            409,
            "This form was sent before, with other values, and that was processed. To send this "
            "too, load the page anew and fill it in there.",
        )
        self.answer = answer


class StillProcessed(NotProcessed):
    """Another request processes it, and has done so for longer than anybody waits."""

    def __init__(self) -> None:
        super().__init__(409, "This form is still being processed. Look again in a moment.")


class OutcomeUnknown(NotProcessed):
    """Nobody can tell whether it was processed: look first, and load the form anew."""

    def __init__(self) -> None:
        super().__init__(
            409,
            "Whether this form was processed is not known. Look first, and if it was not, load the "
            "page anew and send it from there.",
        )


class Field(str):
    """HTML that templates print as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


class Forms:
    """The forms of an application. *secret_key* is one key, or a list of them, newest first.

    *trusted_origins* are other sites whose pages may send forms here, such as
    ``https://shop.example``. Raises ``InvalidKeyring`` and ``ConfigurationError`` at start.
    """

    def __init__(
        self, secret_key: str | Sequence[str], *, trusted_origins: Sequence[str] = ()
    ) -> None:
        keys = [secret_key] if isinstance(secret_key, str) else list(secret_key)
        self._keyring = Keyring(keys)
        self._trusted = origins_trusted(trusted_origins)
        self._submissions: Submissions | None = None

    # -- showing a form ------------------------------------------------------------------------

    async def token(self, request: Request) -> str:
        """What a form carries to show where it comes from, and to be processed once.

        Reads and writes no session. It is ``async`` for FastAPI, and awaits nothing.
        """
        visit = _visit(request)
        bindings = self._bindings(request)
        if not bindings:
            made = csrf.new_binding()
            request.scope[_STATE] = made
            visit.cookies.append(_cookie(request).render(made, None))
            bindings = [Binding.of_browser(made)]
        return tickets.mint(self._keyring, bindings[0], visit.sessions.lifecycle.clock())

    async def field(self, request: Request) -> str:
        """The hidden field with the token, as HTML that templates print as it is."""
        return Field(csrf.hidden_field(await self.token(request)))

    # -- taking one ----------------------------------------------------------------------------

    async def check(self, request: Request) -> None:
        """Raise ``FormRefused`` unless a page of this site, or a trusted one, sent the request.

        Requests that promise to change nothing pass.
        """
        verdict = self._verdict(request, None, None)
        if verdict.asks_for_token:
            token = await self._sent_token(request)
            bindings = self._bindings(request)
            verdict = self._verdict(request, token, bindings[0].secret if bindings else None)
            if not verdict.allowed and len(bindings) > 1:
                # Perhaps the very response that began the session showed the form. The browser's
                # own cookie can be planted over plain http, so it never vouches for a user.
                session = session_of(request)
                await session.load()
                if session.user is None:
                    verdict = self._verdict(request, token, bindings[1].secret)
        if not verdict.allowed:
            logger.warning("form refused (%s): %s", verdict.reason, verdict.message)
            raise FormRefused(verdict)

    async def once(self, request: Request) -> None:
        """``check`` the request, and go on only if it was not processed before.

        Who sends the same form again is given the same answer, without running anything: it raises
        ``Answered``, which the middleware sends. Raises ``NotProcessed`` for what cannot be told or
        was changed. An answer of 400 and above, and an exception, leave the form to be sent again.
        """
        await self.check(request)
        if request.method in csrf.SAFE_METHODS or not is_form(request.headers.get("content-type")):
            return
        fields, files = await _read(request)
        submission = self._submission(request, fields, files)
        if submission is None:
            return
        visit = _visit(request)
        outcome = await self._submissions_of(visit).claim(submission)
        match outcome:
            case Attempt():
                self._keep(visit, outcome, fields, files)
            case Replay(answer):
                raise Answered(_again(answer, visit, proved=self._proved(request, fields)))
            case Edited(answer):
                raise SentBefore(answer)
            case StillRunning():
                raise StillProcessed
            case _:
                raise OutcomeUnknown

    def _keep(
        self, visit: Visit, attempt: Attempt, fields: FormData[str], files: FormData[Upload]
    ) -> None:
        shown = shown_fields(fields, files)

        async def keep(response: Whole, edits: ResponseEdits) -> None:
            headers = [*response.headers, *(("set-cookie", line) for line in edits.cookies)]
            await attempt.finish(Answer.of(response.status, headers, response.body, (), shown))

        visit.keep = keep
        visit.at_end.append(attempt.close)

    def _submission(
        self, request: Request, fields: FormData[str], files: FormData[Upload]
    ) -> Submission | None:
        bindings = self._bindings(request)
        if not bindings:
            return None
        query = request.url.query
        address = f"{request.method} {request.url.path}{'?' if query else ''}{query}"
        fingerprint = of_form(fields, files)
        now = _visit(request).sessions.lifecycle.clock()
        ticket = tickets.read(csrf.sent_token(fields), self._keyring, bindings, now)
        if ticket is None:
            # Two clicks on a form that carries no ticket are one while the first is on its way.
            named = (fingerprint, bindings[0].secret, address.encode())
            return Submission(ClaimKey.of("in flight", *named), fingerprint, now, keep=IN_FLIGHT)
        if ticket.stale:
            raise OutcomeUnknown
        return Submission(ticket.key(address), fingerprint, ticket.minted)

    def _proved(self, request: Request, fields: FormData[str]) -> bool:
        now = _visit(request).sessions.lifecycle.clock()
        sent = csrf.sent_token(fields)
        ticket = tickets.read(sent, self._keyring, self._bindings(request), now)
        return ticket is None or ticket.proved

    def _submissions_of(self, visit: Visit) -> Submissions:
        found = self._submissions
        if found is None or found.phases is not visit.phases:
            found = Submissions(Once.of(visit.sessions, self._keyring), visit.phases)
            self._submissions = found
        return found

    async def _sent_token(self, request: Request) -> str | None:
        fields = None
        if is_form(request.headers.get("content-type")):
            fields, _ = await _read(request)
        return csrf.sent_token(fields, request.headers.getlist(csrf.HEADER))

    def _verdict(self, request: Request, token: str | None, binding: bytes | None) -> csrf.Verdict:
        return csrf.check(
            csrf.CsrfRequest(
                method=request.method,
                origin=own_origin(request.scope["scheme"], request.headers.get("host", "")),
                keyring=self._keyring,
                sec_fetch_site=request.headers.getlist("sec-fetch-site"),
                origins=request.headers.getlist("origin"),
                token=token,
                binding=binding,
                trusted=self._trusted,
            )
        )

    def _bindings(self, request: Request) -> list[Binding]:
        """What tells this visitor from others: by the session first, then by the browser."""
        token = session_of(request).token
        found = [Binding.of_session(token)] if token is not None else []
        browser = request.scope.get(_STATE) or _browser(request)
        return [*found, Binding.of_browser(browser)] if browser is not None else found


def _visit(request: Request) -> Visit:
    found = request.scope.get(VISIT)
    if not isinstance(found, Visit):
        raise ConfigurationError(
            "forms need coatcheck's SessionMiddleware: "
            "app.add_middleware(SessionMiddleware, store=...) is missing."
        )
    return found


def _cookie(request: Request) -> CookieAttributes:
    return _OVER_HTTPS if request.scope["scheme"] == "https" else _OVER_HTTP


def _browser(request: Request) -> str | None:
    """The browser's own cookie, if it has the shape of one that was given out."""
    raw = [value for name, value in request.scope["headers"] if name == b"cookie"]
    found = values(raw, _cookie(request).name)
    return found[0] if len(found) == 1 and csrf.is_binding(found[0]) else None


async def _read(request: Request) -> tuple[FormData[str], FormData[Upload]]:
    """Fields and files of the form in *request*, as Starlette reads it and keeps it for the view.

    Its files are closed when the request is over, which Starlette leaves to the view.
    """
    form = await request.form()
    visit = _visit(request)
    if request.close not in visit.at_end:
        visit.at_end.append(request.close)
    fields: list[tuple[str, str]] = []
    files: list[tuple[str, Upload]] = []
    for name, value in form.multi_items():
        if isinstance(value, str):
            fields.append((name, value))
        else:
            raw = value.filename or ""
            kind = (value.content_type or "").partition(";")[0].strip().lower()
            upload = Upload(safe_filename(raw), kind, value.size or 0, value.file, raw)
            files.append((name, upload))
    return FormData(fields), FormData(files, source="files")


def _again(answer: Answer, visit: Visit, *, proved: bool) -> Response:
    response = Response(answer.body or b"", answer.status)
    headers = answer.again(visit.sessions.lifecycle.clock(), proved=proved)
    response.raw_headers = [
        (b"content-length", str(len(answer.body or b"")).encode()),
        *((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers),
    ]
    return response
