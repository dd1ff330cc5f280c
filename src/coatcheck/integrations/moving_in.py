"""Take over the sessions that an application's visitors have already, so that nobody is logged out.

An ``Incumbent`` reads the session that the engine before kept for a request. ``moving_in(sessions,
incumbent)`` gives the same sessions, which take it over at first sight: when a request shows the
old cookie and none of ours, and its view touches the session. What the old one held goes into a new
record under a fresh token, bound to the user it names; the old cookie is expired with the same
answer (``ResponseEdits.forget``), and ``EventName.MOVED_IN`` tells. The old engine's own record is
not touched, so that there is a way back; ``moved`` keeps what has ended here from coming back with
it. This file knows no host; theirs have the readers.
"""

import copy
import inspect
import logging
from collections.abc import Awaitable, Mapping
from typing import Any, Protocol, cast

from coatcheck.core.engine import Sessions
from coatcheck.core.errors import StoreUnavailable
from coatcheck.core.events import Event, EventName
from coatcheck.core.http import RequestView, ResponseEdits
from coatcheck.core.lifecycle import Lifecycle
from coatcheck.core.policy import Isolation
from coatcheck.core.session import Opener, Session, user_key
from coatcheck.wire.cookies import CookieAttributes, values
from coatcheck.wire.tokens import Token

from .moved import Marks

logger = logging.getLogger("coatcheck")

USER_FIELDS = ("_auth_user_id", "_user_id", "user_id")
"""Where Django, Flask-Login and many applications keep who is logged in, in this order."""

Held = Mapping[str, object]


class Incumbent(Protocol):
    """The engine that kept the application's sessions before, as far as they have to be read."""

    cookie: CookieAttributes
    """Its cookie, as it was set: what is expired must have the same name, path and domain."""
    inline: bool
    """Whether ``read`` asks nobody outside this process, so that an event loop may call it."""

    def read(self, view: RequestView) -> Held | Awaitable[Held | None] | None:
        """What the session of the request held, or None.

        None too for a cookie that is forged, malformed or too old, and for a record that is gone:
        whatever the engine itself would not have believed. Raises ``StoreUnavailable`` when its
        store does not answer, for then nobody knows. Where it is not ``inline``, it blocks beside
        a blocking store, and is ``async def`` beside one that is awaited.
        """
        ...


def moving_in(sessions: Sessions, incumbent: Incumbent) -> Sessions:
    """*sessions*, which also take over what *incumbent* kept. Give them to an integration."""
    lifecycle = sessions.lifecycle
    kind = type(lifecycle)
    # Of the kind that the store needs, whichever that is, with one more thing to ask at the start.
    moving = cast(
        type[MovingIn], type(f"MovingIn{kind.__name__}", (MovingIn, kind), {"incumbent": incumbent})
    )
    moved = copy.copy(sessions)
    moved.lifecycle = moving.instead_of(lifecycle)
    return moved


def shown(view: RequestView, name: str) -> str | None:
    """The cookie called *name* in a request; None without one, or with several that differ."""
    found = values(view.cookies, name)
    return found[0] if len(found) == 1 else None


class MovingIn(Lifecycle):
    """Opening, loading and committing, with a look at the old cookie where there is none of ours.

    Mixed into the lifecycle that the store needs. See ``moving_in``.
    """

    incumbent: Incumbent

    @classmethod
    def instead_of(cls, lifecycle: Lifecycle) -> Lifecycle:
        """The same rules as *lifecycle*'s."""
        return cls(
            lifecycle.store,
            lifecycle.policy,
            lifecycle.cookie,
            lifecycle.clock,
            lifecycle._pause,
            lifecycle.notify,
        )

    def open(self, view: RequestView, opener: Opener, kind: type[Session] = Session) -> Session:
        session = super().open(view, opener, kind)
        if session.token is None and self._arrives(view):
            session.expect(view)
        return session

    def _arrives(self, view: RequestView) -> bool:
        """Whether the old cookie is there, and none that we gave out, not even an ended one.

        Otherwise who logs out here would be logged in again by what the old engine still believes.
        """
        if not values(view.cookies, self.incumbent.cookie.name):
            return False
        ours = self.cookie.attributes(https=view.https).name
        return not any(Token.parse(text) for text in values(view.cookies, ours))

    async def load(self, session: Session, *, leased: bool = False) -> None:
        if session.arriving is None:
            await super().load(session, leased=leased)
            return
        found = self.incumbent.read(session.arriving)
        await self.take_over(session, await found if inspect.isawaitable(found) else found)

    async def take_over(self, session: Session, held: Held | None) -> None:
        """Begin *session* with what the old engine *held* for the visitor.

        Unless that has become a session before which has ended: then there is nothing any more.
        """
        cookie = self._old_cookie(session.arriving)
        if held and cookie is not None and await self._marks().ended(cookie):
            held = None
            self.notify(Event(EventName.REJECTED, detail="an old cookie whose session has ended"))
        lost = session.adopt(held or {}, _user_of(held) if held else None)
        if lost:
            what = "of kinds that no session keeps: not taken over"
            self.notify(Event(EventName.DROPPED, keys=lost, detail=what))

    async def commit(
        self, session: Session, view: RequestView, isolation: Isolation | None = None
    ) -> ResponseEdits:
        edits = await super().commit(session, view, isolation)
        if not (session.adopted and session.accessed):
            return edits
        self.notify(Event(EventName.MOVED_IN, session.handle, session.user))
        cookie = self._old_cookie(view)
        if cookie is not None:
            try:
                await self._marks().note(cookie, session.record.id if session.record else "")
            except StoreUnavailable as error:
                # What the visitor wanted has been done, and is not to be done again.
                logger.warning("what an old cookie has become could not be noted: %s", error)
        return edits._replace(forget=self._farewell(view, edits))

    def _old_cookie(self, view: RequestView | None) -> str | None:
        """The old cookie in *view*, if what it becomes can be noted: not in a cookie."""
        if view is None or not self.store.capabilities.revoke:
            return None
        return shown(view, self.incumbent.cookie.name)

    def _marks(self) -> Marks:
        return Marks(self.store, self.clock, self.policy.lifetime)

    def _farewell(self, view: RequestView, edits: ResponseEdits) -> str | None:
        """The line that expires the old cookie, unless ours is about to take its very place."""
        old, new = self.incumbent.cookie, self.cookie.attributes(https=view.https)
        same = (old.name, old.path, old.domain) == (new.name, new.path, new.domain)
        return None if same and edits.set_cookie is not None else old.expire()


def _user_of(held: Held) -> str | None:
    """Who is logged in, as far as *held* names somebody."""
    for field in USER_FIELDS:
        user: Any = held.get(field)
        if user is not None and not isinstance(user, bool):
            try:
                return user_key(user)
            except (TypeError, ValueError):
                continue
    return None
