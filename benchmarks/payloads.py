"""What the size of a session costs: 200 bytes, 4 KB and 64 KB, in many keys or in one.

``read`` looks at a counter of a few bytes, ``change`` counts it up, and ``inside`` does so deep in
the list of another key, which is found by encoding that value again. All are whole requests through
the engine. ``calls`` are the driver's bare calls with the same bytes, for ``read`` and ``change``.
"""

import secrets

from measure.places import Place, servers
from measure.servers import on_one_core
from measure.tables import machine, show
from measure.turns import Work, in_turns
from measure.visitors import request, shop_fields, used_session

from coatcheck.core.engine import Sessions
from coatcheck.core.record import Record
from coatcheck.wire.codec import encode
from coatcheck.wire.tokens import Token

TURNS, CALLS = 41, 20

SHAPES = {
    "200 B in 5 keys": (1, 0),
    "4 KB in 17 keys": (16, 248),
    "64 KB in 65 keys": (64, 1016),
    "64 KB in 2 keys": (1, 65480),
}
"""How many lists beside the counter, and bytes of each."""


def fields(lists: int, size: int) -> dict[str, bytes]:
    """A counter and *lists*, each of so many bytes, of things with a name and two numbers."""
    if not size:
        shop = shop_fields()
        return {"list0": shop.pop("cart"), **shop}
    made = {"visits": encode(17)}
    for number in range(lists):
        items: list[dict[str, object]] = []
        while len(encode(items)) < size:
            items.append({"id": len(items), "title": secrets.token_urlsafe(18), "count": 2})
        made[f"list{number}"] = encode(items)
    return made


def requests(place: Place, token: Token) -> tuple[Work, Work, Work]:
    """The three requests of a visitor with *token*."""
    sessions = Sessions(place.store)
    view = request(token)

    def read() -> None:
        session = sessions.open(view)
        assert session["visits"]
        sessions.commit(session, view)

    def change() -> None:
        session = sessions.open(view)
        session["visits"] = session["visits"] % 100 + 1
        sessions.commit(session, view)

    def inside() -> None:
        session = sessions.open(view)
        items = session["list0"]
        items[-1]["count"] = items[-1]["count"] % 100 + 1
        sessions.commit(session, view)

    return read, change, inside


def measured(place: Place, shape: str) -> list[object]:
    """A row of the table."""

    def stored() -> tuple[Record, Token]:
        record, token = used_session(fields(*SHAPES[shape]))
        assert place.store.create(record)
        return record, token

    read, change, inside = requests(place, stored()[1])
    ways = {"read": read, "change": change, "inside": inside}
    if place.calls is not None:
        ways["read calls"], ways["change calls"] = place.calls(stored()[0])
    cost = in_turns(ways, turns=TURNS, calls=CALLS)
    row: list[object] = [shape, place.name]
    for way in ("read", "change"):
        row.append(f"{cost.median(way):.0f}")
        compared = place.calls is not None
        row.append(f"{cost.median(way + ' calls'):.0f}" if compared else "-")
        row.append(f"{cost.ratio(way, way + ' calls'):.2f}" if compared else "-")
    return [*row, f"{cost.median('inside'):.0f}"]


def main() -> None:
    print(machine())
    on_one_core()
    with servers() as made:
        places = [made.memory(), *made.all()]
        rows = [measured(place, shape) for shape in SHAPES for place in places]
    heads = ["session", "store", "read", "calls", "ratio", "change", "calls", "ratio", "inside"]
    show(f"µs for one request; medians of {TURNS} turns of {CALLS} calls.", heads, rows)


if __name__ == "__main__":
    main()
