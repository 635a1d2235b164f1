"""A forked process goes on with the journal, and so does the one it came from."""

from __future__ import annotations

import multiprocessing
import os
import threading
import warnings

import pytest

from opto._link import Link
from opto.store import SQLiteJournal

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


def fork(work):
    """Run `work` in a forked child; its exit status."""
    with warnings.catch_warnings():
        # Python warns of forks beside threads, which is what is tested here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    finally:
        os._exit(status)


def ended(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_nothing_is_open_at_the_moment_of_a_fork(opened):
    journal = opened()
    journal.append("step", 1)

    def look():
        if journal._writer._connection or journal._reader._connection:
            raise AssertionError

    assert ended(fork(look)) == 0
    assert journal._writer._connection is None


def test_a_child_goes_on_after_its_parent_has_closed(opened, path):
    journal = opened()
    journal.append("step", "parent")
    ready, go = os.pipe()

    def work():
        journal.append("step", "child, before")
        os.read(ready, 1)  # until the parent has closed
        for n in range(50):
            journal.append("step", n)

    child = fork(work)
    journal.append("step", "parent, too")
    journal.close()
    os.write(go, b"x")
    assert ended(child) == 0
    said = [event.data for event in SQLiteJournal(path).events()]
    assert sorted(map(str, said)) == sorted(
        map(str, ["parent", "child, before", "parent, too", *range(50)])
    )
    os.close(ready)
    os.close(go)


def test_forks_beside_threads_that_write(opened):
    journal, stop = opened(), threading.Event()
    written = []

    def write():
        while not stop.is_set():
            written.append(journal.append("step", "thread").seq)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    children = [fork(lambda: journal.append("reply", "child")) for _ in range(12)]
    statuses = [ended(child) for child in children]
    stop.set()
    for thread in threads:
        thread.join()
    assert statuses == [0] * 12
    events = list(journal.events())
    assert sum(event.kind == "reply" for event in events) == 12
    assert {event.seq for event in events if event.kind == "step"} == set(written)


def _append(journal):
    return journal.append("step", os.getpid()).data


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_pools_of_processes_share_a_journal(opened, method):
    journal = opened()
    journal.append("step", 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with multiprocessing.get_context(method).Pool(2) as pool:
            written = pool.map(_append, [journal] * 10, chunksize=1)
    assert sorted(event.data for event in journal.events()) == sorted([0, *written])


def test_a_connection_is_closed_with_its_link():
    class Connection:
        closed = False

        def close(self):
            self.closed = True

    connection = Connection()
    link = Link(lambda: connection)
    with link.use() as used:
        assert used is connection
    del link
    assert connection.closed


def test_a_connection_that_cannot_be_opened_blocks_nobody():
    def fail():
        raise OSError("no")

    link = Link(fail)
    for _ in range(2):
        with pytest.raises(OSError, match="no"), link.use():
            pass
