"""The file store keeps the laws of stores."""

import shutil
from pathlib import Path

import pytest

from coatcheck.core.store import BlockingStore
from coatcheck.stores.file import FileStore
from coatcheck.testing import FakeClock, StoreContract


class TestFileStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _in_folder(self, tmp_path: Path) -> None:
        self.folders = (tmp_path / str(number) for number in range(10_000))

    def make_store(self, clock: FakeClock) -> BlockingStore:
        return FileStore(next(self.folders))

    def make_unreachable_store(self, clock: FakeClock) -> BlockingStore:
        folder = next(self.folders)
        store = FileStore(folder)
        shutil.rmtree(folder)
        return store
