"""Wrong use gets one clear sentence and a non-zero exit, never a traceback of ours."""

import subprocess
import sys

import pytest
from sqlalchemy import insert, select, text

from coatcheck.cli.manage import _address
from coatcheck.stores.sql.schema import sessions
from coatcheck.web.engines import make_engine
from coatcheck.web.migrations import ensure_own
from coatcheck.web.scaffold import start_project
from coatcheck.web.settings import load_settings
from tests.web.project import Folder

HATS = """
    from coatcheck.web import Mapped, Model

    class Hat(Model):
        size: Mapped[int]
"""
APP = "from coatcheck.web import App\napp = App(__name__)\n"


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project that the tests leave as it is."""
    path = tmp_path_factory.mktemp("project")
    start_project("site_c", path)
    return Folder(path)


def sentence(run: subprocess.CompletedProcess[str]) -> str:
    """What it printed on standard error when it failed; no traceback, nothing on standard out."""
    assert run.returncode != 0
    assert "Traceback" not in run.stderr
    assert run.stdout == ""
    return run.stderr.strip()


def test_version(folder):
    run = folder.coatcheck("--version")
    assert (run.returncode, run.stdout) == (0, "coatcheck 0.1.0\n")


def test_without_the_extra_the_command_says_what_to_install(folder):
    program = "import sys; sys.modules['click'] = None; import coatcheck.cli.main"
    told = sentence(folder.run(sys.executable, "-c", program))
    assert told == 'The commands are in the extra "web": pip install "coatcheck[web]"'


# coatcheck run


@pytest.mark.parametrize(
    ("files", "target", "said"),
    [
        ({"main.py": APP}, "app.py", "There is no file app.py. Python files there: main.py."),
        ({"app.py": APP}, "ap.py", "There is no file ap.py. Did you mean app.py?"),
        ({"app.py": APP}, "aap", "There is no module 'aap' here. Did you mean app.py?"),
        ({"app.py": "x = 1\n"}, "app.py", "app.py has no App. Write into it: from coatcheck.web"),
        ({"app.py": APP}, "app.py:site", "app.py has no App called 'site'. It has: app."),
        (
            {"app.py": "from coatcheck.web import App\na = App('a')\nb = App('b')\n"},
            "app.py",
            "app.py has 2 Apps: say which, as in app.py:a",
        ),
        (
            {"app.py": "from starlette.applications import Starlette\napp = Starlette()\n"},
            "app.py",
            "app.py has an Starlette called app, and coatcheck runs an App: run it with uvicorn",
        ),
        ({"json.py": APP}, "json.py", "json.py has the name of another module, 'json'"),
        ({"jinja2.py": APP}, "jinja2.py", "would hide it: rename it, for one to myjinja2.py."),
        ({"my-app.py": APP}, "my-app.py", "cannot be imported by that name: use letters"),
        ({"shop/views.py": ""}, "shop", "shop is a folder: name the file in it"),
        ({"site/manage.py": ""}, "site", "cd site && python manage.py runserver"),
    ],
)
def test_a_target_that_cannot_be_run_is_told(folder, files, target, said):
    for file, content in files.items():
        folder.write(file, content)
    told = sentence(folder.coatcheck("run", target, "--port", "0"))
    assert told.startswith("Error: ")
    assert said in told
    assert len(told.splitlines()) == 1


def test_a_mistake_in_the_file_is_shown_with_its_own_line_and_none_of_ours(folder):
    folder.write("app.py", 'def view():\n    session["count" = 1\n')
    told = sentence(folder.coatcheck("run", "app.py", "--port", "0"))
    assert 'session["count" = 1' in told
    assert "line 2" in told
    assert told.splitlines()[-1].startswith("SyntaxError: ")


def test_an_error_while_the_file_is_read_is_shown_with_the_lines_that_led_there(folder):
    folder.write("app.py", "def connect():\n    return 1 / 0\n\nconnect()\n")
    assert sentence(folder.coatcheck("run", "app.py", "--port", "0")).splitlines() == [
        "Error: app.py raised an error:",
        '  File "app.py", line 4, in <module>',
        "    connect()",
        '  File "app.py", line 2, in connect',
        "    return 1 / 0",
        "ZeroDivisionError: division by zero",
    ]


def test_settings_that_cannot_work_are_all_told(folder):
    folder.write(
        "app.py",
        """
        from coatcheck.web import App
        app = App(__name__, settings={"ALLOWED_HOSTS": "a.example", "STATIC_DIR": []})
        """,
    )
    told = sentence(folder.coatcheck("run", "app.py", "--port", "0"))
    assert "settings has 2 problems:" in told
    assert "STATIC_DIR is no setting. Did you mean STATIC_DIRS?" in told


def test_without_debug_a_key_is_demanded_with_the_command_that_makes_one(folder):
    folder.write("app.py", APP.replace("__name__", "__name__, settings={'DEBUG': False}"))
    told = sentence(folder.coatcheck("run", "app.py", "--port", "0"))
    assert 'python -c "import secrets; print(secrets.token_urlsafe(48))"' in told
    assert not (folder.path / ".coatcheck").exists()


def test_reloading_and_workers_exclude_each_other(folder):
    folder.write("app.py", APP)
    told = sentence(folder.coatcheck("run", "app.py", "--reload", "--workers", "2"))
    assert "--reload serves from one process" in told


def test_a_database_that_cannot_be_reached_is_told(folder):
    folder.write(
        "app.py",
        """
        from coatcheck.web import App
        app = App(__name__, settings={"DATABASE_URL": "postgresql://me:hunter2@127.0.0.1:1/shop"})
        """,
    )
    run = folder.coatcheck("run", "app.py", "--port", "0")
    assert run.returncode == 1
    told = run.stderr.strip().splitlines()[-1]
    assert told.startswith(
        "Error: The database postgresql://me:***@127.0.0.1:1/shop cannot be reached"
    )
    assert "hunter2" not in run.stderr


# Commands that are not here


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("rnu", "Did you mean 'run'?"),
        ("migrate", "in the folder that holds manage.py, run python manage.py migrate"),
        ("runserver", "run python manage.py runserver"),
    ],
)
def test_a_command_that_is_elsewhere_or_nowhere_is_told(folder, command, said):
    assert said in sentence(folder.coatcheck(command))


def test_a_command_of_no_project_is_told_in_manage_py(project):
    assert "Write: coatcheck startproject" in sentence(project.manage("startproject", "x"))
    assert "'migrate'" in sentence(project.manage("migrat"))


def test_manage_py_without_settings_is_told(folder):
    folder.write("manage.py", "from coatcheck.cli.manage import main\nmain()\n")
    told = sentence(folder.manage("migrate"))
    assert "COATCHECK_SETTINGS names no settings" in told


def test_settings_that_are_not_there_are_told(project):
    told = sentence(project.manage("migrate", COATCHECK_SETTINGS="nowhere.settings"))
    assert "There is no settings module 'nowhere.settings'" in told


# Commands of a project


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("8001", ("127.0.0.1", 8001)),
        ("0.0.0.0:80", ("0.0.0.0", 80)),  # noqa: S104 (only read here)
        ("[::1]:8000", ("::1", 8000)),
        ("localhost:8000", ("localhost", 8000)),
    ],
)
def test_an_address_is_a_port_or_host_and_port(given, address):
    assert _address(given) == address


@pytest.mark.parametrize("given", ["localhost", "99999", "a:b", "1.2.3.4:", ":8000"])
def test_what_is_no_address_is_told(project, given):
    if given == "localhost":
        told = sentence(project.manage("runserver", given))
        assert "is not a port or address:port: write 8001" in told
    else:
        with pytest.raises(Exception, match="is not a port"):
            _address(given)


def test_check_finds_nothing_in_a_new_project_and_names_what_a_public_site_lacks(project):
    sound = project.manage("check")
    assert sound.stdout == "System check identified no issues (0 silenced).\n"
    assert sound.returncode == 0
    told = sentence(project.manage("check", "--deploy")).splitlines()
    assert told[-1] == "System check identified 3 issues (0 silenced)."
    assert any("DEBUG is on" in line for line in told)


def test_check_names_what_has_no_place(tmp_path):
    start_project("site_k", tmp_path)
    made = Folder(tmp_path)
    made.write("shop/__init__.py", "")
    made.write("shop/models.py", HATS)
    made.write("site_k/urls.py", "import shop.models\nurlpatterns = []\n")
    with (tmp_path / "site_k" / "settings.py").open("a") as settings:
        settings.write('TEMPLATES = [BASE_DIR / "pages"]\n')
    told = sentence(made.manage("check"))
    assert "shop.models.Hat belongs to no installed app" in told
    assert "pages, and there is no such folder" in told
    assert "2 issues" in told


def test_shell_has_app_db_and_models_and_keeps_what_was_done(tmp_path):
    start_project("site_s", tmp_path)
    made = Folder(tmp_path)
    made.write("hats/__init__.py", "")
    made.write("hats/models.py", HATS)
    with (tmp_path / "site_s" / "settings.py").open("a") as settings:
        settings.write('INSTALLED_APPS = ["hats"]\n')
    made.manage_all(["makemigrations"], ["migrate"])
    typed = "db.add(Hat(size=58)); print(app, list(db.scalars(db.query(Hat.size).statement)))"
    assert made.manage("shell", stdin=typed).stdout == "<App site_s> [58]\n"
    told = sentence(made.manage("shell", "-c", "db.add(Hat(size=1)); db.flush(); 1 / 0"))
    assert told.splitlines()[-1] == "ZeroDivisionError: division by zero"
    engine = make_engine(f"sqlite:///{tmp_path / 'db.sqlite3'}")
    with engine.connect() as connection:
        assert list(connection.scalars(text("SELECT size FROM hats_hat"))) == [58]
    engine.dispose()


@pytest.fixture
def migrated(project):
    """The project with our own tables in its database, made without starting a process."""
    url = f"sqlite:///{project.path / 'db.sqlite3'}"
    apps = ["coatcheck.web.auth"]
    values = {"SECRET_KEY": "k" * 40, "DATABASE_URL": url, "INSTALLED_APPS": apps}
    ensure_own(load_settings(values, project.path), lambda message, *, nl=True: None)
    engine = make_engine(url)
    yield engine
    engine.dispose()


def test_clearsessions_says_how_many_it_deleted(project, migrated):
    row = {
        **dict.fromkeys(("digest", "commits", "data"), b""),
        **dict.fromkeys(("grace_until", "epoch"), 0),
        **dict.fromkeys(("version", "created", "seen", "renewed"), 1),
        **dict.fromkeys(("user_agent", "address"), ""),
    }
    with migrated.begin() as connection:
        expired = [{"id": str(number), "expires": 1.0, **row} for number in range(1203)]
        connection.execute(insert(sessions), [*expired, {"id": "alive", "expires": 9e9, **row}])
    assert project.manage("clearsessions").stdout == "Deleted 1203 expired sessions.\n"
    with migrated.connect() as connection:
        assert list(connection.scalars(select(sessions.c.id))) == ["alive"]


def test_a_superuser_is_made_with_a_password_that_is_no_joke(project, migrated):
    short = project.manage("createsuperuser", "--username", "ada", stdin="secret\n")
    assert "shorter than 8 characters" in sentence(short)
    made = project.manage("createsuperuser", "--username", "ada", stdin="correct horse\n")
    assert made.stdout == "Made the user ada, who may open the admin pages.\n"
    with migrated.connect() as connection:
        found = connection.execute(text("SELECT username, is_staff, password FROM auth_user")).all()
    assert [row[:2] for row in found] == [("ada", 1)]
    assert "correct horse" not in found[0].password
    again = project.manage("createsuperuser", "--username", "ada", stdin="correct horse\n")
    assert "taken by another user" in sentence(again)


def test_help_lists_every_command(project):
    shown = project.manage("help").stdout
    for command in ("runserver", "makemigrations", "migrate", "check", "shell", "clearsessions"):
        assert f"\n  {command} " in shown
    assert "..." not in shown.partition("Commands:")[2]  # no line is cut short
    assert "..." not in project.coatcheck("--help").stdout.partition("Commands:")[2]
    assert "ADDRESS:PORT" in project.manage("help", "runserver").stdout
