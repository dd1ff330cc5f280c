"""``Model`` declares tables, ``db`` is one session per scope, opened when it is first used."""

import contextvars
import enum
import sys
import threading
from pathlib import Path
from typing import Annotated

import click
import pytest
from sqlalchemy import CheckConstraint, Enum, String, Table, inspect, text

from coatcheck.core.errors import ConfigurationError
from coatcheck.web.database import (
    Database,
    ForeignKey,
    Mapped,
    Model,
    OutsideScope,
    app_label,
    db,
    func,
    mapped_column,
    relationship,
    select,
)
from coatcheck.web.engines import DatabaseUnavailable, make_engine, reaching
from coatcheck.web.migrations import ensure_own
from coatcheck.web.settings import load_settings


class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"


ShortCode = Annotated[str, mapped_column(String(8), primary_key=True)]


class Coat(Model):
    colour: Mapped[str] = mapped_column(index=True)
    size: Mapped[Size] = mapped_column(default=Size.SMALL)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("test_database_owner.id"))
    owner: Mapped["Owner | None"] = relationship(back_populates="coats")


class Owner(Model):
    name: Mapped[str] = mapped_column(unique=True)
    coats: Mapped[list[Coat]] = relationship(back_populates="owner")
    __table_args__ = (CheckConstraint("name <> ''", name="has_a_name"),)


class Ticket(Model):
    code: Mapped[ShortCode]


class Named(Model):
    __tablename__ = "a_name_of_its_own"
    text: Mapped[str]


class Animal(Model):
    kind: Mapped[str]
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}  # noqa: RUF012


class Dog(Animal):
    tricks: Mapped[str | None]
    __mapper_args__ = {"polymorphic_identity": "dog"}  # noqa: RUF012


class Cat(Animal):
    id: Mapped[int] = mapped_column(ForeignKey("test_database_animal.id"), primary_key=True)
    __mapper_args__ = {"polymorphic_identity": "cat"}  # noqa: RUF012


@pytest.fixture
def database(tmp_path):
    made = Database(f"sqlite:///{tmp_path / 'db.sqlite3'}")
    Model.metadata.create_all(made.engine)
    yield made
    made.close()


def table_of(model: type[Model]) -> Table:
    table = inspect(model).local_table
    assert isinstance(table, Table)
    return table


def colours(database):
    with database.scope():
        return sorted(db.scalars(select(Coat.colour)))


# Tables


@pytest.mark.parametrize(
    ("module", "label"),
    [
        ("shop.models", "shop"),
        ("shop.models.orders", "shop"),
        ("company.shop.models", "shop"),
        ("app", "app"),
        ("company.app", "app"),
        ("models", "models"),
        ("__main__", "main"),
        ("coatcheck.web.auth.models", "auth"),
    ],
)
def test_a_model_belongs_to_the_app_of_its_module(module, label):
    assert app_label(module) == label


def test_a_table_is_called_by_app_and_class_unless_it_says_otherwise():
    assert table_of(Coat).name == "test_database_coat"
    assert table_of(Named).name == "a_name_of_its_own"


def test_a_table_gets_an_id_unless_it_declares_a_key():
    assert [column.name for column in table_of(Coat).primary_key] == ["id"]
    assert next(iter(table_of(Coat).columns)).name == "id"
    assert [column.name for column in table_of(Ticket).primary_key] == ["code"]
    assert "id" not in table_of(Ticket).columns


def test_a_subclass_of_a_model_shares_its_table_or_declares_a_key():
    assert table_of(Dog) is table_of(Animal)
    assert "tricks" in table_of(Animal).columns
    assert table_of(Cat).name == "test_database_cat"


def test_every_constraint_has_a_name():
    names = {
        str(constraint.name)
        for table in map(table_of, (Coat, Owner))
        for constraint in table.constraints
    }
    assert names == {
        "pk_test_database_coat",
        "fk_test_database_coat_owner_id",
        "pk_test_database_owner",
        "uq_test_database_owner_name",
        "ck_test_database_owner_has_a_name",
    }
    assert [index.name for index in table_of(Coat).indexes] == ["ix_test_database_coat_colour"]


def test_an_enumeration_is_kept_as_text_on_every_database():
    kind = table_of(Coat).c.size.type
    assert isinstance(kind, Enum)
    assert kind.native_enum is False


# Scopes


def test_what_a_scope_did_stands_when_it_ends(database):
    with database.scope():
        db.add(Coat(colour="red", owner=Owner(name="Ada")))
    with database.scope():
        coat = db.scalars(select(Coat)).one()
        assert (coat.id, coat.size) == (1, Size.SMALL)
        assert coat.owner is not None
        assert coat.owner.name == "Ada"
        assert coat in db


def test_what_a_scope_did_is_undone_when_it_raises(database):
    def fail() -> None:
        with database.scope():
            db.add(Coat(colour="red"))
            db.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert colours(database) == []


def test_a_scope_can_be_undone_without_raising(database):
    with database.scope() as scope:
        db.add(Coat(colour="red"))
        scope.rollback()
    assert colours(database) == []


def test_a_savepoint_is_undone_with_the_scope_around_it(database):
    with database.scope() as scope:
        assert colours(database) == []
        with db.begin_nested():
            db.add(Coat(colour="red"))
        with db.begin_nested() as savepoint:
            db.add(Coat(colour="blue"))
            db.flush()
            savepoint.rollback()
        assert list(db.scalars(select(Coat.colour))) == ["red"]
        scope.rollback()
    assert colours(database) == []


def test_objects_can_be_read_after_their_scope(database):
    with database.scope():
        coat = Coat(colour="blue")
        db.add(coat)
    assert coat.colour == "blue"


def test_an_unused_scope_opens_nothing(tmp_path):
    file = tmp_path / "never.sqlite3"
    made = Database(f"sqlite:///{file}")
    with made.scope() as scope:
        pass
    assert scope.used is False
    assert not file.exists()


def test_a_worker_thread_that_copied_the_context_uses_the_same_session(database):
    seen = []

    def view() -> None:
        db.add(Coat(colour="green"))
        seen.append(db.get_bind())

    with database.scope() as scope:
        assert not scope.used
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(view,))
        thread.start()
        thread.join()
        assert scope.used
        assert [coat.colour for coat in db.new] == ["green"]
    assert colours(database) == ["green"]


def test_two_scopes_at_once_do_not_see_each_other(database):
    with database.scope():
        db.add(Coat(colour="outer"))
        with database.scope():
            assert list(db.new) == []
            db.add(Coat(colour="inner"))
        assert [coat.colour for coat in db.new] == ["outer"]
    assert colours(database) == ["inner", "outer"]


def test_outside_a_scope_db_says_what_to_write():
    with pytest.raises(OutsideScope, match=r"with app\.database\.scope\(\):.*manage\.py shell"):
        db.add(Coat(colour="red"))
    assert "of this request" in repr(db)


# Connections


def test_sqlite_is_set_up_for_readers_beside_a_writer(database):
    with database.scope():
        pragmas = {
            name: db.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "busy_timeout": 5000,
        "synchronous": 1,
    }


def test_a_database_in_memory_is_one_for_all_threads():
    made = Database("sqlite://")
    Model.metadata.create_all(made.engine)
    with made.scope():
        db.add(Coat(colour="red"))
    found = []
    thread = threading.Thread(target=lambda: found.append(colours(made)))
    thread.start()
    thread.join()
    assert found == [["red"]]
    made.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("oracle+nothing://x", "cannot be used"),
        ("postgresql+asyncpg://localhost/x", "write postgresql:// for the driver"),
        ("postgresql://localhost/x", 'pip install "coatcheck[postgresql]".'),
        ("mariadb://localhost/x", 'pip install "coatcheck[mysql]".'),
    ],
)
def test_a_url_without_a_driver_says_what_to_install(url, said, monkeypatch):
    for driver in ("psycopg", "pymysql"):
        monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(ConfigurationError) as caught:
        _ = Database(url).engine
    assert said in str(caught.value)


def test_an_unreachable_database_is_told_without_its_password(tmp_path):
    url = f"sqlite:///{tmp_path / 'no' / 'folder' / 'db.sqlite3'}"
    made = Database(url)
    with pytest.raises(DatabaseUnavailable, match="cannot be reached"), reaching(url):
        made.engine.connect()
    url = "postgresql://me:hunter2@127.0.0.1:1/shop"
    made = Database(url)
    with pytest.raises(DatabaseUnavailable) as caught, reaching(url):
        made.engine.connect()
    assert caught.value.status == 503
    assert "hunter2" not in str(caught.value)


def test_a_plain_address_takes_the_driver_that_its_extra_brings():
    assert Database("postgresql://localhost/x").engine.driver == "psycopg"


def test_a_file_that_is_no_database_is_told(tmp_path):
    file = tmp_path / "db.sqlite3"
    file.write_bytes(b"no database" * 500)
    with pytest.raises(DatabaseUnavailable, match=r"\(file is not a database\)\. See whether"):
        ensure_own(load_settings({"SECRET_KEY": "k" * 40}, tmp_path), echo=click.echo)
    assert file.read_bytes() == b"no database" * 500


def test_a_database_that_cannot_be_written_to_is_told_before_anything_runs(tmp_path):
    url = f"sqlite:///{tmp_path / 'db.sqlite3'}"
    engine = make_engine(url, for_migrations=True)
    with engine.connect() as first, engine.connect() as second:
        first.begin()  # as the only writer
        raw = second.connection.dbapi_connection
        assert raw is not None
        raw.execute("PRAGMA busy_timeout = 0")
        with pytest.raises(DatabaseUnavailable, match="who may write to it and to its folder"):
            second.begin()
    engine.dispose()


def test_the_names_for_queries_work_together(database):
    with database.scope():
        db.add_all([Coat(colour="red"), Coat(colour="blue")])
        db.flush()
        assert db.scalar(select(func.count()).select_from(Coat)) == 2


def test_an_option_of_the_session_store_is_not_handed_to_the_driver(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/site.db?synchronous=FULL")
    with engine.connect():
        assert not recwarn.list
