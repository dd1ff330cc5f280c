"""What it costs that a form is processed once, beside the same form processed as often as it comes.

A POST through the whole of ``coatcheck.web``: a small form is parsed and checked, the session is
loaded under its lease, the view inserts an order into a SQLite database, changes the session and
redirects, database and session are committed. One site has ``FORM_ONCE`` on and the other off;
both have their sessions in the same store, and take turns. ``cost`` is what one request pays more,
as a part of what it costs without.

``called`` calls the site without a server and so puts the cost in the worst light. ``served`` asks
uvicorn over a kept connection, as a browser does; what the browser, the network and TLS cost is in
none of the figures.
"""

import argparse
import asyncio
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

from measure.asgi import Answer, scope_of
from measure.places import Place, servers
from measure.tables import machine, show
from measure.turns import Costs, in_turns, in_turns_awaited
from measure.visitors import shop_fields, used_session

from coatcheck.forms.tickets import Binding, mint
from coatcheck.wire.signing import Keyring

KEY = "a key for a benchmark, of no use to anybody"
KEYRING = Keyring([KEY])

SITE = """
import os
from coatcheck.web import App, redirect, request
from coatcheck.web.database import Mapped, Model, db


class Order(Model):
    __tablename__ = "orders"
    fruit: Mapped[str]
    count: Mapped[int]


def order():
    db.add(Order(fruit=request.POST["fruit"], count=int(request.POST["count"])))
    request.session["last_order"] = request.POST["fruit"]
    request.session["cart"] = []
    return redirect("/thanks")


def site(once):
    app = App(__name__, settings={
        "SECRET_KEY": %(key)r,
        "ALLOWED_HOSTS": ["*"],
        "DATABASE_URL": "sqlite:///%(folder)s/orders.sqlite3",
        "SESSION_STORE": %(store)r,
        "FORM_ONCE": once,
    })
    app.post("/order")(order)
    Model.metadata.create_all(app.database.engine)
    return app


app = site(os.environ.get("ONCE") == "on")
"""


class Visitor:
    """A browser with a session, that opens the form anew for each order."""

    def __init__(self, place: Place, *, https: bool) -> None:
        record, self._token = used_session(shop_fields(), user=None)
        assert place.store.create(record)
        self.cookie = f"{'__Host-' if https else ''}session={self._token}"

    def body(self) -> bytes:
        ticket = mint(KEYRING, Binding.of_session(self._token), time.time())
        fields = {"csrfmiddlewaretoken": ticket, "fruit": "apple", "count": "3", "note": "x" * 80}
        return urlencode(fields).encode()


def written(folder: Path, place: Place) -> Path:
    """The site, as a file."""
    home = folder / place.name
    home.mkdir(parents=True)
    values = {"key": KEY, "folder": home, "store": place.url}
    (home / "shop.py").write_text(SITE % values, encoding="utf-8")
    return home / "shop.py"


def loaded(path: Path) -> dict[str, Any]:
    """Both sites, in this process."""
    from coatcheck.web.database import Model

    Model.metadata.clear()
    Model.registry.dispose()
    names: dict[str, Any] = {"__name__": "shop"}
    exec(compile(path.read_text(encoding="utf-8"), path, "exec"), names)  # noqa: S102
    return {"off": names["site"](False), "on": names["site"](True)}


async def called(place: Place, folder: Path, turns: int, calls: int) -> Costs:
    """Both sites called directly."""
    visitor = Visitor(place, https=True)
    ways = {}
    apps = loaded(written(folder, place))
    for name, app in apps.items():

        async def work(app: Any = app) -> None:
            body = visitor.body()
            scope = scope_of("/order", visitor.cookie, "POST")
            scope["headers"] += [
                (b"content-type", b"application/x-www-form-urlencoded"),
                (b"content-length", str(len(body)).encode()),
                (b"sec-fetch-site", b"same-origin"),
            ]
            answer = Answer()

            async def receive() -> dict[str, Any]:
                return {"type": "http.request", "body": body, "more_body": False}

            await app(scope, receive, answer.take)
            assert answer.status == 303, answer.body

        ways[name] = work
    costs = await in_turns_awaited(ways, turns=turns, calls=calls)
    for app in apps.values():
        await app.close()
    return costs


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def serving(path: Path, once: str) -> Iterator[int]:
    """The site in the file *path* under uvicorn, with *once* on or off; its port."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "shop:app", "--port", str(port)]
    command += ["--log-level", "error", "--no-access-log"]
    environment = {**os.environ, "ONCE": once}
    with subprocess.Popen(command, cwd=path.parent, env=environment) as server:
        try:
            for _ in range(200):
                try:
                    http.client.HTTPConnection("127.0.0.1", port, timeout=1).connect()
                    break
                except OSError:
                    time.sleep(0.05)
            yield port
        finally:
            server.terminate()
            server.wait(timeout=20)


def served(place: Place, folder: Path, turns: int, calls: int) -> Costs:
    """Both sites behind servers of their own."""
    visitor = Visitor(place, https=False)
    site = written(folder, place)
    with serving(site, "off") as off, serving(site, "on") as on:
        ways = {}
        for name, port in (("off", off), ("on", on)):
            connection = http.client.HTTPConnection("127.0.0.1", port)
            headers = {
                "Content-Type": "application/x-www-form-urlencoded",
                "Cookie": visitor.cookie,
                "Sec-Fetch-Site": "same-origin",
            }

            def work(
                connection: http.client.HTTPConnection = connection,
                headers: dict[str, str] = headers,
            ) -> None:
                connection.request("POST", "/order", visitor.body(), headers)
                answer = connection.getresponse()
                answer.read()
                assert answer.status == 303, answer.status

            ways[name] = work
        return in_turns(ways, turns=turns, calls=calls)


def row(place: Place, how: str, costs: Costs) -> list[object]:
    more = costs.difference("on", "off")
    return [
        place.name,
        how,
        f"{costs.median('off'):.0f}",
        f"{costs.median('on'):.0f}",
        f"{more:.0f}",
        f"{(costs.ratio('on', 'off') - 1) * 100:.1f} %",
    ]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--turns", type=int, default=41)
    options.add_argument("--calls", type=int, default=40)
    options.add_argument("--only", default="")
    given = options.parse_args()
    print(machine())
    rows = []
    with servers() as made, TemporaryDirectory(prefix="coatcheck-bench-") as base:
        for place in made.all():
            if given.only and given.only.lower() != place.name.lower():
                continue
            for how, measure in (("called", None), ("served", served)):
                folder = Path(base) / how
                costs = (
                    asyncio.run(called(place, folder, given.turns, given.calls))
                    if measure is None
                    else measure(place, folder, given.turns, given.calls)
                )
                rows.append(row(place, how, costs))
    show(
        f"A form POST: µs, medians of {given.turns} turns of {given.calls} requests.",
        ["sessions in", "how", "FORM_ONCE off", "on", "more", "cost"],
        rows,
    )


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    main()
