"""What is fuzzed: each target takes any bytes and fails where a promise is broken.

A target lets only our own refusals pass, and asserts what must hold of everything that was read:
within the limits, the same however the bytes were cut up, and written back as it was. ``corpus``
has inputs that are nasty already; ``__main__`` looks for more, guided by coverage.
"""

import unicodedata
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

from coatcheck.core.errors import BadRequest, CoatcheckError, ConfigurationError
from coatcheck.forms import headers
from coatcheck.forms.content_types import content_type_of
from coatcheck.forms.csrf import CsrfRequest, check, is_binding, mint, valid
from coatcheck.forms.errors import FormTooLarge
from coatcheck.forms.limits import Limits
from coatcheck.forms.names import DEEPEST, grown
from coatcheck.forms.origins import own_origin, trusted_origins
from coatcheck.forms.parser import Form, FormParser
from coatcheck.forms.redirects import InvalidLocation, location, safe_next
from coatcheck.forms.tickets import Binding, read
from coatcheck.forms.tickets import mint as mint_ticket
from coatcheck.forms.uploads import safe_filename
from coatcheck.forms.urlencoded import parse_query, parse_urlencoded
from coatcheck.wire.codec import decode, encode
from coatcheck.wire.cookies import values
from coatcheck.wire.errors import UndecodableValue, UnsupportedValue
from coatcheck.wire.signing import Keyring
from coatcheck.wire.tokens import Token

Target = Callable[[bytes], None]
R = TypeVar("R")

BOUNDARY = "b"
"""Short, so that inputs with many boundaries are short too."""
LIMITS = Limits(
    body=4096,
    total=16_384,
    fields=8,
    files=3,
    field_size=512,
    file_size=8192,
    part_headers=512,
    spool=1024,
)
KEYS = Keyring(["a key that only fuzzing knows"])
BINDING = b"session:of-the-fuzzer"
VISITOR = Binding(b"secret of the fuzzer", b"owner of the fuzzer")


def multipart(data: bytes) -> None:
    """A multipart body; the first byte says how it is cut up."""
    if not data:
        return
    _same_form(f"multipart/form-data; boundary={BOUNDARY}", data[1:], data[0] + 1)


def multipart_parts(data: bytes) -> None:
    """The inside of one part: what is fuzzed is its headers and content, not the framing."""
    body = b"--b\r\nContent-Disposition: form-data; " + data.replace(b"--b", b"") + b"\r\n--b--\r\n"
    _same_form(f"multipart/form-data; boundary={BOUNDARY}", body, 7)


def urlencoded(data: bytes) -> None:
    """A urlencoded body, a query string, and both written back."""
    _same_form(headers.URLENCODED, data, 3)
    try:
        fields = parse_urlencoded(data, LIMITS)
    except BadRequest:
        return
    assert parse_query(data, LIMITS) == fields
    for name, value in fields.pairs():
        assert len(name.encode()) <= LIMITS.field_size
        assert len(value.encode()) <= LIMITS.field_size
        assert "\0" not in value
    again = parse_urlencoded(fields.urlencode().encode(), Limits())
    assert again.pairs() == fields.pairs()


def header_values(data: bytes) -> None:
    """Headers with parameters: Content-Type, Content-Disposition, Content-Length."""
    text = data.decode("latin-1")
    kind = headers.media_type(text)
    assert kind == kind.lower()
    assert kind.count("/") == 1
    reads: tuple[Callable[[], Any], ...] = (
        lambda: headers.boundary_of(text),
        lambda: headers.boundary_of(f"multipart/form-data;{text}"),
        lambda: headers.parameters(text, "It"),
        lambda: headers.content_length(text),
        lambda: FormParser(text, text, LIMITS).close(),
    )
    for each in reads:
        found = _result(each)
        if isinstance(found, BadRequest):
            assert len(str(found)) < 500
            assert str(found).isprintable()
        elif isinstance(found, int):
            assert 0 <= found < 10**18


def cookies(data: bytes) -> None:
    """A Cookie header: the values of one name are those that were written as that name."""
    found = values([data], "session")
    assert len(set(found)) == len(found)
    if found:
        assert b"session" in data
    for value in found:
        assert ";" not in value
        token = Token.parse(value)
        assert token is None or str(token) == value
    assert set(values([data, data], "session")) == set(found)
    for value in values([b"a=1; __Host-session=" + data.replace(b";", b"")], "__Host-session"):
        assert value == data.replace(b";", b"").strip(b" \t").decode("ascii", "replace")


def tokens(data: bytes) -> None:
    """Whatever was not minted is refused, and the decision always gives a reason."""
    text = data.decode("latin-1")
    assert not valid(text, KEYS, BINDING)
    good = mint(KEYS, BINDING)
    assert valid(good, KEYS, BINDING)
    # One letter of the fuzzer's in place of one of the token's.
    if data:
        place = data[0] % len(good)
        forged = good[:place] + text[-1:] + good[place + 1 :]
        assert valid(forged, KEYS, BINDING) == (forged == good)
    verdict = check(
        CsrfRequest(
            "POST",
            "https://a.example",
            KEYS,
            sec_fetch_site=text.split(",")[:2] if data[:1] == b"s" else (),
            origins=text.split(",")[:2] if data[:1] == b"o" else (),
            token=text,
            binding=BINDING,
            trusted=trusted_origins(["https://b.example"]),
        )
    )
    if verdict.allowed:
        assert text.strip(" \t") in ("same-origin", "none", "https://a.example")
    else:
        assert verdict.message
        assert len(verdict.message) < 1000
    is_binding(text)


def tickets(data: bytes) -> None:
    """A ticket proves something only as it was minted, and to the visitor it was minted for."""
    text = data.decode("latin-1")
    found = read(text, KEYS, [VISITOR], now=1000.0)
    assert found is None or (found.stale and not found.proved)
    good = mint_ticket(KEYS, VISITOR, 1000.0, name=data[:20])
    whole = read(good, KEYS, [VISITOR], now=1000.0)
    assert whole is not None
    assert whole.proved
    assert read(good, KEYS, [Binding(b"another", b"another")], now=1000.0) is None
    if data:
        place = data[0] % len(good)
        forged = good[:place] + text[-1:] + good[place + 1 :]
        changed = read(forged, KEYS, [VISITOR], now=1000.0)
        assert changed is None or not changed.proved or forged == good


def nested_names(data: bytes) -> None:
    """Names that hold paths: a tree of bounded depth, which keeps each value that it takes."""
    try:
        fields = parse_urlencoded(data, LIMITS)
    except BadRequest:
        return
    tree = grown(fields.lists())
    kept = 0
    row = [(tree, 0)]
    while row:
        node, depth = row.pop()
        assert depth <= DEEPEST
        kept += len(node.values)
        node.all_values()
        list(node.numbered())
        row += [(below, depth + 1) for below in node.below.values()]
    assert kept <= len(fields.pairs())


def origins(data: bytes) -> None:
    """Origins are written in one way or refused."""
    text = data.decode("latin-1")
    own = own_origin("https", text)
    assert own in ("", own_origin(*own.split("://"))) if own else True
    try:
        for origin in trusted_origins([text]):
            assert list(trusted_origins([origin])) == [origin]
            assert urlsplit(origin).scheme in ("http", "https")
            assert "*" not in origin
    except ConfigurationError:
        pass


def redirects(data: bytes) -> None:
    """A safe next stays on the site, and a Location holds printable ASCII only."""
    text = data.decode("utf-8", "surrogateescape")
    target = safe_next(text)
    resolved = urlsplit(urljoin("https://site.example/a/b", target))
    assert (resolved.scheme, resolved.netloc) == ("https", "site.example")
    assert not target.startswith(("//", "/\\"))
    try:
        value = location(text)
    except InvalidLocation:
        return
    assert value.isascii()
    assert value.isprintable()
    assert not set(value) & set('\\ "<>')


def uploads(data: bytes) -> None:
    """A file's name is safe to join to a folder, and its content is judged without a crash."""
    for name in (data.decode("latin-1"), data.decode("utf-8", "replace")):
        safe = safe_filename(name)
        assert safe
        assert len(safe.encode()) <= 255
        assert not set('/\\:<>"|?*\0') & set(safe)
        assert not safe.startswith((".", " "))
        assert not any(unicodedata.category(one) in ("Cc", "Cf", "Cs") for one in safe)
        assert safe_filename(safe) == safe
    file = BytesIO(data)
    content_type_of(file)
    assert file.tell() == 0


def codec(data: bytes) -> None:
    """What a store gives back is decoded, or said to be unreadable; and encodes as it was."""
    try:
        value = decode(data)
    except UndecodableValue:
        return
    try:
        again = encode(value)
    except UnsupportedValue:
        return  # such as a timestamp of another program's
    assert encode(decode(again)) == again


TARGETS: Mapping[str, Target] = {
    "multipart": multipart,
    "multipart_parts": multipart_parts,
    "urlencoded": urlencoded,
    "header_values": header_values,
    "cookies": cookies,
    "tokens": tokens,
    "tickets": tickets,
    "nested_names": nested_names,
    "origins": origins,
    "redirects": redirects,
    "uploads": uploads,
    "codec": codec,
}


def _same_form(content_type: str, body: bytes, piece: int) -> None:
    whole = _read(content_type, body, max(1, len(body)))
    pieces = _read(content_type, body, piece)
    if isinstance(whole, Form) and isinstance(pieces, Form):
        assert whole.fields == pieces.fields
        names = [(name, upload.filename, upload.size) for name, upload in whole.files.pairs()]
        assert names == [(name, one.filename, one.size) for name, one in pieces.files.pairs()]
        for (_, one), (_, other) in zip(whole.files.pairs(), pieces.files.pairs(), strict=True):
            assert one.read() == other.read()
        _within_limits(whole)
    else:
        assert not isinstance(whole, Form), "read whole, refused in pieces"
        assert not isinstance(pieces, Form), "read in pieces, refused whole"
        # A body with two faults may show either first, but each shows one.
        assert isinstance(whole, CoatcheckError)
        assert whole.status in (400, 413, 415)
    for form in (whole, pieces):
        if isinstance(form, Form):
            for _, upload in form.files.pairs():
                upload.close()


def _read(content_type: str, body: bytes, piece: int) -> Form | BadRequest:
    def read() -> Form:
        with FormParser(content_type, str(len(body)), LIMITS) as parser:
            for start in range(0, len(body), piece):
                parser.feed(body[start : start + piece])
            return parser.finish()

    found = _result(read)
    if isinstance(found, BadRequest):
        assert str(found).isprintable()
        if isinstance(found, FormTooLarge):
            assert found.allowed == getattr(LIMITS, found.limit)
    return found


def _result(read: Callable[[], R]) -> R | BadRequest:
    try:
        return read()
    except BadRequest as refusal:
        return refusal


def _within_limits(form: Form) -> None:
    fields, files = form.fields.pairs(), form.files.pairs()
    assert len(fields) <= LIMITS.fields
    assert len(files) <= LIMITS.files
    assert sum(len(name.encode()) + len(value.encode()) for name, value in fields) <= LIMITS.body
    for name, value in fields:
        assert len(value.encode()) <= LIMITS.field_size
        assert "\0" not in value
        assert name.isprintable() or not any(ord(one) < 32 or ord(one) == 127 for one in name)
    for _, upload in files:
        assert upload.size <= LIMITS.file_size
