"""The site's own tables: ``Model`` to declare them, ``db`` to read and write them.

Each request has one SQLAlchemy session, opened when ``db`` is first used and ended by whoever
answers the request: committed when the view succeeds, rolled back when it raises. The context
carries a ``Scope`` and the scope carries the session, because a view may run in a worker thread:
what it puts into its copy of the context is lost, what it puts into the scope is not.
"""

import enum
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from sqlalchemy import (
    Column,
    Enum,
    ForeignKey,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    delete,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.engine import Engine
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    declared_attr,
    mapped_column,
    relationship,
)

from coatcheck.core.errors import CoatcheckError
from coatcheck.web.engines import make_engine
from coatcheck.web.transactions import opened

__all__ = [
    "Database",
    "ForeignKey",
    "Mapped",
    "Model",
    "OutsideScope",
    "Scope",
    "app_label",
    "db",
    "delete",
    "func",
    "insert",
    "mapped_column",
    "relationship",
    "select",
    "update",
]


class OutsideScope(CoatcheckError, RuntimeError):
    """``db`` used where no request is being answered and no scope is open."""


def app_label(module: str) -> str:
    """The label of the app that *module* is of: "shop" for ``shop.models`` and for ``shop``."""
    parts = module.split(".")
    if "models" in parts[1:]:
        parts = parts[: len(parts) - 1 - parts[::-1].index("models")]
    return parts[-1].strip("_")


class Model(DeclarativeBase):
    """Base of a site's tables. A class ``User`` in ``shop/models.py`` is the table ``shop_user``.

    A table that declares no primary key gets the integer column ``id``.
    """

    __abstract__ = True
    # Every constraint has a name of its own, so that a migration can change it later. On SQLite
    # that means rebuilding the table, which finds constraints by name only.
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )

    # As text, not as a type of the database's own: such a type outlives its table, and adding a
    # member to it is another thing on every database.
    type_annotation_map: ClassVar[dict[Any, Any]] = {enum.Enum: Enum(enum.Enum, native_enum=False)}

    if TYPE_CHECKING:
        id: Mapped[int]

    @declared_attr.directive
    def __tablename__(cls) -> str:
        return f"{app_label(cls.__module__)}_{cls.__name__.lower()}"

    @classmethod
    def __table_cls__(
        cls, name: str, metadata: MetaData, *parts: Any, **options: Any
    ) -> Table | None:
        keyed = any(
            (isinstance(part, Column) and part.primary_key)
            or (isinstance(part, PrimaryKeyConstraint) and len(part.columns) > 0)
            for part in parts
        )
        if keyed:
            return Table(name, metadata, *parts, **options)
        if inspect(cls.__mro__[1], raiseerr=False) is not None:
            return None  # a subclass of a mapped class without a key shares that class's table
        return Table(name, metadata, Column("id", Integer, primary_key=True), *parts, **options)


class Scope:
    """One unit of work: the SQLAlchemy session of a request, opened when first asked for."""

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._session: Session | None = None
        self._opening = threading.Lock()

    @property
    def used(self) -> bool:
        """Whether anything has asked for the session. If not, ending the scope costs nothing."""
        return self._session is not None

    @property
    def session(self) -> Session:
        with self._opening:  # a view may hand db to threads of its own
            if self._session is None:
                self._session = Session(self._database.engine, expire_on_commit=False)
            return self._session

    def commit(self) -> None:
        """Make what was done so far stand."""
        if self._session is not None:
            self._session.commit()

    def rollback(self) -> None:
        """Undo what was done since the last commit."""
        if self._session is not None:
            self._session.rollback()

    def close(self) -> None:
        """Give the connection back; what was not committed is undone."""
        if self._session is not None:
            self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        try:
            if kind is None:
                self.commit()
        finally:
            self.close()


class Database:
    """The database at *url*. Nothing connects before the first statement."""

    def __init__(self, url: str) -> None:
        self.url = url

    @cached_property
    def engine(self) -> Engine:
        return make_engine(self.url)

    @contextmanager
    def scope(self) -> Iterator[Scope]:
        """Give ``db`` a session for this block: commit at its end, roll back if it raises.

        A scope inside a scope is a transaction of its own.
        """
        with Scope(self) as scope:
            token = opened.set(lambda: scope)
            try:
                yield scope
            finally:
                opened.reset(token)

    def close(self) -> None:
        """Close the connections that are idle; those in use close when they are given back."""
        if "engine" in self.__dict__:
            self.engine.dispose()


def current_scope() -> Scope:
    """The scope of the request being answered; raises OutsideScope."""
    scope = opened.get()
    if scope is None:
        raise OutsideScope(
            "db was used outside a request: use `with app.database.scope():` around it, "
            "or try it out in `python manage.py shell`."
        )
    return scope()


class _CurrentSession:
    """Stands for the SQLAlchemy session of the scope it is used in."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        return getattr(current_scope().session, name)

    def __contains__(self, instance: object) -> bool:
        return instance in current_scope().session

    def __iter__(self) -> Iterator[object]:
        return iter(current_scope().session)

    def __repr__(self) -> str:
        return "<db, the database session of this request>"


db = cast("Session", _CurrentSession())
"""The SQLAlchemy session of the request being answered: ``db.add(...)``, ``db.scalars(...)``."""
