"""An encrypted store keeps the contract; visitors see a difference in one place only."""

from coatcheck.core import bridge
from coatcheck.core.store import BlockingStore, Store
from coatcheck.stores.encrypted import EncryptedStore
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import FakeClock, StoreContract
from tests.contract.test_layered import Down


class EncryptedContract(StoreContract):
    # Not so here: a request with the old secret cannot read what it would have to merge with, and
    # is told. See tests/unit/stores/test_encrypted.py.
    test_a_slow_request_is_saved_after_a_renewal_and_leaves_its_cookie_alone = None  # type: ignore[assignment]
    test_a_slow_anonymous_request_leaves_the_cookie_of_a_login_alone = None  # type: ignore[assignment]


class TestEncryptedStore(EncryptedContract):
    def make_store(self, clock: FakeClock) -> BlockingStore:
        return EncryptedStore(MemoryStore())

    def make_unreachable_store(self, clock: FakeClock) -> BlockingStore:
        return EncryptedStore(Down(MemoryStore()))


class TestEncryptedAwaitableStore(EncryptedContract):
    def make_store(self, clock: FakeClock) -> Store:
        return EncryptedStore(bridge.Awaitable(MemoryStore()))

    def make_unreachable_store(self, clock: FakeClock) -> Store:
        return EncryptedStore(bridge.Awaitable(Down(MemoryStore())))
