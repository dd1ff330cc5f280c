"""Decide what a request's session needs from its store, and in which order.

Only this module orders store calls. It holds no clock and no driver: both are passed in, so that
blocking and asynchronous hosts share it (see ``bridge``).
"""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence

from coatcheck.wire.cookies import values
from coatcheck.wire.tokens import Token, handle

from .changes import Changes
from .conflict import clashing, stale
from .errors import SessionConflict, SessionTooLarge, StoreUnavailable, UnreadableRecord
from .events import Event, EventName, Listener
from .expiry import EXPIRY, expiry_of
from .http import NO_EDITS, RequestView, ResponseEdits
from .policy import Isolation, SessionCookie, SessionPolicy
from .record import Lease, Record
from .session import Opener, Session, user_key
from .store import SEALED, Busy, Commit, Committed, Conflict, Gone, Store, is_sealed
from .waiting import Pause, Waiting, rest

LONGEST_REST = 1.0
"""Seconds between two batches of a sweep at most, also when somebody sets the clock."""

VARIES = ResponseEdits(vary=True)

COMMITS_KEPT = 8
"""Ids of last commits in a record: enough to recognise a retry after a lost acknowledgement."""


class Lifecycle:
    """Opening, loading and committing sessions over one store, under one policy."""

    def __init__(
        self,
        store: Store,
        policy: SessionPolicy,
        cookie: SessionCookie,
        clock: Callable[[], float],
        pause: Pause,
        notify: Listener,
    ) -> None:
        self.store = store
        self.policy = policy
        self.cookie = cookie
        self.clock = clock
        self._pause = pause
        self._waiting = Waiting(pause, policy.wait, policy.waiters)
        self.notify = notify

    def over(self, store: Store, pause: Pause) -> "Lifecycle":
        """The same rules over another view of the store, as an asynchronous host needs it."""
        return type(self)(store, self.policy, self.cookie, self.clock, pause, self.notify)

    def under(self, policy: SessionPolicy, cookie: SessionCookie) -> "Lifecycle":
        """The same store under other rules, as a host's own configuration says them."""
        return type(self)(self.store, policy, cookie, self.clock, self._pause, self.notify)

    def open(self, view: RequestView, opener: Opener, kind: type[Session] = Session) -> Session:
        """The session of a request, a *kind* of session, not loaded yet. Asks no store."""
        found = values(view.cookies, self.cookie.attributes(https=view.https).name)
        if len(found) > 1:
            self.notify(Event(EventName.TOSSED, detail=f"{len(found)} different session cookies"))
        return self._opened(found[0] if len(found) == 1 else None, opener, kind)

    def _opened(self, text: str | None, opener: Opener, kind: type[Session]) -> Session:
        """The session of a visitor whose cookie says *text*."""
        token = Token.parse(text) if text is not None else None
        session = kind(opener, token)
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
        holder = _name() if leased and self.store.capabilities.lease else None
        try:
            if holder is not None:
                record = await self._leased(session, token.id, holder)
            else:
                found = await self.store.load(token.id)
                record = found if isinstance(found, Record) else None
        except UnreadableRecord as error:
            self._set_aside(session, token, error)
            return
        if record is None:
            self._refuse(session, EventName.REJECTED, handle(token.id))
            return
        record = self._read(record, token)
        now = self.clock()
        if self._ended(record, now):
            self._refuse(session, EventName.EXPIRED, handle(record.id))
        elif token.proves(record.digest) or self._graced(token, record, now):
            session.begin(record, holder=holder)
            return
        else:
            late = record.previous is not None and token.proves(record.previous)
            # For a while only: a visitor whose new cookie got lost is not shut out for good.
            session.begin(None, late=late and now < record.renewed + 2 * self.policy.grace)
            name = EventName.LATE if late else EventName.REJECTED
            self.notify(Event(name, handle(record.id), detail="an older or forged secret"))
        if holder is not None:
            await self._release(record.id, holder)

    def _set_aside(self, session: Session, token: Token, error: UnreadableRecord) -> None:
        """Let the visitor begin anew, beside a record that cannot be read and stays as it is."""
        session.begin(None)
        self.notify(Event(EventName.UNREADABLE, handle(token.id), detail=str(error)))

    async def _release(self, id: str, holder: str) -> None:
        await self.store.release(id, holder)
        self._waiting.wake(id)

    def _read(self, record: Record, token: Token | None) -> Record:
        """*record* as the owner of *token* reads it."""
        if SEALED in record.fields and is_sealed(record.fields):
            raise UnreadableRecord(
                f"the session {handle(record.id)} is encrypted, and the store is not set up to "
                "read it: put encrypted+ before its address again."
            )
        return record

    def _written(self, record: Record, token: Token | None) -> Record:
        """*record* as it goes to the store, readable for the owner of *token*."""
        return record

    async def _plain(self, id: str) -> Record | None:
        found = await self.store.load(id)
        return found if isinstance(found, Record) else None

    async def _leased(self, session: Session, id: str, holder: str) -> Record | None:
        """The record with its lease, as soon as it is free."""
        session.holder = holder  # before it is: who is cancelled meanwhile has it to give back
        try:
            if id not in self._waiting:  # or else others are before this one
                found = await self._ask(id, holder)
                if not isinstance(found, Busy):
                    return found
            with self._waiting.queue(id) as pause:
                while True:
                    await pause()
                    found = await self._ask(id, holder)
                    if not isinstance(found, Busy):
                        return found
        except Exception:
            session.holder = None
            raise

    async def _ask(self, id: str, holder: str) -> Record | Busy | None:
        now = self.clock()
        lease = Lease(holder, now + self.policy.lease)
        try:
            return await self.store.load(id, lease, now)
        except StoreUnavailable:
            # Perhaps only the answer got lost, and others would wait for a lease that nobody uses.
            return await self.store.load(id, lease, now)

    def _graced(self, token: Token, record: Record, now: float) -> bool:
        return (
            record.previous is not None
            and now < record.grace_until
            and token.proves(record.previous)
        )

    def _ended(self, record: Record, now: float) -> bool:
        """Whether the record's time is over, also by a time of its own that it carries.

        That is asked anew: a touch that knew nothing of it, or of a policy that has become
        shorter, may have moved the record's deadline.
        """
        if EXPIRY in record.fields:
            deadline = self._deadline(record.fields, record.created, record.seen)
            return now >= record.expires or now >= deadline
        return self.policy.ended(record, now)

    def _touch_due(self, record: Record, now: float) -> bool:
        idle = expiry_of(record.fields).idle if EXPIRY in record.fields else None
        return self.policy.touch_due(record, now, idle)

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
        began = session.record is None
        saved, token = await self._save(session, view, isolation or self.policy.isolation)
        if saved is not None and token is not None:
            if began:
                session.settle(saved, token)  # so that what runs after this can name it
            return self._show(saved, token, https=view.https)
        if saved is None and session.ending:
            return ResponseEdits(self.cookie.attributes(https=view.https).expire(), vary=True)
        owed = session.owed.set_cookie
        return VARIES if owed is None else ResponseEdits(owed, vary=True)

    def asks(self, session: Session) -> bool:
        """Whether to commit *session* takes a call of the store: if not, it waits for nothing."""
        if session.holder is not None:
            return True
        if not session.accessed:
            return False
        if session.modified or session.planned is not None or session.adopted:
            return True
        record = session.record
        return record is not None and (
            self._touch_due(record, self.clock()) or self._periodic(session, record)
        )

    async def save(self, session: Session, view: RequestView) -> None:
        """Save what the request did so far, and let it go on. The session owes its cookie."""
        saved, token = await self._save(session, view, self.policy.isolation)
        shown = token or session.token
        if saved is None or shown is None:
            return
        if token is not None:
            session.owed = self._show(saved, token, https=view.https)
        session.settle(saved, shown)

    async def lease(self, session: Session) -> None:
        """Make this request the only writer of its session, from what is stored by now.

        Raises ``SessionBusy`` after the policy's wait, and ``SessionConflict`` when something that
        the request had read has changed, or the session has ended.
        """
        loaded = session.record
        if loaded is None or session.holder is not None or not self.store.capabilities.lease:
            return
        holder = _name()
        record = await self._leased(session, loaded.id, holder)
        if record is None:
            session.holder = None
            raise SessionConflict
        record = self._read(record, session.token)
        session.changes()  # first: it notes what was changed in place
        clash = stale(session.reads(), loaded.fields, record.fields)
        if clash or record.epoch != loaded.epoch or self._ended(record, self.clock()):
            await self.give_back(session)
            raise SessionConflict(clash)
        session.rebase(record, holder)

    async def _save(
        self, session: Session, view: RequestView, isolation: Isolation
    ) -> tuple[Record | None, Token | None]:
        """Save *session*: the record that is stored now, and the token that the cookie needs."""
        for ended in session.ending:
            if await self.store.end(ended):
                self.notify(Event(EventName.DESTROYED, handle(ended)))
            self._waiting.wake(ended)
            session.holder = None  # the lease has ended with it
        changes = session.changes()
        if session.record is None:
            if session.late and changes and session.entering is None:
                # A new session would overwrite the newer cookie that this visitor has by now.
                self._dropped(session, changes, "its cookie had been replaced")
            elif changes or session.entering is not None or session.planned is not None:
                return await self._create(session, changes.on({}), view)
            return None, None
        if not (changes or session.renewing or self._periodic(session, session.record)):
            if session.holder is not None:
                await self.give_back(session)
            if self._touch_due(session.record, self.clock()):
                await self._touch(session.record)
            return session.record, None
        saved = await self._commit(session, changes, view, isolation)
        session.holder = None
        return saved

    async def give_back(self, session: Session) -> None:
        """Give the session's lease back, if it was loaded under one, and save nothing."""
        whose = session.record or session.token
        if session.holder is not None and whose is not None:
            await self._release(whose.id, session.holder)
            session.holder = None

    async def _create(
        self, session: Session, fields: dict[str, bytes], view: RequestView
    ) -> tuple[Record, Token]:
        now = self.clock()
        while True:
            token = session.planned or Token.new()
            session.planned = None
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
            if await self.store.create(self._written(record, token)):
                name = EventName.CREATED if record.user is None else EventName.LOGGED_IN
                self.notify(Event(name, handle(record.id), record.user))
                return record, token

    async def _commit(
        self, session: Session, changes: Changes, view: RequestView, isolation: Isolation
    ) -> tuple[Record | None, Token | None]:
        """Replay on the current record until it stands. See ``_save``."""
        loaded = session.record
        assert loaded is not None  # noqa: S101 (commit() has asked)
        base = loaded
        token = None
        if session.renewing or self._periodic(session, base):
            # Taken here: the id of a record that has ended must not begin another one.
            token, session.planned = session.planned or Token.new(base.id), None
        commit_id = _name()
        lost = 0
        while True:
            now = self.clock()
            after = self._after(session, changes, base, token, commit_id, now)
            outcome = await self._put(session, changes, base, after, token, now)
            if isinstance(outcome, Busy):
                with self._waiting.queue(base.id) as pause:
                    while isinstance(outcome, Busy):
                        await pause()
                        now = self.clock()
                        outcome = await self._put(session, changes, base, after, token, now)
            self._waiting.wake(base.id)
            fresh = None
            if isinstance(outcome, Conflict):
                fresh = self._read(outcome.fresh, session.token)
            if isinstance(outcome, Committed) or (fresh and commit_id in fresh.commits):
                return self._stands(session, loaded, after, token)
            if fresh is None or self._ended(fresh, now):
                if session.entering is not None:
                    return await self._create(session, changes.on({}), view)
                self._dropped(session, changes, "the session had ended")
                return None, None
            if fresh.epoch != loaded.epoch and session.entering is not None:
                # Two logins at once: each gets a session of its own, and both cookies work.
                return await self._create(session, changes.on(loaded.fields), view)
            if not self._stands_on(session, changes, loaded, fresh, isolation):
                self._dropped(session, changes, "the visitor has logged in or renewed since")
                return None, None
            if fresh.renewed != loaded.renewed and not session.renewing:
                token = None  # somebody else has just renewed it
            base = fresh
            lost += 1
            if lost % 2 == 0:  # what was handed out before a rest is old by then: two tries a rest
                await self._pause(rest(lost))

    async def _put(
        self,
        session: Session,
        changes: Changes,
        base: Record,
        after: Record,
        token: Token | None,
        now: float,
    ) -> Committed | Conflict | Busy | Gone:
        """Offer *after*, which *changes* made, to the store in place of *base*."""
        if self._ended(base, now):
            # It expired while the view ran, unless another request has moved the deadline.
            found = await self._plain(base.id)
            if found is None or self._ended(self._read(found, session.token), now):
                return Gone()
            return Conflict(found)
        self._check_size(after)
        written = self._written(after, token or session.token)
        stored, wanted = base.fields, written.fields
        touched: Iterable[str] = changes.steps
        if changes.cleared or written is not after:
            touched = {*stored, *wanted}
        put, removed = set(), set()
        for key in touched:
            if key in wanted:
                if wanted[key] != stored.get(key):
                    put.add(key)
            elif key in stored:
                removed.add(key)
        commit = Commit(base.version, written, put, removed, session.holder, now)
        try:
            return await self.store.commit(commit)
        except StoreUnavailable:
            # Perhaps only the acknowledgement got lost: ask again, once. The commit id tells.
            return await self.store.commit(commit)

    def _stands(
        self, session: Session, loaded: Record, after: Record, token: Token | None
    ) -> tuple[Record, Token | None]:
        if token is not None:
            name = EventName.RENEWED if session.entering is None else EventName.LOGGED_IN
            self.notify(Event(name, handle(after.id), after.user))
            return after, token
        if session.token is not None and after.digest == loaded.digest:
            before = loaded.fields
            if after.fields.get(EXPIRY) != before.get(EXPIRY) and (
                expiry_of(after.fields).persistent != expiry_of(before).persistent
            ):
                return after, session.token
        return after, None

    def _periodic(self, session: Session, record: Record) -> bool:
        """Whether it is time for a new secret, and this request shows the current one."""
        return (
            self.policy.renew_every is not None
            and self.policy.renewal_due(record, self.clock())
            and session.token is not None
            and session.token.proves(record.digest)
        )

    def _stands_on(
        self,
        session: Session,
        changes: Changes,
        loaded: Record,
        fresh: Record,
        isolation: Isolation,
    ) -> bool:
        """Whether *changes* may be replayed on *fresh*, a record that moved on under this request.

        Reports what that means, or raises ``SessionConflict``. What was done before the visitor's
        identity moved is not for who they are now.
        """
        strict = isolation == "serializable"
        clash = clashing(changes, loaded.fields, fresh.fields, strict=strict)
        moved = fresh.epoch != loaded.epoch
        refused = strict or self.policy.on_conflict == "raise"
        if (refused and (clash or moved)) or (moved and session.renewing):
            raise SessionConflict(clash)
        if moved:
            return False
        if clash:
            self.notify(Event(EventName.CONFLICT, handle(fresh.id), fresh.user, clash))
        elif fresh.version != loaded.version:
            keys = frozenset(changes.steps)
            self.notify(Event(EventName.MERGED, handle(fresh.id), fresh.user, keys))
        return True

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
        seen, expires = base.seen, base.expires
        if self._touch_due(base, now) or fields.get(EXPIRY) != base.fields.get(EXPIRY):
            # Never before the last use, which a host whose clock is ahead may have seen.
            seen = max(now, seen)
            expires = self._deadline(fields, base.created, seen)
        digest, previous, grace_until = base.digest, base.previous, base.grace_until
        if token is not None:
            # No grace where the visitor's rights changed (ASVS 7.2.4), a moment where they did not.
            grace_until = 0.0 if session.renewing else now + self.policy.grace
            digest, previous = token.digest, base.digest
        # Made at once and not by _replace(), which takes five times as long.
        return Record(
            base.id,
            digest,
            base.created,
            seen,
            expires,
            base.renewed if token is None else now,
            fields,
            base.version + 1,
            base.epoch + 1 if session.renewing else base.epoch,
            (session.renewing and session.entering) or base.user,
            previous,
            grace_until,
            base.user_agent,
            base.address,
            (*base.commits, commit_id)[-COMMITS_KEPT:],
        )

    async def _touch(self, record: Record) -> None:
        """Move the deadline of a session that was only read."""
        now = self.clock()
        if not self._ended(record, now):
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
        cookie = self.cookie.attributes(https=https).render(self._text(record, token), age)
        return ResponseEdits(cookie, vary=True)

    def _text(self, record: Record, token: Token) -> str:
        """The cookie's value for the owner of *record*."""
        return str(token)

    # -- for applications: who is here, and out they go ----------------------------------------

    async def of(self, user: object) -> Sequence[Record]:
        """The live sessions of *user*, last seen first."""
        now = self.clock()

        def lives(record: Record) -> bool:
            try:
                return not self._ended(record, now)
            except UnreadableRecord:  # listed all the same, so that it can be ended
                return not self.policy.ended(record, now)

        return list(filter(lives, await self.store.of_user(user_key(user))))

    async def revoke(self, id: str) -> bool:
        """End the session with the record id *id*; whether there was one."""
        ended = await self.store.end(id)
        self._waiting.wake(id)
        if ended:
            self.notify(Event(EventName.DESTROYED, handle(id), detail="revoked"))
        return ended

    async def revoke_user(self, user: object, except_: str | None = None) -> int:
        """End all sessions of *user* but the one with the record id *except_*; how many ended."""
        records = await self.store.of_user(user_key(user))
        return sum([await self.revoke(r.id) for r in records if r.id != except_])

    async def delete_expired(self, batch: int = 500) -> int:
        """Remove all records whose deadline has passed, *batch* at a time; how many.

        After each batch it rests for as long as that took, so that nobody who writes meanwhile
        waits for more than one.
        """
        removed = 0
        while True:
            begun = self.clock()
            swept = await self.store.sweep(begun, batch)
            removed += swept
            if swept < batch:
                return removed
            await self._pause(min(max(self.clock() - begun, 0.0), LONGEST_REST))


def _name() -> str:
    """A name for a lease or a commit, that nobody else gives to one."""
    return secrets.token_bytes(8).hex()
