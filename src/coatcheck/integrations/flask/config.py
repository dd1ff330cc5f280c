"""The ``COATCHECK_…`` names in a Flask application's config, checked once at start.

Beside them count Flask's own names: ``SESSION_COOKIE_…`` say how the cookie looks, and
``PERMANENT_SESSION_LIFETIME`` how long a session lasts that nobody uses.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from coatcheck.core.errors import ConfigurationError
from coatcheck.core.policy import SessionPolicy
from coatcheck.integrations.moving_in import Incumbent
from coatcheck.wire.cookies import LONGEST_AGE

PREFIX = "COATCHECK_"
STORE = "COATCHECK_STORE"
USER_KEYS = "COATCHECK_USER_KEYS"
MOVE_FROM = "COATCHECK_MOVE_FROM"

POLICY = {PREFIX + field.name.upper(): field.name for field in dataclasses.fields(SessionPolicy)}
"""``COATCHECK_ISOLATION`` and so on: each field of ``SessionPolicy`` under its own name."""

NAMES = (STORE, MOVE_FROM, USER_KEYS, *POLICY)


@dataclass(frozen=True)
class Settings:
    """What an application's config says. *policy* has the fields of ``SessionPolicy`` it names."""

    store: str | None
    move_from: str | Incumbent | None
    user_keys: tuple[str, ...]
    policy: Mapping[str, Any]

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Settings":
        """Read *config*. Raises ``ConfigurationError`` for a name or value that cannot be meant."""
        for name in config:
            if name.startswith(PREFIX) and name not in NAMES:
                near = get_close_matches(name, NAMES, 1, 0)[0]
                raise ConfigurationError(
                    f"{name} in the application's config is no setting of coatcheck. "
                    f"Did you mean {near}? There are: {', '.join(NAMES)}."
                )
        store = config.get(STORE)
        if store is not None and not isinstance(store, str):
            raise ConfigurationError(
                f"{STORE} is a {type(store).__name__}: it must be an address, such as "
                "'sqlite:///sessions.sqlite3'. A store of your own goes into "
                "Coatcheck(app, Sessions(store))."
            )
        keys = config.get(USER_KEYS, ("_user_id", "user_id"))
        if not isinstance(keys, list | tuple | set | frozenset) or not all(
            isinstance(key, str) for key in keys
        ):
            raise ConfigurationError(
                f"{USER_KEYS} is {keys!r}: it must be a list of session keys, such as ['user_id']."
            )
        policy = {field: _seconds(config[name]) for name, field in POLICY.items() if name in config}
        return cls(store, config.get(MOVE_FROM), tuple(keys), policy)

    def policy_for(self, base: SessionPolicy, permanent: timedelta) -> SessionPolicy:
        """*base* with what the config says, and Flask's *permanent* lifetime as idle timeout.

        A timeout that *base* or the config names goes before Flask's.
        """
        changes = dict(self.policy)
        if base.idle_timeout == SessionPolicy.idle_timeout and "idle_timeout" not in changes:
            changes["idle_timeout"] = min(permanent.total_seconds(), LONGEST_AGE)
            if "lifetime" in changes:
                # Flask's own default is 31 days, which nobody has said here.
                if isinstance(changes["lifetime"], int | float):
                    changes["idle_timeout"] = min(changes["idle_timeout"], changes["lifetime"])
            else:
                changes["lifetime"] = max(base.lifetime, changes["idle_timeout"])
        return dataclasses.replace(base, **changes)


def _seconds(value: object) -> object:
    return value.total_seconds() if isinstance(value, timedelta) else value
