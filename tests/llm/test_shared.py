from __future__ import annotations

import gc
import os
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from opto.llm.shared import Line, Shared, is_running

SCHEMA = "CREATE TABLE IF NOT EXISTS n (x INTEGER)"
COUNT = """
import sys
from opto.llm.shared import Shared
numbers = Shared(sys.argv[1], "CREATE TABLE IF NOT EXISTS n (x INTEGER)")
for _ in range(200):
    with numbers.transaction() as db:
        [x] = db.execute("SELECT COUNT(*) FROM n").fetchone()
        db.execute("INSERT INTO n VALUES (?)", (x,))
"""


def values(numbers):
    with numbers.transaction() as db:
        return [x for (x,) in db.execute("SELECT x FROM n ORDER BY rowid")]


def test_processes_change_it_one_after_the_other(tmp_path):
    path = str(tmp_path / "n.db")
    started = [subprocess.Popen([sys.executable, "-c", COUNT, path]) for _ in range(4)]
    assert [process.wait(60) for process in started] == [0] * 4
    assert values(Shared(path, SCHEMA)) == list(range(800))


def test_a_change_that_fails_leaves_nothing(tmp_path):
    numbers = Shared(tmp_path / "n.db", SCHEMA)

    def fail():
        with numbers.transaction() as db:
            db.execute("INSERT INTO n VALUES (1)")
            db.execute("nonsense")

    with pytest.raises(sqlite3.OperationalError):
        fail()
    assert values(numbers) == []


def test_killed_processes_leave_no_lock(tmp_path):
    path = str(tmp_path / "n.db")
    for _ in range(5):
        process = subprocess.Popen([sys.executable, "-c", COUNT, path])
        time.sleep(0.15)
        process.kill()
        process.wait()
    found = values(Shared(path, SCHEMA))
    assert found == list(range(len(found)))


def test_a_line_keeps_its_order_and_goes_on_after_a_failure():
    line, order, threads = Line(), [], []

    def stand(number):
        try:
            with line.first():
                order.append(number)
                time.sleep(0.01)
                if number % 3 == 0:
                    raise KeyError
        except KeyError:
            pass

    with line.first():
        for number in range(12):
            threads.append(threading.Thread(target=stand, args=(number,)))
            threads[-1].start()
            while len(line._gates) < number + 2:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order == list(range(12))


def test_who_waits_is_woken_up():
    numbers, woken = Shared(None, SCHEMA), []

    def wait():
        start = time.monotonic()
        numbers.wait(20)
        woken.append(time.monotonic() - start)

    thread = threading.Thread(target=wait)
    thread.start()
    while thread.is_alive():
        numbers.announce()
    assert woken[0] < 10


def test_a_process_is_there_or_not():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert is_running(os.getpid())
    assert not is_running(gone.pid)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_a_forked_child_loses_nothing_after_its_parent_has_ended(tmp_path):
    """SQLite's locks belong to a process, but its notes of them are copied by a fork."""
    path, schema = tmp_path / "n.sqlite", "CREATE TABLE IF NOT EXISTS n (x INTEGER)"

    def add(numbers: Shared, x: int) -> None:
        with numbers.transaction() as db:
            db.execute("INSERT INTO n VALUES (?)", (x,))

    (go, tell), (done, end) = os.pipe(), os.pipe()
    parent = os.fork()
    if parent == 0:
        numbers = Shared(path, schema)
        add(numbers, -1)
        if os.fork() == 0:
            add(numbers, 0)
            os.read(go, 1)
            for x in range(1, 21):
                add(numbers, x)
            os.write(end, b"done")
            os._exit(0)
        time.sleep(0.3)
        del numbers
        gc.collect()
        os.write(tell, b"x")
        os._exit(0)
    os.waitpid(parent, 0)
    assert os.read(done, 4) == b"done"
    with Shared(path, schema).transaction() as db:
        assert db.execute("SELECT count(*) FROM n").fetchone() == (22,)
