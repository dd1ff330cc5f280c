"""Whether a request's changes may stand on a record that has moved on since it was read."""

from collections.abc import Mapping

from .changes import Changes, Reads


def clashing(
    changes: Changes, base: Mapping[str, bytes], fresh: Mapping[str, bytes], *, strict: bool
) -> frozenset[str]:
    """The keys on which *changes*, made from *base*, clash with *fresh*.

    A key clashes when this request read it, wrote it, and its bytes are others now. A blind set, a
    delete or an operation never does, nor do different keys. *strict* asks more: everything
    that was read must still be so, written or not, which rules out write skew as well.
    """
    found = stale(changes.reads, base, fresh)
    return found if strict else found & changes.dependent


def stale(reads: Reads, base: Mapping[str, bytes], fresh: Mapping[str, bytes]) -> frozenset[str]:
    """What a request read that is no longer so."""
    found = {key for key in reads.values if base.get(key) != fresh.get(key)}
    found |= {key for key in reads.presence if (key in base) != (key in fresh)}
    if reads.listing:
        found |= base.keys() ^ fresh.keys()
    return frozenset(found)
