"""Storage for ``django.contrib.messages`` that parallel requests neither lose nor show twice.

``MESSAGE_STORAGE = "coatcheck.integrations.django.messages.Storage"`` keeps messages in the
session, by its operations ``append`` and ``take``: two requests that each add a message add both,
and a page removes only those that it shows.
"""

from typing import Any

from django.contrib.messages.storage.base import BaseStorage, Message
from django.utils.safestring import SafeData, mark_safe

KEY = "_messages"
MOST_KEPT = 100
"""Of more messages that nobody looks at, the oldest go."""


class Storage(BaseStorage):
    """Messages in a session of coatcheck."""

    def __init__(self, request: Any, *args: Any, **kwargs: Any) -> None:
        if not hasattr(request.session, "take"):
            raise TypeError(
                "this message storage needs sessions of coatcheck: set SESSION_ENGINE = "
                '"coatcheck.integrations.django.engine".'
            )
        super().__init__(request, *args, **kwargs)
        self._kept = False

    def _get(self, *args: object, **kwargs: object) -> tuple[list[Message], bool]:
        kept = self.request.session.get(KEY, ())
        self._kept = bool(kept)
        return [restored(item) for item in kept], True

    def update(self, response: object) -> list[Message]:
        """Remove what was shown, and keep what was added since."""
        self._prepare_messages(self._queued_messages)
        if self.used and self._kept:
            self.request.session.take(KEY)
        for message in self._queued_messages:
            self.request.session.append(KEY, flat(message), MOST_KEPT)
        return []


def flat(message: Message) -> tuple[Any, ...]:
    """*message* as plain data."""
    text = str(message.message)
    safe = isinstance(message.message, SafeData)
    return (message.level, text, message.extra_tags or "", safe)


def restored(item: tuple[Any, ...]) -> Message:
    """The message that ``flat`` made *item* from."""
    level, text, extra_tags, safe = item
    return Message(level, mark_safe(text) if safe else text, extra_tags=extra_tags)  # noqa: S308
