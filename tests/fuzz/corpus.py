"""Nasty inputs to begin with: what has broken parsers before, and the words of each grammar."""

from collections.abc import Mapping

_FIELD = b'Content-Disposition: form-data; name="a"\r\n\r\n1'
_FILE = (
    b'Content-Disposition: form-data; name="f"; filename="x.png"\r\nContent-Type: image/png\r\n\r\n'
)
_PNG = b"\x89PNG\r\n\x1a\n"

_MULTIPART = (
    b"--b\r\n" + _FIELD + b"\r\n--b--\r\n",
    b"--b\r\n" + _FIELD + b"\r\n--b\r\n" + _FILE + _PNG + b"\r\n--b--\r\n",
    b"--b\r\n" + _FIELD,
    b"--b\r\n" + _FIELD + b"\r\n--b",
    b"--b\r\n" + _FIELD + b"\r\n--b-",
    b"--b--\r\n",
    b"--b\r\n\r\n--b--",
    b"\r\n--b\r\n" + _FIELD + b"\r\n--b--\r\n",
    b"--b\r\n" + _FILE + b"\r\n" * 400 + b"--b--",
    b"--b\r\n" + _FILE + b"\r\n--" * 400 + b"\r\n--b--",
    b"--b\r\n" + _FILE + b"\r" * 900,
    (b"--b\r\n" + _FIELD + b"\r\n") * 12 + b"--b--",
    (b"--b\r\n" + _FILE + b"\r\n") * 5 + b"--b--",
    b"--b\r\nX: " + b"y" * 600 + b"\r\n",
    b"--b\r\n" + b"X: y\r\n" * 12,
    b"--b\r\n" + _FIELD.replace(b"1", b"\xff") + b"\r\n--b--",
    b"--b\r\n" + _FIELD.replace(b"1", b"\0") + b"\r\n--b--",
    b"--b\n" + _FIELD.replace(b"\r\n", b"\n") + b"\n--b--",
    b"--b\r\n" + _FIELD + b"\r\n--b--\r\n--b\r\n" + _FIELD + b"\r\n--b--\r\n",
)
_PARTS = (
    b'name="a"\r\n\r\n1',
    b'name="a"; name="b"\r\n\r\n1',
    b"name=a; filename*=UTF-8''x.php; filename=y.png\r\n\r\n1",
    b"name*=a\r\n\r\n1",
    b'name="a\\"b"; filename="..\\\\..\\\\x"\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n1',
    b'name="a%0D%0A"\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==',
    b'name="a"\r\nContent-Length: 99\r\n\r\n1',
    b'name="a' + b'\\"' * 200 + b"\r\n\r\n",
    b'name="a"' + b"; " * 200 + b"\r\n\r\n",
    b'name="\x1b[31m\xe2\x80\xae"\r\n\r\n1',
    b'name="a"\r\n folded: 1\r\n\r\n1',
    b"name=\r\n\r\n1",
)
_URLENCODED = (
    b"a=1&b=2&a=3",
    b"a=%",
    b"a=%4",
    b"a=%zz&b=%C3%A9",
    b"a=%00",
    b"%00=a",
    b"a=%C0%80",
    b"a=%ED%A0%80",
    b"&&&&=&=a&a",
    b"a;b=1;c",
    b"a" * 600,
    b"a=" + b"%41" * 400,
    b"&".join(b"k%d=1" % n for n in range(12)),
    b"a[b][]=1&a[b][c]=2&a.b.c=3&a-0-b=4",
    b"a" + b"[b]" * 150 + b"=1",
    b"a" + b"[" * 300 + b"=1",
    "ä=ö&\u202e=\u2028".encode(),
    b"+=+%20+",
    b"\xff=\xfe",
)
_HEADERS = (
    b"multipart/form-data; boundary=b",
    b'multipart/form-data; boundary="a b"; charset=utf-8',
    b"multipart/form-data; boundary=a; boundary=b",
    b"application/x-www-form-urlencoded; charset=utf-7",
    b"text/plain" + b";" * 300,
    b'form-data; name="' + b"\\" * 301,
    b'form-data; name="' + b'\\"' * 150 + b'"',
    b"12",
    b"-1",
    b"9" * 40,
    b"0x10",
    b"\xb2",
    b"form-data; filename*=UTF-8''%e2%82%ac",
)
_COOKIES = (
    b"session=" + b"A" * 22 + b"." + b"B" * 43,
    b"session=a; session=b",
    b"\xa0session=a; \x0bsession=b; $Version=1; session",
    b"; ;; =a; session=; session=\xff",
    b'session="a\\073b"; session="\\""',
    b"__Host-session=a;\xe2\x80\x80__Host-session=b",
    b"session=a," * 100,
    b";" * 500,
)
_TOKENS = (
    b"A" * 68,
    b"same-origin",
    b"none",
    b"none,same-origin",
    b"ohttps://a.example",
    b"https://b.example",
    b"null",
    b"o" + b"A" * 300,
    b"scross-site",
    b"\0" * 68,
    "ä".encode() * 68,
)
_ORIGINS = (
    b"https://a.example",
    b"HTTPS://A.example:443",
    b"a.example",
    b"https://a@b.example",
    b"https://*.example",
    b"https://a.example/",
    b"https://[::1]:8443",
    b"null",
    b"https://xn--bcher-kva.example",
    b"ftp://a.example",
    b"a.example:99999",
    b"http://[:]",
    b"https://[0:0:0:0:0:0:0:1]:0443",
    b"https://a.example:00",
)
_REDIRECTS = (
    b"/next?a=1#b",
    b"//evil.example",
    b"/\\evil.example",
    b"/\t/evil.example",
    b"/%2fevil.example",
    b"https:/evil.example",
    b"https:evil.example",
    b"javascript:alert(1)",
    b"////evil.example",
    b"/a\r\nSet-Cookie: a=b",
    b"http://[evil",
    "/\u2044/\uff0fevil".encode(),
    b"?next=//evil",
    b"/%",
)
_UPLOADS = (
    b"../../etc/passwd",
    b"C:\\aux.txt",
    b"con",
    b"a.png\0.exe",
    b"a" * 300 + b".tar.gz",
    "\u202egnp.exe".encode(),
    _PNG + b"\0" * 30,
    b"GIF89a",
    b"PK\x03\x04" + b"\0" * 40,
    b"RIFF1234WEBP",
    b"\0\0\0\x18ftypmp42",
    b"%PDF-1.7",
    b"plain text\n",
    b"BM",
)
_CODEC = (
    b"\xc0",
    b"\x81\xa1a\x01",
    b"\x93\x01\x02\x03",
    b"\xc7\x05\x01hello",
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\x91" * 600,
    b"\xc6\xff\xff\xff\xff",
    b"\xd6\xff\0\0\0\0",
    b"\xcb\x7f\xf8\0\0\0\0\0\0",
)

CORPUS: Mapping[str, tuple[bytes, ...]] = {
    "multipart": tuple(bytes([cut]) + body for body in _MULTIPART for cut in (0, 6, 255)),
    "multipart_parts": _PARTS,
    "urlencoded": _URLENCODED,
    "header_values": _HEADERS,
    "cookies": _COOKIES,
    "tokens": _TOKENS,
    "tickets": (*_TOKENS, b"A" * 128, b"Ak" + b"A" * 126, b"A" * 127 + b"="),
    "nested_names": (*_URLENCODED, b"a.b-c=1&a[]=2&a[0][x]=3&a[9][x]=4", b".=1&-=2&[=3&]=4&[]=5"),
    "origins": _ORIGINS,
    "redirects": _REDIRECTS,
    "uploads": _UPLOADS,
    "codec": _CODEC,
}

WORDS = (
    b"--b", b"--b--", b"\r\n", b"\r\n\r\n", b"\r\n--b", b"Content-Disposition: form-data; name=",
    b'filename="', b"filename*=UTF-8''", b"Content-Type: ", b"charset=", b"boundary=",
    b"Content-Transfer-Encoding: ", b"Content-Length: ", b'\\"', b"%00", b"%C3%A9", b"%", b"&",
    b"=", b"[", b"]", b"[]", b"session=", b"__Host-", b"; ", b"https://", b"//", b"\\",
    b"same-origin", b"\xc2\xa0", b"\xe2\x80\xae", b"PK\x03\x04", b"ftyp",
)  # fmt: skip
"""The words of the grammars, for a fuzzer that puts inputs together."""
