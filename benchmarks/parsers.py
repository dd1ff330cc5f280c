"""What it costs to read a form: our parser beside those of Django, Werkzeug and Starlette.

Each gets the same body in pieces of 64 KB, as a server hands it out, and makes of it what a view
reads: fields, and a file that waits on disk. What each checks differs, and is said in the table's
explanation.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from io import BytesIO
from urllib.parse import urlencode

import django
from django.conf import settings
from django.core.files.uploadhandler import MemoryFileUploadHandler, TemporaryFileUploadHandler
from django.http import QueryDict
from django.http.multipartparser import MultiPartParser as DjangoMultiPartParser
from measure.servers import on_one_core
from measure.tables import machine, show
from measure.turns import Work, in_turns
from starlette.datastructures import Headers
from starlette.formparsers import FormParser as StarletteFormParser
from starlette.formparsers import MultiPartParser as StarletteMultiPartParser
from werkzeug.formparser import FormDataParser

from coatcheck.forms.limits import MB, Limits
from coatcheck.forms.parser import FormParser

TURNS = 21
PIECE = 64 * 1024
BOUNDARY = "----WebKitFormBoundaryq3JmN1xUeK8aLr0T"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
URLENCODED = "application/x-www-form-urlencoded"


def multipart(fields: list[tuple[str, str]], file: bytes = b"") -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields
    ]
    if file:
        parts.append(
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n".encode()
            + file
            + b"\r\n"
        )
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def fields(count: int) -> list[tuple[str, str]]:
    return [(f"field{number}", secrets.token_urlsafe(24)) for number in range(count)]


CASES: dict[str, tuple[str, bytes, int]] = {
    "urlencoded, 5 fields": (URLENCODED, urlencode(fields(5)).encode(), 300),
    "urlencoded, 900 fields": (URLENCODED, urlencode(fields(900)).encode(), 5),
    "urlencoded, 60 KB of é": (URLENCODED, urlencode({"text": "é" * 10_000}).encode(), 20),
    "multipart, 5 fields": (MULTIPART, multipart(fields(5)), 100),
    "multipart, 900 fields": (MULTIPART, multipart(fields(900)), 3),
    "multipart, 20 MB file": (MULTIPART, multipart(fields(3), secrets.token_bytes(20 * MB)), 1),
}
"""Content-Type, body, and how often it is read in a turn."""


def pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), PIECE):
        yield body[start : start + PIECE]


def by_coatcheck(kind: str, body: bytes) -> tuple[int, int]:
    with FormParser(kind, str(len(body)), Limits()) as parser:
        for piece in pieces(body):
            parser.feed(piece)
        form = parser.finish()
    size = 0
    for _, upload in form.files.pairs():
        size += upload.size
        upload.close()
    return len(form.fields.pairs()), size


def by_django(kind: str, body: bytes) -> tuple[int, int]:
    if kind == URLENCODED:
        return sum(len(values) for _, values in QueryDict(body, encoding="utf-8").lists()), 0
    handlers = [MemoryFileUploadHandler(), TemporaryFileUploadHandler()]
    headers = {"CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(body))}
    post, files = DjangoMultiPartParser(headers, BytesIO(body), handlers, "utf-8").parse()
    size = 0
    for name in files:
        size += files[name].size
        files[name].close()
    return sum(len(values) for _, values in post.lists()), size


def by_werkzeug(kind: str, body: bytes) -> tuple[int, int]:
    mimetype, _, options = kind.partition("; boundary=")
    parser = FormDataParser(max_form_memory_size=3 * MB, max_form_parts=1000)
    _, form, files = parser.parse(BytesIO(body), mimetype, len(body), {"boundary": options})
    size = 0
    for file in files.values():
        size += file.stream.seek(0, 2)
        file.close()
    return sum(len(values) for _, values in form.lists()), size


def by_starlette(loop: asyncio.AbstractEventLoop) -> Callable[[str, bytes], tuple[int, int]]:
    async def read(kind: str, body: bytes) -> tuple[int, int]:
        async def stream() -> AsyncIterator[bytes]:
            for piece in pieces(body):
                yield piece
            yield b""

        reader = StarletteFormParser if kind == URLENCODED else StarletteMultiPartParser
        form = await reader(Headers({"content-type": kind}), stream()).parse()
        found = form.multi_items()
        sizes = [value.size or 0 for _, value in found if not isinstance(value, str)]
        await form.close()
        return len(found) - len(sizes), sum(sizes)

    return lambda kind, body: loop.run_until_complete(read(kind, body))


def main() -> None:
    settings.configure(DEFAULT_CHARSET="utf-8")
    django.setup()
    print(machine())
    on_one_core()
    loop = asyncio.new_event_loop()
    readers = {
        "coatcheck": by_coatcheck,
        "Django": by_django,
        "Werkzeug": by_werkzeug,
        "Starlette": by_starlette(loop),
    }
    rows = []
    for case, (kind, body, calls) in CASES.items():
        counts = {name: read(kind, body) for name, read in readers.items()}
        assert len(set(counts.values())) == 1, counts
        ways: dict[str, Work] = {
            name: lambda read=read, kind=kind, body=body: read(kind, body)
            for name, read in readers.items()
        }
        cost = in_turns(ways, turns=TURNS, calls=calls, clock=time.process_time)
        row: list[object] = [case]
        for name in readers:
            row.append(cost.median(name))
        row += [cost.ratio(name, "coatcheck") for name in list(readers)[1:]]
        rows.append(row)
    loop.close()
    heads = ["form", *readers, *[f"{name} ÷ ours" for name in list(readers)[1:]]]
    show(f"µs of processor time to read one form; medians of {TURNS} turns.", heads, rows)


if __name__ == "__main__":
    main()
