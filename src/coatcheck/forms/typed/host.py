"""What a form asks of the framework around it, and of nobody where there is none.

The host puts a ``FormHost`` into ``host`` while it answers a request. Nothing here imports Pydantic
or Jinja, so a host that shows no form pays nothing.
"""

from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from coatcheck.wire.signing import Keyring

if TYPE_CHECKING:
    from jinja2 import Environment

    from .bound import Bound

TEMPLATES = Path(__file__).parent / "templates"
"""The folder of the macros that forms are shown with, to be searched after the site's own."""
STATIC = Path(__file__).parent / "static"
"""The folder that has ``coatcheck/forms.css``."""


class FormHost(Protocol):
    """What a framework's glue knows of the request being answered."""

    def environment(self) -> "Environment":
        """The Jinja environment that finds the macros, the site's own ones first."""

    def locale(self) -> str:
        """The language to speak to this visitor, such as ``de``."""

    def csrf_field(self) -> str:
        """The HTML of the hidden field that goes into every form of a page."""

    def keyring(self) -> Keyring:
        """What signs the time at which a form was shown."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def back(self, form: "Bound[Any]", to: str | None) -> Any:
        """A response that sends the browser back to *form*, which is shown there as it is now."""


host: "ContextVar[FormHost | None]" = ContextVar("coatcheck_form_host", default=None)
"""The host that is answering here."""
