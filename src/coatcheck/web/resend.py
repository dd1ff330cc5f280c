"""Give back what a visitor typed into a form that was not taken, so that one button sends it again.

For refusals that are nobody's fault: a token from before a login, a form that was open for days.
This file says what goes back; ``own_pages.resend_page`` shows it, and pages of that kind include
``returned.html``. Passwords and their like are never repeated but asked for again, and files are
named only, because no page can put a file into a browser's form.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coatcheck.forms.csrf import FIELDS
from coatcheck.forms.origins import own_origin
from coatcheck.forms.sensitive import is_sensitive

if TYPE_CHECKING:
    from coatcheck.web.requests import Request

_LONGEST_SHOWN = 2000
_TYPED_UNSEEN = re.compile(r"pass|pwd|secret|pin", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Again:
    """A field that has to be filled in again."""

    name: str
    kind: str
    """The ``type`` of its input."""
    was: str = ""
    """What the file was called that was sent."""


@dataclass(frozen=True, slots=True)
class Returned:
    """A form as it goes back to whoever sent it. All of it is the sender's words: escape it."""

    values: tuple[tuple[str, str], ...]
    """Names and values to send again as they are, in their order."""
    again: tuple[Again, ...]

    @property
    def shown(self) -> list[tuple[str, str]]:
        """What is sent again, for reading: nothing is sent that was not seen."""
        return [(name, _short(value)) for name, value in self.values]

    @property
    def has_files(self) -> bool:
        return any(field.kind == "file" for field in self.again)


def returned(request: "Request") -> Returned | None:
    """What *request* sent, to be given back; None where no form was sent by POST.

    Whether the visitor's own page sent it is for the caller to know: a page of another site could
    fill this one with its words.
    """
    if request.method != "POST":
        return None
    pairs = [(name, value) for name, value in request.POST.pairs() if name not in FIELDS]
    secret = dict.fromkeys(name for name, _ in pairs if is_sensitive(name))
    again = [Again(name, "password" if _TYPED_UNSEEN.search(name) else "text") for name in secret]
    again += [Again(name, "file", file.filename) for name, file in request.FILES.pairs()]
    values = tuple((name, value) for name, value in pairs if name not in secret)
    return Returned(values, tuple(again)) if values or again else None


def came_from_elsewhere(request: "Request") -> bool:
    """Whether the browser names another site's page as the one with the form (its Referer)."""
    referers = request.headers.getlist("referer")
    if not referers:
        return False
    scheme = "https" if request.is_secure() else "http"
    own = own_origin(scheme, request.get_host())
    found = [re.match(r"([a-z]+)://([^/?#]*)", referer.strip()) for referer in referers]
    return any(match is None or own_origin(match[1], match[2]) != own for match in found)


def _short(value: str) -> str:
    if len(value) <= _LONGEST_SHOWN:
        return value
    return f"{value[:_LONGEST_SHOWN]}… ({len(value):,} characters, all of which are sent)"
