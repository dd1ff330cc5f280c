"""A store that counts what it is asked, for tests that say what must *not* happen."""

from .wrapped import WrappedStore


class CountingStore(WrappedStore):
    """Counts the calls of *store* by verb, also those that raise.

    ::

        store = CountingStore(MemoryStore())
        ...                                   # a page that only reads the session
        assert store.calls == {"load": 1}
    """

    @property
    def calls(self) -> dict[str, int]:
        """How often each verb was called; a verb that never was is not in it."""
        return dict(self.begun)

    def forget(self) -> None:
        """Begin to count anew."""
        self.begun.clear()
