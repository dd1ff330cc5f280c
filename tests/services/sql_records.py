"""Records and commits for the tests of the SQL stores, said in few words."""

from typing import Any

from coatcheck.core.record import Record
from coatcheck.core.store import Commit
from coatcheck.wire.tokens import Token

NOTHING: frozenset[str] = frozenset()


def a_record(**attributes: Any) -> Record:
    """A record of its own, made at 100 and good until 1000."""
    token = Token.new()
    record = Record(token.id, token.digest, 100.0, 100.0, 1000.0, 100.0, {"n": b"\x01\x01"})
    return record._replace(**attributes)


def commit_over(base: Record, holder: str | None = None, **attributes: Any) -> Commit:
    """A commit at 200 that gives *base* the *attributes*."""
    after = base._replace(**{"version": base.version + 1, "lease": None, **attributes})
    return Commit(base.version, after, NOTHING, NOTHING, holder, 200.0)
