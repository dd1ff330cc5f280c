"""One request's side of the check that a form comes from this site.

``forms.csrf`` decides; this file reads the headers and cookies for it, and keeps the promise that a
page with a form writes nothing: the token is bound to the session's cookie where one came, else to
a cookie of the browser's own, which is set only when a token was shown. No store is asked. The
tokens are tickets, which ``submissions`` reads.
"""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.responses import Response

from coatcheck.core.http import CACHE_CONTROL
from coatcheck.forms.csrf import (
    BINDING_COOKIE,
    HEADER,
    CsrfRequest,
    Reason,
    Verdict,
    check,
    is_binding,
    new_binding,
    sent_token,
)
from coatcheck.forms.origins import TrustedOrigins, own_origin
from coatcheck.forms.tickets import Binding, Ticket, mint, read
from coatcheck.web.errors import CsrfRefused
from coatcheck.wire.cookies import CookieAttributes, values
from coatcheck.wire.signing import Keyring

if TYPE_CHECKING:
    from coatcheck.web.requests import Request

V = TypeVar("V", bound=Callable[..., Any])

_OVER_HTTP = CookieAttributes(BINDING_COOKIE, secure=False)
_OVER_HTTPS = CookieAttributes(f"__Host-{BINDING_COOKIE}")


def csrf_unprotected(view: V) -> V:
    """Let any site send forms to *view* in its visitors' names.

    Only for views that prove the sender in another way, such as a webhook's signature.
    """
    view.csrf_unprotected = True  # type: ignore[attr-defined]
    return view


def is_unprotected(view: Callable[..., Any]) -> bool:
    return getattr(view, "csrf_unprotected", False) is True


class Csrf:
    """Token, verdict and cookie of one request."""

    def __init__(
        self,
        request: "Request",
        keyring: Keyring,
        trusted: TrustedOrigins,
        clock: Callable[[], float],
    ) -> None:
        self._request = request
        self._keyring = keyring
        self._trusted = trusted
        self._clock = clock
        self._cookie = _OVER_HTTPS if request.is_secure() else _OVER_HTTP
        self._shown = False
        self._new_binding: str | None = None

    def token(self, once: str = "") -> str:
        """A token for a form on the page being made. Reads and writes no session.

        Forms with the same *once* are one submission, as far as they were shown before it was
        answered.
        """
        self._shown = True
        found = self.bindings
        if not found:
            # One for all the forms of the page.
            self._new_binding = self._new_binding or new_binding()
            found = (Binding.of_browser(self._new_binding),)
        return mint(self._keyring, found[0], self._clock(), once)

    @cached_property
    def bindings(self) -> tuple[Binding, ...]:
        """What tells this visitor from others: by the session first, then by the browser."""
        token = self._request.session.token
        browser = self._browser_binding()
        return (
            *((Binding.of_session(token),) if token is not None else ()),
            *((Binding(browser, browser),) if browser is not None else ()),
        )

    def ticket(self) -> Ticket | None:
        """The ticket in the form that was sent, if it is this visitor's."""
        # Not one in a header: a script sends that with everything, whatever it submits.
        return read(sent_token(self._request.POST), self._keyring, self.bindings, self._clock())

    async def protect(self, read_form: Callable[[], Any]) -> None:
        """Raise CsrfRefused unless the request shows that it comes from this site.

        *read_form* is awaited only when the token has to decide: what another site sends
        is refused before its body is read.
        """
        verdict = self._check(None, None)
        if verdict.asks_for_token:
            await read_form()
            token = sent_token(self._request.POST, self._request.headers.getlist(HEADER))
            verdict = self._check(token, self._session_binding() or self._browser_binding())
            if verdict.reason is Reason.WRONG_TOKEN and self._session_binding() is not None:
                # The form may have been shown by the very response that began the session. The
                # browser's own cookie can be planted on plain http, so it never vouches for a user.
                await self._request.session.load()
                if self._request.session.user is None:
                    verdict = self._check(token, self._browser_binding())
        if not verdict.allowed:
            raise CsrfRefused(verdict.message, verdict.reason)

    def finish(self, response: Response) -> None:
        """Add what a page with a token needs: no cache shares it, and its cookie goes along.

        ``Vary: Cookie`` stays away unless the view has caching rules of its own: see ``edited`` in
        ``integrations.headers``.
        """
        if not self._shown:
            return
        if "cache-control" in response.headers:
            response.headers.add_vary_header("Cookie")
        else:
            response.headers["cache-control"] = CACHE_CONTROL
        if self._new_binding is not None:
            response.headers.append("set-cookie", self._cookie.render(self._new_binding, None))

    def _check(self, token: str | None, binding: bytes | None) -> Verdict:
        request = self._request
        return check(
            CsrfRequest(
                method=request.method,
                origin=own_origin("https" if request.is_secure() else "http", request.get_host()),
                keyring=self._keyring,
                sec_fetch_site=request.headers.getlist("sec-fetch-site"),
                origins=request.headers.getlist("origin"),
                token=token,
                binding=binding,
                trusted=self._trusted,
            )
        )

    def _session_binding(self) -> bytes | None:
        token = self._request.session.token
        return b"session:" + token.digest if token is not None else None

    def _browser_binding(self) -> bytes | None:
        raw = [value for name, value in self._request.scope["headers"] if name == b"cookie"]
        found = values(raw, self._cookie.name)
        return found[0].encode() if len(found) == 1 and is_binding(found[0]) else None
