"""A proxy between browser and server that loses an answer: the request arrives and is processed,
and the connection ends before a byte of the answer comes back."""

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

LONGEST = 65536


class CuttingProxy:
    """Listens at ``url`` and passes connections on to *target*, until ``cut_next_post``."""

    def __init__(self, target: str) -> None:
        self._target = (str(urlsplit(target).hostname), int(urlsplit(target).port or 80))
        self._cutting = threading.Event()
        self.cut = threading.Event()
        """Set when an answer was lost."""
        self.posts = 0
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut_next_post(self) -> None:
        """Lose the answer to the next POST, once it is complete."""
        self.cut.clear()
        self._cutting.set()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _accept(self) -> None:
        connections = []
        while True:
            try:
                browser, _ = self._listener.accept()
            except OSError:  # closed
                break
            connections.append(threading.Thread(target=self._serve, args=(browser,)))
            connections[-1].start()
        for one in connections:
            one.join()

    def _serve(self, browser: socket.socket) -> None:
        server = socket.create_connection(self._target)
        self._open |= {browser, server}
        losing = threading.Event()
        back = threading.Thread(target=self._answers, args=(server, browser, losing))
        back.start()
        with suppress(OSError):
            while data := browser.recv(LONGEST):
                # A browser sends a form of this size in one or two pieces, its head in the first.
                if data.startswith(b"POST "):
                    self.posts += 1
                    if self._cutting.is_set():
                        self._cutting.clear()
                        losing.set()
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)
        back.join()
        self._open -= {browser, server}
        browser.close()
        server.close()

    def _answers(
        self, server: socket.socket, browser: socket.socket, losing: threading.Event
    ) -> None:
        with suppress(OSError):
            while data := server.recv(LONGEST):
                if losing.is_set():
                    # What answers a form is sent when it was processed, not before.
                    self.cut.set()
                    break
                browser.sendall(data)
        with suppress(OSError):
            browser.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
