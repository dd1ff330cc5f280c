"""Measure all counters in turns, and count what they keep. Started by ``peers.py``."""

import asyncio
import importlib
import logging
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from measure.servers import another_database, postgresql, valkey_port
from measure.tables import machine, show
from measure.turns import Costs, in_order

from .requests import Browser, Counter, Where

TURNS, CALLS = 15, 20
CLIENTS, EACH = 16, 50

COLUMNS = {
    "untouched": ("/untouched", True),
    "read": ("/read", True),
    "visit": ("/visit", True),
    "create": ("/visit", False),
    "anonymous": ("/untouched", False),
}
"""Path, and whether the session's cookie is sent."""

GROUPS = ("starlettes.peers", "flasks.peers", "djangos.peers")
OURS = ("starlettes.counters", "plain.counters")

LIBRARIES = ("starlette", "starsessions", "flask", "flask-session", "django", "redis", "valkey")


def found(groups: tuple[str, ...], where: Where) -> Iterator[Counter]:
    """The counters of *groups*; one whose library is not there is named and left out."""
    for group in groups:
        module, _, function = group.partition(".")
        try:
            made = getattr(importlib.import_module(f"counters.{module}"), function)
        except ImportError as error:
            print(f"Left out: {module} ({error}).")
            continue
        yield from made(where)


def costs(counters: list[Counter], loop: asyncio.AbstractEventLoop) -> list[list[object]]:
    """What sessions add to a request: the app's time less that of the bare one beside it."""
    rows: list[list[object]] = [[counter.name] for counter in counters]
    browsers = [Browser(counter.app, loop, asgi=counter.asgi) for counter in counters]
    for browser in browsers:
        assert browser.get("/fill").status == 200
        assert browser.get("/read").body == b"17"
    for path, with_cookie in COLUMNS.values():
        ways: dict[str, Callable[[int], float]] = {}
        for counter, browser in zip(counters, browsers, strict=True):
            bare = Browser(counter.bare, loop, asgi=counter.asgi)
            ways[f"{counter.name} bare"] = bare.batch("/untouched", cookie=False)
            ways[counter.name] = browser.batch(path, cookie=with_cookie)
        cost = Costs(ways)
        for turn in range(TURNS + 1):
            for name, batch in in_order(ways, turn):
                seconds = batch(CALLS)
                if turn:
                    cost.add(name, seconds, CALLS)
        for row, counter in zip(rows, counters, strict=True):
            row.append(f"{cost.difference(counter.name, f'{counter.name} bare'):.0f}")
    return rows


def kept(counter: Counter, loop: asyncio.AbstractEventLoop) -> list[object]:
    """What is left of every client's visits."""
    browser = Browser(counter.app, loop, asgi=counter.asgi)
    browser.get("/fill")
    failed = browser.crowd("/slow", CLIENTS, EACH)
    return [counter.name, f"{int(browser.get('/read').body) - 17} of {CLIENTS * EACH}", failed]


def main() -> None:
    logging.disable(logging.CRITICAL)
    installed = []
    for library in LIBRARIES:
        try:
            installed.append(f"{library} {version(library)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    print(machine())
    print(", ".join(installed))
    loop = asyncio.new_event_loop()
    with (
        TemporaryDirectory(prefix="coatcheck-bench-") as folder,
        postgresql() as url,
        valkey_port() as port,
    ):
        where = Where(Path(folder), another_database(url, "counters"), port)
        ours, peers = list(found(OURS, where)), list(found(GROUPS, where))
        rows = costs([*peers, *ours], loop)
        turns = list(found(("starlettes.serializable",), where))
        left = [kept(counter, loop) for counter in [*peers, *ours, *turns]]
    show(
        "What sessions add to a request, µs of the process's time: the app less the bare app;\n"
        f"medians of {TURNS} turns of {CALLS} requests with 200 bytes in the session.",
        ["sessions", *COLUMNS],
        rows,
    )
    show(
        f"Visits kept of {CLIENTS} clients with one cookie, {EACH} requests each, a millisecond "
        "between read and write.",
        ["sessions", "kept", "failed"],
        left,
    )


if __name__ == "__main__":
    main()
