"""Tools for testing stores, and code that uses sessions: for our own tests and for yours.

``StoreContract`` is the contract of a store as a test suite, ``IntegrationContract`` what every
drop-in promises. ``FakeClock``, ``Visitor``, ``CountingStore``, ``FaultyStore`` and
``BarrierStore`` make time, browsers, faults and races do what a test says, so that none has to
sleep. They need pytest and hypothesis, which ``pip install 'coatcheck[testing]'`` brings.
"""

import pytest

# Before the import: a law that is broken then shows the values it compared.
pytest.register_assert_rewrite("coatcheck.testing.contract", "coatcheck.testing.integration")

from .barrier import Barrier, BarrierStore  # noqa: E402
from .clock import FakeClock  # noqa: E402
from .contract import StoreContract  # noqa: E402
from .counting import CountingStore  # noqa: E402
from .faulty import FaultyStore  # noqa: E402
from .fixtures import SessionClient  # noqa: E402
from .integration import IntegrationContract  # noqa: E402
from .visitor import Visitor  # noqa: E402

__all__ = [
    "Barrier",
    "BarrierStore",
    "CountingStore",
    "FakeClock",
    "FaultyStore",
    "IntegrationContract",
    "SessionClient",
    "StoreContract",
    "Visitor",
]
