"""A site on MariaDB: its migrations, its tables and its sessions in one database."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from coatcheck.core.errors import ConfigurationError
from coatcheck.stores.sql import SQLStore
from coatcheck.web import App, User, authenticate, db, flash, get_flashed_messages, select, session
from coatcheck.web.auth import UserExists, create_user
from coatcheck.web.engines import DatabaseUnavailable, make_engine
from coatcheck.web.migrations import MigrationFailed, ensure_own, migrate, unapplied
from coatcheck.web.migrations.state import databases
from coatcheck.web.scaffold import start_project
from coatcheck.web.settings import Settings, load_settings
from tests.services.mariadb import QUOTED, MariaDB
from tests.services.sql_records import a_record
from tests.services.valkey import free_port
from tests.web.project import Folder
from tests.web.sites import KEY, browser


@pytest.fixture
def url(mariadb_server: MariaDB, mariadb_database: str) -> str:
    """An empty database, by the name that most people write before its address."""
    name = make_url(mariadb_database).database
    mariadb_server.execute(f"DROP DATABASE {name}", f"CREATE DATABASE {name} CHARACTER SET latin1")
    return mariadb_database.replace("mariadb:", "mysql:")


class Lines(list[str]):
    def __call__(self, message: str, *, nl: bool = True) -> None:
        self.append(message)


def settings(folder: Path, url: str, *apps: str) -> Settings:
    own = ["coatcheck.web.auth", *apps]
    return load_settings({"SECRET_KEY": KEY, "DATABASE_URL": url, "INSTALLED_APPS": own}, folder)


# -- migrations -----------------------------------------------------------------------------------


def definition(url: str) -> list[str]:
    """The lines of what the database says the table of sessions is, in no order."""
    engine = make_engine(url)
    with engine.connect() as connection:
        made = connection.execute(text("SHOW CREATE TABLE coatcheck_sessions")).one()[1]
    engine.dispose()
    return sorted(line.strip(" ,") for line in made.splitlines())


@pytest.mark.parametrize("scheme", ["mysql", "mariadb", "mysql+pymysql"])
def test_the_migrations_make_the_table_that_the_store_makes(tmp_path, url, scheme):
    url = url.replace("mysql", scheme)
    site = settings(tmp_path, url)
    migrate(site, echo=Lines())
    assert unapplied(site) == []
    migrated = definition(url)
    migrate(site, "sessions", "zero", echo=Lines())
    store = SQLStore(url)
    store.create_tables()
    assert definition(url) == migrated
    assert "`id` varbinary(256) NOT NULL" in migrated
    assert "`data` longblob NOT NULL" in migrated
    record = a_record(user="Ännchen \U0001f9e5", user_agent="\U0001f9e5")
    assert store.create(record) is True
    assert store.load(record.id) == record
    store.close()


def test_a_table_that_the_store_made_itself_is_taken_over(tmp_path, url):
    store = SQLStore(url)
    store.create_tables()
    store.close()
    migrate(settings(tmp_path, url), echo=Lines())
    printed = Lines()
    ensure_own(settings(tmp_path, url), printed)
    assert printed == []


def test_what_was_migrated_can_be_undone_and_done_again(tmp_path, url):
    site = settings(tmp_path, url)
    migrate(site, echo=Lines())
    migrate(site, "sessions", "zero", echo=Lines())
    assert [step.revision for step in unapplied(site)] == ["sessions.0001_initial"]
    migrate(site, echo=Lines())
    assert unapplied(site) == []


def test_one_database_with_two_names_is_one_database(tmp_path, url):
    values = {"SECRET_KEY": KEY, "DATABASE_URL": url}
    site = load_settings(
        {**values, "SESSION_STORE": url.replace("mysql", "mariadb+pymysql")}, tmp_path
    )
    assert [database.url for database in databases(site)] == [url]


def test_processes_that_migrate_at_once_take_turns(tmp_path, url):
    site = Folder(tmp_path, {"DATABASE_URL": url})
    start_project("site_q", tmp_path)
    with (tmp_path / "site_q" / "settings.py").open("a") as file:
        file.write('DATABASE_URL = os.environ["DATABASE_URL"]\n')
    running = [site.start(sys.executable, "manage.py", "migrate") for _ in range(3)]
    printed = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], printed
    for name in ("auth", "sessions"):
        assert "".join(printed).count(f"Applying {name}.0001_initial... OK") == 1


def test_models_become_tables_and_change(tmp_path, url):
    site = Folder(tmp_path, {"DATABASE_URL": url})
    start_project("site_q", tmp_path)
    with (tmp_path / "site_q" / "settings.py").open("a") as file:
        file.write('DATABASE_URL = os.environ["DATABASE_URL"]\n')
        file.write('INSTALLED_APPS = ["coats", *INSTALLED_APPS]\n')
    site.write("coats/__init__.py", "")
    site.write(
        "coats/models.py",
        """
        from sqlalchemy import String
        from coatcheck.web.database import Mapped, Model, mapped_column

        class Coat(Model):
            colour: Mapped[str] = mapped_column(String(40), index=True)
        """,
    )
    printed = site.manage_all(["makemigrations"], ["migrate"], ["makemigrations"])
    assert printed[0][-1] == "    + Create model Coat"
    assert "  Applying coats.0001_initial... OK" in printed[1]
    assert printed[2] == ["No changes detected"]
    with (tmp_path / "coats" / "models.py").open("a") as models:
        models.write("    size: Mapped[int] = mapped_column(default=38)\n")
    printed = site.manage_all(["makemigrations"], ["migrate"], ["migrate", "coats", "0001"])
    assert printed[1][-1] == "  Applying coats.0002_coat_size... OK"
    assert printed[2][-1] == "  Unapplying coats.0002_coat_size... OK"


def test_a_migration_that_fails_half_way_says_what_stands(tmp_path, url, monkeypatch):
    app = Folder(tmp_path)
    app.write("hats/__init__.py", "")
    app.write(
        "hats/migrations/0001_initial.py",
        textwrap.dedent("""
            import sqlalchemy as sa
            from alembic import op

            revision = "hats.0001_initial"
            down_revision = None
            depends_on = None

            def upgrade():
                op.create_table("hats_hat", sa.Column("id", sa.Integer, primary_key=True))
                op.execute("INSERT INTO nowhere VALUES (1)")
        """),
    )
    monkeypatch.syspath_prepend(tmp_path)
    site = settings(tmp_path, url, "hats")
    with pytest.raises(MigrationFailed) as caught:
        migrate(site, "hats", echo=Lines())
    said = str(caught.value)
    assert "What it had done to tables until then stands" in said
    assert "Nothing of it was kept" not in said
    assert ": Table 'module_" in said  # without PyMySQL's number
    assert "hats.0001_initial" in [step.revision for step in unapplied(site)]


# -- a site ---------------------------------------------------------------------------------------


@pytest.fixture
def app(tmp_path, url):
    app = App(
        "q",
        settings={
            "SECRET_KEY": KEY,
            "BASE_DIR": tmp_path,
            "DATABASE_URL": url,
            "INSTALLED_APPS": ["coatcheck.web.auth"],
        },
    )
    migrate(app.settings, echo=Lines())

    @app.route("/count")
    def count():
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    @app.route("/flash")
    def leave():
        flash("Grüße \U0001f9e5")
        return "left"

    @app.route("/read")
    def read():
        return "|".join(map(str, get_flashed_messages()))

    return app


def test_a_site_keeps_its_sessions_in_its_database(app):
    with browser(app) as client:
        assert [client.get("/count").text for _ in range(3)] == ["1", "2", "3"]
        client.get("/flash")
        assert client.get("/read").text == "Grüße \U0001f9e5"
        assert client.get("/read").text == ""


def test_users_are_told_apart_by_every_letter_as_on_other_databases(app):
    with app.database.scope():
        for name in ("ann", "Ann", "änn", "\U0001f9e5"):
            create_user(name, f"the password of {name}")
        with pytest.raises(UserExists):
            create_user("ann", "another")
    with app.database.scope():
        assert len(db.scalars(select(User)).all()) == 4
        ann = authenticate("Ann", "the password of Ann")
        assert ann is not None
        assert ann.username == "Ann"
        assert authenticate("ann", "the password of Ann") is None


def test_a_database_that_cannot_be_reached_is_named_without_its_password(tmp_path):
    site = settings(tmp_path, f"mysql://site:{QUOTED}@127.0.0.1:{free_port()}/shop")
    with pytest.raises(DatabaseUnavailable, match="Connection refused") as caught:
        migrate(site, echo=Lines())
    assert QUOTED not in str(caught.value)
    assert "(2003" not in str(caught.value)


def test_a_missing_driver_names_the_extra():
    program = """
        import sys
        sys.modules["pymysql"] = None
        from coatcheck.core.errors import ConfigurationError
        from coatcheck.stores import from_url
        from coatcheck.web.engines import make_engine
        for make in (make_engine, from_url):
            try:
                make("mariadb://localhost/shop")
            except ConfigurationError as error:
                print(error)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True
    )
    assert run.stderr == ""
    assert run.stdout.count("coatcheck[mysql]") == 2, run.stdout
    assert ConfigurationError.status == 500
