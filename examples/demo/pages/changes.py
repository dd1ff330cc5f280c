"""What the last request changed in a session, for the panel beside each page.

After a POST the browser shows another page, so the change is noted when the answer is sent and
shown with the page that follows. Notes are kept in this process only: the demo can lose them.
"""

from collections import OrderedDict
from typing import NamedTuple

from coatcheck.wire.codec import decode
from pages.held import shortened

MOST_NOTES = 1000


class Change(NamedTuple):
    """One key, before and after as text; None where it was not there."""

    key: str
    before: str | None
    after: str | None


class Note(NamedTuple):
    """What a request changed."""

    changes: list[Change]
    method: str
    path: str


_notes: OrderedDict[str, Note] = OrderedDict()


class NoteChanges:
    """ASGI middleware between the session and the views."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        changes = []

        async def noting(message):
            if message["type"] == "http.response.start":
                changes.extend(changes_of(scope["session"]))
            await send(message)

        await self.app(scope, receive, noting)
        handle = scope["session"].handle
        if changes and handle:
            _notes[handle] = Note(changes, scope["method"], scope["path"])
            _notes.move_to_end(handle)
            while len(_notes) > MOST_NOTES:
                _notes.popitem(last=False)


def last_change(request):
    """The note of this request, if it has changed something, or else of the last one that did."""
    session = request.session
    changes = changes_of(session)
    if changes:
        return Note(changes, request.method, request.path)
    return _notes.get(session.handle)


def changes_of(session):
    """What this request has changed so far. Nothing is loaded, and nothing counts as read."""
    if not session.loaded:
        return []
    before = session.record.fields if session.record is not None else {}
    return _between(before, session.changes().on(before))


def _between(before, after):
    return [
        Change(key, _text(before.get(key)), _text(after.get(key)))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key) and not key.startswith("_")
    ]


def _text(data):
    return None if data is None else shortened(decode(data))
