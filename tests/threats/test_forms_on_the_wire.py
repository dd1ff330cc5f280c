"""Hostile bodies over a real socket, through the whole stack: clear refusals, flat memory.

One server for all of it, and at the end it still answers and has lost nothing.
"""

import json
import re
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.unit.forms.bodies import BOUNDARY, CONTENT_TYPE, URLENCODED, multipart, text
from tests.web.project import COATCHECK, Folder, Server

MB = 1024 * 1024
UPLOADED = 100  # MB
OPENING = b"--" + BOUNDARY.encode()

SITE = """
    import re
    from pathlib import Path

    from coatcheck.web import App, request, session

    app = App(__name__, settings={
        "SECRET_KEY": "a key for tests, of no use to anybody",
        "SESSION_STORE": "memory://",
        "DEBUG": False,
        "BODY_TIMEOUT": 2,
        "FORM_LIMITS": {"fields": 900},
    })


    @app.route("/", methods=["GET", "POST"])
    def count():
        if request.method == "POST":
            session["posts"] = session.get("posts", 0) + 1
        return {
            "posts": session.get("posts", 0),
            "fields": request.POST.pairs(),
            "files": [(name, file.size) for name, file in request.FILES.pairs()],
        }


    @app.route("/memory")
    def memory():
        status = Path("/proc/self/status").read_text()
        return {"most": int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) * 1024}
"""


@dataclass
class Answer:
    status: int
    body: str

    def json(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.body)
        return found


class Site:
    def __init__(self, url: str) -> None:
        self.port = urlsplit(url).port
        self.cookie = b""

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def head(self, *lines: str, method: str = "POST") -> bytes:
        given = [f"{method} / HTTP/1.1", "Host: localhost", "Sec-Fetch-Site: same-origin", *lines]
        return "\r\n".join(given).encode() + (b"\r\nCookie: " + self.cookie) + b"\r\n\r\n"

    def send(
        self, *lines: str, body: Iterable[bytes] | bytes = b"", method: str = "POST"
    ) -> Answer:
        """The answer to raw bytes; what the server no longer takes is not sent."""
        with closing(self.connect()) as connection:
            connection.sendall(self.head(*lines, "Connection: close", method=method))
            try:
                for piece in [body] if isinstance(body, bytes) else body:
                    connection.sendall(piece)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it said no already; the answer is there to be read
            return answer_of(connection)

    def posts(self) -> int:
        found = self.send(method="GET").json()["posts"]
        assert isinstance(found, int)
        return found

    def most_memory(self) -> int:
        if not Path("/proc/self/status").exists():
            pytest.skip("measures memory in /proc")
        with closing(self.connect()) as connection:
            connection.sendall(
                b"GET /memory HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )
            found = answer_of(connection).json()["most"]
        assert isinstance(found, int)
        return found


def answer_of(connection: socket.socket) -> Answer:
    """The first answer on *connection*, read to its end."""
    received = b""
    while True:
        head, end, body = received.partition(b"\r\n\r\n")
        if end:
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            if length and len(body) >= int(length[1]):
                return Answer(int(head.split()[1]), body[: int(length[1])].decode())
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            piece = b""
        if not piece:
            status = int(head.split()[1]) if end else 0
            return Answer(status, body.decode())
        received += piece


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = Folder(tmp_path_factory.mktemp("wire"))
    folder.write("app.py", SITE)
    with folder.serving(*COATCHECK, "run", "app.py", "--port", "0") as server:
        yield server


@pytest.fixture(scope="module")
def address(server: Server) -> str:
    return server.url()


@pytest.fixture
def site(address: str) -> Iterator[Site]:
    """The site with a visitor who has sent one form; at the end that one is still all there is."""
    site = Site(address)
    with closing(site.connect()) as connection:
        connection.sendall(site.head("Content-Length: 3", f"Content-Type: {URLENCODED}") + b"a=1")
        received = connection.recv(65536)
    site.cookie = re.search(rb"set-cookie: (session=[^;]+)", received)[1]  # type: ignore[index]
    assert site.posts() == 1
    yield site
    assert site.posts() == 1


def lengths(body: bytes, kind: str = CONTENT_TYPE) -> tuple[str, str]:
    return f"Content-Length: {len(body)}", f"Content-Type: {kind}"


def chunked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


GOOD = multipart(text("a", "1"))


REFUSED = {
    "cut off": (GOOD[:-10], CONTENT_TYPE, 400, "in or after field 'a' (part 1): it was cut off"),
    "escape": (b"a=%4", URLENCODED, 400, "Field 'a' holds a percent sign"),
    "nul": (b"a=1&b=%00", URLENCODED, 400, "The value of field 'b' holds a NUL"),
    "nul in a part": (
        multipart(text("a", "\0")),
        CONTENT_TYPE,
        400,
        "The value of field 'a' holds a NUL",
    ),
    "latin-1": (b"a=\xff", URLENCODED, 400, "Byte 3 of the body is not UTF-8"),
    "no boundary": (b"a=1", "multipart/form-data", 400, "names no boundary"),
    "two boundaries": (b"a=1", "multipart/form-data; boundary=a; boundary=b", 400, "twice"),
    "charset": (b"a=1", f"{URLENCODED}; charset=utf-7", 415, "only UTF-8 is read"),
    "fields": (b"&".join([b"a=1"] * 901), URLENCODED, 413, "more than 900 fields"),
    "field": (b"a=" + b"x" * 70_000, URLENCODED, 413, "larger than 64 KB (at field 'a')"),
    "part": (multipart(text("bio", "x" * 70_000)), CONTENT_TYPE, 413, "64 KB (at field 'bio')"),
    "parts": (
        multipart(*[text(f"f{n}", "") for n in range(901)]),
        CONTENT_TYPE,
        413,
        "more than 900 fields",
    ),
}


@pytest.mark.parametrize(("body", "kind", "status", "told"), REFUSED.values(), ids=REFUSED)
def test_a_broken_or_oversized_form_is_refused_by_name_and_runs_no_view(
    site, body, kind, status, told
):
    answer = site.send(*lengths(body, kind), body=body)
    assert answer.status == status
    assert told.replace("'", "&#39;") in answer.body
    in_chunks = site.send(
        "Transfer-Encoding: chunked", f"Content-Type: {kind}", body=chunked([body])
    )
    assert (in_chunks.status, in_chunks.body) == (answer.status, answer.body)


def test_a_hundred_thousand_parts_are_refused_after_a_thousand(site):
    parts = (OPENING + b'\r\nContent-Disposition: form-data; name="f"\r\n\r\n\r\n') * 1000
    answer = site.send(
        "Transfer-Encoding: chunked",
        f"Content-Type: {CONTENT_TYPE}",
        body=chunked(parts for _ in range(100)),
    )
    assert answer.status == 413
    assert "more than 900 fields" in answer.body


@pytest.mark.parametrize("says_length", [True, False])
@pytest.mark.parametrize("kind", [URLENCODED, CONTENT_TYPE])
def test_a_field_of_a_gigabyte_is_refused_in_flat_memory(site, says_length, kind):
    before = site.most_memory()
    size = 1024 * MB
    first = (
        b"bio="
        if kind == URLENCODED
        else OPENING + b'\r\nContent-Disposition: form-data; name="bio"\r\n\r\n'
    )

    def pieces() -> Iterator[bytes]:
        yield first
        piece = b"x" * MB
        for _ in range(size // MB):
            yield piece

    if says_length:
        answer = site.send(
            f"Content-Length: {size + len(first)}", f"Content-Type: {kind}", body=pieces()
        )
    else:
        answer = site.send(
            "Transfer-Encoding: chunked", f"Content-Type: {kind}", body=chunked(pieces())
        )
    assert answer.status == 413
    assert " than " in answer.body
    # With its length said, it is refused before there is a field to name.
    assert ("field &#39;bio&#39;" in answer.body) == (not says_length)
    assert site.most_memory() - before < 12 * MB


def test_a_body_that_ends_before_its_content_length_runs_no_view(site):
    with closing(site.connect()) as connection:
        connection.sendall(site.head("Content-Length: 100", f"Content-Type: {URLENCODED}") + b"a=1")
        connection.shutdown(socket.SHUT_WR)
        assert answer_of(connection).status in (0, 400)


def test_a_content_length_that_is_none_is_refused(site):
    for length in ("-1", "1e3", "0x10", "5, 6", " "):
        answer = site.send(f"Content-Length: {length}", f"Content-Type: {URLENCODED}", body=b"a=1")
        assert answer.status == 400, length


def test_what_lies_behind_the_content_length_is_no_part_of_the_form(site):
    body = GOOD + b"more"
    answer = site.send(
        f"Content-Length: {len(GOOD) - 8}", f"Content-Type: {CONTENT_TYPE}", body=body
    )
    assert answer.status == 400
    assert "cut off" in answer.body


def test_a_length_and_chunks_at_once_never_reach_a_view(site):
    # RFC 9112 6.1: two readers that pick differently are request smuggling.
    body = b"3\r\na=1\r\n0\r\n\r\n"
    answer = site.send(
        "Content-Length: 3",
        "Content-Length: 8",
        "Transfer-Encoding: chunked",
        f"Content-Type: {URLENCODED}",
        body=body,
    )
    assert answer.status == 400


@pytest.mark.parametrize(
    "chunk", [b"zz\r\na=1\r\n", b"-3\r\na=1\r\n", b"3\r\na=1&b=2\r\n0\r\n\r\n"]
)
def test_a_chunk_that_lies_about_its_size_runs_no_view(site, chunk):
    answer = site.send("Transfer-Encoding: chunked", f"Content-Type: {URLENCODED}", body=chunk)
    assert answer.status in (0, 400)


def test_headers_that_are_there_twice_and_differ_are_refused(site):
    answer = site.send(
        "Content-Length: 3", f"Content-Type: {URLENCODED}", "Content-Type: text/plain", body=b"a=1"
    )
    assert answer.status == 400
    assert "content-type headers that differ" in answer.body


def test_a_body_that_trickles_in_is_refused_in_time_and_one_that_flows_is_not(site):
    with closing(site.connect()) as connection:
        connection.sendall(site.head("Content-Length: 99", f"Content-Type: {URLENCODED}") + b"bio=")
        begun = time.monotonic()
        answer = answer_of(connection)
        assert answer.status == 408
        assert "too slowly" in answer.body
        assert 1.9 < time.monotonic() - begun < 20


def test_a_client_that_leaves_in_the_middle_runs_no_view(site):
    for _ in range(20):
        with closing(site.connect()) as connection:
            connection.sendall(site.head(*lengths(GOOD)) + GOOD[:40])


def test_a_visitor_is_answered_while_others_trickle(site):
    slow = [site.connect() for _ in range(50)]
    try:
        for connection in slow:
            head = site.head("Content-Length: 9999", f"Content-Type: {URLENCODED}")
            connection.sendall(head + b"a=")
        begun = time.monotonic()
        assert site.posts() == 1
        assert time.monotonic() - begun < 5
    finally:
        for connection in slow:
            connection.close()


def test_a_byte_at_a_time_is_read_as_well_as_all_at_once(address):
    site = Site(address)
    answer = site.send(*lengths(GOOD), body=(GOOD[at : at + 1] for at in range(len(GOOD))))
    assert answer.json()["fields"] == [["a", "1"]]


def test_repeated_and_nested_names_arrive_in_their_order(address):
    site = Site(address)
    body = b"a[b][]=1&a[b][]=2&a[c]=3&a.d=4&a-0-e=5&a[b][]=6"
    fields = site.send(*lengths(body, URLENCODED), body=body).json()["fields"]
    assert fields == [
        ["a[b][]", "1"],
        ["a[b][]", "2"],
        ["a[c]", "3"],
        ["a.d", "4"],
        ["a-0-e", "5"],
        ["a[b][]", "6"],
    ]


def test_a_refused_upload_says_why_on_the_connection_that_still_sends(address):
    # A browser goes on sending for a while: it must find the answer, not a connection cut off.
    site = Site(address)
    with closing(site.connect()) as connection:
        before = site.most_memory()
        head = site.head("Transfer-Encoding: chunked", f"Content-Type: {CONTENT_TYPE}")
        connection.sendall(head)
        photo = OPENING + b'\r\nContent-Disposition: form-data; name="photo"; filename="p"\r\n\r\n'
        for piece in chunked([photo, *[b"x" * MB] * UPLOADED]):
            connection.sendall(piece)
        answer = answer_of(connection)
        assert answer.status == 413
        assert "larger than 32 MB (at field &#39;photo&#39;)" in answer.body
        assert site.most_memory() - before < 12 * MB
        connection.sendall(site.head(*lengths(GOOD)) + GOOD)
        assert answer_of(connection).status == 200
