"""Apply a session's edits to raw response headers, whatever the framework."""

from coatcheck.core.http import CACHE_CONTROL, ResponseEdits

Headers = list[tuple[bytes, bytes]]


def edited(headers: Headers, edits: ResponseEdits) -> Headers:
    """*headers* with cookies, ``Vary: Cookie`` and, unless the app set its own, Cache-Control.

    A page that the app itself has made ``private, no-cache`` gets no Vary: only the visitor's own
    browser may keep it. Chromium would fetch such a page anew on Back once a cookie has changed,
    and bring a fresh form under the text that was typed into the old one.
    """
    result = list(headers)
    if edits.vary and (b"cache-control", CACHE_CONTROL.encode()) not in result:
        result = _varied(result)
        if not any(name.lower() == b"cache-control" for name, _ in result):
            result.append((b"cache-control", CACHE_CONTROL.encode()))
    result.extend((b"set-cookie", cookie.encode("ascii")) for cookie in edits.cookies)
    return result


def _varied(headers: Headers) -> Headers:
    given = [value for name, value in headers if name.lower() == b"vary"]
    words = [word.strip() for value in given for word in value.split(b",") if word.strip()]
    if any(word.lower() in (b"cookie", b"*") for word in words):
        return headers
    others = [(name, value) for name, value in headers if name.lower() != b"vary"]
    return [*others, (b"vary", b", ".join([*words, b"Cookie"]))]
