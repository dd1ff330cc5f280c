"""What a request's session costs beyond the driver's bare calls, for a session of 200 bytes.

``calls`` are the statements or commands that the store needs, as one writes them with the driver,
with nothing made of the answers: the floor. ``store`` is the store's verbs, from record to record.
``engine`` is a whole request: from its Cookie header over one key read, or read and changed, to
what the response carries. Nothing but the engine is in ``memory``. Client and
server share one core.
"""

from collections.abc import Mapping

from measure.places import Place, servers
from measure.servers import on_one_core
from measure.tables import machine, show
from measure.turns import Costs, Work, in_turns
from measure.visitors import shop_fields, used_session, with_engine

from coatcheck.core.record import Record
from coatcheck.core.store import BlockingStore, Commit, Committed

STORED = 1000
TURNS = 101
CALLS = 50

DONE = ("read", "read + write")


def with_store(store: BlockingStore, record: Record) -> tuple[Work, Work]:
    """The verbs alone: a load, and a load with a commit of one changed field."""
    changed, nothing = frozenset({"visits"}), frozenset[str]()

    def commits() -> object:
        found = store.load(record.id)
        assert isinstance(found, Record)
        after = found._replace(
            version=found.version + 1, fields={**found.fields, "visits": b"\x01\x12"}
        )
        outcome = store.commit(Commit(found.version, after, changed, nothing, None, found.seen + 1))
        assert isinstance(outcome, Committed), outcome
        return outcome

    return lambda: store.load(record.id), commits


def costs(place: Place) -> Mapping[str, Costs]:
    """What each way costs at *place*, by what is done."""
    made = [used_session(shop_fields()) for _ in range(STORED)]
    for record, _ in made:
        assert place.store.create(record)
    mine = iter(made[::100])
    ways = {
        "store": with_store(place.store, next(mine)[0]),
        "engine": with_engine(place.store, next(mine)[1]),
    }
    if place.calls is not None:
        ways = {"calls": place.calls(next(mine)[0]), **ways}
    return {
        done: in_turns({name: way[n] for name, way in ways.items()}, turns=TURNS, calls=CALLS)
        for n, done in enumerate(DONE)
    }


def main() -> None:
    print(machine())
    on_one_core()
    rows = []
    with servers() as made:
        for place in [made.memory(), *made.all()]:
            for done, cost in costs(place).items():
                floor = [f"{cost.median('calls'):.1f}"] if place.calls else ["-"]
                ratios = [
                    f"{cost.ratio(way, 'calls'):.2f}" if place.calls else "-"
                    for way in ("store", "engine")
                ]
                measured = [f"{cost.median(way):.1f}" for way in ("store", "engine")]
                rows.append([place.name, done, *floor, *measured, *ratios])
    heads = ["store", "done", "calls µs", "store µs", "engine µs", "store/calls", "engine/calls"]
    title = f"Medians of {TURNS} turns of {CALLS} calls; {STORED} sessions of 200 bytes stored."
    show(title, heads, rows)


if __name__ == "__main__":
    main()
