"""A wire to a Valkey that counts what goes over it, and loses what a test wants lost."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

import libvalkey

from .valkey_groups import port_of

Loss = Literal["request", "acknowledgement", "answer for a while"]


class Wire:
    """Passes requests on to the server at *url*, and its answers back. ``url`` leads through here.

    ``trips`` has the commands that went over it, those sent together in one tuple. What goes on
    while a connection is opened is left out.
    """

    def __init__(self, url: str) -> None:
        self._port = port_of(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"valkey://127.0.0.1:{self._listener.getsockname()[1]}/0"
        self.trips: list[tuple[str, ...]] = []
        self.released = threading.Event()
        self._losses: list[tuple[str, Loss]] = []
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def lose(self, what: Loss, command: str, times: int = 1) -> None:
        """Lose *what* of the next *command*: then the connection breaks, or is silent for a while.

        A lost request never reaches the server; a lost acknowledgement means that it did. What is
        lost for a while comes when the test sets ``released``.
        """
        self._losses += [(command, what)] * times

    def cut(self) -> None:
        """Break every connection that is open now."""
        for end in list(self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.released.set()
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._port)) as server:
            self._open |= {client, server}
            requests, answers = libvalkey.Reader(), libvalkey.Reader()
            with suppress(OSError):
                while data := client.recv(65536):
                    requests.feed(data)
                    names = []
                    while (command := requests.gets()) is not False:
                        names.append(command[0].decode().upper())
                    if names and names[0] not in ("CLIENT", "SELECT", "AUTH"):
                        self.trips.append(tuple(names))
                    loss = self._loss(names)
                    if loss == "request":
                        break
                    server.sendall(data)
                    answer = self._answers(server, answers, len(names))
                    if loss == "acknowledgement":
                        break
                    if loss == "answer for a while":
                        self.released.wait(30)
                    client.sendall(answer)
            self._open -= {client, server}

    def _loss(self, names: list[str]) -> Loss | None:
        for number, (command, what) in enumerate(self._losses):
            if command in names:
                del self._losses[number]
                return what
        return None

    def _answers(self, server: socket.socket, reader: libvalkey.Reader, count: int) -> bytes:
        found = b""
        while count:
            data = server.recv(65536)
            if not data:
                raise OSError
            found += data
            reader.feed(data)
            while count and reader.gets() is not False:
                count -= 1
        return found


@contextmanager
def wire_to(url: str) -> Iterator[Wire]:
    """A wire to the server at *url*, cut when the block ends."""
    wire = Wire(url)
    try:
        yield wire
    finally:
        wire.close()
