from __future__ import annotations

from random import Random

import pytest

from benchmarks.smalljobs import HINTS, JOBS, limit

RIGHT = '''
def strange_sort_list(lst):
    """Return a new list."""
    left, turns = sorted(lst), []
    while left:
        turns.append(left.pop(0 if len(turns) % 2 == 0 else -1))
    return turns
'''


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", JOBS)
def test_nothing_is_right_at_the_start(name, seed):
    judged = JOBS[name].make(Random(seed)).judged()
    assert not judged.solved
    assert judged.feedback


@pytest.mark.parametrize("seed", range(3))
def test_the_right_value_solves_it(seed):
    tasks = {name: job.make(Random(seed)) for name, job in JOBS.items()}
    tasks["number"].tables._data = tasks["number"].wanted
    tasks["choice"].colour._data = tasks["choice"].wanted
    tasks["greeting"].greeting._data = "Buenos días"
    tasks["repair"].sort.parameter._data = RIGHT
    assert {name: task.judged().solved for name, task in tasks.items()} == dict.fromkeys(JOBS, True)


def test_a_greeting_that_is_half_english_is_not_spanish():
    task = JOBS["greeting"].make(Random(0))
    task.greeting._data = "Hola and welcome"
    assert not task.judged().solved


def test_the_hint_does_not_name_the_colour():
    for seed in range(10):
        task = JOBS["choice"].make(Random(seed))
        assert not set(HINTS) & set(task.judged().feedback.split())


def test_code_that_does_not_end_is_told_of():
    task = JOBS["repair"].make(Random(0))
    task.sort.parameter._data = "def strange_sort_list(lst):\n    while True: pass"
    judged = task.judged()
    assert not judged.solved
    assert "it ran for more than 1 s" in judged.feedback


def test_the_limit_ends_with_its_block():
    with limit(0.01):
        pass
    for _ in range(10**5):
        pass
