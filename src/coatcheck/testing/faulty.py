"""A store that fails when it is told to: a network that loses a call either way, and an outage.

A lost request and a lost acknowledgement look the same to the caller. What differs is whether the
store has done it, which is why a commit that is tried again must be recognised.
"""

from collections import defaultdict

from coatcheck.core.errors import StoreUnavailable
from coatcheck.core.store import BlockingStore, Store

from .wrapped import WrappedStore, known


class FaultyStore(WrappedStore):
    """Raises ``StoreUnavailable`` in place of what *store* would have answered, where told to."""

    def __init__(self, store: BlockingStore | Store) -> None:
        super().__init__(store)
        self.down = False
        """While True, every verb fails and the store is not asked."""
        self._requests: defaultdict[str, set[int]] = defaultdict(set)
        self._acknowledgements: defaultdict[str, set[int]] = defaultdict(set)

    def lose_request(self, verb: str, call: int = 1) -> None:
        """The *call*-th call of *verb* from now on never reaches the store."""
        self._requests[known(verb)].add(self._coming(verb, call))

    def lose_acknowledgement(self, verb: str, call: int = 1) -> None:
        """The *call*-th call of *verb* from now on is done by the store, and nobody hears of it."""
        self._acknowledgements[known(verb)].add(self._coming(verb, call))

    def _coming(self, verb: str, call: int) -> int:
        if call < 1:
            raise ValueError(f"calls are counted from 1, and this is {call}.")
        return self.begun[verb] + call

    def before(self, verb: str, number: int) -> None:
        if self.down or number in self._requests[verb]:
            raise StoreUnavailable(f"the request of {verb} was lost, as the test wants it.")

    def after(self, verb: str, number: int) -> None:
        if number in self._acknowledgements[verb]:
            raise StoreUnavailable(f"the acknowledgement of {verb} was lost, as the test wants it.")
