"""What the wrapping stores of this package share: every verb of another store, with a say before
and after it. A wrapper of a blocking store blocks, one of an awaitable store is awaited.
"""

import inspect
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from coatcheck.core.store import VERBS, BlockingStore, Store, StoreAround


class WrappedStore(StoreAround):
    """Hands every verb on to *store*; subclasses say what happens around it.

    ``wrapped`` is that store.
    """

    def __init__(self, store: BlockingStore | Store) -> None:
        self.wrapped = store
        self.begun: Counter[str] = Counter()
        """How often each verb was called so far, also where it raised."""
        self._counting = threading.Lock()
        super().__init__(store)

    def before(self, verb: str, number: int) -> Any:
        """Called before the store is, for the *number*-th call of *verb*.

        May raise. An awaitable result is awaited.
        """

    def after(self, verb: str, number: int) -> Any:
        """Called when the store has answered that call, likewise."""

    def _around(self, verb: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def blocking(*arguments: Any, **named: Any) -> Any:
            number = self._number(verb)
            self.before(verb, number)
            answer = call(*arguments, **named)
            self.after(verb, number)
            return answer

        async def awaitable(*arguments: Any, **named: Any) -> Any:
            number = self._number(verb)
            await _settled(self.before(verb, number))
            answer = await call(*arguments, **named)
            await _settled(self.after(verb, number))
            return answer

        return awaitable if inspect.iscoroutinefunction(call) else blocking

    def _number(self, verb: str) -> int:
        with self._counting:
            self.begun[verb] += 1
            return self.begun[verb]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} around {type(self.wrapped).__name__}>"


async def _settled(result: Any) -> None:
    if inspect.isawaitable(result):
        await result


def known(verb: str) -> str:
    """*verb*, if there is such a verb. Raises ValueError for a misspelt one."""
    if verb not in VERBS:
        raise ValueError(f"a store has no verb {verb!r}: use one of {', '.join(VERBS)}.")
    return verb
