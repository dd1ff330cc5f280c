"""The honeypot of one form: what it shows, and what its answer gives away."""

from coatcheck.forms.honeypot import (
    SHOWN_AT,
    TRAP,
    Suspicion,
    shown_at,
    signed_time,
    suspicion,
)
from coatcheck.forms.names import Node
from coatcheck.wire.signing import Keyring

from .sentences import said

LABEL = said("Leave this field empty")
SUSPICIOUS = {
    Suspicion.FILLED: said(
        "This was not accepted, because a field that people do not see was filled in. "
        "If that was your browser, send it again."
    ),
    Suspicion.FAST: said("That was very fast. Wait a moment and send it again."),
    Suspicion.UNSIGNED: said("Something was missing from what was sent. Send it again."),
}


class Trap:
    """The trap and the time of one form. *least* is in seconds."""

    name = TRAP
    time_name = SHOWN_AT

    def __init__(self, keyring: Keyring, now: float, least: float) -> None:
        self._keyring = keyring
        self._now = now
        self._least = least
        self.time = shown_at(keyring, now)

    def suspicion(self, sent: Node) -> Suspicion | None:
        """What makes *sent* suspicious. Whoever was too fast may send the same form again."""
        trap, shown = (
            [text for text in sent.at(name).values if isinstance(text, str)]
            for name in (TRAP, SHOWN_AT)
        )
        if shown and signed_time(shown[-1], self._keyring) is not None:
            self.time = shown[-1]
        return suspicion(trap, shown, self._keyring, self._now, self._least)
