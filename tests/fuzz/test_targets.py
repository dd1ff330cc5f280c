"""The short run: every nasty input, and the same few thousand made from them each time."""

import random
import sys
from collections.abc import Iterator

import pytest

from tests.fuzz.corpus import CORPUS, WORDS
from tests.fuzz.targets import TARGETS

ROUNDS = 4000


def made_from(seeds: tuple[bytes, ...], rounds: int) -> Iterator[bytes]:
    chance = random.Random(20261121)
    for _ in range(rounds):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 6)):
            place = chance.randint(0, len(data))
            match chance.randrange(5):
                case 0:
                    data[place:place] = chance.choice(WORDS)
                case 1:
                    del data[place : place + chance.randint(1, 8)]
                case 2:
                    data[place:place] = chance.randbytes(chance.randint(1, 4))
                case 3:
                    other = chance.choice(seeds)
                    data[place:] = other[chance.randint(0, len(other)) :]
                case 4:
                    data += data[place : place + 40] * chance.randint(1, 10)
        yield bytes(data)


def test_every_target_has_a_corpus():
    assert TARGETS.keys() == CORPUS.keys()


@pytest.mark.parametrize("name", TARGETS)
def test_no_nasty_input_breaks_a_promise(name):
    for data in (b"", *CORPUS[name]):
        TARGETS[name](data)


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_made_from_nasty_inputs_breaks_a_promise(name):
    for data in made_from(CORPUS[name], ROUNDS):
        try:
            TARGETS[name](data)
        except BaseException:
            sys.stdout.write(f"{name}: {data!r}\n")  # so that the input can be kept
            raise
