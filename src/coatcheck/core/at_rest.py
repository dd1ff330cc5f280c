"""The lifecycle of sessions whose fields the store sees sealed under their owners' tokens.

Between the lifecycle and the store, fields are sealed and opened; between the lifecycle and the
request nothing is different. Only who shows the current secret can read a record: not the store,
not who has a copy of it, and not another request whose secret has just been replaced.
"""

from collections.abc import Callable, Sequence
from typing import cast

from coatcheck.wire.tokens import Token

from .changes import Changes
from .errors import ConfigurationError, SessionConflict, UnreadableRecord
from .events import Listener
from .lifecycle import Lifecycle
from .policy import Isolation, SessionCookie, SessionPolicy
from .record import Record
from .session import Session
from .store import AtRest, Store, is_sealed
from .waiting import Pause


class EncryptedLifecycle(Lifecycle):
    """Opening and committing sessions over a store with the capability ``at_rest``.

    Raises ``ConfigurationError`` for a policy that replaces secrets now and then: requests on their
    way with the old one could not read the session any more.
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
        if policy.renew_every is not None:
            raise ConfigurationError(
                "renew_every cannot go with an encrypted store: the secret is the key, so requests "
                "on their way with the old one could read nothing. Leave it out: login(), logout() "
                "and renew() replace the secret when it matters."
            )
        self._at_rest = cast(AtRest, store.capabilities.at_rest)

    async def load(self, session: Session, *, leased: bool = False) -> None:
        try:
            await super().load(session, leased=leased)
        except UnreadableRecord as error:  # what is sealed in it is damaged, or of another version
            await self.give_back(session)
            self._set_aside(session, cast(Token, session.token), error)

    def _read(self, record: Record, token: Token | None) -> Record:
        if not is_sealed(record.fields):
            return record  # from before the store was encrypted; the next commit seals it
        if token is None or not token.proves(record.digest):
            return record
        return record._replace(fields=self._at_rest.unseal(record.fields, token))

    def _written(self, record: Record, token: Token | None) -> Record:
        return record._replace(fields=self._at_rest.seal(record.fields, cast(Token, token)))

    def _stands_on(
        self,
        session: Session,
        changes: Changes,
        loaded: Record,
        fresh: Record,
        isolation: Isolation,
    ) -> bool:
        if is_sealed(fresh.fields):
            # Another request has replaced the secret, so this one can neither read nor merge.
            raise SessionConflict
        return super()._stands_on(session, changes, loaded, fresh, isolation)

    async def of(self, user: object) -> Sequence[Record]:
        """The live sessions of *user*, last seen first. What they hold only their owners know."""
        return [record._replace(fields={}) for record in await super().of(user)]
