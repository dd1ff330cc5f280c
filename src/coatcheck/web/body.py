"""Read a request's body before its view runs, within the site's limits.

Forms go through ``forms.parser``, chunk by chunk; everything else is kept as raw bytes of at most
``Limits.body``. A broken or oversized body is an error before the view, never an empty form, and so
is one that trickles in: it has BODY_TIMEOUT seconds, and one more for each 500 bytes that came.
"""

from collections.abc import AsyncIterator

import anyio

from coatcheck.forms.data import FormData
from coatcheck.forms.errors import FormTooLarge, FormTooSlow, MalformedForm, UnsupportedForm
from coatcheck.forms.headers import content_length, is_form
from coatcheck.forms.limits import Limits
from coatcheck.web.requests import Request

SLOWEST = 500
"""Bytes a second that a body must keep up after its first BODY_TIMEOUT seconds."""


async def read(request: Request, limits: Limits) -> None:
    """Fill ``POST``, ``FILES`` and ``body`` of *request*; once, however often it is called.

    Raises MalformedForm, UnsupportedForm, FormTooLarge or FormTooSlow, and ClientDisconnect.
    """
    if request.body_read:
        return
    content_type = _one(request, "content-type")
    length = _one(request, "content-length")
    if content_type is not None and is_form(content_type):
        await _read_form(request, content_type, length, limits)
    else:
        await _read_raw(request, length, limits)


async def _read_form(
    request: Request, content_type: str, length: str | None, limits: Limits
) -> None:
    from coatcheck.forms.parser import FormParser

    encoding = _one(request, "content-encoding")
    if encoding is not None and encoding.lower() != "identity":
        # Inflating is a way to make much memory of few bytes (CVE-2026-54278).
        raise UnsupportedForm("The form is compressed; forms are read uncompressed only.")
    with FormParser(content_type, length, limits) as parser:
        async for chunk in _arriving(request):
            parser.feed(chunk)
        form = parser.finish()
    request.take_body(b"", form.fields, form.files)


async def _read_raw(request: Request, length: str | None, limits: Limits) -> None:
    if (content_length(length) or 0) > limits.body:
        raise FormTooLarge("body", limits.body)
    content = bytearray()
    async for chunk in _arriving(request):
        content += chunk
        if len(content) > limits.body:
            raise FormTooLarge("body", limits.body)
    request.take_body(bytes(content), FormData(), FormData(source="files"))


async def _arriving(request: Request) -> AsyncIterator[bytes]:
    stream = request.stream()
    timeout = request.app.settings.body_timeout
    deadline = anyio.current_time() + timeout
    received = 0
    while True:
        # One scope a chunk: a cancel scope may not stay open across a generator's yield.
        with anyio.CancelScope(deadline=deadline) as waiting:
            chunk = await anext(stream, None)
        if waiting.cancelled_caught:
            raise FormTooSlow(received, timeout)
        if chunk is None:
            return
        if chunk:
            received += len(chunk)
            deadline += len(chunk) / SLOWEST
            yield chunk


def _one(request: Request, name: str) -> str | None:
    found = request.headers.getlist(name)
    if len(set(found)) > 1:
        # Two readers that pick differently see two forms.
        raise MalformedForm(f"The request has {len(found)} {name} headers that differ; send one.")
    return found[0] if found else None
