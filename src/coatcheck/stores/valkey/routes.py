"""Which server keeps a key, and what to do when it is another one by now.

Written once, as ``async def``, over connections that block or are awaited (``Connections``). A
command whose connection broke is sent a second time, over a new connection, to the server that is
responsible by then. Nobody knows whether the first one arrived, so each command must bear that:
*again* replaces one that does not.
"""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final

from valkey.crc import key_slot
from valkey.exceptions import (
    AuthenticationError,
    ConnectionError,
    ResponseError,
    TimeoutError,
    ValkeyError,
)

from .address import Address, Kind, Place
from .faults import broken

Argument = bytes | str | int
Command = tuple[Argument, ...]

SLOTS: Final = 16384
REDIRECTIONS: Final = 5
"""How often a cluster may send one command on."""


class Connections(ABC):
    """Connections to any number of servers, each used by one caller at a time."""

    @abstractmethod
    async def tell(self, place: Place, command: Command) -> Any:
        """The server's answer. Raises what the client raises, an error for an answer too."""

    @abstractmethod
    async def tell_all(self, place: Place, commands: Sequence[Command]) -> list[Any]:
        """The answers to *commands*, sent at once; an error answer stands in its place."""

    @abstractmethod
    async def forget(self, place: Place) -> None:
        """Close what is idle there: it may be as broken as the one that has just failed."""

    @abstractmethod
    async def close(self) -> None:
        """Close what is idle now, and what is in use when it is given back."""


class Route(ABC):
    """The way to the server of a key."""

    def __init__(self, address: Address, connections: Connections) -> None:
        self.address = address
        self.connections = connections

    @abstractmethod
    def known(self, key: bytes) -> Place | None:
        """The server that keeps *key*, or None where that is not known."""

    @abstractmethod
    async def find(self, key: bytes) -> Place:
        """The server that keeps *key*, found out anew."""

    @abstractmethod
    async def places(self) -> Sequence[Place]:
        """All servers that keep keys."""

    @abstractmethod
    def doubt(self) -> None:
        """Know nothing any more about which server keeps what."""

    async def ask(self, key: bytes, command: Command, again: Command = ()) -> Any:
        """The answer to *command* from the server of *key*."""
        place = self.known(key) or await self.find(key)
        try:
            return await self.connections.tell(place, command)
        except (ValkeyError, OSError) as error:
            await self.failed(place, error)
        place = self.known(key) or await self.find(key)
        return await self.connections.tell(place, again or command)

    async def ask_all(self, commands: Sequence[tuple[bytes, Command]]) -> list[Any]:
        """The answers to several commands, each for a key; one round trip for each server."""
        where: defaultdict[Place, list[int]] = defaultdict(list)
        for number, (key, _) in enumerate(commands):
            where[self.known(key) or await self.find(key)].append(number)
        answers: list[Any] = [None] * len(commands)
        for place, numbers in where.items():
            try:
                told = await self.connections.tell_all(place, [commands[n][1] for n in numbers])
            except (ValkeyError, OSError) as error:
                await self.failed(place, error)
                told = [error] * len(numbers)
            for number, answer in zip(numbers, told, strict=True):
                # Asked by itself, it is sent on, or raises what is wrong with it.
                wrong = isinstance(answer, Exception)
                answers[number] = await self.ask(*commands[number]) if wrong else answer
        return answers

    async def failed(self, place: Place, error: Exception) -> None:
        """Prepare for another try after *error*, or raise it where that would not help."""
        again = broken(error)
        if again or isinstance(error, TimeoutError):
            self.doubt()
            await self.connections.forget(place)
        if not again:
            raise error

    async def told(self, place: Place, command: Command) -> Any:
        """What the server at *place* knows of others: its idle connections may be broken too."""
        try:
            return await self.connections.tell(place, command)
        except (ValkeyError, OSError) as error:
            if not broken(error):
                raise
        await self.connections.forget(place)
        return await self.connections.tell(place, command)


class Single(Route):
    """One server."""

    def known(self, key: bytes) -> Place:
        return self.address.places[0]

    async def find(self, key: bytes) -> Place:
        return self.address.places[0]

    async def places(self) -> Sequence[Place]:
        return self.address.places

    def doubt(self) -> None:
        """There is no other."""


class Watched(Route):
    """One primary at a time, which the Sentinels name. They break its connections to replace it."""

    def __init__(self, address: Address, connections: Connections) -> None:
        super().__init__(address, connections)
        self._primary: Place | None = None

    def known(self, key: bytes) -> Place | None:
        return self._primary

    async def places(self) -> Sequence[Place]:
        return [self._primary or await self.find(b"")]

    def doubt(self) -> None:
        self._primary = None

    async def find(self, key: bytes) -> Place:
        why = "its Sentinels know no service of this name"
        for sentinel in self.address.places:
            try:
                named = await self.told(
                    sentinel, ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.address.service)
                )
                if named is None:
                    continue
                place = Place(named[0].decode(), int(named[1]))
                if await self._leads(place):
                    self._primary = place
                    return place
                why = f"its Sentinels name {place}, which is a replica"
            except (ConnectionError, TimeoutError) as error:
                if isinstance(error, AuthenticationError):
                    raise
                why = str(error)
        raise ConnectionError(why)

    async def _leads(self, place: Place) -> bool:
        """Whether *place* is a primary. A Sentinel that was cut off may name a former one."""
        try:
            role, *_ = await self.told(place, ("ROLE",))
        except ResponseError:
            return True  # we are not allowed to ask: a former primary refuses to write, at least
        if role != b"master":
            await self.connections.forget(place)
        return bool(role == b"master")


class Cluster(Route):
    """Many primaries, each with some of the slots that keys fall into."""

    def __init__(self, address: Address, connections: Connections) -> None:
        super().__init__(address, connections)
        self._slots: list[Place | None] = []
        self._nodes: tuple[Place, ...] = ()

    def known(self, key: bytes) -> Place | None:
        slots = self._slots
        return slots[key_slot(key)] if slots else None

    async def find(self, key: bytes) -> Place:
        place = (await self._learn())[key_slot(key)]
        if place is None:
            raise ResponseError("CLUSTERDOWN no server has the slot of this key")
        return place

    async def places(self) -> Sequence[Place]:
        await self._learn()
        return self._nodes

    def doubt(self) -> None:
        self._slots = []

    async def ask(self, key: bytes, command: Command, again: Command = ()) -> Any:
        place, asking, tries = self.known(key) or await self.find(key), False, 2
        for _ in range(REDIRECTIONS):
            try:
                if not asking:
                    return await self.connections.tell(place, command)
                # The slot is on its way to another node: that one answers to the word ASKING.
                _, answer = await self.connections.tell_all(place, [("ASKING",), command])
                if not isinstance(answer, Exception):
                    return answer
                raise answer
            except (ValkeyError, OSError) as error:
                sent_on = _sent_on(error, place)
                if sent_on is None:
                    tries -= 1
                    await self.failed(place, error)
                    if not tries:
                        raise
                    place, asking = self.known(key) or await self.find(key), False
                    command = again or command
                    continue
                place, asking = sent_on
                if not asking:
                    self.doubt()
        raise ResponseError("CLUSTERDOWN its nodes do not agree on who has the slot of this key")

    async def failed(self, place: Place, error: Exception) -> None:
        if "CLUSTERDOWN" in str(error):
            self.doubt()
        await super().failed(place, error)

    async def _learn(self) -> list[Place | None]:
        """Who has which slot, by the first node that tells."""
        why = "it names no nodes"
        for node in dict.fromkeys((*self._nodes, *self.address.places)):
            try:
                ranges = await self.told(node, ("CLUSTER", "SLOTS"))
            except (ConnectionError, TimeoutError) as error:
                if isinstance(error, AuthenticationError):
                    raise
                why = str(error)
                continue
            slots: list[Place | None] = [None] * SLOTS
            for first, last, (host, port, *_), *_ in ranges:
                # A node may not know its own address; then it is where we found it.
                known = host.decode() if host and host != b"?" else node.host
                slots[first : last + 1] = [Place(known, port)] * (last + 1 - first)
            self._slots = slots
            self._nodes = tuple(dict.fromkeys(place for place in slots if place is not None))
            return slots
        raise ConnectionError(why)


ROUTES: Final[dict[Kind, Callable[[Address, Connections], Route]]] = {
    "single": Single,
    "sentinel": Watched,
    "cluster": Cluster,
}


def _sent_on(error: Exception, place: Place) -> tuple[Place, bool] | None:
    """Where a node of a cluster sends a command instead, and whether only this once."""
    if not isinstance(error, ResponseError):
        return None
    match str(error).split():
        case ["MOVED" | "ASK" as word, _, other]:
            host, _, port = other.rpartition(":")
            return Place(host or place.host, int(port)), word == "ASK"
    return None
