"""Many submissions over two processes, with duplicates, lost answers, edits and killed workers.

Every submission is sent one to four times, at random moments, to random workers; some senders go
away before they have the answer, and some workers are killed in the middle of a view. Afterwards
each was processed exactly once, all its answers were equal, and no edit was dropped in silence.

Workers are killed while no view of theirs is between the commit of its data and the keeping of its
answer: what a death just there does is told in docs/explanation/once.md, and kept apart here.

``python -m tests.services.submissions --store valkey://127.0.0.1:6379/0 --count 10000``
"""

import argparse
import asyncio
import contextlib
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import httpx2

from coatcheck.forms import tickets
from coatcheck.forms.csrf import new_binding
from coatcheck.forms.tickets import Binding
from coatcheck.wire.signing import Keyring
from tests.services.valkey import free_port, until

KEY = "a key for tests, of no use to anybody"
KEYRING = Keyring([KEY])
WORKERS = 2
TICKET = re.compile(r'name="csrfmiddlewaretoken" value="([A-Za-z0-9_-]{128})"')

SITE = '''
import os, secrets, signal, threading, time
from coatcheck.core.engine import Sessions
from coatcheck.core.policy import SessionPolicy
from coatcheck.forms.once import Once
from coatcheck.stores import from_url
from coatcheck.web import App, Mapped, Model, db, redirect, request

made = Once.of
Once.of = lambda sessions, keyring: made(sessions, keyring, lease=3.0)

app = App(__name__, settings={{
    "SECRET_KEY": {key!r},
    "SESSION_STORE": {store!r},
    "DATABASE_URL": "sqlite:///orders.sqlite3",
}})
app.sessions = Sessions(
    from_url({store!r}), policy=SessionPolicy(isolation="serializable", lease=3.0, wait=8.0)
)


class Order(Model):
    __tablename__ = "orders"
    number: Mapped[str]
    fruit: Mapped[str]


changing = threading.Condition()
past = 0  # views whose data is committed and whose answer is not kept yet
dying = False


def die():
    """Kill this worker as soon as no view is past its commit, and let none get there."""
    global dying
    with changing:
        dying = True
        changing.wait_for(lambda: past == 0)
        os.kill(os.getpid(), signal.SIGKILL)


@app.post("/order")
def order():
    global past
    number, fruit = request.POST["number"], request.POST["fruit"]
    if request.POST["deadly"] == "yes" and not os.path.exists(f"died-{{number}}"):
        open(f"died-{{number}}", "x").close()
        die()
    time.sleep(float(request.POST["takes"]))
    with changing:
        changing.wait_for(lambda: not dying)
        past += 1
    request.scope["coatcheck.past"].append(1)
    row = Order(number=number, fruit=fruit)
    db.add(row)
    db.flush()
    return redirect(f"/orders/{{row.id}}/{{secrets.token_urlsafe(6)}}")


site = app


async def app(scope, receive, send):
    if scope["type"] != "http":
        return await site(scope, receive, send)
    scope["coatcheck.past"] = mine = []

    async def sending(message):
        ended()
        await send(message)

    def ended():
        global past
        while mine:
            mine.pop()
            with changing:
                past -= 1
                changing.notify_all()

    try:
        await site(scope, receive, sending)
    finally:
        ended()
'''


@dataclass
class Tally:
    """What was sent, what came back, and what the shop's books say."""

    tickets: int = 0
    sent: int = 0
    cut: int = 0
    retried: int = 0
    kills: int = 0
    edits: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    answers: dict[str, set[str]] = field(default_factory=dict)
    orders: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def executions(self) -> int:
        return sum(self.orders.values())

    def problems(self) -> list[str]:
        """What should not be, in words; nothing if all is well."""
        found = []
        twice = {name: count for name, count in self.orders.items() if count != 1}
        if twice or self.executions != self.tickets:
            found.append(f"{self.executions} executions of {self.tickets} tickets: {twice}")
        missing = self.answers.keys() - self.orders.keys()
        if missing:
            found.append(f"answered but not processed: {missing}")
        unequal = {name: got for name, got in self.answers.items() if len(got) != 1}
        if unequal:
            found.append(f"different answers to one submission: {unequal}")
        return found

    def __str__(self) -> str:
        return (
            f"{self.tickets} tickets sent {self.sent} times ({self.cut} answers lost, "
            f"{self.retried} sent again, {self.edits} edited), {self.kills} workers killed: "
            f"{self.executions} executions, {dict(self.statuses)} in {self.seconds:.0f} s"
        )


class Workers:
    """Two processes that serve one site; one that dies is started again."""

    def __init__(self, folder: Path, store: str) -> None:
        self.folder = folder
        self.deaths = 0
        (folder / "shop.py").write_text(SITE.format(key=KEY, store=store))
        with contextlib.closing(sqlite3.connect(folder / "orders.sqlite3")) as orders:
            orders.execute("PRAGMA journal_mode = WAL")
            orders.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, number TEXT, fruit TEXT)")
            orders.commit()
        self.ports = [free_port() for _ in range(WORKERS)]
        self._running = [self._start(port) for port in self.ports]
        for port in self.ports:
            until(lambda port=port: _answers(port))  # type: ignore[misc]

    def _start(self, port: int) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "uvicorn", "shop:app", "--port", str(port)]
        command += ["--log-level", "critical", "--no-access-log"]
        return subprocess.Popen(command, cwd=self.folder, stderr=subprocess.DEVNULL)

    async def tend(self) -> None:
        """Start again whoever has died, until cancelled."""
        while True:
            for place, worker in enumerate(self._running):
                if worker.poll() is not None:
                    self.deaths += 1
                    self._running[place] = self._start(self.ports[place])
            await asyncio.sleep(0.05)

    def orders(self) -> Counter[str]:
        with contextlib.closing(sqlite3.connect(self.folder / "orders.sqlite3")) as orders:
            rows = orders.execute("SELECT number || ' ' || fruit FROM orders")
            return Counter(row[0] for row in rows)

    def close(self) -> None:
        for worker in self._running:
            worker.terminate()
        for worker in self._running:
            try:
                worker.wait(timeout=10)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()


def _answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/nothing", timeout=5).status_code == 404
    except httpx2.TransportError:
        return False


class Crowd:
    """Browsers that submit *count* forms."""

    def __init__(self, workers: Workers, count: int, seed: int) -> None:
        self._workers = workers
        self._random = random.Random(seed)
        self._count = count
        self.tally = Tally(tickets=count)
        self._browsers = [new_binding() for _ in range(max(count // 20, 4))]

    async def submit_all(self, at_once: int = 16) -> Tally:
        begun = time.monotonic()
        limits = httpx2.Limits(max_connections=100)
        tending = asyncio.create_task(self._workers.tend())
        try:
            async with httpx2.AsyncClient(limits=limits, timeout=60) as client:
                numbers = iter(range(self._count))

                async def one_after_the_other() -> None:
                    for number in numbers:
                        await self._submission(client, number)

                await asyncio.gather(*[one_after_the_other() for _ in range(at_once)])
        finally:
            tending.cancel()
        self.tally.orders = self._workers.orders()
        self.tally.kills = self._workers.deaths
        self.tally.seconds = time.monotonic() - begun
        return self.tally

    async def _submission(self, client: httpx2.AsyncClient, number: int) -> None:
        dice = self._random
        binding = dice.choice(self._browsers)
        ticket = tickets.mint(KEYRING, Binding.of_browser(binding), time.time())
        fields = {"number": str(number), "fruit": "apple", "takes": f"{dice.random() * 0.02:.4f}"}
        fields["deadly"] = "yes" if number % max(self._count // 40, 25) == 7 else "no"
        fields["csrfmiddlewaretoken"] = ticket
        times = dice.choice([1, 1, 2, 2, 3, 4])

        async def click(after: float, cut: float | None) -> None:
            await asyncio.sleep(after)
            if cut is not None:
                self.tally.cut += 1
                with contextlib.suppress(OSError):
                    await self._send_and_leave(binding, fields, cut)
                # The browser heard nothing, and sends it once more.
            await self._until_answered(client, binding, fields)

        clicks = [
            click(dice.random() * 0.1, dice.random() * 0.03 if dice.random() < 0.1 else None)
            for _ in range(times)
        ]
        await asyncio.gather(*clicks)
        if dice.random() < 0.05:
            await self._edit(client, binding, fields)

    async def _edit(self, client: httpx2.AsyncClient, binding: str, fields: dict[str, str]) -> None:
        """Back, another value, send: nothing may be thrown away, and the visitor is asked."""
        self.tally.edits += 1
        self.tally.tickets += 1
        edited = {**fields, "fruit": "pear"}
        answer = None
        while answer is None or answer.status_code == 503:
            answer = await self._send(client, binding, edited)
        assert answer.status_code == 409, answer.text
        assert "apple" in answer.text
        (fresh,) = TICKET.findall(answer.text)
        await self._until_answered(client, binding, {**edited, "csrfmiddlewaretoken": fresh})

    async def _until_answered(
        self, client: httpx2.AsyncClient, binding: str, fields: dict[str, str]
    ) -> None:
        """Send until there is an answer, as a person would who sees an error."""
        while True:
            answer = await self._send(client, binding, fields)
            if answer is not None and answer.status_code == 202:
                answer = await self._waited(client, binding, answer.headers["location"])
            if answer is not None and answer.status_code == 303:
                name = f"{fields['number']} {fields['fruit']}"
                self.tally.answers.setdefault(name, set()).add(answer.headers["location"])
                return
            assert answer is None or answer.status_code in (409, 500, 503), answer.text
            self.tally.retried += 1
            await asyncio.sleep(0.1)

    async def _waited(
        self, client: httpx2.AsyncClient, binding: str, place: str
    ) -> httpx2.Response | None:
        """What the page that refreshes itself shows in the end."""
        while True:
            try:
                answer = await client.get(
                    self._url(place), headers={"Cookie": f"coatcheck_csrf={binding}"}
                )
            except httpx2.TransportError:
                return None
            if answer.status_code != 202:
                return answer

    async def _send(
        self, client: httpx2.AsyncClient, binding: str, fields: dict[str, str]
    ) -> httpx2.Response | None:
        self.tally.sent += 1
        headers = {"Cookie": f"coatcheck_csrf={binding}", "Sec-Fetch-Site": "same-origin"}
        try:
            answer = await client.post(self._url("/order"), data=fields, headers=headers)
        except httpx2.TransportError:
            return None  # its worker is gone
        self.tally.statuses[answer.status_code] += 1
        return answer

    async def _send_and_leave(self, binding: str, fields: dict[str, str], after: float) -> None:
        """Send it, and close the connection *after* so many seconds without reading."""
        body = urlencode(fields)
        _, writer = await asyncio.open_connection(
            "127.0.0.1", self._random.choice(self._workers.ports)
        )
        head = [
            "POST /order HTTP/1.1",
            "Host: 127.0.0.1",
            f"Cookie: coatcheck_csrf={binding}",
            "Sec-Fetch-Site: same-origin",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(body)}",
        ]
        writer.write("\r\n".join([*head, "", body]).encode())
        await asyncio.sleep(after)
        writer.close()
        await writer.wait_closed()

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._random.choice(self._workers.ports)}{path}"


@contextlib.contextmanager
def working(folder: Path, store: str) -> Iterator[Workers]:
    workers = Workers(folder, store)
    try:
        yield workers
    finally:
        workers.close()


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--store", default="sqlite:///sessions.sqlite3")
    options.add_argument("--count", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    if given.store.startswith(("sqlite", "postgresql")):
        raise SystemExit("make the table first: use tests/services/test_submissions.py")
    with tempfile.TemporaryDirectory() as folder, working(Path(folder), given.store) as workers:
        tally = asyncio.run(Crowd(workers, given.count, given.seed).submit_all())
    sys.stdout.write(f"{tally}\n{tally.problems() or 'as it should be'}\n")


if __name__ == "__main__":
    main()
