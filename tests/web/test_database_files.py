"""A site whose database file is deleted or replaced says so instead of losing what is written."""

import asyncio
from pathlib import Path

import pytest

from coatcheck.testing import FakeClock
from coatcheck.web.database_files import DatabaseFileLost, DatabaseFiles, database_files


async def inner(scope, receive, send):
    await send("answered")


def ask(files: DatabaseFiles) -> list[str]:
    sent: list[str] = []

    async def send(message):
        sent.append(message)

    asyncio.run(files({}, None, send))  # type: ignore[arg-type]
    return sent


@pytest.fixture
def watched(tmp_path: Path) -> tuple[Path, FakeClock, DatabaseFiles]:
    file = tmp_path / "db.sqlite3"
    file.write_text("one")
    clock = FakeClock()
    return file, clock, DatabaseFiles(inner, [file], clock)


def test_a_file_that_stays_is_answered_from(watched):
    file, clock, files = watched
    for _ in range(3):
        assert ask(files) == ["answered"]
        file.write_text("more in the same file")
        clock.advance(2)


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_was_deleted_or_replaced_is_told_with_what_to_do(watched, replaced):
    file, clock, files = watched
    ask(files)
    file.rename(file.with_name("old"))
    if replaced:
        file.write_text("another")
    assert ask(files) == ["answered"]  # not looked at again within the second
    clock.advance(1)
    for _ in range(2):
        with pytest.raises(DatabaseFileLost, match="deleted or replaced") as caught:
            ask(files)
    assert caught.value.status == 503
    assert str(file) in str(caught.value)
    assert "Start the server anew" in str(caught.value)
    file.with_name("old").replace(file)
    clock.advance(1)
    assert ask(files) == ["answered"]


def test_a_file_that_is_made_later_is_known_from_then_on(tmp_path):
    file, clock = tmp_path / "db.sqlite3", FakeClock()
    files = DatabaseFiles(inner, [file], clock)
    assert ask(files) == ["answered"]
    file.write_text("one")
    clock.advance(1)
    assert ask(files) == ["answered"]
    file.unlink()
    clock.advance(1)
    with pytest.raises(DatabaseFileLost):
        ask(files)


def test_only_files_are_watched():
    urls = [
        "sqlite:////srv/db.sqlite3",
        "sqlite:////srv/db.sqlite3?synchronous=FULL",
        "sqlite+pysqlite:////srv/b",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x?mode=memory",
        "postgresql://a/b",
        "memory://",
    ]
    assert database_files(urls) == [Path("/srv/db.sqlite3"), Path("/srv/b")]
