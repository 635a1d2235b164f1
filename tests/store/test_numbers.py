from __future__ import annotations

import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from opto.store.numbers import Numbers


@pytest.fixture
def numbers(journal):
    return Numbers(journal, "r/1")


def test_threads_get_each_number_once(numbers):
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(numbers.next, ["a"] * 500)) == list(range(500))
    assert numbers.next("b") == 0


def test_a_copy_in_another_process_goes_on_and_so_does_this_one(numbers):
    assert [numbers.next("a") for _ in range(3)] == [0, 1, 2]
    there = pickle.loads(pickle.dumps(numbers))  # noqa: S301
    assert [there.next("a"), numbers.next("a"), there.next("a"), there.next("b")] == [3, 4, 5, 0]
    assert numbers.next("b") == 1
    there.journal.close()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forks_count_together_while_threads_go_on(numbers):
    given, over = [], threading.Event()

    def count():
        while not over.is_set():
            given.append(numbers.next("a"))

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            said = " ".join(str(numbers.next("a")) for _ in range(10))
            os.write(write, said.encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as pipe:
            given += map(int, pipe.read().split())
        os.waitpid(child, 0)
    over.set()
    for thread in threads:
        thread.join()
    assert sorted(given) == list(range(len(given)))
    assert len(given) >= 50
