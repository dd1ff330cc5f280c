"""Decide what a request's session needs from its store, and in which order.

Only this module orders store calls. It holds no clock and no driver: both are passed in, so that
blocking and asynchronous hosts share it (see ``bridge``).
"""

import random
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence

from coatcheck.wire.cookies import values
from coatcheck.wire.tokens import Token, handle

from .changes import Changes
from .conflict import clashing
from .errors import SessionBusy, SessionConflict, SessionTooLarge, StoreUnavailable
from .events import Event, EventName, Listener
from .expiry import EXPIRY, expiry_of
from .http import NO_EDITS, RequestView, ResponseEdits
from .policy import Isolation, SessionCookie, SessionPolicy
from .record import Lease, Record
from .session import Opener, Session
from .store import Busy, Commit, Committed, Conflict, Gone, Store

COMMITS_KEPT = 8
"""Ids of last commits in a record: enough to recognise a retry after a lost acknowledgement."""

FIRST_POLL, LONGEST_POLL = 0.004, 0.05
"""Seconds between looks at a lease that somebody else holds."""


class Lifecycle:
    """Opening, loading and committing sessions over one store, under one policy."""

    def __init__(
        self,
        store: Store,
        policy: SessionPolicy,
        cookie: SessionCookie,
        clock: Callable[[], float],
        pause: Callable[[float], Awaitable[None]],
        notify: Listener,
    ) -> None:
        self.store = store
        self.policy = policy
        self.cookie = cookie
        self.clock = clock
        self.pause = pause
        self.notify = notify

    def over(self, store: Store, pause: Callable[[float], Awaitable[None]]) -> "Lifecycle":
        """The same rules over another view of the store, as an asynchronous host needs it."""
        return Lifecycle(store, self.policy, self.cookie, self.clock, pause, self.notify)

    def open(self, view: RequestView, opener: Opener) -> Session:
        """The session of a request, not loaded yet. Asks no store."""
        found = values(view.cookies, self.cookie.attributes(https=view.https).name)
        if len(found) > 1:
            self.notify(Event(EventName.TOSSED, detail=f"{len(found)} different session cookies"))
        token = Token.parse(found[0]) if len(found) == 1 else None
        session = Session(opener, token)
        if token is None:
            session.begin(None)
        return session

    async def load(self, session: Session, *, leased: bool = False) -> None:
        """Give *session* its record: one store call. *leased* waits for the session's lease first.

        Raises ``SessionBusy`` after the policy's wait, ``StoreUnavailable`` when the store is down.
        """
        token = session.token
        if token is None:
            session.begin(None)
            return
        holder = secrets.token_urlsafe(9) if leased and self.store.capabilities.lease else None
        record = await self._leased(token.id, holder) if holder else await self._plain(token.id)
        if record is None:
            self._refuse(session, EventName.REJECTED, handle(token.id))
            return
        now = self.clock()
        if self.policy.ended(record, now):
            self._refuse(session, EventName.EXPIRED, handle(record.id))
        elif token.proves(record.digest) or self._graced(token, record, now):
            session.begin(record, holder=holder)
            return
        else:
            late = record.previous is not None and token.proves(record.previous)
            session.begin(None, late=late)
            name = EventName.LATE if late else EventName.REJECTED
            self.notify(Event(name, handle(record.id), detail="an older or forged secret"))
        if holder is not None:
            await self.store.release(record.id, holder)

    async def _plain(self, id: str) -> Record | None:
        found = await self.store.load(id)
        return found if isinstance(found, Record) else None

    async def _leased(self, id: str, holder: str) -> Record | None:
        waited = 0.0
        while True:
            now = self.clock()
            found = await self.store.load(id, Lease(holder, now + self.policy.lease), now)
            if not isinstance(found, Busy):
                return found
            waited = await self._wait(id, waited)

    async def _wait(self, id: str, waited: float) -> float:
        """Pause before the next look at somebody else's lease; the seconds waited in all."""
        if waited >= self.policy.wait:
            raise SessionBusy(
                f"another request of session {handle(id)} has been writing for more than "
                f"{self.policy.wait:g} s, so this one was not run. Give slow views session='read', "
                "or raise wait in SessionPolicy(...)."
            )
        seconds = min(FIRST_POLL + waited / 4, LONGEST_POLL) * random.uniform(0.5, 1.5)  # noqa: S311 (jitter)
        await self.pause(seconds)
        return waited + seconds

    def _graced(self, token: Token, record: Record, now: float) -> bool:
        return (
            record.previous is not None
            and now < record.grace_until
            and token.proves(record.previous)
        )

    def _refuse(self, session: Session, name: EventName, whose: str) -> None:
        session.begin(None)
        self.notify(Event(name, whose))

    async def commit(
        self, session: Session, view: RequestView, isolation: Isolation | None = None
    ) -> ResponseEdits:
        """Save what the request did to *session*; what its response has to carry.

        Called once, before the response's first byte. *isolation* overrides the policy's. Raises
        ``SessionConflict``, ``SessionBusy``, ``SessionTooLarge`` or ``StoreUnavailable``; then
        nothing of this request was saved.
        """
        if not session.accessed:
            return NO_EDITS
        for ended in session.ending:
            if await self.store.end(ended):
                self.notify(Event(EventName.DESTROYED, handle(ended)))
        changes = session.changes()
        https = view.https
        if session.record is None:
            if session.late and changes and session.entering is None:
                # A new session would overwrite the newer cookie that this visitor has by now.
                self._dropped(session, changes, "its cookie had been replaced")
            elif changes or session.entering is not None:
                return self._show(*await self._create(session, changes.on({}), view), https=https)
            elif session.ending:
                return ResponseEdits(self.cookie.attributes(https=https).expire(), vary=True)
            return ResponseEdits(vary=True)
        if not (changes or session.renewing or self._periodic(session, session.record)):
            await self.give_back(session)
            await self._touch(session.record)
            return ResponseEdits(vary=True)
        shown = await self._commit(session, changes, view, isolation or self.policy.isolation)
        session.holder = None
        return ResponseEdits(vary=True) if shown is None else self._show(*shown, https=https)

    async def give_back(self, session: Session) -> None:
        """Give the session's lease back, if it was loaded under one, and save nothing."""
        if session.holder is not None and session.record is not None:
            await self.store.release(session.record.id, session.holder)
            session.holder = None

    async def _create(
        self, session: Session, fields: dict[str, bytes], view: RequestView
    ) -> tuple[Record, Token]:
        now = self.clock()
        while True:
            token = Token.new()
            record = Record(
                id=token.id,
                digest=token.digest,
                created=now,
                seen=now,
                expires=self._deadline(fields, now, now),
                renewed=now,
                fields=fields,
                user=session.entering,
                user_agent=view.user_agent[:512] if self.policy.device else "",
                address=view.address[:64] if self.policy.device else "",
            )
            self._check_size(record)
            if await self.store.create(record):
                name = EventName.CREATED if record.user is None else EventName.LOGGED_IN
                self.notify(Event(name, handle(record.id), record.user))
                return record, token

    async def _commit(
        self, session: Session, changes: Changes, view: RequestView, isolation: Isolation
    ) -> tuple[Record, Token] | None:
        """Replay on the current record until it stands; what goes into the cookie, if anything."""
        loaded = session.record
        assert loaded is not None  # noqa: S101 (commit() has asked)
        base = loaded
        token = None
        if session.renewing or self._periodic(session, base):
            token = Token.new(base.id)
        commit_id = secrets.token_urlsafe(9)
        waited = 0.0
        while True:
            now = self.clock()
            after = self._after(session, changes, base, token, commit_id, now)
            outcome = await self._put(session, base, after, now)
            if isinstance(outcome, Busy):
                waited = await self._wait(base.id, waited)
                continue
            fresh = outcome.fresh if isinstance(outcome, Conflict) else None
            if isinstance(outcome, Committed) or (fresh and commit_id in fresh.commits):
                return self._stands(session, loaded, after, token)
            if fresh is None or self.policy.ended(fresh, now):
                if session.entering is not None:
                    return await self._create(session, changes.on({}), view)
                self._dropped(session, changes, "the session had ended")
                return None
            if fresh.epoch != loaded.epoch and session.entering is not None:
                # Two logins at once: each gets a session of its own, and both cookies work.
                return await self._create(session, changes.on(loaded.fields), view)
            self._judge(session, changes, loaded, fresh, isolation)
            if fresh.renewed != loaded.renewed and not session.renewing:
                token = None  # somebody else has just renewed it
            base = fresh

    async def _put(
        self, session: Session, base: Record, after: Record, now: float
    ) -> Committed | Conflict | Busy | Gone:
        """Offer *after* to the store in place of *base*."""
        if self.policy.ended(base, now):
            # It expired while the view ran, unless another request has moved the deadline.
            found = await self._plain(base.id)
            return Gone() if found is None or found.version == base.version else Conflict(found)
        self._check_size(after)
        put = frozenset(key for key, data in after.fields.items() if base.fields.get(key) != data)
        removed = frozenset(base.fields.keys() - after.fields.keys())
        commit = Commit(base.version, after, put, removed, session.holder, now)
        try:
            return await self.store.commit(commit)
        except StoreUnavailable:
            # Perhaps only the acknowledgement got lost: ask again, once. The commit id tells.
            return await self.store.commit(commit)

    def _stands(
        self, session: Session, loaded: Record, after: Record, token: Token | None
    ) -> tuple[Record, Token] | None:
        if token is not None:
            name = EventName.RENEWED if session.entering is None else EventName.LOGGED_IN
            self.notify(Event(name, handle(after.id), after.user))
            return after, token
        if session.token is not None and after.digest == loaded.digest:
            persistent = expiry_of(after.fields).persistent
            if persistent != expiry_of(loaded.fields).persistent:
                return after, session.token
        return None

    def _periodic(self, session: Session, record: Record) -> bool:
        """Whether it is time for a new secret, and this request shows the current one."""
        return (
            self.policy.renewal_due(record, self.clock())
            and session.token is not None
            and session.token.proves(record.digest)
        )

    def _judge(
        self,
        session: Session,
        changes: Changes,
        loaded: Record,
        fresh: Record,
        isolation: Isolation,
    ) -> None:
        """Where the record moved on under this request: raise ``SessionConflict``, or report it."""
        strict = isolation == "serializable"
        clash = clashing(changes, loaded.fields, fresh.fields, strict=strict)
        moved = fresh.epoch != loaded.epoch and (strict or session.renewing)
        if not clash and not moved:
            keys = frozenset(changes.steps)
            self.notify(Event(EventName.MERGED, handle(fresh.id), fresh.user, keys))
            return
        if strict or moved or self.policy.on_conflict == "raise":
            raise SessionConflict(clash)
        self.notify(Event(EventName.CONFLICT, handle(fresh.id), fresh.user, clash))

    def _after(
        self,
        session: Session,
        changes: Changes,
        base: Record,
        token: Token | None,
        commit_id: str,
        now: float,
    ) -> Record:
        """The record as it shall be, computed from *base*."""
        fields = changes.on(base.fields)
        after = base._replace(
            fields=fields,
            version=base.version + 1,
            commits=(*base.commits, commit_id)[-COMMITS_KEPT:],
            lease=None,
        )
        if self.policy.touch_due(base, now) or fields.get(EXPIRY) != base.fields.get(EXPIRY):
            after = after._replace(seen=now, expires=self._deadline(fields, base.created, now))
        if token is not None:
            # No grace where the visitor's rights changed (ASVS 7.2.4), a moment where they did not.
            grace = 0.0 if session.renewing else now + self.policy.grace
            after = after._replace(
                digest=token.digest, previous=base.digest, grace_until=grace, renewed=now
            )
        if session.renewing:
            after = after._replace(epoch=base.epoch + 1, user=session.entering or base.user)
        return after

    async def _touch(self, record: Record) -> None:
        """Move the deadline of a session that was only read, when it is time to."""
        now = self.clock()
        if self.policy.touch_due(record, now) and not self.policy.ended(record, now):
            await self.store.touch(
                record.id, now, self._deadline(record.fields, record.created, now)
            )

    def _deadline(self, fields: Mapping[str, bytes], created: float, now: float) -> float:
        expiry = expiry_of(fields)
        if expiry.moment is not None:
            return min(expiry.moment, created + self.policy.lifetime)
        return self.policy.deadline(created, now, expiry.idle)

    def _check_size(self, record: Record) -> None:
        if record.size > self.policy.max_bytes:
            largest = max(record.fields, key=lambda key: len(record.fields[key]))
            raise SessionTooLarge(
                f"the session would hold {record.size} bytes and max_bytes is "
                f"{self.policy.max_bytes}; the largest key is {largest!r}. Keep large data in your "
                "database and its id in the session."
            )

    def _dropped(self, session: Session, changes: Changes, why: str) -> None:
        whose = handle(session.token.id) if session.token is not None else ""
        keys = frozenset(changes.steps)
        self.notify(Event(EventName.DROPPED, whose, session.user, keys, f"not saved: {why}"))

    def _show(self, record: Record, token: Token, *, https: bool) -> ResponseEdits:
        """Put *token* into the visitor's cookie, for as long as the session can last at most.

        The idle timeout is the server's to judge: a cookie that had to be sent again with every
        new deadline could overwrite a newer one of a parallel login.
        """
        persistent = self.cookie.persistent and expiry_of(record.fields).persistent
        age = int(record.created + self.policy.lifetime - self.clock()) if persistent else None
        cookie = self.cookie.attributes(https=https).render(str(token), age)
        return ResponseEdits(cookie, vary=True)

    # -- for applications: who is here, and out they go ----------------------------------------

    async def of(self, user: str) -> Sequence[Record]:
        """The live sessions of *user*, last seen first."""
        now = self.clock()
        return [r for r in await self.store.of_user(user) if not self.policy.ended(r, now)]

    async def revoke(self, id: str) -> bool:
        """End the session with the record id *id*; whether there was one."""
        ended = await self.store.end(id)
        if ended:
            self.notify(Event(EventName.DESTROYED, handle(id), detail="revoked"))
        return ended

    async def revoke_user(self, user: str, except_: str | None = None) -> int:
        """End all sessions of *user* but the one with the record id *except_*; how many ended."""
        records = await self.store.of_user(user)
        return sum([await self.revoke(r.id) for r in records if r.id != except_])

    async def delete_expired(self, batch: int = 500) -> int:
        """Remove all records whose deadline has passed, *batch* at a time; how many."""
        removed = 0
        while True:
            swept = await self.store.sweep(self.clock(), batch)
            removed += swept
            if swept < batch:
                return removed
