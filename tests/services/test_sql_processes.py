"""Two processes with eight threads each write to one session, and nothing is lost."""

import multiprocessing
import threading
from collections.abc import Callable
from multiprocessing.context import SpawnProcess
from typing import Any

import pytest

from coatcheck.core.engine import Sessions
from coatcheck.core.errors import SessionConflict
from coatcheck.core.http import RequestView
from coatcheck.core.policy import Isolation, SessionPolicy
from coatcheck.core.session import Session
from coatcheck.stores.sql import SQLStore

PROCESSES, THREADS, VISITS = 2, 8, 50
ALL = PROCESSES * THREADS * VISITS


def quiet(event: object) -> None:
    """Say nothing: merges are what this is about."""


def sessions_at(url: str, isolation: Isolation) -> Sessions:
    policy = SessionPolicy(isolation=isolation, wait=120)
    return Sessions(SQLStore(url, timeout=60), policy=policy, listener=quiet)


def increments(session: Session) -> None:
    session.increment("visits")


def adds_in_plain_code(session: Session) -> None:
    session["visits"] = session.get("visits", 0) + 1


def appends(session: Session) -> None:
    session.append("visits", "one more")


def visit(sessions: Sessions, view: RequestView, change: Callable[[Session], None]) -> None:
    """One request, as a blocking host runs it: again when it lost a race."""
    while True:
        session = sessions.open(view)
        change(session)
        try:
            sessions.commit(session, view)
        except SessionConflict:
            continue
        return


def visit_often(
    url: str, cookie: bytes, isolation: Isolation, change: Callable[[Session], None], start: Any
) -> None:
    """What one process does."""
    sessions = sessions_at(url, isolation)
    view = RequestView("POST", https=False, cookies=[cookie])

    def work() -> None:
        for _ in range(VISITS):
            visit(sessions, view, change)

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    start.wait()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sessions.close()


def visits_in_all(
    url: str, isolation: Isolation, change: Callable[[Session], None]
) -> tuple[Any, int]:
    """What the session holds in the end, and its version."""
    sessions = sessions_at(url, isolation)
    first = RequestView("GET", https=False, cookies=[])
    session = sessions.open(first)
    session["made"] = True
    set_cookie = sessions.commit(session, first).set_cookie
    assert set_cookie is not None
    cookie = set_cookie.partition(";")[0].encode()
    spawn = multiprocessing.get_context("spawn")
    start = spawn.Barrier(PROCESSES)
    processes: list[SpawnProcess] = [
        spawn.Process(target=visit_often, args=(url, cookie, isolation, change, start))
        for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    session = sessions.open(RequestView("GET", https=False, cookies=[cookie]))
    visits = session["visits"]
    assert session.record is not None
    version = session.record.version
    sessions.close()
    return visits, version


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def url(request: pytest.FixtureRequest, tmp_path: Any) -> str:
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path}/site.sqlite3"
    else:
        address = request.getfixturevalue(f"{request.param}_database")
    store = SQLStore(address)
    store.create_tables()
    store.close()
    return address


def test_increments_are_all_counted(url):
    assert visits_in_all(url, "merge", increments) == (ALL, ALL + 1)


def test_appended_items_are_all_there(url):
    visits, _ = visits_in_all(url, "merge", appends)
    assert visits == ["one more"] * ALL


def test_plain_code_that_runs_again_when_it_lost_counts_all(url):
    assert visits_in_all(url, "serializable", adds_in_plain_code) == (ALL, ALL + 1)
