"""Work of many threads, done by one of them."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from time import sleep

import pytest

from opto._link import Link
from opto.store.together import MOST, Together, _Job


class Desk:
    """A connection that notes what was done with it at a time."""

    def __init__(self):
        self.done = []

    def close(self):
        pass


def work(desk, items):
    desk.done.append(list(items))
    sleep(0.002)
    if any(item == "bad" for item in items):
        raise ValueError("bad")
    if any(item == "worse" for item in items):
        raise OSError(5, "worse")
    return [item * 2 for item in items]


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def together(desk):
    return Together(Link(lambda: desk), work, (ValueError,))


def outcome(together, item):
    try:
        return together.done(item)
    except (ValueError, OSError) as error:
        return error


def test_each_thread_gets_what_came_of_its_own(together, desk):
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(together.done, range(200)))
    assert found == [2 * n for n in range(200)]
    assert sorted(item for items in desk.done for item in items) == list(range(200))


def test_who_waits_is_served_together(together, desk):
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(together.done, range(200)))
    assert len(desk.done) < 200
    assert max(map(len, desk.done)) > 1
    assert max(map(len, desk.done)) <= MOST


def test_one_that_is_to_blame_spoils_no_other(together):
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda n: outcome(together, "bad" if n == 9 else n), range(64)))
    assert isinstance(found.pop(9), ValueError)
    assert found == [2 * n for n in range(64) if n != 9]


def test_what_nobody_is_to_blame_for_is_raised_in_each_thread_by_itself(together):
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: outcome(together, "worse"), range(32)))
    assert all(isinstance(error, OSError) and error.errno == 5 for error in found)
    assert len({id(error) for error in found}) == 32


def test_who_is_interrupted_leaves_the_others_work_to_them(desk):
    begun, interrupted = threading.Event(), []

    def interrupt_once(desk, items):
        if not interrupted and len(items) > 1:
            interrupted.append(list(items))
            raise KeyboardInterrupt
        begun.set()
        sleep(0.02)
        return work(desk, items)

    together = Together(Link(lambda: desk), interrupt_once)
    found = {}

    def ask(n):
        try:
            found[n] = together.done(n)
        except KeyboardInterrupt:
            found[n] = "interrupted"

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    threads[0].start()
    assert begun.wait(5)
    for thread in threads[1:]:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(interrupted) == 1
    assert list(found.values()).count("interrupted") == 1
    assert {n: value for n, value in found.items() if value != "interrupted"} == {
        n: 2 * n for n in range(8) if found[n] != "interrupted"
    }


def test_a_fork_does_not_do_the_work_of_its_parents_threads(together, desk):
    together._waiting.append(_Job("its parent's"))
    together._waiting[0].process = os.getppid()
    assert together.done("mine") == "minemine"
    assert desk.done == [["mine"]]
