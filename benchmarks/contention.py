"""Requests of one visitor at the same time: what readers notice, what writers wait.

Readers: a GET that reads one key while another request holds the session's lease, over the same GET
with no lease out. Their ratio shall be 1.

Writers: so many clients with one cookie send requests that read a counter, wait a millisecond as
for a query, and write it back. ``runs`` is how often the view ran for each request: a GET that lost
a race runs once more, and a POST never does. ``kept`` is what the counter says in the end, and
``failed`` counts the requests that were told 409 or 503.

All in one process on one event loop, through the ASGI middleware, without a server.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from measure.asgi import App, Scope, ask, scope_of
from measure.places import Place, servers
from measure.tables import machine, show
from measure.turns import in_turns_awaited
from measure.visitors import shop_fields, used_session

from coatcheck.core.engine import Sessions
from coatcheck.core.policy import SessionPolicy
from coatcheck.core.record import Lease, Record
from coatcheck.core.store import BlockingStore, Store
from coatcheck.integrations.asgi import SessionMiddleware
from coatcheck.stores.sql import AsyncSQLStore
from coatcheck.stores.valkey import AsyncValkeyStore
from coatcheck.wire.codec import decode
from coatcheck.wire.tokens import Token

TURNS, CALLS = 61, 30
CROWDS = ((6, 25), (16, 50), (20, 25))
"""Clients, and requests of each."""

SERIALIZABLE = SessionPolicy(isolation="serializable", waiters=1000, wait=60)


class Way(NamedTuple):
    """How the counter is written."""

    name: str
    method: str
    policy: SessionPolicy
    by_operation: bool = False
    crowds: tuple[tuple[int, int], ...] = CROWDS


WAYS = (
    Way("GET, serializable", "GET", SERIALIZABLE),
    Way("POST, serializable", "POST", SERIALIZABLE),
    Way("increment(), merge", "GET", SessionPolicy(), by_operation=True),
    Way("GET, merge", "GET", SessionPolicy(), crowds=CROWDS[1:2]),
)


def asynchronous(place: Place) -> BlockingStore | Store:
    """The store as an ASGI site would have it: awaitable where its driver is."""
    if place.url.startswith("postgresql"):
        return AsyncSQLStore(place.url)
    if place.url.startswith("valkey"):
        return AsyncValkeyStore(place.url)
    return place.store


async def respond(send: Any, text: str) -> None:
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


async def reader(scope: Scope, receive: Any, send: Any) -> None:
    await respond(send, str(scope["session"]["visits"]))


class Counter:
    """The visit counter, and how often it ran."""

    def __init__(self, *, by_operation: bool) -> None:
        self.runs = 0
        self._by_operation = by_operation

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        self.runs += 1
        session = scope["session"]
        if self._by_operation:
            await asyncio.sleep(0.001)
            count = session.increment("visits")
        else:
            count = session["visits"] + 1
            await asyncio.sleep(0.001)
            session["visits"] = count
        await respond(send, str(count))


def visitor(place: Place) -> tuple[str, Token]:
    """The id of a stored session, and its token."""
    record, token = used_session(shop_fields())
    assert place.store.create(record)
    return record.id, token


async def beside_a_lease(place: Place) -> list[object]:
    """A row of the table of readers."""
    store = asynchronous(place)
    app = SessionMiddleware(reader, Sessions(store, policy=SERIALIZABLE))
    (_, free), (held, leased) = visitor(place), visitor(place)
    now = time.time()
    taken = place.store.load(held, Lease("another request", now + 3600), now)
    assert taken is not None

    def get(token: Token) -> Any:
        scope = scope_of("/", f"__Host-session={token}")
        return lambda: ask(app, scope)

    cost = await in_turns_awaited(
        {"alone": get(free), "beside": get(leased)}, turns=TURNS, calls=CALLS
    )
    if store is not place.store:
        await store.close()  # type: ignore[misc]
    ratio = f"{cost.ratio('beside', 'alone'):.2f}"
    return [place.name, f"{cost.median('alone'):.0f}", f"{cost.median('beside'):.0f}", ratio]


async def writers(place: Place, way: Way, clients: int, each: int) -> list[object]:
    """A row of the table of writers."""
    store = asynchronous(place)
    counter = Counter(by_operation=way.by_operation)
    quiet = Sessions(store, policy=way.policy, listener=lambda event: None)
    app: App = SessionMiddleware(counter, quiet)
    id, token = visitor(place)
    scope = scope_of("/", f"__Host-session={token}", way.method)
    waits: list[float] = []
    failed = 0

    async def client() -> None:
        nonlocal failed
        for _ in range(each):
            begun = time.perf_counter()
            answer = await ask(app, scope)
            waits.append(time.perf_counter() - begun)
            failed += answer.status != 200

    begun = time.perf_counter()
    await asyncio.gather(*[client() for _ in range(clients)])
    took = time.perf_counter() - begun
    if store is not place.store:
        await store.close()  # type: ignore[misc]
    total = clients * each
    return [
        place.name,
        way.name,
        clients,
        f"{counter.runs / total:.2f}",
        f"{kept(place, id)} of {total}",
        failed,
        f"{total / took:.0f}",
        *(f"{wait * 1e3:.0f}" for wait in _spread(waits)),
    ]


def _spread(waits: Sequence[float]) -> tuple[float, float]:
    return statistics.median(waits), statistics.quantiles(waits, n=100)[98]


def kept(place: Place, id: str) -> int:
    """What the counter has counted beyond what it began with."""
    record = place.store.load(id)
    assert isinstance(record, Record)
    return int(decode(record.fields["visits"])) - int(decode(shop_fields()["visits"]))


def main() -> None:
    print(machine())
    with servers() as made:
        places = made.all()
        readers = [asyncio.run(beside_a_lease(place)) for place in places]
        rows = [
            asyncio.run(writers(place, way, clients, each))
            for place in places
            for way in WAYS
            for clients, each in way.crowds
        ]
    show(
        f"Readers beside a held lease: µs, medians of {TURNS} turns of {CALLS} requests.",
        ["store", "alone", "beside a lease", "ratio"],
        readers,
    )
    show(
        "Writers with one cookie. Times are of whole requests.",
        ["store", "way", "clients", "runs", "kept", "failed", "requests/s", "median ms", "99 % ms"],
        rows,
    )


if __name__ == "__main__":
    main()
