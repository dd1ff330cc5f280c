"""A submission is processed once: who comes first runs it, everybody else gets the same answer.

What is known of a submission is a *claim*, a record in the store of the sessions, kept through the
store's ordinary contract: ``create`` is the first claim, a lease says who runs it after that, and
``commit`` puts the answer in its place, over the claimed version only. So a claim works on every
store that several requests share, is swept with the sessions, and an undisturbed submission costs
two round trips. Only this module orders them; it holds no clock and no driver.

How a host uses it, for each request that may change something::

    fields = the form, parsed                                       # the host's
    ticket = tickets.read(csrf.sent_token(fields), keyring, bindings, clock())
    if ticket is not None and ticket.stale:
        ...                                        # ask: the form was open for long
    if ticket is None: run the view as it is       # no ticket, or another visitor's
    claim = Submission(ticket.key(address), fingerprint.of_form(fields, files), ticket.minted)
    match await once.claim(claim):                 # before the session is loaded under its lease
        case Run() as run:
            try: response = the view's, with database and session committed
            except: await run.fail(); raise
            answer = Answer.of(status, headers, body, flashes, shown_fields(fields, files))
            answer = await run.finish(answer)      # before the first byte; frees on a 4xx or 5xx
        case Replay(answer): send answer.status, answer.again(clock(), proved=ticket.proved), body
        case Edited(answer): a 409 page: this was sent before with other values; which one?
        case StillRunning(): a 202 page with Refresh to the address of tickets.result(...)
        case CannotTell(): a 409 page: whether it was done is unknown; look first, or send it anew

``binding`` is ``tickets.Binding.of_session(token)`` of the session's cookie, which needs no load,
else ``Binding.of_browser`` of the browser's own; ``bindings`` are all that the request shows, and
forms get ``tickets.mint(keyring, binding, clock())`` where they had ``csrf.mint``. A blocking host
steps each coroutine (``sessions.step(once.claim(...))``) over ``Once.of(sessions, keyring)``; one
with an event loop runs them as phases (``await phases.run(once.claim(...))``, and
``phases.finish`` for what ends a run; see ``integrations.threaded``).

While a view runs for longer than ``once.beat`` seconds the host calls ``run.renew()`` every
``once.beat`` seconds. ``run.holds()``, before the application commits its own data, tells a worker
that was stopped for long that another has taken over. docs/explanation/once.md says what this
promises, and what only one transaction could.
"""

import hmac
import logging
import secrets
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Final, NamedTuple

from coatcheck.core import bridge
from coatcheck.core.engine import Sessions
from coatcheck.core.errors import ConfigurationError, SessionTooLarge, StoreUnavailable
from coatcheck.core.record import Lease, Record
from coatcheck.core.store import Busy, Commit, Committed, Conflict, Gone, Store
from coatcheck.wire.codec import decode, encode
from coatcheck.wire.signing import Keyring
from coatcheck.wire.tokens import handle

from .answers import Answer, Seals, pack, unpack
from .tickets import LONGEST, ClaimKey

logger = logging.getLogger("coatcheck")

FIRST, LONGEST_POLL = 0.02, 0.25
"""Seconds between two looks at a claim that another request runs: short at first, then longer."""

_CLAIM, _ANSWER = "claim", "answer"
_NOBODY: Final = bytes(32)
"""The digest of no secret: nothing opens a claim as a session."""


class State(Enum):
    """What is known of a submission."""

    RUNNING = "running"
    DONE = "done"
    FREE = "free"
    """It was refused or failed, and may be tried again."""
    HELD = "held"
    """It failed, and must not be tried again unasked."""


class Submission(NamedTuple):
    """One try to submit something: which one, what it holds, and when its form was shown.

    ``at_most_once`` says that a try whose end nobody knows must not be repeated unasked, ``strict``
    that other values are never a new attempt. ``keep`` shortens the time that the answer is kept,
    in seconds.
    """

    key: ClaimKey
    fingerprint: bytes
    minted: float = 0.0
    at_most_once: bool = False
    keep: float = LONGEST
    strict: bool = False


class Replay(NamedTuple):
    """It was processed, and this was the answer."""

    answer: Answer


class Edited(NamedTuple):
    """It was processed, with other values than those sent now."""

    answer: Answer


class StillRunning(NamedTuple):
    """Another request runs it, and has done so for longer than anybody waits."""

    since: float


class CannotTell(NamedTuple):
    """Whoever ran it did not come back to say how it ended."""

    since: float


Otherwise = Replay | Edited | StillRunning | CannotTell
"""What a submission gets that is not to be processed now."""


class Known(NamedTuple):
    """A claim as it is stored: ``at`` is when its state began, ``until`` when a run lapses."""

    state: State
    print: bytes
    by: str
    at: float
    until: float
    redirects: bool = False


class Verdict(Enum):
    """What ``judge`` says to a submission that meets a claim."""

    TAKE = "take"
    WAIT = "wait"
    REPLAY = "replay"
    EDITED = "edited"
    CANNOT_TELL = "cannot tell"


def judge(known: Known, submission: Submission, print: bytes, holder: str, now: float) -> Verdict:
    """Decide what a submission with the fingerprint *print* gets where *known* is stored.

    Pure: the table of docs/explanation/once.md. Whether a lease lies on the claim only the store
    can tell, so a ``TAKE`` holds once the store has given it to the asker.
    """
    match known.state:
        case State.FREE:
            return Verdict.TAKE
        case State.RUNNING:
            if known.by == holder:
                return Verdict.TAKE  # our own: only the store's answer got lost
            if now < known.until:
                return Verdict.WAIT
            ended = known.until
        case State.HELD | State.DONE:
            ended = known.at
    if submission.minted > ended:
        return Verdict.TAKE  # its form was shown when this was over: the visitor means another
    if known.state is not State.DONE:
        unsure = submission.at_most_once or known.state is State.HELD
        return Verdict.CANNOT_TELL if unsure else Verdict.TAKE
    if hmac.compare_digest(known.print, print):
        return Verdict.REPLAY
    # A page may be the form again, with what was wrong in it; a redirect means that it was done.
    return Verdict.EDITED if known.redirects or submission.strict else Verdict.TAKE


class Once:
    """Claims over one store. *wait* for whoever runs it, *lease* and *keep*, all in seconds.

    Raises ``ConfigurationError`` for a store that requests cannot share: one inside the cookie.
    """

    def __init__(
        self,
        store: Store,
        keyring: Keyring,
        clock: Callable[[], float],
        pause: Callable[[float], Awaitable[None]],
        *,
        wait: float = 10.0,
        lease: float = 30.0,
        keep: float = LONGEST,
    ) -> None:
        if store.capabilities.in_cookie is not None or not store.capabilities.lease:
            raise ConfigurationError(
                f"{type(store).__name__} cannot keep what was submitted: two requests at once "
                "would not see each other. Use a store on the server, such as sqlite:/// or "
                "valkey://, or switch once off."
            )
        self.store = store
        self.clock = clock
        self.keep = keep
        self.lease = lease
        self.beat = lease / 3
        """Seconds after which a run that goes on has to be renewed."""
        self._pause = pause
        self._wait = wait
        self.seals = Seals(keyring)

    @classmethod
    def of(
        cls,
        sessions: Sessions,
        keyring: Keyring,
        *,
        wait: float = 10.0,
        lease: float = 30.0,
        keep: float = LONGEST,
    ) -> "Once":
        """Claims in the store of *sessions*, by its clock."""
        pause = bridge.pause if sessions.blocking else bridge.async_pause
        lifecycle = sessions.lifecycle
        return cls(
            lifecycle.store, keyring, lifecycle.clock, pause, wait=wait, lease=lease, keep=keep
        )

    async def claim(self, submission: Submission, wait: float | None = None) -> "Run | Otherwise":
        """Claim *submission*: a ``Run`` for whoever is to process it, else what to answer.

        One store call where it is new. Waits while another request runs it, for *wait* seconds if
        given. Raises ``StoreUnavailable``; then nothing was claimed.
        """
        patience = self._wait if wait is None else wait
        holder = secrets.token_urlsafe(9)
        print = hmac.digest(submission.key.secret, submission.fingerprint, "sha256")
        waited = 0.0
        while True:
            run = await self._first(submission, print, holder)
            if run is not None:
                return run
            verdict, known, record = await self._look(submission, print, holder)
            while verdict is Verdict.WAIT and known is not None:
                if waited >= patience:
                    return StillRunning(known.at)
                seconds = min(FIRST + waited / 4, LONGEST_POLL, patience - waited)
                waited += seconds
                await self._pause(seconds)
                verdict, known, record = await self._look(submission, print, holder)
            if known is None or record is None:
                continue  # it was swept in between
            match verdict:
                case Verdict.TAKE:
                    return Run(self, submission, print, holder, record)
                case Verdict.CANNOT_TELL:
                    return CannotTell(known.at)
            answer = self.opened(record, submission.key)
            if answer is None:
                return CannotTell(known.at)  # sealed under a key that is gone
            return Replay(answer) if verdict is Verdict.REPLAY else Edited(answer)

    async def answer(self, key: ClaimKey) -> Replay | StillRunning | CannotTell | None:
        """What became of the claim *key*, for whoever comes to see; waits while it runs.

        None when it was refused or failed, so that it may be sent again, or is not known any more.
        """
        waited = 0.0
        while True:
            record = await self.store.load(key.id)
            if not isinstance(record, Record):
                return None
            known = _known(record)
            match known.state:
                case State.FREE:
                    return None
                case State.HELD:
                    return CannotTell(known.at)
                case State.DONE:
                    answer = self.opened(record, key)
                    return CannotTell(known.at) if answer is None else Replay(answer)
            if waited >= self._wait:
                return StillRunning(known.at)
            seconds = min(FIRST + waited / 4, LONGEST_POLL, self._wait - waited)
            waited += seconds
            await self._pause(seconds)

    def opened(self, record: Record, key: ClaimKey) -> Answer | None:
        """The answer in *record*; None where no key of the keyring opens it."""
        data = self.seals.open(record.fields[_ANSWER], key.secret)
        return unpack(data) if data is not None else None

    async def _first(self, submission: Submission, print: bytes, holder: str) -> "Run | None":
        now = self.clock()
        known = Known(State.RUNNING, print, holder, now, now + self.lease)
        record = Record(
            id=submission.key.id,
            digest=_NOBODY,
            created=now,
            seen=now,
            expires=now + min(self.keep, submission.keep),
            renewed=now,
            fields={_CLAIM: _written(known)},
        )
        try:
            created = await self.store.create(record)
        except StoreUnavailable:
            # Perhaps only the answer got lost: if it is there now, it says whose it is.
            created = await self.store.create(record)
        return Run(self, submission, print, holder, record) if created else None

    async def _look(
        self, submission: Submission, print: bytes, holder: str
    ) -> tuple[Verdict, Known | None, Record | None]:
        """What is stored, and what that means. A ``TAKE`` has been given by the store."""
        record = await self.store.load(submission.key.id)
        if not isinstance(record, Record):
            return Verdict.TAKE, None, None
        known = _known(record)
        now = self.clock()
        verdict = judge(known, submission, print, holder, now)
        if verdict not in (Verdict.TAKE, Verdict.CANNOT_TELL):
            return verdict, known, record
        taken = await self.store.load(record.id, Lease(holder, now + self.lease), now)
        if isinstance(taken, Busy):
            return Verdict.WAIT, known, record
        if taken is None:
            return Verdict.TAKE, None, None
        # Between the two looks it may have been answered.
        known = _known(taken)
        verdict = judge(known, submission, print, holder, now)
        if verdict is not Verdict.TAKE:
            await self.store.release(taken.id, holder)
        return verdict, known, taken


class Run:
    """The right and the duty to process one submission. ``until`` is when it lapses."""

    def __init__(
        self, once: Once, submission: Submission, print: bytes, holder: str, record: Record
    ) -> None:
        self.once = once
        self.submission = submission
        self._print = print
        self._holder = holder
        self._record = record
        self.until = once.clock() + once.lease
        self.lost = False
        """Whether another has taken over, so that what is done here must not stand."""

    async def renew(self) -> bool:
        """Say that it goes on, so that nobody takes over; whether it is still ours."""
        now = self.once.clock()
        lease = Lease(self._holder, now + self.once.lease)
        found = await self.once.store.load(self._record.id, lease, now)
        if isinstance(found, Record) and found.version == self._record.version:
            self.until = lease.until
        else:
            self.lost = True
            if isinstance(found, Record):
                await self.once.store.release(found.id, self._holder)
        return not self.lost

    @property
    def due(self) -> bool:
        """Whether its time has run out, so that nobody knows whether it is still ours."""
        return self.lost or self.once.clock() >= self.until

    async def holds(self) -> bool:
        """Whether it is still ours. Asks the store only where that is not certain."""
        if not self.due:
            return True
        return not self.lost and await self.renew()

    async def finish(self, answer: Answer) -> Answer:
        """Keep *answer* for everybody who sends this again; the answer that is to be sent.

        Another one than *answer* where a second worker took over meanwhile and was faster. An
        answer of 400 and above frees the submission instead. A store that does not answer any more
        is reported and not raised: what the visitor wanted has been done. Called again, it puts
        *answer* in place of the one before.
        """
        if answer.status >= 400:
            await self.free()
            return answer
        now = self.once.clock()
        answer = answer._replace(at=now)
        try:
            return await self._keep(answer, now)
        except SessionTooLarge:
            return await self._keep(answer._replace(body=None), now)
        except StoreUnavailable as error:
            self._report(error)
            return answer

    async def finish_in(self, store: Store, answer: Answer) -> bool:
        """Keep *answer* by way of *store*, which is part of the application's own transaction.

        False, and the transaction is to be rolled back, where another has taken over.
        """
        now = self.once.clock()
        await self._keep(answer._replace(at=now), now, store)
        return not self.lost

    async def free(self) -> None:
        """Give the submission back unprocessed, to be tried again by whoever sends it next."""
        await self._end(State.FREE)

    async def fail(self) -> None:
        """Say that processing failed: with ``at_most_once`` it is not tried again unasked."""
        await self._end(State.HELD if self.submission.at_most_once else State.FREE)

    async def _keep(self, answer: Answer, now: float, store: Store | None = None) -> Answer:
        sealed = self.once.seals.seal(pack(answer), self.submission.key.secret)
        known = Known(State.DONE, self._print, self._holder, now, now, answer.redirects)
        outcome = await self._commit(known, {_ANSWER: sealed}, now, store or self.once.store)
        if isinstance(outcome, Conflict):
            fresh = _known(outcome.fresh)
            if fresh.state is State.DONE and fresh.by != self._holder:
                self.lost = True
                return self.once.opened(outcome.fresh, self.submission.key) or answer
        elif not isinstance(outcome, Committed):
            self.lost = True
        return answer

    async def _end(self, state: State) -> None:
        now = self.once.clock()
        try:
            known = Known(state, self._print, self._holder, now, now)
            await self._commit(known, {}, now, self.once.store)
        except StoreUnavailable as error:
            self._report(error)  # it lapses by itself

    async def _commit(
        self, known: Known, more: dict[str, bytes], now: float, store: Store
    ) -> Committed | Conflict | Busy | Gone:
        base = self._record
        fields = {_CLAIM: _written(known), **more}
        removed = frozenset(base.fields.keys() - fields.keys())
        after = base._replace(fields=fields, version=base.version + 1, lease=None)
        if now - base.seen > self.once.lease:
            # Else the deadline stays as it is, and the store has no index to change for it.
            keep = min(self.once.keep, self.submission.keep)
            after = after._replace(seen=now, expires=now + keep)
        commit = Commit(base.version, after, frozenset(fields), removed, self._holder, now)
        try:
            outcome = await store.commit(commit)
        except StoreUnavailable:
            # Perhaps only the acknowledgement got lost. Our own name in the claim tells.
            outcome = await store.commit(commit)
        if isinstance(outcome, Committed):
            self._record = after
        return outcome

    def _report(self, error: StoreUnavailable) -> None:
        logger.error(
            "The outcome of submission %s could not be kept, so sending it again may process it "
            "again: %s",
            handle(self._record.id),
            error,
        )


def _written(known: Known) -> bytes:
    # A list, which the codec packs four times faster than a tuple.
    return encode([known.state.value, *known[1:]])


def _known(record: Record) -> Known:
    state, *rest = decode(record.fields[_CLAIM])
    return Known(State(state), *rest)
