"""The lifecycle of sessions that are kept in their cookies, not on the server.

There is nothing to load, to compare with or to end: the record comes sealed with the request, and
goes back with the answer whenever it changed. The order of things is ``lifecycle``'s.
"""

from collections.abc import Callable
from typing import cast

from coatcheck.wire.cookies import LONGEST
from coatcheck.wire.tokens import Token, handle

from .changes import Changes
from .errors import (
    ConfigurationError,
    SessionTooLarge,
    StoreIncapable,
    UnreadableRecord,
)
from .events import EventName, Listener
from .http import RequestView
from .lifecycle import Lifecycle
from .policy import Isolation, SessionCookie, SessionPolicy
from .record import Record
from .session import Opener, Session
from .store import Busy, Committed, Conflict, Gone, InCookie, Store
from .waiting import Pause

_SOMEBODY = Token.new()


class CookieLifecycle(Lifecycle):
    """Opening and committing sessions whose cookie is the record, sealed by the store.

    Raises ``ConfigurationError`` for isolation "serializable": requests cannot take turns.
    """

    def __init__(
        self,
        store: Store,
        policy: SessionPolicy,
        cookie: SessionCookie,
        clock: Callable[[], float],
        pause: Pause,
        notify: Listener,
    ) -> None:
        super().__init__(store, policy, cookie, clock, pause, notify)
        _refuse_turns(policy.isolation)
        self._sealing = cast(InCookie, store.capabilities.in_cookie)

    def _opened(self, text: str | None, opener: Opener, kind: type[Session]) -> Session:
        if text is None:
            return super()._opened(None, opener, kind)
        try:
            unsealed = self._sealing.unseal(text)
        except UnreadableRecord:
            return kind(opener)  # not loaded yet: only who touches it is told
        if unsealed is None:
            session = kind(opener)
            self._refuse(session, EventName.REJECTED, "")
            return session
        token, record = unsealed
        session = kind(opener, token)
        if self._ended(record, self.clock()):
            self._refuse(session, EventName.EXPIRED, handle(record.id))
        else:
            session.begin(record)
        return session

    async def load(self, session: Session, *, leased: bool = False) -> None:
        """Nothing, as the session came with the request; or ``UnreadableRecord``."""
        if not session.loaded:
            raise UnreadableRecord(
                "the session in the cookie was sealed by another version of coatcheck, which this "
                "one cannot read. It is kept as it is."
            )

    async def lease(self, session: Session) -> None:
        """Refused: raises ``StoreIncapable``."""
        raise StoreIncapable(
            "session.exclusive() needs sessions on the server: other requests cannot be made to "
            "wait for one whose session is in its cookie. Use a store such as sqlite:///."
        )

    async def revoke(self, id: str) -> bool:
        """Refused: raises ``StoreIncapable``."""
        raise StoreIncapable(
            "sessions in cookies cannot be revoked: each copy works until its deadline. Use a "
            "store on the server, such as sqlite:/// or postgresql://."
        )

    async def _save(
        self, session: Session, view: RequestView, isolation: Isolation
    ) -> tuple[Record | None, Token | None]:
        _refuse_turns(isolation)
        record, token = await super()._save(session, view, isolation)
        if record is not None and token is None and record is session.record:
            now = self.clock()
            if self._touch_due(record, now) and not self._ended(record, now):
                expires = self._deadline(record.fields, record.created, now)
                return record._replace(seen=now, expires=expires), session.token
        return record, token

    async def _put(
        self,
        session: Session,
        changes: Changes,
        base: Record,
        after: Record,
        token: Token | None,
        now: float,
    ) -> Committed | Conflict | Busy | Gone:
        if self._ended(base, now):
            return Gone()
        self._check_size(after)
        return Committed()

    def _stands(
        self, session: Session, loaded: Record, after: Record, token: Token | None
    ) -> tuple[Record, Token | None]:
        record, shown = super()._stands(session, loaded, after, token)
        return record, shown or session.token

    def _text(self, record: Record, token: Token) -> str:
        return self._sealing.seal(token, record)

    def _check_size(self, record: Record) -> None:
        attributes = self.cookie.attributes(https=self.cookie.secure is not False)
        # Attributes count: some browsers and proxies bound the whole of a Set-Cookie header.
        fixed = len(attributes.render("", int(self.policy.lifetime)))
        size = fixed + len(self._text(record, _SOMEBODY))
        if size > LONGEST:
            largest = max(record.fields, key=lambda key: len(record.fields[key]), default="")
            raise SessionTooLarge(
                f"the session's cookie would be {size} bytes and browsers keep {LONGEST}; the "
                f"largest key is {largest!r}. Keep large data in your database and its id in the "
                "session, or sessions in a store on the server."
            )


def _refuse_turns(isolation: Isolation) -> None:
    if isolation == "serializable":
        raise ConfigurationError(
            "isolation='serializable' needs sessions on the server: requests whose session is in a "
            "cookie cannot take turns. Use a store such as sqlite:///, or isolation='merge', and "
            "of two requests at once the later answer wins."
        )
