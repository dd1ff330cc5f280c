"""The server the other tests rely on is real, and each module's database is its own."""

import psycopg
from sqlalchemy import create_engine, text


def test_postgresql_answers_and_keeps_what_was_written(postgresql_database):
    with psycopg.connect(postgresql_database) as writer:
        writer.execute("CREATE TABLE tickets (number integer)")
        writer.execute("INSERT INTO tickets VALUES (7)")
    with psycopg.connect(postgresql_database) as reader:
        assert reader.execute("SELECT number FROM tickets").fetchall() == [(7,)]
        assert reader.info.server_version >= 18_00_00


def test_the_same_url_serves_sqlalchemy(postgresql_database):
    engine = create_engine(postgresql_database)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT current_database()")).startswith("module_")
    engine.dispose()


def test_what_a_module_creates_is_not_in_the_shared_database(postgresql_url, postgresql_database):
    with psycopg.connect(postgresql_database) as own:
        own.execute("CREATE TABLE only_here ()")
    with psycopg.connect(postgresql_url) as shared:
        assert shared.execute("SELECT to_regclass('only_here')").fetchone() == (None,)
