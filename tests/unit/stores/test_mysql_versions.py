"""A server too old to sweep beside writers is refused when it is called, by what it says it is."""

import pytest

from coatcheck.stores.sql.mysql import outdated


@pytest.mark.parametrize(
    "version",
    [
        "8.0.36",
        "8.4.7-0ubuntu0.24.04.1",
        "9.5.0",
        "8.0.mysql_aurora.3.08.0",
        "5.5.5-10.11.19-MariaDB-0+deb12u1",
        "5.5.5-10.6.4-MariaDB-log",
        "11.8.3-MariaDB",
        "12.1.2-MariaDB-ubu2404",
    ],
)
def test_what_is_supported_is_taken(version):
    assert outdated(version) is None


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("5.7.44-log", "MySQL 5.7, and the store needs 8.0 or newer"),
        ("5.5.62", "MySQL 5.5, and the store needs 8.0 or newer"),
        ("5.5.5-10.5.29-MariaDB", "MariaDB 10.5, and the store needs 10.6 or newer"),
    ],
)
def test_what_is_too_old_is_told_what_it_takes(version, said):
    assert said in str(outdated(version))


def test_a_server_that_does_not_say_is_given_a_chance():
    assert outdated("something compatible") is None
