"""Somebody with a store of their own runs the contract: one file, one method, no conftest."""

import subprocess
import sys

import pytest

CORRECT = """
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import FakeClock, StoreContract

class TestMyStore(StoreContract):
    def make_store(self, clock: FakeClock) -> MemoryStore:
        return MemoryStore()
"""

BROKEN = """
from coatcheck.core.store import Capabilities
from coatcheck.stores.memory import MemoryStore
from coatcheck.testing import StoreContract

class MyStore(MemoryStore):
    capabilities = Capabilities(lease=False)

    def create(self, record):
        return super().create(record._replace(user="somebody else"))

class TestMyStore(StoreContract):
    def make_store(self, clock):
        return MyStore()
"""


def run(tmp_path, text, *options):
    (tmp_path / "test_mine.py").write_text(text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_one_class_with_one_method_runs_every_law(tmp_path):
    ran = run(tmp_path, CORRECT)
    assert ran.returncode == 0, ran.stdout
    passed = int(ran.stdout.rpartition("passed")[0].split()[-1])
    assert passed > 100


def test_a_broken_law_shows_the_values_and_what_cannot_be_tried_is_named(tmp_path):
    ran = run(tmp_path, BROKEN, "-k", "comes_back or lapses")
    assert ran.returncode == pytest.ExitCode.TESTS_FAILED
    assert "test_every_attribute_of_a_record_comes_back" in ran.stdout
    assert "somebody else" in ran.stdout
    assert "MyStore declares lease=False" in ran.stdout
