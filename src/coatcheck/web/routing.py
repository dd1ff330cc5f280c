"""Find the view for a path, and the path for a view's name.

Rules are written as in Django (``path("users/<int:id>/", view)``) or as in Flask
(``@app.route("/users/<int:id>")``). Both become entries of one flat, ordered
table; the first entry whose rule and method fit answers. Nothing here knows of
requests or responses: ``resolve`` returns a value and ``dispatch`` acts on it.
"""

import difflib
import importlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType, ModuleType
from typing import Any
from urllib.parse import quote

from starlette.convertors import CONVERTOR_TYPES, Convertor, StringConvertor

from coatcheck.core.errors import ConfigurationError
from coatcheck.integrations.asgi import Mode
from coatcheck.web.errors import NoReverseMatch
from coatcheck.web.modules import is_missing
from coatcheck.web.responses import name_of

View = Callable[..., Any]


class _SlugConvertor(StringConvertor):
    regex = "[-a-zA-Z0-9_]+"


class _PathConvertor(Convertor[str]):
    # Not Starlette's ".*": as in Django and Flask, a path has at least one character.
    regex = ".+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return str(value)


CONVERTORS: Mapping[str, Convertor[Any]] = MappingProxyType(
    {
        **{name: CONVERTOR_TYPES[name] for name in ("str", "int", "float", "uuid")},
        "slug": _SlugConvertor(),
        "path": _PathConvertor(),
    }
)

_PARAMETER = re.compile(r"<(?:(?P<convertor>[^<>:]*):)?(?P<name>[^<>:]*)>")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Rule:
    """A path with places for values, such as ``/users/<int:id>/``."""

    text: str
    parts: tuple[str | tuple[str, Convertor[Any]], ...]
    regex: re.Pattern[str]

    @classmethod
    def parse(cls, text: str) -> "Rule":
        """Read *text*; a mistake in it is a ConfigurationError naming the rule."""
        if text.startswith("^") or text.endswith("$"):
            raise ConfigurationError(
                f"The rule {text!r} is written as a regular expression.\n"
                'Write the path itself with <int:id> places, such as path("users/<int:id>/", view).'
            )
        if re.search(r"\{[A-Za-z_]\w*(:\w+)?\}", text):
            raise ConfigurationError(
                f"The rule {text!r} has its places in braces.\n"
                "Write <id> or <int:id> instead of {id} or {id:int}."
            )
        path = "/" + text.removeprefix("/")
        parts: list[str | tuple[str, Convertor[Any]]] = []
        names: set[str] = set()
        end = 0
        for found in _PARAMETER.finditer(path):
            parts.append(path[end : found.start()])
            end = found.end()
            name, kind = found["name"], found["convertor"] or "str"
            if kind not in CONVERTORS:
                raise ConfigurationError(
                    f"The rule {text!r} asks for the unknown converter {kind!r}.\n"
                    f"Use one of: {', '.join(sorted(CONVERTORS))}."
                )
            if not _NAME.fullmatch(name):
                raise ConfigurationError(
                    f"The rule {text!r} names a place {name!r}, which no view could take as an "
                    "argument.\nUse letters, digits and underscores, such as <int:user_id>."
                )
            if name in names:
                raise ConfigurationError(
                    f"The rule {text!r} names <{name}> twice.\nGive each place its own name."
                )
            names.add(name)
            parts.append((name, CONVERTORS[kind]))
        parts.append(path[end:])
        if any(isinstance(part, str) and ("<" in part or ">" in part) for part in parts):
            raise ConfigurationError(
                f"The rule {text!r} has a < without its >.\nWrite places as <int:id>."
            )
        regex = "".join(
            re.escape(part) if isinstance(part, str) else f"(?P<{part[0]}>{part[1].regex})"
            for part in parts
        )
        return cls(path, tuple(parts), re.compile(regex, re.DOTALL))

    @property
    def names(self) -> frozenset[str]:
        return frozenset(part[0] for part in self.parts if not isinstance(part, str))

    def match(self, path: str) -> dict[str, Any] | None:
        """The values in *path*, or None where it does not fit."""
        found = self.regex.fullmatch(path)
        if found is None:
            return None
        values: dict[str, Any] = {}
        for part in self.parts:
            if isinstance(part, str):
                continue
            name, convertor = part
            try:
                values[name] = convertor.convert(found[name])
            except ValueError:  # 5,000 digits fit [0-9]+ but make no int
                return None
        return values

    def build(self, values: Mapping[str, Any]) -> str | None:
        """The path with *values* in place, quoted; None where one does not fit its place."""
        built: list[str] = []
        for part in self.parts:
            if isinstance(part, str):
                built.append(quote(part, safe=_SAFE))
                continue
            name, convertor = part
            try:
                text = convertor.to_string(values[name])
            except (ValueError, TypeError, AssertionError):
                return None
            if re.fullmatch(convertor.regex, text, re.DOTALL) is None:
                return None
            built.append(quote(text, safe=_SAFE))
        path = "".join(built)
        # "//host" at the start would be another site (CVE-2014-0480).
        return "/%2F" + path[2:] if path.startswith("//") else path


# RFC 3986 §3.3 pchar and "/", less "%".
_SAFE = "/-._~!$&'()*+,;=:@"


@dataclass(frozen=True, slots=True)
class Route:
    """One line of ``urlpatterns``, or one ``@app.route``."""

    rule: str
    view: View
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    methods: frozenset[str] | None = None
    """None: the view takes every method, as a Django view does."""
    takes_request: bool = True
    """Whether the view is called with the request first (path style) or not (route style)."""
    session: Mode | None = None
    """How this route uses the session: an isolation of its own, or "read" for no changes at all."""


@dataclass(frozen=True, slots=True)
class Include:
    """Entries of another module, under a prefix and perhaps a namespace."""

    prefix: str
    entries: "Sequence[Entry]"
    namespace: str | None = None


Entry = Route | Include


def path(
    route: str,
    view: "View | Include | Sequence[Entry] | tuple[Sequence[Entry], str]",
    kwargs: Mapping[str, Any] | None = None,
    name: str | None = None,
    *,
    methods: Iterable[str] | None = None,
    session: Mode | None = None,
) -> Entry:
    """Answer *route* with *view*, called as ``view(request, **values_from_the_path)``.

    *view* may also be what ``include`` returns, or a list of entries. *kwargs* are
    passed on to the view; *name* is what ``reverse`` and ``{% url %}`` know it by. The view gets
    requests of every method unless *methods* names some. *session* is "read" for a page that only
    reads it, or an isolation for this route alone.
    """
    if isinstance(view, (Include, list, tuple)):
        if methods is not None or session is not None:
            raise ConfigurationError(
                f"path({route!r}, ...) takes other entries in, so methods= and session= would say "
                "nothing.\nGive them to the entries themselves."
            )
        included = view if isinstance(view, Include) else include(view)
        return Include(route, included.entries, included.namespace)
    if isinstance(view, str) or not callable(view):
        raise ConfigurationError(
            f"path({route!r}, {view!r}) names no view.\n"
            "Give the function itself, such as path('users/', views.users)."
        )
    allowed = None if methods is None else check_methods(methods)
    return Route(route, view, MappingProxyType(dict(kwargs or {})), name, allowed, session=session)


def check_methods(methods: Iterable[str]) -> frozenset[str]:
    """*methods* in upper case; a text, which would be taken letter by letter, is refused."""
    if isinstance(methods, str):
        raise ConfigurationError(
            f"methods={methods!r} is a text.\nWrite a list: methods=[{methods!r}]"
        )
    return frozenset(method.upper() for method in methods)


def include(
    module: "str | ModuleType | Sequence[Entry] | tuple[Sequence[Entry], str]",
    namespace: str | None = None,
) -> Include:
    """The entries of *module* (its ``urlpatterns``), for use in ``path``.

    The module's ``app_name``, or *namespace*, or the second part of a
    ``(list, app_name)`` pair, becomes the part before the colon in names.
    """
    if isinstance(module, (str, ModuleType)):
        found = _urls_module(module) if isinstance(module, str) else module
        entries = getattr(found, "urlpatterns", None)
        if not isinstance(entries, (list, tuple)):
            raise ConfigurationError(
                f"{found.__name__} has no list named urlpatterns.\n"
                "Add: urlpatterns = [path('', views.index)]"
            )
        return Include("", check_entries(entries), namespace or getattr(found, "app_name", None))
    if isinstance(module, tuple) and len(module) == 2 and isinstance(module[1], str):
        return Include("", check_entries(module[0]), namespace or module[1])
    return Include("", check_entries(module), namespace)


def _urls_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not is_missing(name, error):
            raise
        raise ConfigurationError(
            f"There is no module {name!r} to take urlpatterns from.\n"
            "Make it, or correct the name: it stands in ROOT_URLCONF, in include(...) or in "
            "App(urlpatterns=...)."
        ) from None


def check_entries(entries: Iterable[Any]) -> tuple[Entry, ...]:
    """*entries* as a tuple, each a ``path(...)``; anything else is named with the remedy."""
    checked = tuple(entries)
    for number, entry in enumerate(checked, start=1):
        if not isinstance(entry, (Route, Include)):
            raise ConfigurationError(
                f"Entry {number} of urlpatterns is {entry!r}, not a path(...).\n"
                "Write path('address/', views.name); a comma between two entries may be missing."
            )
    return checked


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route with its full rule and full name."""

    rule: Rule
    route: Route
    name: str | None

    def takes(self, method: str) -> bool:
        methods = self.route.methods
        return methods is None or method in methods or (method == "HEAD" and "GET" in methods)

    @property
    def view_name(self) -> str:
        return name_of(self.route.view)


@dataclass(frozen=True, slots=True)
class Found:
    endpoint: Endpoint
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WrongMethod:
    """The path is known, but for other methods: 405 with ``Allow``."""

    allowed: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class NotFound:
    """No rule fits: 404, or a redirect where only the last slash is missing."""

    with_slash: Endpoint | None = None
    """The endpoint that would have answered the path with a slash added."""


class Routes:
    """The flat table of an application."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.endpoints = tuple(_flatten(entries, "", ()))
        self._by_name: dict[str, list[Endpoint]] = {}
        for endpoint in self.endpoints:
            if endpoint.name is not None:
                self._by_name.setdefault(endpoint.name, []).append(endpoint)

    @property
    def has_site_routes(self) -> bool:
        """Whether there is a route besides those of coatcheck's own apps."""
        return any(
            not str(getattr(endpoint.route.view, "__module__", "")).startswith("coatcheck.web.")
            for endpoint in self.endpoints
        )

    def resolve(self, method: str, path: str) -> Found | WrongMethod | NotFound:
        """What answers *method* on *path* (decoded, without the mount's prefix)."""
        others: list[Endpoint] = []
        for endpoint in self.endpoints:
            values = endpoint.rule.match(path)
            if values is None:
                continue
            if endpoint.takes(method):
                return Found(endpoint, {**endpoint.route.kwargs, **values})
            others.append(endpoint)
        if others:
            return WrongMethod(_allowed(others), tuple(others))
        if not path.endswith("/"):
            again = self.resolve(method, path + "/")
            if isinstance(again, Found):
                return NotFound(with_slash=again.endpoint)
        return NotFound()

    def like(self, path: str) -> str | None:
        """The rule without places that *path* may be a slip of."""
        known = [endpoint.rule.text for endpoint in self.endpoints if not endpoint.rule.names]
        return next(iter(difflib.get_close_matches(path, known, n=1, cutoff=0.75)), None)

    def named(self, name: str) -> tuple[Endpoint, ...]:
        return tuple(self._by_name.get(name, ()))

    def reverse(
        self, name: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> str:
        """The path of the entry named *name* with these values in its places.

        Raises NoReverseMatch, saying which names or places there are instead.
        """
        values = dict(kwargs or {})
        for endpoint in reversed(self.named(name)):
            given = _bind(endpoint, args, values)
            built = endpoint.rule.build(given) if given is not None else None
            if built is not None:
                return built
        raise NoReverseMatch(self._why_not(name, args, values))

    def build(self, name: str, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The path for *name* and the values that found no place in its rule."""
        candidates = self.named(name)
        for endpoint in sorted(candidates, key=lambda one: -len(one.rule.names)):
            if endpoint.rule.names <= values.keys():
                places = {key: values[key] for key in endpoint.rule.names}
                rest = {key: value for key, value in values.items() if key not in places}
                return self.reverse(name, kwargs=places), rest
        raise NoReverseMatch(self._why_not(name, (), values))

    def _why_not(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        candidates = self.named(name)
        if candidates:
            given = ", ".join([*map(repr, args), *(f"{k}={v!r}" for k, v in kwargs.items())])
            rules = " or ".join(endpoint.rule.text for endpoint in candidates)
            return (
                f"The name {name!r} belongs to {rules}, which cannot be built with "
                f"({given or 'no values'}).\nGive one fitting value for each <place>, and no other."
            )
        known = sorted(self._by_name)
        if not known:
            return (
                f"No route is named {name!r}; no route has a name.\n"
                f"Add one: path('address/', view, name={name!r})."
            )
        near = difflib.get_close_matches(name, known, n=3)
        near += [one for one in known if one.rpartition(":")[2] == name and one not in near]
        if near:
            return f"No route is named {name!r}.\nNames like it: {', '.join(near)}."
        shown = ", ".join(known[:20]) + (" …" if len(known) > 20 else "")
        return f"No route is named {name!r}.\nNames there are: {shown}."


def _flatten(entries: Iterable[Entry], prefix: str, spaces: tuple[str, ...]) -> Iterable[Endpoint]:
    for entry in entries:
        if isinstance(entry, Include):
            inner = (*spaces, entry.namespace) if entry.namespace else spaces
            yield from _flatten(entry.entries, _join(prefix, entry.prefix), inner)
        else:
            name = ":".join((*spaces, entry.name)) if entry.name else None
            yield Endpoint(Rule.parse(_join(prefix, entry.rule)), entry, name)


def _join(prefix: str, rule: str) -> str:
    # "admin/" + "/login" is meant as one slash; "users" + "/<int:id>" keeps the one it has.
    return prefix + (rule.removeprefix("/") if prefix == "" or prefix.endswith("/") else rule)


def _bind(
    endpoint: Endpoint, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any] | None:
    names = [part[0] for part in endpoint.rule.parts if not isinstance(part, str)]
    if args:
        return None if kwargs or len(args) != len(names) else dict(zip(names, args, strict=True))
    return dict(kwargs) if kwargs.keys() == set(names) else None


def _allowed(endpoints: Iterable[Endpoint]) -> tuple[str, ...]:
    methods = {"OPTIONS"}
    for endpoint in endpoints:
        methods |= endpoint.route.methods or set()
    if "GET" in methods:
        methods.add("HEAD")
    return tuple(sorted(methods))
