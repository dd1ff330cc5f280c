"""Which sessions an old cookie has become, so that one which has ended here stays ended.

The old engine's records are left alone, so it would believe a copy of an old cookie for as long as
before: also after its visitor has logged out here. So a *mark* beside the sessions names what each
old cookie has become. It is a record in the same store, through its ordinary contract, under a
digest of the cookie; it opens nothing, and is swept when the old cookie is long out of date. See
``moving_in``.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from coatcheck.core.record import Record
from coatcheck.core.store import Commit, Conflict, Store
from coatcheck.wire.codec import decode, encode

_SESSIONS: Final = "sessions"
_NOBODY: Final = bytes(32)
"""The digest of no secret: no cookie opens a mark as a session."""


class Marks:
    """The marks in *store*, kept for *keep* seconds."""

    def __init__(self, store: Store, clock: Callable[[], float], keep: float) -> None:
        self._store = store
        self._clock = clock
        self._keep = keep

    async def ended(self, cookie: str) -> bool:
        """Whether a session that *cookie* has become is not there any more."""
        found = await self._store.load(_id(cookie))
        if not isinstance(found, Record):
            return False
        for id in _named(found):
            session = await self._store.load(id) if id else None
            if not isinstance(session, Record) or session.expired(self._clock()):
                return True
        return False

    async def note(self, cookie: str, id: str) -> None:
        """Say that *cookie* has become the session *id*, or with "" one that has ended already.

        Several may be noted: requests that were sent at once each get a session.
        """
        now = self._clock()
        mark = Record(
            id=_id(cookie),
            digest=_NOBODY,
            created=now,
            seen=now,
            expires=now + self._keep,
            renewed=now,
            fields={_SESSIONS: encode([id])},
        )
        if await self._store.create(mark):
            return
        found = await self._store.load(mark.id)
        while isinstance(found, Record):
            named = encode([*_named(found), id])
            after = found._replace(version=found.version + 1, fields={_SESSIONS: named}, lease=None)
            put = frozenset({_SESSIONS})
            outcome = await self._store.commit(
                Commit(found.version, after, put, frozenset(), None, now)
            )
            found = outcome.fresh if isinstance(outcome, Conflict) else None


def _id(cookie: str) -> str:
    # A colon is in no session's id, so no cookie can ever address a mark.
    digest = sha256(cookie.encode("utf-8", "surrogatepass")).digest()
    return f"moved:{urlsafe_b64encode(digest).decode().rstrip('=')}"


def _named(mark: Record) -> list[str]:
    found: list[str] = decode(mark.fields[_SESSIONS])
    return found
