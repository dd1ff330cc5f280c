"""What is asked of a database: one statement a verb, written once and compiled for each dialect."""

from dataclasses import fields
from typing import Any

import pytest

from coatcheck.stores.sql.rows import COLUMNS
from coatcheck.stores.sql.statements import Statement, statements

DIALECTS = ("sqlite", "postgresql", "mysql")
PLACEHOLDERS = {"sqlite": "?", "postgresql": "%s", "mysql": "%s"}
each = pytest.mark.parametrize("dialect", DIALECTS)

GIVEN = {
    "load": 1,
    "lease": 4,
    "create": len(COLUMNS),
    "commit": len(COLUMNS) + 3,
    "commit_in_place": len(COLUMNS) + 3,
    "end": 1,
    "touch": 3,
    "release": 2,
    "sweep": 2,
    "of_user": 1,
}


def verbs(dialect: str) -> dict[str, Statement[Any]]:
    all_of_it = statements(dialect)
    found = {field.name: getattr(all_of_it, field.name) for field in fields(all_of_it)}
    return {name: verb for name, verb in found.items() if isinstance(verb, Statement)}


def assignments(text: str) -> str:
    return text.partition(" SET ")[2].partition(" WHERE ")[0]


@each
def test_a_dialect_is_compiled_once(dialect):
    assert statements(dialect) is statements(dialect)


@each
def test_every_placeholder_gets_one_of_the_values_of_its_verb(dialect):
    for name, verb in verbs(dialect).items():
        values = tuple(f"{name} {n}" for n in range(GIVEN[name]))
        arranged = verb.arrange(values)
        assert len(arranged) == verb.text.count(PLACEHOLDERS[dialect]), name
        assert set(arranged) <= {*values, 0}, name


@each
def test_values_stand_where_their_columns_are(dialect):
    commit = statements(dialect).commit
    arranged = commit.arrange((*COLUMNS, "base", "now", "holder"))
    pieces = commit.text.split(PLACEHOLDERS[dialect])
    for piece, value in zip(pieces, arranged, strict=False):
        wanted = {"base": "version", "now": "lease_until", "holder": "lease_holder"}.get(
            value, value
        )
        assert wanted in piece or value in ("expires", "seen"), (piece, value)


@each
def test_a_verb_is_one_statement_that_stands_alone(dialect):
    for name, verb in verbs(dialect).items():
        assert ";" not in verb.text, name
        assert "BEGIN" not in verb.text, name


@each
def test_only_verbs_that_do_no_harm_twice_are_repeated(dialect):
    repeated = {name for name, verb in verbs(dialect).items() if verb.repeatable}
    assert repeated == {"load", "lease", "end", "touch", "release", "sweep", "of_user"}


@each
def test_a_commit_leaves_id_and_age_of_a_session_alone(dialect):
    put = assignments(statements(dialect).commit.text)
    assert "created=" not in put
    assert not put.startswith("id=")
    assert " id=" not in put


@each
def test_a_commit_gives_the_lease_back(dialect):
    assert "lease_holder=NULL, lease_until=NULL" in assignments(statements(dialect).commit.text)


@each
@pytest.mark.parametrize("verb", ["touch", "commit"])
def test_deadlines_are_assigned_before_the_moment_they_are_judged_by(dialect, verb):
    put = assignments(verbs(dialect)[verb].text)
    assert 0 <= put.index("expires=") < put.index(", seen=")


def test_sqlite_rewrites_no_index_when_user_and_deadline_stay():
    put = assignments(verbs("sqlite")["commit_in_place"].text)
    assert "data=" in put
    for column in ("user_id=", "expires=", "seen="):
        assert column not in put


@pytest.mark.parametrize("dialect", ["postgresql", "mysql"])
def test_a_server_knows_by_itself_which_indexes_change(dialect):
    assert statements(dialect).commit_in_place is None


@pytest.mark.parametrize("dialect", ["postgresql", "mysql"])
def test_a_sweep_passes_over_rows_that_somebody_holds_and_asks_for_their_deadline_again(dialect):
    text = statements(dialect).sweep.text
    assert "FOR UPDATE SKIP LOCKED" in text
    assert text.count("expires <=") == 2


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_nothing_replaces_a_record_that_is_there(dialect):
    assert "ON CONFLICT (id) DO NOTHING" in statements(dialect).create.text


def test_mysql_is_not_told_to_pass_over_whatever_does_not_fit():
    text = statements("mysql").create.text
    assert text.startswith("INSERT INTO coatcheck_sessions ")
    assert "ON DUPLICATE KEY" not in text


def test_postgresql_compares_ids_byte_by_byte():
    (definition,) = statements("postgresql").define
    assert 'id VARCHAR(64) COLLATE "C" NOT NULL' in definition.text


def test_mysql_compares_names_byte_by_byte_and_hands_them_out_as_text():
    (definition,) = statements("mysql").define
    for column in ("id VARBINARY(256)", "user_id VARBINARY(1020)", "lease_holder VARBINARY(256)"):
        assert column in definition.text
    for column in ("id", "user_id", "lease_holder"):
        assert f"CAST(coatcheck_sessions.{column} AS CHAR)" in statements("mysql").load.text


def test_mysql_makes_the_table_in_one_statement_whatever_the_database_is_set_up_for():
    (definition,) = statements("mysql").define
    assert definition.text.endswith("ENGINE=InnoDB")
    for index in ("expires", "user_id"):
        assert f"INDEX ix_coatcheck_sessions_{index} ({index})" in definition.text
    assert definition.text.count("COLLATE utf8mb4_bin") == 2
    assert "data BLOB(4294967295)" in definition.text
