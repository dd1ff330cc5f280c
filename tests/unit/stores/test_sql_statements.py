"""What is asked of a database: one statement a verb, written once and compiled for each dialect."""

from dataclasses import fields
from typing import Any

import pytest

from coatcheck.stores.sql.rows import COLUMNS
from coatcheck.stores.sql.statements import Statement, statements

DIALECTS = ("sqlite", "postgresql")
PLACEHOLDERS = {"sqlite": "?", "postgresql": "%s"}
both = pytest.mark.parametrize("dialect", DIALECTS)

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


@both
def test_a_dialect_is_compiled_once(dialect):
    assert statements(dialect) is statements(dialect)


@both
def test_every_placeholder_gets_one_of_the_values_of_its_verb(dialect):
    for name, verb in verbs(dialect).items():
        values = tuple(f"{name} {n}" for n in range(GIVEN[name]))
        arranged = verb.arrange(values)
        assert len(arranged) == verb.text.count(PLACEHOLDERS[dialect]), name
        assert set(arranged) <= {*values, 0}, name


@both
def test_values_stand_where_their_columns_are(dialect):
    commit = statements(dialect).commit
    arranged = commit.arrange((*COLUMNS, "base", "now", "holder"))
    pieces = commit.text.split(PLACEHOLDERS[dialect])
    for piece, value in zip(pieces, arranged, strict=False):
        wanted = {"base": "version", "now": "lease_until", "holder": "lease_holder"}.get(
            value, value
        )
        assert wanted in piece or value in ("expires", "seen"), (piece, value)


@both
def test_a_verb_is_one_statement_that_stands_alone(dialect):
    for name, verb in verbs(dialect).items():
        assert ";" not in verb.text, name
        assert "BEGIN" not in verb.text, name


@both
def test_only_verbs_that_do_no_harm_twice_are_repeated(dialect):
    repeated = {name for name, verb in verbs(dialect).items() if verb.repeatable}
    assert repeated == {"load", "lease", "end", "touch", "release", "sweep", "of_user"}


@both
def test_a_commit_leaves_id_and_age_of_a_session_alone(dialect):
    put = assignments(statements(dialect).commit.text)
    assert "created=" not in put
    assert not put.startswith("id=")
    assert " id=" not in put


@both
def test_a_commit_gives_the_lease_back(dialect):
    assert "lease_holder=NULL, lease_until=NULL" in assignments(statements(dialect).commit.text)


@both
@pytest.mark.parametrize("verb", ["touch", "commit"])
def test_deadlines_are_assigned_before_the_moment_they_are_judged_by(dialect, verb):
    put = assignments(verbs(dialect)[verb].text)
    assert 0 <= put.index("expires=") < put.index(", seen=")


def test_sqlite_rewrites_no_index_when_user_and_deadline_stay():
    put = assignments(verbs("sqlite")["commit_in_place"].text)
    assert "data=" in put
    for column in ("user_id=", "expires=", "seen="):
        assert column not in put


def test_postgresql_knows_by_itself_which_indexes_change():
    assert statements("postgresql").commit_in_place is None


def test_a_sweep_passes_over_rows_that_somebody_holds_and_asks_for_their_deadline_again():
    text = statements("postgresql").sweep.text
    assert "FOR UPDATE SKIP LOCKED" in text
    assert text.count("expires <=") == 2


@both
def test_nothing_replaces_a_record_that_is_there(dialect):
    assert "ON CONFLICT (id) DO NOTHING" in statements(dialect).create.text


def test_postgresql_compares_ids_byte_by_byte():
    (definition,) = statements("postgresql").define
    assert 'id VARCHAR(64) COLLATE "C" NOT NULL' in definition.text
