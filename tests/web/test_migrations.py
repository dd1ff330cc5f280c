"""``makemigrations`` and ``migrate`` print Django's lines and do what they say."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from coatcheck.stores.sql import schema
from coatcheck.web import migrations
from coatcheck.web.apps import SESSIONS, InstalledApp, installed_apps
from coatcheck.web.engines import DatabaseUnavailable, make_engine
from coatcheck.web.migrations import ensure_own, migrate, unapplied
from coatcheck.web.migrations.history import History, UnusableMigration
from coatcheck.web.migrations.state import databases
from coatcheck.web.scaffold import start_project
from coatcheck.web.settings import Settings, load_settings
from tests.web.project import Folder

MODELS = """
    import datetime, decimal, enum, uuid
    from sqlalchemy import JSON, String
    from coatcheck.web.database import ForeignKey, Mapped, Model, mapped_column

    class Kind(enum.Enum):
        NEW = "n"
        OLD = "o"

    class Writer(Model):
        name: Mapped[str] = mapped_column(String(80), unique=True)
        born: Mapped[datetime.date | None]
        seen: Mapped[datetime.datetime]
        fee: Mapped[decimal.Decimal]
        mark: Mapped[uuid.UUID]
        kind: Mapped[Kind]
        face: Mapped[bytes | None]
        more: Mapped[dict] = mapped_column(JSON)
        rank: Mapped[float] = mapped_column(index=True)
        active: Mapped[bool] = mapped_column(default=True)
"""
BLOG = """
    from coatcheck.web.database import ForeignKey, Mapped, Model, mapped_column

    class Post(Model):
        writer_id: Mapped[int] = mapped_column(ForeignKey("people_writer.id"))
        title: Mapped[str]
"""


def lines(run: subprocess.CompletedProcess[str]) -> list[str]:
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def project(folder: Path, url: str = "", **environment: str) -> Folder:
    """A project with two apps, of which the one named first refers to the other."""
    made = Folder(folder, {"DATABASE_URL": url, **environment} if url else environment)
    start_project("site_m", folder)
    with (folder / "site_m" / "settings.py").open("a") as settings:
        settings.write('INSTALLED_APPS = ["blog", "people", *INSTALLED_APPS]\n')
        if url:
            settings.write('DATABASE_URL = os.environ["DATABASE_URL"]\n')
    for app, models in (("people", MODELS), ("blog", BLOG)):
        made.write(f"{app}/__init__.py", "")
        made.write(f"{app}/models.py", models)
    return made


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'site.sqlite3'}"
        return
    base = request.getfixturevalue("postgresql_database")
    engine = make_engine(base)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    yield base


# The whole way


def test_the_way_of_a_project_through_its_migrations(tmp_path, url):
    site = project(tmp_path, url)

    printed = site.manage_all(
        ["makemigrations"],
        ["makemigrations"],
        ["migrate"],
        ["migrate"],
        ["makemigrations", "auth", "blog"],  # our own app too: its models and its migration agree
    )
    assert printed[0] == [
        "Migrations for 'people':",
        "  people/migrations/0001_initial.py",
        "    + Create model Writer",
        "Migrations for 'blog':",
        "  blog/migrations/0001_initial.py",
        "    + Create model Post",
    ]
    assert printed[1] == ["No changes detected"]
    assert printed[2] == [
        "Operations to perform:",
        "  Apply all migrations: auth, blog, people, sessions",
        "Running migrations:",
        "  Applying people.0001_initial... OK",
        "  Applying blog.0001_initial... OK",
        "  Applying auth.0001_initial... OK",
        "  Applying sessions.0001_initial... OK",
    ]
    assert printed[3][-1] == "  No migrations to apply."
    assert printed[4] == ["No changes detected in apps 'auth', 'blog'"]

    with (site.path / "blog" / "models.py").open("a") as models:
        models.write("    stars: Mapped[int] = mapped_column(default=3)\n")
        models.write("    title: Mapped[str] = mapped_column(index=True)\n")
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO people_writer (id, name, seen, fee, mark, kind, more, rank, active) "
                "VALUES (1, 'Ada', '2026-01-01 00:00:00', 1.5, "
                "'00000000000000000000000000000000', 'NEW', '{}', 1.0, true)"
            )
        )
        connection.execute(text("INSERT INTO blog_post VALUES (1, 1, 'On coats')"))

    added = "0002_post_stars_ix_blog_post_title"
    printed = site.manage_all(["makemigrations"], ["migrate"])
    assert printed[0] == [
        "Migrations for 'blog':",
        f"  blog/migrations/{added}.py",
        "    + Add field stars to post",
        "    + Create index ix_blog_post_title on post",
    ]
    assert printed[1][-1] == f"  Applying blog.{added}... OK"
    # The row that was there before has got the value that the model gives new ones.
    with engine.connect() as connection:
        assert connection.execute(text("SELECT title, stars FROM blog_post")).all() == [
            ("On coats", 3)
        ]
    engine.dispose()

    printed = site.manage_all(
        ["migrate", "blog", "0001"], ["showmigrations"], ["migrate", "people", "zero"]
    )
    assert printed[0] == [
        "Operations to perform:",
        "  Target specific migration: 0001_initial, from blog",
        "Running migrations:",
        f"  Unapplying blog.{added}... OK",
    ]
    assert printed[1] == [
        "admin",
        " (no migrations)",
        "auth",
        " [X] 0001_initial",
        "blog",
        " [X] 0001_initial",
        f" [ ] {added}",
        "people",
        " [X] 0001_initial",
        "sessions",
        " [X] 0001_initial",
    ]
    assert printed[2][1:] == [
        "  Unapply all migrations: people",
        "Running migrations:",
        "  Unapplying blog.0001_initial... OK",
        "  Unapplying people.0001_initial... OK",
    ]


def test_processes_that_migrate_at_once_take_turns(tmp_path, url):
    site = project(tmp_path, url)
    assert lines(site.manage("makemigrations"))
    command = [sys.executable, "manage.py", "migrate"]
    running = [site.start(*command) for _ in range(3)]
    printed = [process.communicate(timeout=30)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], printed
    for name in ("people", "blog", "sessions"):
        assert "".join(printed).count(f"Applying {name}.0001_initial... OK") == 1


# The sessions' table


def settings(folder: Path, **values: object) -> Settings:
    return load_settings({"SECRET_KEY": "k" * 40, **values}, folder)


class Lines(list[str]):
    """An ``echo`` that keeps what was printed."""

    def __init__(self) -> None:
        self.open = False

    def __call__(self, message: str, *, nl: bool = True) -> None:
        if self.open:
            self[-1] += message
        else:
            self.append(message)
        self.open = not nl


def test_the_migrations_make_the_table_that_the_store_uses(tmp_path, url):
    migrate(settings(tmp_path, DATABASE_URL=url), echo=Lines())
    engine = make_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_object": lambda item, name, kind, *rest: name != "coatcheck_migrations",
                "compare_server_default": True,
            },
        )
        assert compare_metadata(context, schema.metadata) == []
        names = [check["name"] for check in inspect(connection).get_indexes("coatcheck_sessions")]
    engine.dispose()
    assert set(names) == {str(index.name) for index in schema.sessions.indexes}


def test_a_table_that_the_store_made_itself_is_taken_over(tmp_path, url):
    engine = make_engine(url)
    schema.metadata.create_all(engine)
    engine.dispose()
    printed = Lines()
    ensure_own(settings(tmp_path, DATABASE_URL=url), printed)
    assert printed == ["Applying sessions.0001_initial... OK"]


def test_our_own_migrations_are_applied_once_in_one_line(tmp_path):
    site = settings(tmp_path)
    printed = Lines()
    ensure_own(site, printed)
    ensure_own(site, printed)
    assert printed == ["Applying sessions.0001_initial... OK"]


def test_a_sessions_table_that_was_dropped_by_hand_is_made_again(tmp_path, url):
    site = settings(tmp_path, DATABASE_URL=url)
    migrate(site, echo=Lines())
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE coatcheck_sessions"))
    assert [step.revision for step in unapplied(site)] == ["sessions.0001_initial"]
    said = Lines()
    migrate(site, echo=said)
    assert "  Applying sessions.0001_initial... OK" in said
    assert unapplied(site) == []
    with engine.begin() as connection:
        assert inspect(connection).has_table("coatcheck_sessions")
    engine.dispose()


def test_asking_for_nothing_new_does_not_load_alembic(tmp_path):
    ensure_own(settings(tmp_path), Lines())
    program = f"""
        import sys
        from pathlib import Path
        from coatcheck.web.settings import load_settings
        from coatcheck.web.migrations import ensure_own, unapplied
        site = load_settings({{"SECRET_KEY": "k" * 40}}, Path({str(tmp_path)!r}))
        ensure_own(site, print)
        assert unapplied(site) == []
        print(*sorted({{"alembic", "sqlalchemy.orm"}} & set(sys.modules)))
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True
    )
    assert (run.stdout, run.stderr) == ("\n", "")


def test_sessions_are_migrated_where_they_are_stored(tmp_path):
    store = f"sqlite:///{tmp_path / 'sessions.sqlite3'}"
    site = settings(tmp_path, SESSION_STORE=store, DATABASE_URL="sqlite:///site.sqlite3")
    printed = Lines()
    migrate(site, echo=printed)
    assert printed[1] == "  Apply all migrations: sessions"
    assert printed[-1] == "  Applying sessions.0001_initial... OK"
    assert (tmp_path / "sessions.sqlite3").exists()
    assert not (tmp_path / "site.sqlite3").exists()


def test_sessions_that_are_not_in_an_sql_database_need_no_migration(tmp_path):
    site = settings(tmp_path, SESSION_STORE="memory://")
    printed = Lines()
    ensure_own(site, printed)
    migrate(site, echo=printed)
    assert printed == [
        "Operations to perform:",
        "  Apply all migrations: (none)",
        "Running migrations:",
        "  No migrations to apply.",
    ]
    assert not (tmp_path / "db.sqlite3").exists()


def test_one_database_with_two_urls_is_one_database(tmp_path):
    site = settings(
        tmp_path,
        DATABASE_URL="postgresql://u:p@db.example/shop",
        SESSION_STORE="postgresql+psycopg://u:p@db.example/shop?connect_timeout=2",
    )
    assert [database.url for database in databases(site)] == [site.database_url]


def test_the_sessions_app_is_there_without_being_named(tmp_path):
    assert [app.name for app in installed_apps(settings(tmp_path, INSTALLED_APPS=[]))] == [SESSIONS]


# Files that cannot be followed


def app(folder: Path, label: str, **files: str) -> InstalledApp:
    made = InstalledApp(label, folder / label)
    made.migrations.mkdir(parents=True)
    for name, code in files.items():
        (made.migrations / f"{name[1:]}.py").write_text(code)
    return made


def step(revision: str, after: str | None = None, needs: str | None = None) -> str:
    return (
        f"revision = {revision!r}\ndown_revision: str | None = {after!r}\ndepends_on = {needs!r}\n"
    )


def test_what_others_need_goes_first_and_sessions_go_last(tmp_path):
    sessions = InstalledApp(SESSIONS, tmp_path / "sessions")
    sessions.migrations.mkdir(parents=True)
    (sessions.migrations / "0001_initial.py").write_text(step("sessions.0001_initial"))
    history = History(
        [
            sessions,
            app(tmp_path, "b", _0001_initial=step("b.0001_initial", needs="z.0002_more")),
            app(
                tmp_path,
                "z",
                _0001_initial=step("z.0001_initial"),
                _0002_more=step("z.0002_more", "z.0001_initial"),
                ___init__="",
            ),
        ]
    )
    assert [each.revision for each in history.plan] == [
        "z.0001_initial",
        "z.0002_more",
        "b.0001_initial",
        "sessions.0001_initial",
    ]
    assert history.after(["z.0002_more"]) == {"z.0002_more", "b.0001_initial"}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"_0001_a": step("a.0001_b")}, 'write revision = "a.0001_a"'),
        ({"_0002_b": step("a.0002_b", "a.0001_a")}, "Put its file back"),
        (
            {"_0001_a": step("a.0001_a", "a.0002_b"), "_0002_b": step("a.0002_b", "a.0001_a")},
            "in a circle",
        ),
        (
            {
                "_0001_a": step("a.0001_a"),
                "_0002_b": step("a.0002_b", "a.0001_a"),
                "_0002_c": step("a.0002_c", "a.0001_a"),
            },
            'write down_revision = "a.0002_b" into a.0002_c',
        ),
        ({"_0001_a": "revision = 'a.' + '0001_a'"}, "plain text"),
        ({"_0001_a": step("a.0001_a") + "depends_on = 3\n"}, "no name of a migration"),
    ],
)
def test_migrations_that_cannot_be_followed_say_what_to_write(tmp_path, files, said):
    with pytest.raises(UnusableMigration) as caught:
        _ = History([app(tmp_path, "a", **files)]).plan
    assert said in str(caught.value)


# What can go wrong


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """An app of one migration, which fails half-way."""
    made = Folder(tmp_path)
    made.write("shop_m/__init__.py", "")
    made.write(
        "shop_m/migrations/0001_initial.py",
        step("shop_m.0001_initial")
        + textwrap.dedent("""
            import sqlalchemy as sa
            from alembic import op

            def upgrade():
                op.create_table("shop_m_hat", sa.Column("id", sa.Integer, primary_key=True))
                op.execute("INSERT INTO nowhere VALUES (1)")
        """),
    )
    monkeypatch.syspath_prepend(tmp_path)
    return made


def test_a_migration_that_fails_leaves_nothing_of_it(shop, url):
    site = settings(shop.path, DATABASE_URL=url, INSTALLED_APPS=["shop_m"])
    printed = Lines()
    with pytest.raises(migrations.MigrationFailed) as caught:
        migrate(site, echo=printed)
    assert printed[-1] == "  Applying shop_m.0001_initial... FAILED"
    assert "nowhere" in str(caught.value)
    assert "Nothing of it was kept" in str(caught.value)
    engine = make_engine(url)
    with engine.connect() as connection:
        assert not inspect(connection).has_table("shop_m_hat")
    engine.dispose()
    assert "shop_m.0001_initial" in [each.revision for each in unapplied(site)]


def test_an_app_that_was_removed_does_not_stand_in_the_way(shop):
    file = shop.path / "shop_m/migrations/0001_initial.py"
    file.write_text(
        file.read_text().replace('op.execute("INSERT INTO nowhere VALUES (1)")', "pass")
    )
    migrate(settings(shop.path, INSTALLED_APPS=["shop_m"]), echo=Lines())
    printed = Lines()
    without = settings(shop.path, INSTALLED_APPS=[])
    migrate(without, echo=printed)
    assert printed[-1] == "  No migrations to apply."
    assert unapplied(without) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("shp_m",), "Did you mean 'shop_m'?"),
        (("hats",), "Add the app to INSTALLED_APPS"),
        (("shop_m", "0002"), "it has: 0001_initial"),
    ],
)
def test_an_unknown_app_or_migration_is_told_before_anything_runs(shop, arguments, said):
    printed = Lines()
    with pytest.raises(migrations.UnknownMigration) as caught:
        migrate(settings(shop.path, INSTALLED_APPS=["shop_m"]), *arguments, echo=printed)
    assert said in str(caught.value)
    assert printed == []
    assert not (shop.path / "db.sqlite3").exists()


def test_a_new_column_that_old_rows_have_no_value_for_is_refused_when_it_is_written(tmp_path):
    site = project(tmp_path)
    assert lines(site.manage("makemigrations"))
    with (site.path / "people" / "models.py").open("a") as models:
        models.write("    city: Mapped[str]\n")
    refused = site.manage("makemigrations")
    assert refused.returncode == 1
    assert "people_writer.city is new and must not be empty" in refused.stderr
    assert "mapped_column(default=...)" in refused.stderr
    assert [file.name for file in (tmp_path / "people/migrations").glob("0002*")] == []


def test_a_default_that_the_database_fills_in_is_written_for_every_database(tmp_path):
    site = project(tmp_path)
    models = site.path / "people" / "models.py"
    models.write_text(
        "from sqlalchemy import func\n"
        + models.read_text()
        + "    since: Mapped[datetime.datetime] = mapped_column(server_default=func.now())\n"
    )
    assert lines(site.manage("makemigrations"))
    first = (tmp_path / "people/migrations/0001_initial.py").read_text()
    assert "server_default=sa.func.now()" in first
    assert "now()'" not in first
    assert lines(site.manage("migrate"))


def test_apps_that_refer_to_each_other_are_told(tmp_path):
    site = project(tmp_path)
    with (site.path / "people" / "models.py").open("a") as models:
        models.write(
            '    post_id: Mapped[int | None] = mapped_column(ForeignKey("blog_post.id"))\n'
        )
    refused = site.manage("makemigrations")
    assert refused.returncode == 1
    assert "in a circle" in refused.stderr


def test_a_missing_app_is_told_with_the_nearest(tmp_path):
    site = project(tmp_path)
    with (tmp_path / "site_m" / "settings.py").open("a") as text_:
        text_.write('INSTALLED_APPS = ["peopel"]\n')
    refused = site.manage("migrate")
    assert refused.returncode == 1
    assert "names 'peopel', and there is no such package. Did you mean 'people'?" in refused.stderr


def test_a_database_in_a_folder_that_is_not_there_is_told(tmp_path):
    site = settings(tmp_path, DATABASE_URL="sqlite:///no/such/folder/db.sqlite3")
    printed = Lines()
    with pytest.raises(DatabaseUnavailable, match="cannot be reached"):
        migrate(site, echo=printed)
    assert not (tmp_path / "no").exists()
