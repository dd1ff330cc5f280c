"""The contract that every store of coatcheck keeps, as a test suite for stores of your own.

In a pytest file::

    from coatcheck.testing import FakeClock, StoreContract

    class TestMyStore(StoreContract):
        def make_store(self, clock: FakeClock) -> MyStore:
            return MyStore(...)             # without any records in it

and run it. ``make_store`` may be ``async def``, and the store awaitable or blocking: the laws are
the same. What the laws demand is said in ``coatcheck.core.store``; each test states one of them in
its name. What a store cannot do it declares in its ``capabilities``, and those tests are then
skipped by name. Fixtures are taken as in any test class, by one of your own with ``autouse=True``.

Each part of the contract is a class in a file of its own; ``StoreContract`` is all of them.
"""

from .commits import CommitLaws
from .deadlines import DeadlineLaws
from .endings import EndingLaws
from .leases import LeaseLaws
from .model import ModelLaws
from .outages import OutageLaws
from .records import RecordLaws
from .scenarios import SessionScenarios
from .users import UserLaws


class StoreContract(
    RecordLaws,
    CommitLaws,
    EndingLaws,
    LeaseLaws,
    DeadlineLaws,
    UserLaws,
    OutageLaws,
    ModelLaws,
    SessionScenarios,
):
    """All laws of a store, and what visitors live through on it. Define ``make_store``."""


__all__ = ["StoreContract"]
