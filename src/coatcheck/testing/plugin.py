"""A pytest plugin: fixtures for the tests of applications, and a table of what stores keep.

``pytest_plugins = ["coatcheck.testing.plugin"]`` in a ``conftest.py`` turns it on. The fixtures
stand in ``fixtures``. The table at the end of a run says which store keeps how many laws of the
contract; a law that asks for a capability which the store says it lacks is counted as not asked,
never as kept.
"""

from collections import Counter

import pytest

from coatcheck.testing.contract import StoreContract
from coatcheck.testing.fixtures import (
    frozen_clock,
    logged_in_client,
    session_app,
    session_client,
    session_user,
    sessions,
)

__all__ = [
    "frozen_clock",
    "logged_in_client",
    "session_app",
    "session_client",
    "session_user",
    "sessions",
]

KEPT, BROKEN, NOT_ASKED = "kept", "broken", "not asked"
STORE = pytest.StashKey[dict[str, Counter[str]]]()
PROPERTY = "store of the contract"


def pytest_configure(config: pytest.Config) -> None:
    config.stash[STORE] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        kind = getattr(item, "cls", None)
        if isinstance(kind, type) and issubclass(kind, StoreContract):
            item.user_properties.append((PROPERTY, kind.__name__.removeprefix("Test")))


class _Collector:
    def __init__(self, stores: dict[str, Counter[str]]) -> None:
        self._stores = stores

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = dict(report.user_properties).get(PROPERTY)
        if name is None or (report.passed and report.when != "call"):
            return
        outcome = KEPT if report.passed else NOT_ASKED if report.skipped else BROKEN
        self._stores.setdefault(str(name), Counter())[outcome] += 1


def pytest_sessionstart(session: pytest.Session) -> None:
    collector = _Collector(session.config.stash[STORE])
    session.config.pluginmanager.register(collector, "coatcheck-store-contract")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    stores = config.stash[STORE]
    if not stores:
        return
    terminalreporter.section("laws of the store contract")
    width = max(map(len, stores))
    terminalreporter.line(f"{'':{width}}  {KEPT:>9}  {BROKEN:>9}  {NOT_ASKED:>9}")
    for name, counts in sorted(stores.items()):
        numbers = "".join(f"  {counts[outcome]:>9}" for outcome in (KEPT, BROKEN, NOT_ASKED))
        terminalreporter.line(f"{name:{width}}{numbers}")
