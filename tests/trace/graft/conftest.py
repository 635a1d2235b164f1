"""What the tests of this room share: a pool of processes, an input and a parameter."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest

from opto.trace import node


@pytest.fixture(scope="session")
def pool():
    """Two processes that share nothing with this one but the files."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as made:
        yield made


@pytest.fixture
def x():
    return node(3, name="x")


@pytest.fixture
def p():
    return node(1, name="p", trainable=True, description="a number", constraint="positive")
