"""Promise P5 with real servers: a form is processed once, over two processes that are killed.

``COATCHECK_SUBMISSIONS=10000`` sends as many as the promise was measured with.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from coatcheck.stores.sql import SQLStore
from tests.services.submissions import Crowd, working

COUNT = int(os.environ.get("COATCHECK_SUBMISSIONS", "100"))


def in_sqlite(request: pytest.FixtureRequest, folder: Path) -> str:
    return f"sqlite:///{folder}/sessions.sqlite3"


def in_postgresql(request: pytest.FixtureRequest, folder: Path) -> str:
    return str(request.getfixturevalue("postgresql_database"))


def in_valkey(request: pytest.FixtureRequest, folder: Path) -> str:
    return str(request.getfixturevalue("valkey_database"))


def in_files(request: pytest.FixtureRequest, folder: Path) -> str:
    return f"file://{folder}/sessions"


@pytest.fixture(
    params=[in_sqlite, in_postgresql, in_valkey, in_files],
    ids=["sqlite", "postgresql", "valkey", "file"],
)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store that several processes can share."""
    where: Callable[[pytest.FixtureRequest, Path], str] = request.param
    url = where(request, tmp_path)
    if url.startswith(("sqlite", "postgresql")):
        made = SQLStore(url)
        made.create_tables()
        made.close()
    return url


def test_every_ticket_is_executed_once_and_all_its_answers_are_equal(store, tmp_path, capsys):
    with working(tmp_path, store) as workers:
        tally = asyncio.run(Crowd(workers, COUNT, seed=COUNT).submit_all())
    if COUNT > 100:
        with capsys.disabled():
            print(f"\n{store.partition(':')[0]}: {tally}")  # noqa: T201
    assert tally.problems() == []
    assert tally.kills > 0
    assert tally.sent > tally.tickets
    assert tally.edits > 0
