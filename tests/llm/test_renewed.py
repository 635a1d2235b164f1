from __future__ import annotations

import copy
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from time import sleep

import pytest

from opto.llm import renewed
from opto.llm.renewed import Renewed


class Connection:
    def __reduce__(self):
        raise TypeError("a connection does not travel")


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(renewed, "monotonic", lambda: now[0])
    return now


def test_it_is_made_at_the_first_use_and_kept():
    made = []
    box = Renewed(lambda: made.append(1) or object())
    assert made == []
    assert box.get() is box.get()
    assert made == [1]


def test_it_is_made_again_when_it_is_old(clock):
    box = Renewed(Connection, lifetime=10)
    first = box.get()
    clock[0] += 10
    assert box.get() is first
    clock[0] += 0.5
    assert box.get() is not first


def test_copies_and_pickles_make_their_own():
    box = Renewed(Connection, lifetime=10)
    mine = box.get()
    for again in (copy.deepcopy(box), pickle.loads(pickle.dumps(box))):  # noqa: S301
        assert isinstance(again.get(), Connection)
        assert again.get() is not mine
        assert again.lifetime == 10


def test_threads_get_the_same():
    box = Renewed(lambda: sleep(0.02) or object())
    with ThreadPoolExecutor(8) as pool:
        assert len({id(made) for made in pool.map(lambda _: box.get(), range(8))}) == 1


def test_a_fork_makes_its_own_where_it_must(monkeypatch):
    shared, own = Renewed(list), Renewed(list, per_process=True)
    here = shared.get(), own.get()
    monkeypatch.setattr(renewed, "getpid", lambda: 0)
    assert shared.get() is here[0]
    assert own.get() is not here[1]
    assert own.get() is own.get()


def test_a_fork_waits_for_no_lock_of_its_parent(monkeypatch):
    box = Renewed(list, per_process=True)
    box.get()
    with box._locks[os.getpid()]:
        monkeypatch.setattr(renewed, "getpid", lambda: 0)
        assert box.get() == []
