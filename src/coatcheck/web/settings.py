"""The settings of a site: read once at start, checked whole, then never changed.

Every known name is one field of ``Settings`` with the check that its value must pass. A site with
any problem does not start: ``InvalidSettings`` lists all of them at once, each with its remedy.
A name that looks like a slip of a known one is refused, so a typo never becomes a weaker default;
other upper-case names are the site's own and stand in ``Settings.extra``. The development key is
made next door, in ``secret_key``.
"""

import difflib
import importlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from coatcheck.core.errors import ConfigurationError
from coatcheck.forms.limits import Limits
from coatcheck.forms.typed.languages import LANGUAGES
from coatcheck.web import setting_checks as checks
from coatcheck.web.modules import is_missing
from coatcheck.web.secret_key import MAKE_A_KEY, development_key, is_development_key

DAY = 86400

SETTINGS_VARIABLE = "COATCHECK_SETTINGS"
DEBUG_VARIABLE = "COATCHECK_DEBUG"


class InvalidSettings(ConfigurationError):
    """Settings that cannot work. ``problems`` holds one sentence or more for each."""

    def __init__(self, where: str, problems: Iterable[str]) -> None:
        self.where = where
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{where} has a problem:" if count == 1 else f"{where} has {count} problems:"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


def _setting(check: checks.Check, default: object = None, *, secret: bool = False) -> Any:
    """A field; *default* as a settings module would write it, *secret* kept out of ``repr``."""
    return field(metadata={"check": check, "default": default}, repr=not secret)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a site is set to. Times in seconds; folders absolute; lists are tuples.

    ``where`` names the place the values came from, for messages. ``extra`` holds the site's own
    upper-case names.
    """

    where: str
    base_dir: Path
    debug: bool = _setting(checks.flag)
    secret_key: str = _setting(checks.key, "", secret=True)
    secret_key_fallbacks: tuple[str, ...] = _setting(checks.keys, (), secret=True)
    allowed_hosts: tuple[str, ...] = _setting(checks.hosts, ())
    trusted_origins: tuple[str, ...] = _setting(checks.origins, ())
    form_limits: Limits = _setting(checks.form_limits, {})  # noqa: RUF009 (a field, as all)
    form_once: bool = _setting(checks.flag, True)
    form_add_token: bool = _setting(checks.flag, True)
    body_timeout: float = _setting(checks.seconds, 60)
    installed_apps: tuple[str, ...] = _setting(checks.dotted_names, ("coatcheck.web.sessions",))
    middleware: tuple[str, ...] = _setting(
        checks.dotted_names,
        (
            "coatcheck.web.middleware.SessionMiddleware",
            "coatcheck.web.middleware.CsrfMiddleware",
        ),
    )
    root_urlconf: str | None = _setting(checks.dotted_name)
    templates: tuple[Path, ...] = _setting(checks.folders, ("templates",))
    languages: tuple[str, ...] = _setting(checks.languages, LANGUAGES)
    static_url: str = _setting(checks.static_url, "/static/")
    static_dirs: tuple[Path, ...] = _setting(checks.folders, ("static",))
    login_url: str = _setting(checks.page, "/login/")
    database_url: str = _setting(checks.database_url, "sqlite:///db.sqlite3", secret=True)
    session_store: str = _setting(checks.store_url, secret=True)
    session_isolation: Literal["serializable", "merge"] = _setting(
        checks.one_of("serializable", "merge"), "serializable"
    )
    session_idle_timeout: float = _setting(checks.seconds, 14 * DAY)
    session_lifetime: float = _setting(checks.seconds, 90 * DAY)
    session_expire_at_browser_close: bool = _setting(checks.flag, False)
    session_cookie_name: str = _setting(checks.text, "session")
    session_cookie_secure: bool | Literal["auto"] = _setting(checks.secure, "auto")
    session_cookie_samesite: Literal["Lax", "Strict", "None"] = _setting(
        checks.one_of("Lax", "Strict", "None"), "Lax"
    )
    session_cookie_domain: str | None = _setting(checks.optional_text)
    extra: Mapping[str, Any]


_CHECKS: Mapping[str, checks.Check] = {
    each.name.upper(): each.metadata["check"] for each in fields(Settings) if each.metadata
}
_DEFAULTS: Mapping[str, Any] = {
    each.name.upper(): each.metadata["default"] for each in fields(Settings) if each.metadata
}
NAMES: tuple[str, ...] = ("BASE_DIR", *_CHECKS)
"""Every setting, as a settings module writes it."""

# Names that people bring along. Ignored in silence, some of them would weaken a site.
_ELSEWHERE = {
    "CSRF_TRUSTED_ORIGINS": "TRUSTED_ORIGINS",
    "DATA_UPLOAD_MAX_MEMORY_SIZE": 'FORM_LIMITS = {"body": ...}, in bytes',
    "DATA_UPLOAD_MAX_NUMBER_FIELDS": 'FORM_LIMITS = {"fields": ...}',
    "DATA_UPLOAD_MAX_NUMBER_FILES": 'FORM_LIMITS = {"files": ...}',
    "DATABASES": 'DATABASE_URL, such as "sqlite:///db.sqlite3"',
    "FILE_UPLOAD_MAX_MEMORY_SIZE": 'FORM_LIMITS = {"spool": ...}, in bytes',
    "MAX_CONTENT_LENGTH": 'FORM_LIMITS = {"total": ...}, in bytes',
    "MAX_FORM_MEMORY_SIZE": 'FORM_LIMITS = {"field_size": ...}, in bytes',
    "MAX_FORM_PARTS": 'FORM_LIMITS = {"fields": ..., "files": ...}',
    "PERMANENT_SESSION_LIFETIME": "SESSION_IDLE_TIMEOUT, in seconds",
    "SESSION_COOKIE_AGE": "SESSION_IDLE_TIMEOUT, in seconds",
    "SESSION_ENGINE": 'SESSION_STORE, such as "sqlite:///db.sqlite3"',
    "SESSION_TYPE": 'SESSION_STORE, such as "sqlite:///db.sqlite3"',
    "SQLALCHEMY_DATABASE_URI": "DATABASE_URL",
    "STATICFILES_DIRS": "STATIC_DIRS",
}
_NEEDLESS = {
    "SESSION_COOKIE_HTTPONLY": "the session's cookie is always HttpOnly",
    "SESSION_COOKIE_PATH": "the session's cookie always has the path /",
    "SESSION_SAVE_EVERY_REQUEST": "every use of a session moves its end by itself",
}


def load_settings(
    source: str | Mapping[str, Any] | None = None,
    base_dir: Path | None = None,
    overrides: Mapping[str, Any] = MappingProxyType({}),
) -> Settings:
    """The settings from *source*, checked.

    *source* is a module's dotted name or a mapping; None means the module that COATCHECK_SETTINGS
    names, or the defaults. Values in *overrides* win. *base_dir* is where relative paths begin
    unless BASE_DIR says otherwise; for a module it is the folder that its package lies in.
    Without SECRET_KEY a development key is made while DEBUG is on, or where a site has no settings
    at all. DEBUG itself is off unless the settings, or COATCHECK_DEBUG=1 in the environment, turn
    it on.
    Raises InvalidSettings with every problem; an error inside the module itself passes through.
    """
    bare = without_settings(source)
    if source is None:
        source = os.environ.get(SETTINGS_VARIABLE) or {}
    if isinstance(source, str):
        where, values, base_dir = _from_module(source)
    else:
        where, values = "settings", dict(source)
    values |= overrides
    base_dir = base_dir or Path.cwd()
    problems: list[str] = []

    given = values.pop("BASE_DIR", base_dir)
    if isinstance(given, str | os.PathLike):
        base_dir = base_dir / Path(given)
    else:
        problems.append(f"BASE_DIR is {given!r}: write a folder, Path(__file__).parent for one.")

    own = {name: value for name, value in values.items() if name not in _CHECKS}
    problems += filter(None, map(_name_problem, own))
    known: dict[str, Any] = {"BASE_DIR": base_dir}
    for name, check in _CHECKS.items():
        try:
            known[name] = check(values.get(name, _default(name, known)), base_dir)
        except checks.Unusable as problem:
            problems.append(f"{name} {problem}")
    problems += _contradictions(known)
    if known.get("SECRET_KEY") == "" and not problems:
        if known["DEBUG"] or bare:
            known["SECRET_KEY"] = development_key(base_dir)
        else:
            problems.append(
                "SECRET_KEY is not set, and DEBUG is off. Make a key with\n"
                f"    {MAKE_A_KEY}\n"
                "  and hand it to the site in an environment variable or a file of its own.\n"
                f"  To try things out, turn DEBUG on, or set {DEBUG_VARIABLE}=1 in the "
                "environment: a development key is made then."
            )
    if problems:
        raise InvalidSettings(where, problems)
    return Settings(
        where=where,
        extra=MappingProxyType(own),
        **{name.lower(): value for name, value in known.items()},
    )


def without_settings(source: object) -> bool:
    """Whether a site that was given *source* has no settings: then it brings what it needs."""
    return source is None and not os.environ.get(SETTINGS_VARIABLE)


def _from_module(name: str) -> tuple[str, dict[str, Any], Path | None]:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not is_missing(name, error):
            raise
        raise ConfigurationError(
            f"There is no settings module {name!r} (looked for {error.name!r}). Start from the "
            f"folder that holds manage.py, or correct {SETTINGS_VARIABLE}."
        ) from None
    values = {key: value for key, value in vars(module).items() if key.isupper()}
    if module.__file__ is None:
        return name, values, None
    file = Path(module.__file__).resolve()
    return f"{name} ({file.name})", values, file.parents[name.count(".")]


def _default(name: str, known: Mapping[str, Any]) -> Any:
    if name == "DEBUG":
        return os.environ.get(DEBUG_VARIABLE) == "1"
    if name == "SESSION_STORE":
        database = known.get("DATABASE_URL", _DEFAULTS["DATABASE_URL"])
        # Two engines never share an in-memory database, so sessions get a store of that kind.
        return "memory://" if checks.is_in_memory(database) else database
    return _DEFAULTS[name]


def _name_problem(name: str) -> str | None:
    if not name.isupper():
        if name.upper() in _CHECKS:
            return f"{name} is written in lower case: write {name.upper()}."
        return f"{name} is no setting: names of settings are upper case."
    if name in _ELSEWHERE:
        return f"{name} is another framework's name: here it is {_ELSEWHERE[name]}."
    if name in _NEEDLESS:
        return f"{name} is not needed, {_NEEDLESS[name]}: leave it out."
    near = difflib.get_close_matches(name, NAMES, n=1, cutoff=0.85)
    if near and not name.endswith(f"_{near[0]}"):
        return (
            f"{name} is no setting. Did you mean {near[0]}? (A name of your own: make it differ.)"
        )
    return None


def _contradictions(known: Mapping[str, Any]) -> Iterable[str]:
    idle, lifetime = known.get("SESSION_IDLE_TIMEOUT"), known.get("SESSION_LIFETIME")
    if idle and lifetime and idle > lifetime:
        yield (
            f"SESSION_IDLE_TIMEOUT ({idle:g} s) is longer than SESSION_LIFETIME ({lifetime:g} s), "
            "so it can never apply. Shorten the first, or raise the second."
        )
    if (
        known.get("SESSION_COOKIE_SAMESITE") == "None"
        and known.get("SESSION_COOKIE_SECURE") is False
    ):
        yield (
            'SESSION_COOKIE_SAMESITE is "None", which browsers take only with '
            "SESSION_COOKIE_SECURE = True."
        )
    store = known.get("SESSION_STORE", "")
    if checks.is_sql(store) and checks.is_in_memory(store):
        yield 'SESSION_STORE names a database in memory: write "memory://" to keep sessions there.'
    if store.startswith("cookie:"):
        yield from _against_cookies(known)


def _against_cookies(known: Mapping[str, Any]) -> Iterable[str]:
    """What cannot go with sessions that are in their cookies."""
    if known.get("SESSION_ISOLATION") == "serializable":
        yield (
            "SESSION_STORE is cookie://, and requests whose session is in a cookie cannot take "
            'turns. Say SESSION_ISOLATION = "merge": of two at once the later answer wins.'
        )
    if known.get("FORM_ONCE"):
        yield (
            "SESSION_STORE is cookie://, and nothing on the server can tell that a form was sent "
            "before. Say FORM_ONCE = False."
        )


def deploy_problems(settings: Settings) -> list[str]:
    """What is fine on one's own machine but not for a public site, each with its remedy."""
    key, store = settings.secret_key, settings.session_store
    problems = []
    if settings.debug:
        problems.append(
            "DEBUG is on: its pages show code and values to every visitor. Turn it off."
        )
    if is_development_key(key, settings.base_dir):
        problems.append(f"SECRET_KEY is the development key. Make one with {MAKE_A_KEY}")
    elif len(key) < 32 or len(set(key)) < 10:
        problems.append(f"SECRET_KEY is short or repeats itself. Make one with {MAKE_A_KEY}")
    if not settings.allowed_hosts:
        problems.append('ALLOWED_HOSTS is empty. Name the site\'s hosts: ["www.example.com"].')
    elif "*" in settings.allowed_hosts:
        problems.append('ALLOWED_HOSTS holds "*", so any Host header passes. Name the hosts.')
    if settings.session_cookie_secure is False:
        problems.append(
            "SESSION_COOKIE_SECURE is False, so the session's cookie also travels over plain http. "
            'Leave it at "auto".'
        )
    if store.startswith("memory:"):
        problems.append(
            "SESSION_STORE is memory://: sessions end with each restart, and every worker has its "
            "own. Name a database."
        )
    return problems
