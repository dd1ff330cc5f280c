"""What each kind of setting may hold: a value goes in, the checked value comes out.

A check refuses with ``Unusable``, whose text goes on after the setting's name ("DEBUG is 'no' …").
No check shows a key or a URL, for a key or a password may stand in it. ``settings`` says which
setting has which check.
"""

import dataclasses
import difflib
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from coatcheck.core.errors import ConfigurationError
from coatcheck.forms.limits import Limits
from coatcheck.forms.origins import fault, trusted_origins
from coatcheck.stores import apart


class Unusable(Exception):
    """A value that one check refuses."""


Check = Callable[[Any, Path], object]


def flag(value: Any, base: Path) -> bool:
    if isinstance(value, bool):
        return value
    raise Unusable(
        f"is {value!r}, which is neither True nor False. "
        'From the environment take it as os.environ.get("NAME") == "1".'
    )


def text(value: Any, base: Path) -> str:
    if isinstance(value, str) and value:
        return value
    raise Unusable(f"is {value!r}: write a text that is not empty.")


def optional_text(value: Any, base: Path) -> str | None:
    return None if value is None else text(value, base)


def key(value: Any, base: Path) -> str:
    # Never shows the value: a key that is wrong by one letter is still most of a key.
    if isinstance(value, str):
        return value
    raise Unusable(f"is of type {type(value).__name__}: write it as text.")


def _list(value: Any, each: Callable[[Any], str | Path], example: str) -> tuple[Any, ...]:
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise Unusable(f"is not a list: write {example}.")
    return tuple(each(item) for item in value)


def keys(value: Any, base: Path) -> tuple[str, ...]:
    return _list(value, lambda item: key(item, base), '["an older key"]')


def dotted_names(value: Any, base: Path) -> tuple[str, ...]:
    def dotted(item: Any) -> str:
        if isinstance(item, str) and all(part.isidentifier() for part in item.split(".")):
            return item
        raise Unusable(f'holds {item!r}, which is no dotted name such as "myapp".')

    names = _list(value, dotted, '["myapp"]')
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Unusable(f"names {twice[0]!r} twice: leave one of them out.")
    return names


def dotted_name(value: Any, base: Path) -> str | None:
    return None if value is None else dotted_names([value], base)[0]


def folders(value: Any, base: Path) -> tuple[Path, ...]:
    def folder(item: Any) -> Path:
        if isinstance(item, Mapping):
            raise Unusable('is a list of folders here, such as [BASE_DIR / "templates"].')
        if not isinstance(item, str | os.PathLike):
            raise Unusable(f'holds {item!r}, which is no folder such as BASE_DIR / "templates".')
        return base / Path(item)

    return _list(value, folder, '[BASE_DIR / "templates"]')


def hosts(value: Any, base: Path) -> tuple[str, ...]:
    def host(item: Any) -> str:
        if isinstance(item, str) and re.fullmatch(r"\*|\.?[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]", item):
            return item.lower()
        raise Unusable(f'holds {item!r}: write the host alone, such as "www.example.com".')

    return _list(value, host, '["www.example.com"]')


def languages(value: Any, base: Path) -> tuple[str, ...]:
    def language(item: Any) -> str:
        if isinstance(item, str) and re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*", item):
            return item
        raise Unusable(f'holds {item!r}: write a language as browsers do, such as "de", "pt-BR".')

    found = _list(value, language, '["en"]')
    if not found:
        raise Unusable('is empty: name the language that the site\'s pages are in, such as ["en"].')
    return found


def origins(value: Any, base: Path) -> tuple[str, ...]:
    example = '["https://shop.example.com"]'

    def origin(item: Any) -> str:
        if not isinstance(item, str):
            raise Unusable(f"holds {item!r}, which is no text: write {example}.")
        try:
            (full,) = trusted_origins([item])
        except ConfigurationError:
            raise Unusable(f"holds {item!r}, which {fault(item)}") from None
        return full

    return _list(value, origin, example)


def form_limits(value: Any, base: Path) -> Limits:
    """The limits of forms, from those that are to differ from the defaults."""
    example = 'write those that differ, such as {"file_size": 10 * 1024 * 1024}'
    if isinstance(value, Limits):
        return value
    if not isinstance(value, Mapping):
        raise Unusable(f"is {value!r}: {example}.")
    names = [each.name for each in dataclasses.fields(Limits)]
    for name in value:
        if name not in names:
            near = difflib.get_close_matches(str(name), names, n=1)
            meant = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}."
            raise Unusable(f"has no limit {name!r}: {meant}")
    try:
        return Limits.around(value)
    except ConfigurationError as error:
        raise Unusable(f"does not work: {error}") from None


def static_url(value: Any, base: Path) -> str:
    """A path, or the address of another host that serves the files."""
    if isinstance(value, str) and re.fullmatch(r"https?://[^/\s]+/(\S+/)?|/[^/\s]\S*/", value):
        return value
    raise Unusable(f'is {value!r}: begin and end it with a slash, such as "/static/".')


def page(value: Any, base: Path) -> str:
    if isinstance(value, str) and re.match(r"/(?!/)|[A-Za-z_]", value):
        return value
    raise Unusable(f'is {value!r}: write a path such as "/login/" or the name of a page.')


def seconds(value: Any, base: Path) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and value > 0 and math.isfinite(value):
        return float(value)
    raise Unusable(f"is {value!r}: write seconds as a number above 0, such as 3600.")


def secure(value: Any, base: Path) -> object:
    if value == "auto" or isinstance(value, bool):
        return value
    raise Unusable(f'is {value!r}: write "auto" (follows the request), True or False.')


def one_of(*choices: str) -> Check:
    def check(value: Any, base: Path) -> str:
        if value in choices:
            return str(value)
        raise Unusable(f"is {value!r}: write {' or '.join(map(repr, choices))}.")

    return check


_DATABASES = ("sqlite", "postgresql", "mysql", "mariadb")


def url(value: Any, base: Path) -> str:
    """A URL with a scheme; a relative SQLite path is taken from BASE_DIR, wherever one starts."""
    if not isinstance(value, str):
        raise Unusable(f"is of type {type(value).__name__}: write a URL as text.")
    scheme, colon, rest = value.partition(":")
    if not colon or not rest.startswith("//"):
        raise Unusable('is no URL: write one such as "sqlite:///db.sqlite3".')
    if scheme == "postgres":  # what hosting platforms put into the environment
        return f"postgresql:{rest}"
    if is_sql(value) and scheme.startswith("sqlite"):
        path, mark, query = rest[3:].partition("?")
        if not rest.startswith("///") and rest != "//":
            raise Unusable(
                'needs three slashes before a path: "sqlite:///db.sqlite3" from BASE_DIR, '
                '"sqlite:////srv/db.sqlite3" from the root.'
            )
        if path and path != ":memory:" and not path.startswith("file:"):
            return f"{scheme}:///{base / path}{mark}{query}"
    return value


def store_url(value: Any, base: Path) -> str:
    """The same for a store, also where another address or ``encrypted+`` stands before it."""
    around, inner = apart(value) if isinstance(value, str) else ("", value)
    return around + url(inner, base)


def database_url(value: Any, base: Path) -> str:
    checked = url(value, base)
    if is_sql(checked):
        return checked
    raise Unusable(
        f"begins with {checked.partition(':')[0]!r}, which is no database: "
        "use sqlite, postgresql, mysql or mariadb."
    )


def is_sql(url: str) -> bool:
    """Whether *url* names an SQL database."""
    return re.split(r"[:+]", url, maxsplit=1)[0] in _DATABASES


def is_in_memory(url: str) -> bool:
    """Whether *url* names an SQLite database that lives in one connection only."""
    path = url.partition("://")[2].partition("?")[0]
    return url.startswith("sqlite") and path in ("", "/", "/:memory:")
