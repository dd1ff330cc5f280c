"""How a statement is prepared on PostgreSQL, and what the driver's errors become."""

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from coatcheck.core.errors import StoreUnavailable
from coatcheck.stores.sql.postgresql import PostgreSQL
from coatcheck.stores.sql.protocol import _KINDS, plan
from coatcheck.stores.sql.rows import COLUMNS
from coatcheck.stores.sql.statements import statements


def test_a_plan_numbers_its_parameters_and_types_each():
    commit = plan(statements("postgresql").commit)
    assert b"%s" not in commit.text
    for number in range(1, len(commit.types) + 1):
        assert b"$%d" % number in commit.text
    assert len(commit.types) == len(commit.formats) == len(commit.encoders)
    assert len(commit.arrange((*COLUMNS, "base", "now", "holder"))) == len(commit.types)


def test_a_plan_that_gives_rows_reads_every_column():
    assert len(plan(statements("postgresql").load).decoders) == len(COLUMNS)
    assert plan(statements("postgresql").end).decoders == []


@given(
    st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
    | st.floats(allow_nan=False)
    | st.integers(-(2**63), 2**63 - 1)
)
def test_a_value_comes_back_from_its_bytes(value):
    kind = _KINDS[type(value)]
    assert kind.decode(kind.encode(value)) == value


@given(st.integers(-(2**31), 2**31 - 1))
def test_a_whole_number_is_read_at_the_size_of_its_column(value):
    assert _KINDS[int].decode(value.to_bytes(4, signed=True)) == value


@given(st.integers(0, 2**40))
def test_a_whole_number_of_seconds_is_sent_as_a_float(value):
    assert _KINDS[float].decode(_KINDS[float].encode(value)) == value


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (
            psycopg.OperationalError("FATAL: unsupported startup parameter: options"),
            "add options to its ignore_startup_parameters",
        ),
        (psycopg.errors.InvalidSqlStatementName("gone"), "Use PgBouncer 1.21 or newer"),
        (psycopg.errors.DuplicatePreparedStatement("there"), "Use PgBouncer 1.21 or newer"),
        (psycopg.errors.TooManyConnections("sorry, too many clients already"), "too many clients"),
        (psycopg.OperationalError(""), "Start it, or correct the store's URL"),
    ],
)
def test_what_a_server_or_a_pooler_refuses_names_the_remedy(error, remedy):
    driver = PostgreSQL(make_url("postgresql://site:s3cr3t@db.example/shop"), 5.0)
    translated = driver.translated(error)
    assert isinstance(translated, StoreUnavailable)
    assert remedy in str(translated)
    assert "s3cr3t" not in str(translated)


@pytest.mark.parametrize(
    "error", [psycopg.errors.SyntaxError("at or near"), psycopg.errors.NotNullViolation("null")]
)
def test_a_mistake_in_the_program_is_no_outage(error):
    driver = PostgreSQL(make_url("postgresql://localhost/shop"), 5.0)
    assert driver.translated(error) is None
