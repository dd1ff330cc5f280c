"""What a server or the way to it can do wrong, and what the store says then.

Messages name the server and the reason, and never what was sent: commands carry sessions.
"""

from typing import Final

from valkey.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ConnectionError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,
)

from coatcheck.core.errors import CoatcheckError, StoreUnavailable, UnreadableRecord

LOST: Final = (ConnectionError, OSError)
"""The connection broke: whether the command arrived, nobody knows."""

# By a word in the error. It stands at the start, but for an error inside a script before Redis 7,
# which comes wrapped in another one.
_REFUSALS: Final = {
    "OOM": "is full: raise its maxmemory, or find out what fills it",
    "MISCONF": "takes no writes, as it cannot save to its disk",
    "NOREPLICAS": "takes no writes, as it has too few replicas (min-replicas-to-write)",
    "CLUSTERDOWN": "is down: part of the cluster has no server",
    "MASTERDOWN": "is a replica that has lost its primary",
    "TRYAGAIN": "is moving the session between two of its servers",
    "READONLY": "is a replica and takes no writes: a failover is under way, or the URL is wrong",
    "LOADING": "is loading its data",
    "BUSY": "is busy with a script of somebody else",
    "MOVED": "is a node of a cluster: write valkey+cluster:// in the store's URL",
}


def broken(error: Exception) -> bool:
    """Whether another connection may do better: this one is broken, or leads to a replica now."""
    if isinstance(error, BusyLoadingError | AuthenticationError | AuthorizationError):
        return False
    return isinstance(error, LOST) or "READONLY" in _refusal(error)


def translated(error: Exception, name: str, timeout: float) -> CoatcheckError | None:
    """*error* as the store raises it; None for a mistake in the program."""
    match error:
        case TimeoutError():
            return StoreUnavailable(
                f"{name} did not answer within {timeout:g} s. Find out what keeps it busy, or "
                "raise timeout=… of the store."
            )
        case AuthenticationError() | AuthorizationError():
            return StoreUnavailable(
                f"{name} refuses the store's user or password: check them in its URL."
            )
        case NoPermissionError():
            return StoreUnavailable(
                f"{name} does not let the store's user do this: {_reason(error)}. Allow it +@read "
                "+@write +@scripting +@connection +time on the keys with the store's prefix, and "
                "+cluster|slots in a cluster."
            )
        case BusyLoadingError():
            return StoreUnavailable(f"{name} {_REFUSALS['LOADING']}.")
        case ConnectionError() | OSError():
            return StoreUnavailable(f"{name} cannot be reached: {_reason(error)}.")
    words = _refusal(error)
    if "WRONGTYPE" in words:
        return UnreadableRecord(
            f"{name} keeps something else than a session under a session's key, and it is kept as "
            "it is: give the store a prefix=… of its own."
        )
    for word, meaning in _REFUSALS.items():
        if word in words:
            return StoreUnavailable(f"{name} {meaning}.")
    if "cluster support disabled" in str(error):
        return StoreUnavailable(f"{name} is no cluster: write valkey:// in the store's URL.")
    if "unknown command" in str(error):
        # What the server says goes on with the command's arguments, and they are private.
        return StoreUnavailable(
            f"{name} does not know a command of the store: it needs Valkey 7.2 or Redis 6.2, with "
            "EVAL, EVALSHA and SCAN under their own names."
        )
    return None


def _refusal(error: Exception) -> frozenset[str]:
    """The words of a server's answer that may name an error."""
    if not isinstance(error, ResponseError):
        return frozenset()
    # The client gives two of them a class, and takes the word away.
    if isinstance(error, ReadOnlyError):
        return frozenset({"READONLY"})
    if isinstance(error, OutOfMemoryError):
        return frozenset({"OOM"})
    return frozenset(word.strip("-:") for word in str(error).split())


def _reason(error: Exception) -> str:
    """Why, in one line and without the full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
