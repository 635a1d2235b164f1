# ruff: noqa: NPY002 - the chance that all of a program shares is the old one
from __future__ import annotations

import random
import subprocess
import sys

import pytest
from numpy import random as theirs

from opto.store.chance import fresh_seed, same_chance


def draws():
    return random.random(), random.sample(range(100), 5), float(theirs.rand())


def test_a_block_draws_what_it_drew_before():
    with same_chance(7):
        first = draws()
    draws()
    with same_chance(7):
        assert draws() == first
    with same_chance(8):
        assert draws() != first


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_afterwards_chance_goes_on_as_if_nothing_had_been(ends):
    random.seed(1)
    theirs.seed(1)
    draws()
    state = random.getstate(), theirs.get_state()
    expected = draws()
    random.setstate(state[0])
    theirs.set_state(state[1])
    try:
        with same_chance(7):
            draws()
            if ends == "badly":
                raise KeyError
    except KeyError:
        pass
    assert draws() == expected


def test_a_seed_is_new_and_takes_nothing_from_the_programs_chance():
    random.seed(1)
    expected = random.random()
    random.seed(1)
    seeds = {fresh_seed() for _ in range(50)}
    assert random.random() == expected
    assert len(seeds) == 50
    assert all(0 <= seed < 2**32 for seed in seeds)  # what numpy takes


def test_numpy_is_not_imported_for_it():
    program = (
        "import random, sys\nfrom opto.store.chance import same_chance\n"
        "with same_chance(7): random.random()\nassert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
