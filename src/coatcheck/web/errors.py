"""The errors a page can raise on purpose, each with its status and what to do.

``problems`` turns these, and everybody else's exceptions, into what an error page says.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from coatcheck.core.errors import BadRequest, CoatcheckError, ConfigurationError
from coatcheck.forms.csrf import Reason

if TYPE_CHECKING:
    from coatcheck.web.routing import Endpoint


class HttpError(CoatcheckError):
    """An answer other than success, raised instead of returned; see ``abort``.

    The message is shown to the visitor, also in production: write it for them.
    """

    def __init__(
        self, status: int, message: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.message = message
        self.headers = dict(headers or {})
        super().__init__(message or f"{status}")


class Http404(HttpError):
    """Nothing is here. The message is shown to the visitor."""

    def __init__(self, message: str = "") -> None:
        super().__init__(404, message)


class NoRoute(HttpError):
    """No rule fits the path. Carries what a debug page lists: the routes that were tried."""

    def __init__(self, what: str, mend: str, routes: "Iterable[Endpoint]") -> None:
        super().__init__(404)
        self.what, self.mend, self.routes = what, mend, tuple(routes)


class MethodNotAllowed(HttpError):
    """The path is there, but not for this method (RFC 9110 §15.5.6)."""

    def __init__(self, method: str, allowed: Iterable[str], routes: "Iterable[Endpoint]") -> None:
        self.method, self.allowed, self.routes = method, tuple(allowed), tuple(routes)
        super().__init__(405, "", {"Allow": ", ".join(self.allowed)})


class BadHost(BadRequest):
    """A Host header that names no host of this site (CVE-2012-4520)."""


class CsrfRefused(CoatcheckError):
    """A form that may have been sent by another site. Nothing was done with it."""

    status = 403

    def __init__(self, message: str, reason: str) -> None:
        self.reason = reason
        super().__init__(message)

    @property
    def by_token(self) -> bool:
        """Whether only the token was wanting, and nothing spoke of another site."""
        return self.reason in (Reason.NO_TOKEN, Reason.NO_BINDING, Reason.WRONG_TOKEN)


class NotJson(BadRequest):
    """A body that was to be JSON and is not."""


class NoReverseMatch(CoatcheckError, LookupError):
    """A name, or values for it, that no route has."""


class UnusableResult(CoatcheckError, TypeError):
    """A view that returned what is no answer."""

    def __init__(self, message: str, view: object) -> None:
        self.view = view
        super().__init__(message)


class ViewReturnedNothing(UnusableResult):
    """A view that ended without a ``return``."""


class OutsideRequest(CoatcheckError, RuntimeError):
    """``request``, ``session`` or a companion used where no request is being answered."""


class TemplateMissing(CoatcheckError, LookupError):
    """No template folder holds a template of this name."""


__all__ = [
    "BadHost",
    "BadRequest",
    "CoatcheckError",
    "ConfigurationError",
    "CsrfRefused",
    "Http404",
    "HttpError",
    "MethodNotAllowed",
    "NoReverseMatch",
    "NoRoute",
    "NotJson",
    "OutsideRequest",
    "TemplateMissing",
    "UnusableResult",
    "ViewReturnedNothing",
]
