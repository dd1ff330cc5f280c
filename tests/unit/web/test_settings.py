"""Settings are checked whole at start, and no slip of a name becomes a weaker default."""

import logging
import stat
import subprocess
import sys
import threading
from dataclasses import fields
from pathlib import Path

import pytest

from coatcheck.core.errors import ConfigurationError
from coatcheck.forms.limits import Limits
from coatcheck.web.secret_key import development_key
from coatcheck.web.settings import (
    NAMES,
    InvalidSettings,
    Settings,
    deploy_problems,
    load_settings,
)

KEY = "correct-horse-battery-staple-and-a-bit-more"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("COATCHECK_SETTINGS", raising=False)
    monkeypatch.delenv("COATCHECK_DEBUG", raising=False)
    monkeypatch.chdir(tmp_path)


def settings(folder: Path, **values: object) -> Settings:
    return load_settings({"SECRET_KEY": KEY, **values}, folder)


def problems(folder: Path, **values: object) -> tuple[str, ...]:
    with pytest.raises(InvalidSettings) as caught:
        settings(folder, **values)
    return caught.value.problems


# Defaults


def test_a_key_is_all_that_settings_need(tmp_path):
    made = settings(tmp_path)
    assert made.debug is False
    assert made.database_url == f"sqlite:///{tmp_path / 'db.sqlite3'}"
    assert made.session_store == made.database_url
    assert made.session_idle_timeout == 1209600
    assert made.session_lifetime == 90 * 86400
    assert made.session_isolation == "serializable"
    assert made.templates == (tmp_path / "templates",)
    assert made.installed_apps == ("coatcheck.web.sessions",)


def test_every_field_but_two_is_a_setting_of_the_same_name():
    assert {field.name.upper() for field in fields(Settings)} - set(NAMES) == {"WHERE", "EXTRA"}


def test_settings_cannot_be_changed(tmp_path):
    with pytest.raises(AttributeError):
        settings(tmp_path).debug = True  # type: ignore[misc]


def test_settings_show_neither_keys_nor_urls(tmp_path):
    shown = repr(
        settings(
            tmp_path,
            SECRET_KEY_FALLBACKS=["older-key"],
            DATABASE_URL="postgresql://me:hunter2@localhost/shop",
        )
    )
    for secret in (KEY, "older-key", "hunter2"):
        assert secret not in shown


def test_names_of_the_site_itself_are_kept_aside(tmp_path):
    made = settings(tmp_path, STRIPE_SECRET_KEY="sk_test", SHOP_NAME="Coats", TIME_ZONE="UTC")
    assert dict(made.extra) == {
        "STRIPE_SECRET_KEY": "sk_test",
        "SHOP_NAME": "Coats",
        "TIME_ZONE": "UTC",
    }


# Where they come from


def write_module(folder: Path, name: str, text: str) -> None:
    package = folder / name
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "settings.py").write_text(text)


def test_a_module_is_read_by_its_name_and_begins_relative_paths_above_its_package(
    tmp_path, monkeypatch
):
    write_module(tmp_path, "site_a", f"SECRET_KEY = {KEY!r}\nTEMPLATES = ['pages']\nlower = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    made = load_settings("site_a.settings", Path("/elsewhere"))
    assert made.base_dir == tmp_path
    assert made.templates == (tmp_path / "pages",)
    assert made.where == "site_a.settings (settings.py)"
    assert dict(made.extra) == {}


def test_the_environment_names_the_module(tmp_path, monkeypatch):
    write_module(tmp_path, "site_b", f"SECRET_KEY = {KEY!r}\nSHOP_NAME = 'b'\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("COATCHECK_SETTINGS", "site_b.settings")
    assert load_settings().extra["SHOP_NAME"] == "b"


def test_a_mapping_wins_over_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("COATCHECK_SETTINGS", "there_is_no_such_module")
    assert settings(tmp_path, SHOP_NAME="c").extra["SHOP_NAME"] == "c"


def test_overrides_win(tmp_path):
    assert load_settings({"DEBUG": True}, tmp_path, {"SECRET_KEY": KEY}).secret_key == KEY


def test_base_dir_of_the_settings_wins(tmp_path):
    assert settings(Path("/elsewhere"), BASE_DIR=tmp_path).base_dir == tmp_path


@pytest.mark.parametrize("name", ["nowhere", "nowhere.settings"])
def test_a_module_that_is_not_there_is_told_with_what_to_do(name):
    with pytest.raises(ConfigurationError, match=r"manage\.py, or correct COATCHECK_SETTINGS"):
        load_settings(name)


def test_an_error_inside_the_module_passes_through(tmp_path, monkeypatch):
    write_module(tmp_path, "site_short_of_a_library", "import there_is_no_such_library\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="there_is_no_such_library"):
        load_settings("site_short_of_a_library.settings")


# What is refused


def test_all_problems_are_told_at_once(tmp_path):
    found = problems(
        tmp_path, DEBUG="False", SESSION_IDLE_TIMOUT=60, ALLOWED_HOSTS="example.com", DATABASES={}
    )
    assert len(found) == 4


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("ALLOWED_HOST", "ALLOWED_HOSTS"),
        ("SECRET_KEYS", "SECRET_KEY"),
        ("SESSION_COOKIE_SECUR", "SESSION_COOKIE_SECURE"),
        ("SESSION_IDLE_TIMOUT", "SESSION_IDLE_TIMEOUT"),
        ("STATIC_DIR", "STATIC_DIRS"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("INSTALED_APPS", "INSTALLED_APPS"),
    ],
)
def test_a_slip_of_a_name_is_refused_with_the_nearest_one(tmp_path, slip, meant):
    (found,) = problems(tmp_path, **{slip: 1})
    assert found.startswith(f"{slip} is no setting. Did you mean {meant}?")


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("SESSION_COOKIE_AGE", "SESSION_IDLE_TIMEOUT"),
        ("SESSION_ENGINE", "SESSION_STORE"),
        ("CSRF_TRUSTED_ORIGINS", "TRUSTED_ORIGINS"),
        ("STATICFILES_DIRS", "STATIC_DIRS"),
        ("SESSION_COOKIE_HTTPONLY", "always HttpOnly"),
    ],
)
def test_a_name_from_another_framework_is_refused_with_ours(tmp_path, name, ours):
    (found,) = problems(tmp_path, **{name: "x"})
    assert ours in found


def test_a_name_in_lower_case_is_refused(tmp_path):
    assert problems(tmp_path, debug=True) == ("debug is written in lower case: write DEBUG.",)


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("DEBUG", "False", 'os.environ.get("NAME") == "1"'),
        ("DEBUG", 1, "neither True nor False"),
        ("SECRET_KEY_FALLBACKS", "one-key", '["an older key"]'),
        ("ALLOWED_HOSTS", "example.com", '["www.example.com"]'),
        ("ALLOWED_HOSTS", ["https://example.com"], "the host alone"),
        ("ALLOWED_HOSTS", ["example.com:8000"], "the host alone"),
        ("TRUSTED_ORIGINS", ["example.com"], "write 'https://example.com'"),
        ("INSTALLED_APPS", ["my-app"], "no dotted name"),
        ("INSTALLED_APPS", ["shop", "shop"], "twice"),
        ("INSTALLED_APPS", "shop", '["myapp"]'),
        ("MIDDLEWARE", [None], "no dotted name"),
        ("ROOT_URLCONF", "mysite/urls.py", "no dotted name"),
        ("TEMPLATES", [{"BACKEND": "x"}], "a list of folders here"),
        ("TEMPLATES", [1], "no folder"),
        ("STATIC_URL", "static", "with a slash"),
        ("STATIC_URL", "/", "with a slash"),
        ("STATIC_URL", "//evil.example/", "with a slash"),
        ("STATIC_DIRS", "static", '[BASE_DIR / "templates"]'),
        ("LOGIN_URL", "//evil.example", "a path such as"),
        ("DATABASE_URL", "memory://", "no database"),
        ("DATABASE_URL", "db.sqlite3", "no URL"),
        ("DATABASE_URL", "sqlite://db.sqlite3", "three slashes"),
        ("DATABASE_URL", None, "write a URL as text"),
        ("SESSION_STORE", "sqlite://", '"memory://"'),
        ("SESSION_IDLE_TIMEOUT", 0, "above 0"),
        ("SESSION_IDLE_TIMEOUT", True, "above 0"),
        ("SESSION_IDLE_TIMEOUT", "60", "above 0"),
        ("SESSION_LIFETIME", float("inf"), "above 0"),
        ("SESSION_LIFETIME", 60, "longer than SESSION_LIFETIME"),
        ("SESSION_ISOLATION", "serialisable", "'serializable' or 'merge'"),
        ("SESSION_COOKIE_NAME", "", "not empty"),
        ("SESSION_COOKIE_SECURE", "yes", '"auto"'),
        ("SESSION_COOKIE_SAMESITE", None, "'Lax' or 'Strict' or 'None'"),
        ("BASE_DIR", 3, "Path(__file__)"),
    ],
)
def test_a_value_that_cannot_work_is_refused_with_what_to_write(tmp_path, name, value, remedy):
    (found,) = problems(tmp_path, **{name: value})
    assert found.startswith(name) or name in found
    assert remedy in found


def test_a_cookie_for_all_sites_must_be_secure(tmp_path):
    (found,) = problems(tmp_path, SESSION_COOKIE_SAMESITE="None", SESSION_COOKIE_SECURE=False)
    assert "SESSION_COOKIE_SECURE = True" in found


def test_no_message_shows_a_key_or_a_password(tmp_path):
    found = "".join(
        problems(tmp_path, SECRET_KEY=b"hunter2", DATABASE_URL="oracle://me:hunter3@host/x")
    )
    assert "hunter" not in found


# URLs


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("sqlite:///shop.db", "shop.db"),
        ("sqlite:///data/shop.db?timeout=3", "data/shop.db?timeout=3"),
    ],
)
def test_a_relative_sqlite_path_begins_at_base_dir_wherever_one_starts(tmp_path, given, path):
    made = settings(tmp_path, DATABASE_URL=given, SESSION_STORE=given)
    assert made.database_url == made.session_store == f"sqlite:///{tmp_path}/{path}"


@pytest.mark.parametrize(
    "url",
    ["sqlite:////srv/shop.db", "sqlite://", "sqlite:///:memory:", "postgresql+psycopg://u:p@h/d"],
)
def test_other_urls_are_left_alone(tmp_path, url):
    assert settings(tmp_path, DATABASE_URL=url).database_url == url


def test_the_url_that_hosting_platforms_give_is_understood(tmp_path):
    assert (
        settings(tmp_path, DATABASE_URL="postgres://u:p@h/d").database_url == "postgresql://u:p@h/d"
    )


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_sessions_are_in_memory_where_the_database_is(tmp_path, url):
    assert settings(tmp_path, DATABASE_URL=url).session_store == "memory://"


# The key


def test_without_a_key_and_without_debug_nothing_starts(tmp_path):
    with pytest.raises(InvalidSettings) as caught:
        load_settings({}, tmp_path)
    assert 'python -c "import secrets; print(secrets.token_urlsafe(48))"' in str(caught.value)
    assert not (tmp_path / ".coatcheck").exists()


def test_the_environment_turns_debug_on_but_never_over_the_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("COATCHECK_DEBUG", "1")
    assert load_settings({}, tmp_path).debug is True
    assert settings(tmp_path, DEBUG=False).debug is False


def test_a_development_key_is_made_once_for_its_owner_only_and_kept_out_of_git(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="coatcheck"):
        first = load_settings({"DEBUG": True}, tmp_path).secret_key
        second = load_settings({"DEBUG": True, "SECRET_KEY": ""}, tmp_path).secret_key
    assert first == second
    assert len(first) >= 32
    folder = tmp_path / ".coatcheck"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "secret_key").stat().st_mode) == 0o600
    assert (folder / ".gitignore").read_text() == "*\n"
    assert sorted(file.name for file in folder.iterdir()) == [".gitignore", "secret_key"]
    (said,) = caplog.messages
    assert ".coatcheck/secret_key" in said
    assert first not in said


def test_a_site_without_any_settings_gets_a_development_key_but_no_debug(tmp_path):
    made = load_settings(None, tmp_path)
    assert made.debug is False
    assert made.secret_key == development_key(tmp_path)


def test_no_development_key_is_made_where_the_settings_have_other_problems(tmp_path):
    with pytest.raises(InvalidSettings):
        load_settings({"DEBUG": True, "STATIC_URL": ""}, tmp_path)
    assert not (tmp_path / ".coatcheck").exists()


def test_processes_that_start_at_once_agree_on_the_development_key(tmp_path):
    keys: list[str] = []
    gate = threading.Barrier(8)

    def start() -> None:
        gate.wait()
        keys.append(development_key(tmp_path))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_a_folder_that_takes_no_key_is_told_with_what_to_do(tmp_path):
    (tmp_path / ".coatcheck").write_text("a file in the way")
    with pytest.raises(ConfigurationError, match="Set SECRET_KEY, or let the site write"):
        load_settings({"DEBUG": True}, tmp_path)


def test_an_empty_key_file_is_told(tmp_path):
    (tmp_path / ".coatcheck").mkdir()
    (tmp_path / ".coatcheck" / "secret_key").touch()
    with pytest.raises(ConfigurationError, match="is empty: delete it"):
        load_settings({"DEBUG": True}, tmp_path)


# check --deploy


def test_a_sound_public_site_has_no_problem(tmp_path):
    assert deploy_problems(settings(tmp_path, ALLOWED_HOSTS=["www.example.com"])) == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"DEBUG": True}, "DEBUG is on"),
        ({"SECRET_KEY": "supersecretkey"}, "SECRET_KEY is short"),
        ({"SECRET_KEY": "ab" * 40}, "SECRET_KEY is short or repeats"),
        ({"ALLOWED_HOSTS": []}, "ALLOWED_HOSTS is empty"),
        ({"ALLOWED_HOSTS": ["*"]}, 'ALLOWED_HOSTS holds "*"'),
        ({"SESSION_COOKIE_SECURE": False}, "SESSION_COOKIE_SECURE is False"),
        ({"SESSION_STORE": "memory://"}, "SESSION_STORE is memory://"),
    ],
)
def test_what_a_public_site_must_not_have_is_told(tmp_path, values, said):
    (found,) = deploy_problems(settings(tmp_path, **{"ALLOWED_HOSTS": ["a.example"], **values}))
    assert found.startswith(said)


def test_the_development_key_is_not_for_a_public_site(tmp_path):
    key = development_key(tmp_path)
    made = settings(tmp_path, SECRET_KEY=key, ALLOWED_HOSTS=["a.example"])
    (found,) = deploy_problems(made)
    assert "development key" in found


def test_settings_import_neither_a_framework_nor_a_driver():
    program = "import sys, coatcheck.web.settings; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"sqlalchemy", "starlette", "jinja2", "alembic", "uvicorn"} & set(loaded)


# What one form may hold


def test_limits_of_forms_are_the_defaults_with_those_that_differ(tmp_path):
    assert settings(tmp_path).form_limits == Limits()
    made = settings(
        tmp_path, FORM_LIMITS={"file_size": 100 * 1024 * 1024, "fields": 50}
    ).form_limits
    assert (made.file_size, made.total, made.fields) == (104857600, 104857600, 50)
    assert made.field_size == Limits().field_size


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"feilds": 5}, "FORM_LIMITS has no limit 'feilds': did you mean 'fields'?"),
        ({"qqq": 5}, "there are body, total, fields, files"),
        ({"fields": "5"}, "must be a whole number of 1 or more"),
        ({"fields": 0}, "must be a whole number"),
        ({"fields": True}, "must be a whole number"),
        ({"total": 1024, "body": 2048}, "raise total or lower body"),
        (5, "write those that differ"),
        (["fields"], "write those that differ"),
    ],
)
def test_limits_that_cannot_work_are_told_with_the_remedy(value, told, tmp_path):
    (problem,) = problems(tmp_path, FORM_LIMITS=value)
    assert told in problem


def test_another_frameworks_limits_are_refused_with_our_name_for_them(tmp_path):
    for name in ("MAX_CONTENT_LENGTH", "DATA_UPLOAD_MAX_MEMORY_SIZE"):
        (problem,) = problems(tmp_path, **{name: 1})
        assert "FORM_LIMITS" in problem


@pytest.mark.parametrize(
    ("origin", "told"),
    [
        ("shop.example", "has no scheme: write 'https://shop.example'."),
        ("*", "is a pattern. Name each origin in full"),
        ("https://*.shop.example", "is a pattern"),
        ("null", "would trust every file"),
        ("https://shop.example/", "goes on after the host: write 'https://shop.example'."),
        ("https://shop.example/pay?x", "goes on after the host"),
        ("https://al@shop.example", "holds a user name"),
        ("ftp://shop.example", "has the scheme 'ftp'"),
        ("https://bücher.example", "in punycode"),
        ("https://shop.example:99999", "is not an origin"),
        ("https://", "is not an origin"),
        ("", "has no scheme"),
        (7, "is no text"),
    ],
)
def test_a_trusted_origin_that_is_none_is_told_with_its_spelling(origin, told, tmp_path):
    (problem,) = problems(tmp_path, TRUSTED_ORIGINS=[origin])
    assert problem.startswith(f"TRUSTED_ORIGINS holds {origin!r}, which ")
    assert told in problem
