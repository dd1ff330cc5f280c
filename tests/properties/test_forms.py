"""What holds for every form, however it was made, broken or cut up on its way."""

from collections.abc import Sequence
from urllib.parse import parse_qsl, quote_plus, unquote_to_bytes, urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coatcheck.core.errors import BadRequest, CoatcheckError, ConfigurationError
from coatcheck.forms.csrf import CsrfRequest, check, mint, valid
from coatcheck.forms.data import FormData
from coatcheck.forms.errors import FormTooLarge, MalformedForm
from coatcheck.forms.limits import Limits
from coatcheck.forms.origins import own_origin, trusted_origins
from coatcheck.forms.parser import FormParser
from coatcheck.forms.redirects import InvalidLocation, location, safe_next
from coatcheck.forms.uploads import safe_filename
from coatcheck.forms.urlencoded import parse_query, parse_urlencoded, percent_decoded
from coatcheck.wire.signing import Keyring
from tests.unit.forms.bodies import BOUNDARY, CONTENT_TYPE, URLENCODED, file, multipart, part, text

KEYS = Keyring(["a key for these tests only"])
SMALL = Limits(
    body=2048, total=8192, fields=8, files=3, field_size=256, file_size=1024, part_headers=256
)

# What can be sent: no control characters in names, no NUL in values, no lone surrogates anywhere.
names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=20)
values = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
pairs = st.lists(st.tuples(names, values), max_size=12)

OPENING = f"--{BOUNDARY}".encode()
tokens = st.sampled_from(
    [
        b"\r\n",
        b"\r",
        b"\n",
        b"--",
        b"\0",
        b"\xff",
        b";",
        b'"',
        b"%",
        b"%4",
        b"&",
        b"=",
        b" ",
        b"\r\n\r\n",
        OPENING,
        OPENING + b"\r\n",
        b"\r\n" + OPENING + b"--",
        b'Content-Disposition: form-data; name="a"\r\n',
        b'Content-Disposition: form-data; name="f"; filename="x"\r\n',
        b"Content-Disposition: form-data; name*=x; filename*=UTF-8''y; name=b\r\n",
        b"Content-Type: text/plain; charset=",
        b"Content-Length: 3\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"x" * 300,
    ]
)
rubbish = st.lists(st.one_of(tokens, st.binary(max_size=12)), max_size=25).map(b"".join)
parts_of_rubbish = st.lists(
    st.tuples(
        st.sampled_from([b"a", b"b"]),
        st.sampled_from([b"", b'; filename="x"', b";name=c"]),
        rubbish,
    ).map(lambda made: part(b'name="%b"' % made[0] + made[1], made[2].replace(OPENING, b""))),
    max_size=5,
).map(lambda parts: multipart(*parts))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good body with a few bytes cut out, put in or written over."""
    body = multipart(
        text("name", "Ada"),
        file("photo", "a.png", b"\r\n--" + b"x" * 40),
        text("note", "caf\u00e9"),
    )
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(len(body), start + 30)))
        body = body[:start] + draw(st.one_of(st.just(b""), tokens)) + body[end:]
    return body


def require_explained(error: CoatcheckError) -> None:
    assert error.status in (400, 413, 415) or isinstance(error, InvalidLocation)
    assert str(error).endswith((".", "?"))
    assert str(error).isprintable()
    assert len(str(error)) < 400


def outcome(content_type: str, chunks: Sequence[bytes]) -> object:
    """The form that *chunks* give, in comparable values, or the kind of refusal."""
    try:
        with FormParser(content_type, None, SMALL) as parser:
            for chunk in chunks:
                parser.feed(chunk)
            fields, files = parser.finish()
    except BadRequest as error:
        require_explained(error)
        return type(error)
    uploads = [(name, upload.raw_filename, upload.read()) for name, upload in files.pairs()]
    for upload in files.values():
        upload.close()
    return fields.pairs(), uploads


@given(
    st.sampled_from([CONTENT_TYPE, URLENCODED]),
    st.one_of(rubbish, parts_of_rubbish, damaged()),
    st.lists(st.integers(0, 400), max_size=12),
)
def test_any_body_gives_a_form_or_one_of_our_errors_however_the_network_cuts_it(
    content_type, body, cuts
):
    ends = sorted(min(cut, len(body)) for cut in cuts)
    chunks = [body[a:b] for a, b in zip([0, *ends], [*ends, len(body)], strict=True)]
    whole = outcome(content_type, [body])
    assert outcome(content_type, chunks) == whole
    assert outcome(content_type, [bytes([byte]) for byte in body]) == whole


@given(st.text(max_size=60), st.one_of(st.none(), st.text(max_size=8)))
@example("multipart/form-data; boundary=" + "=" * 70, None)
def test_any_headers_give_a_parser_or_one_of_our_errors(header, length):
    for content_type in (header, f"multipart/form-data{header}", f"{URLENCODED};{header}"):
        try:
            FormParser(content_type, length).close()
        except BadRequest as error:
            require_explained(error)


@given(pairs)
def test_a_urlencoded_form_comes_back_as_it_was_sent(sent):
    body = FormData(sent).urlencode()
    assert parse_urlencoded(body.encode()).pairs() == tuple(sent)
    assert parse_query(body) == FormData(sent)


@given(
    st.lists(
        st.tuples(
            names.filter(lambda name: not set('"\\%') & set(name)),
            st.one_of(values, st.binary(max_size=200)),
        ),
        max_size=8,
    ),
    st.integers(1, 300),
)
def test_a_multipart_form_comes_back_as_it_was_sent(sent, piece):
    body = multipart(
        *(
            part(f'name="{name}"', value.encode())
            if isinstance(value, str)
            else part(f'name="{name}"; filename="f"', value)
            for name, value in sent
        )
    )
    with FormParser(CONTENT_TYPE, str(len(body))) as parser:
        for start in range(0, len(body), piece):
            parser.feed(body[start : start + piece])
        fields, files = parser.finish()
    assert list(fields.pairs()) == [each for each in sent if isinstance(each[1], str)]
    kept = [(name, upload.read()) for name, upload in files.pairs()]
    assert kept == [each for each in sent if isinstance(each[1], bytes)]
    for _, upload in files.pairs():
        upload.close()


@given(st.binary(max_size=60))
def test_a_query_is_read_as_the_standard_library_reads_it_or_refused(query):
    try:
        found = parse_query(query)
    except MalformedForm:
        return
    expected = parse_qsl(query.decode(), keep_blank_values=True, errors="strict")
    assert list(found.pairs()) == expected


without_percent = values.map(lambda value: value.replace("%", ""))


@given(
    st.lists(
        st.one_of(st.sampled_from(["%41", "%0d", "%0A", "%3D", "%C3", "=", "\n"]), without_percent)
    )
)
def test_percent_escapes_are_resolved_as_the_standard_library_does(pieces):
    raw = "".join(pieces)
    assert percent_decoded(raw) == unquote_to_bytes(raw)


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers()), max_size=20))
def test_form_data_behaves_as_a_dict_of_lists(sent):
    data = FormData(sent)
    model: dict[str, list[int]] = {}
    for name, value in sent:
        model.setdefault(name, []).append(value)
    assert dict(data.lists()) == model
    assert dict(data) == data.dict() == {name: found[-1] for name, found in model.items()}
    assert (list(data), len(data), bool(data)) == (list(model), len(model), bool(model))
    for name in "abcdef":
        assert (name in data) == (name in model)
        assert data.getlist(name) == model.get(name, [])
        assert data.get(name, None) == model.get(name, [None])[-1]


@given(st.integers(1, 8), st.integers(1, 8))
def test_a_count_up_to_its_limit_passes_and_one_beyond_does_not(allowed, count):
    limits = Limits(fields=allowed)
    body = "&".join(["a=1"] * count).encode()
    if count <= allowed:
        assert len(parse_urlencoded(body, limits).getlist("a")) == count
    else:
        with pytest.raises(FormTooLarge):
            parse_urlencoded(body, limits)


@given(st.text())
@example("\u0340" * 300 + ".\u0301")
@example("COM\u00b9 .x")
def test_any_name_becomes_a_safe_base_name(name):
    safe = safe_filename(name)
    assert safe
    assert len(safe.encode()) <= 255
    assert not set("/\\\0:") & set(safe)
    assert not safe.startswith((".", " "))
    assert not safe.endswith((".", " "))
    assert safe_filename(safe) == safe


paths = st.text(st.sampled_from("/\\.:@%2fF5cC09aAdD ?#ehtps\t\n[]\u2100\uff0f"), max_size=14)


@given(st.one_of(st.text(), paths, paths.map(lambda path: f"/{path}")))
def test_any_next_stays_on_our_site_or_gives_the_default(value):
    found = safe_next(value, "default")
    assert found in (value, "default")
    if found != "default":
        target = urlsplit(urljoin("https://our.example/login", found))
        assert (target.scheme, target.netloc) == ("https", "our.example")


@given(st.one_of(st.text(), paths))
def test_any_location_is_printable_ascii_or_refused(url):
    try:
        sent = location(url)
    except InvalidLocation as error:
        require_explained(error)
        return
    assert sent.isascii()
    assert all(0x20 < ord(character) < 0x7F for character in sent)
    assert location(sent) == sent


@given(st.text())
@example(quote_plus("\u00e9") * 11)
def test_no_text_is_a_token(garbage):
    assert not valid(garbage, KEYS, b"binding")


@given(st.binary(min_size=1), st.binary(min_size=1))
def test_a_token_is_good_for_its_own_binding_only(one, other):
    token = mint(KEYS, one)
    assert valid(token, KEYS, one)
    assert valid(token, KEYS, other) == (one == other)


words = st.one_of(
    st.sampled_from(["same-origin", "none", "cross-site", "null", "https://shop.example"]),
    st.text(max_size=30),
)


@given(
    st.text(max_size=8),
    st.lists(words, max_size=2),
    st.lists(words, max_size=2),
    st.one_of(st.none(), st.text(max_size=80)),
    st.one_of(st.none(), st.binary(max_size=8)),
)
def test_any_request_gets_a_verdict_and_only_our_own_pages_pass_without_a_token(
    method, sites, origins, token, binding
):
    verdict = check(
        CsrfRequest(method, "https://shop.example", KEYS, sites, origins, token, binding)
    )
    assert verdict.message.isprintable()
    assert bool(verdict.message) != verdict.allowed
    if verdict.allowed and method not in ("GET", "HEAD", "OPTIONS"):
        word = (sites or origins)[0].strip(" \t")
        assert word in ("same-origin", "none", "https://shop.example")


@given(st.text(max_size=30), st.sampled_from(["https", "http"]))
@example("shop.example:443", "https")
def test_any_host_is_an_origin_that_may_be_trusted_or_is_none(host, scheme):
    origin = own_origin(scheme, host)
    if origin:
        assert trusted_origins([origin]) == frozenset({origin})
    else:
        with pytest.raises(ConfigurationError):
            trusted_origins([f"{scheme}://{host}"])
