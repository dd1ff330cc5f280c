"""Storage for ``django.contrib.messages`` that parallel requests neither lose nor show twice.

``MESSAGE_STORAGE = "coatcheck.integrations.django.messages.Storage"`` keeps messages in the
session, by its operations ``append`` and ``take``: two requests that each add a message add both,
and a page removes only those that it shows. What Django's own storage left there is shown as well.
"""

from typing import Any

from django.contrib.messages.storage.base import Message
from django.contrib.messages.storage.session import SessionStorage
from django.core.exceptions import ImproperlyConfigured
from django.utils.safestring import SafeData, mark_safe

MOST_KEPT = 100
"""Of more messages that nobody looks at, the oldest go."""


class Storage(SessionStorage):
    """Messages in a session of coatcheck."""

    def __init__(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        if not hasattr(request.session, "take"):
            raise ImproperlyConfigured(
                "this message storage needs sessions of coatcheck: set SESSION_ENGINE = "
                '"coatcheck.integrations.django.engine".'
            )
        self._kept = False

    def _get(self, *args: object, **kwargs: object) -> tuple[list[Message], bool]:
        kept = self.request.session.get(self.session_key, ())
        self._kept = bool(kept)
        if isinstance(kept, str):  # as Django's own storage keeps them
            return self.deserialize_messages(kept), True
        return [restored(item) for item in kept], True

    def update(self, response: object) -> list[Message]:
        """Remove what was shown, and keep what was added since."""
        self._prepare_messages(self._queued_messages)
        session = self.request.session
        if self.used and self._kept:
            session.take(self.session_key)
        if not self._queued_messages:
            return []
        if isinstance(session.get(self.session_key), str):
            session[self.session_key] = [flat(message) for message in self._loaded_messages]
        for message in self._queued_messages:
            session.append(self.session_key, flat(message), MOST_KEPT)
        return []


def flat(message: Message) -> tuple[Any, ...]:
    """*message* as plain data."""
    safe = isinstance(message.message, SafeData)
    return (message.level, str(message.message), message.extra_tags or "", safe)


def restored(item: tuple[Any, ...]) -> Message:
    """The message that ``flat`` made *item* from."""
    level, text, extra_tags, safe = item
    # It was marked safe by whoever queued it.
    return Message(level, mark_safe(text) if safe else text, extra_tags=extra_tags)  # noqa: S308
