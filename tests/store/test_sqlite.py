from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from opto.errors import StoreError
from opto.store import Entry, SQLiteJournal
from opto.store.owner import Owner
from opto.store.schema import VERSION
from opto.store.sqlite import _where
from tests.store.contract import JournalContract

WRITER = """
import sys
from opto.store import SQLiteJournal
path, name, count = sys.argv[1:]
journal = SQLiteJournal(path)
for n in range(int(count)):
    journal.append("step", [name, n], run=name)
"""


def start(program, *arguments):
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


class TestSQLite(JournalContract):
    pass


def test_processes_make_and_write_one_file_at_once(opened, path):
    writers = [start(WRITER, path, f"w{n}", 50) for n in range(6)]
    assert [writer.wait(60) for writer in writers] == [0] * 6
    for writer in writers:
        writer.stdout.close()
    found = {}
    for event in opened().events():
        found.setdefault(event.run, []).append(event.data)
    assert found == {f"w{n}": [[f"w{n}", i] for i in range(50)] for n in range(6)}
    assert whole(path)


def test_threads_open_one_new_file_at_once(path):
    def open_and_write(n):
        with SQLiteJournal(path) as journal:
            return journal.append("step", n).seq

    with ThreadPoolExecutor(8) as pool:
        places = list(pool.map(open_and_write, range(24)))
    assert sorted(places) == list(range(1, 25))


def whole(path):
    connection = sqlite3.connect(path)
    try:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finally:
        connection.close()


@pytest.mark.parametrize("statement", ["UPDATE event SET data = '1'", "DELETE FROM event"])
def test_not_even_by_hand_is_the_past_changed(opened, path, statement):
    opened().append("step", 1)
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="only appended to"):
        connection.execute(statement)
    connection.close()


def test_the_file_is_its_owners(opened, path):
    opened().append("step", 1)
    made = list(path.parent.iterdir())
    assert len(made) == 3  # with SQLite's own two
    assert {stat.S_IMODE(file.stat().st_mode) for file in made} == {0o600}


def test_folders_on_the_way_are_made(tmp_path):
    with SQLiteJournal(tmp_path / "a" / "b" / "journal") as journal:
        journal.append("step", 1)
    assert (tmp_path / "a" / "b" / "journal").exists()


@pytest.mark.parametrize("content", [b"no database " * 200, b"\x80\x04pickle", os.urandom(8192)])
def test_a_file_of_another_kind_is_refused_and_left_alone(path, content):
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"is not a journal: .* give another path, or move it"):
        SQLiteJournal(path)
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_refused_and_left_alone(path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program; give the journal a file of its own"):
        SQLiteJournal(path)
    assert path.read_bytes() == before


def test_a_later_version_is_refused(opened, path):
    opened().close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    with pytest.raises(StoreError, match=f"of version {VERSION + 1}.* update trace-opt"):
        SQLiteJournal(path)


def test_a_damaged_file_says_what_can_be_saved(opened, path):
    journal = opened()
    journal.extend([])
    for n in range(200):
        journal.append("step", "x" * 500 + str(n))
    journal.close()
    content = path.read_bytes()
    path.write_bytes(content[:4096] + os.urandom(len(content) - 4096))
    with pytest.raises(StoreError, match=r"is damaged; .* \.recover"):
        list(SQLiteJournal(path).events())


def test_a_torn_file_is_refused(opened, path):
    journal = opened()
    for n in range(200):
        journal.append("step", "x" * 500 + str(n))
    journal.close()
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(StoreError, match=r"is damaged"):
        list(SQLiteJournal(path).events())


def test_a_damaged_event_is_named(opened, path):
    journal = opened()
    journal.append("step", 1)
    connection = sqlite3.connect(path)
    connection.execute(
        "INSERT INTO event (at, kind, key, run, data) VALUES (0, 'step', '', '', '{')"
    )
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="event 2 of the journal is damaged"):
        list(journal.events())


def test_a_folder_is_no_journal(tmp_path):
    with pytest.raises(StoreError, match="cannot be used; look at the path"):
        SQLiteJournal(tmp_path)


def test_another_writer_is_waited_for_but_not_for_ever(opened, path):
    journal = opened(patience=0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"in use by another process all the time.*`patience`"):
        journal.append("step", 1)
    assert list(journal.events()) == []  # readers do not wait
    other.execute("ROLLBACK")
    other.close()
    assert journal.append("step", 2).seq == 1


def test_flushing_is_asked_for_of_the_disk(opened):
    for flush, level in [(False, 1), (True, 2)]:
        with opened(flush=flush)._writer.use() as connection:
            assert connection.execute("PRAGMA synchronous").fetchone() == (level,)


def test_an_interrupt_leaves_no_transaction_open(opened):
    journal = opened()

    def interrupted():
        with journal._transaction() as connection:
            connection.execute("INSERT INTO claim VALUES ('k', 'o', 0)")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert journal.append("step", 1).seq == 1
    with journal._reader.use() as connection:
        assert connection.execute("SELECT count(*) FROM claim").fetchone() == (0,)


def test_a_journal_that_nobody_uses_any_more_is_closed(path):
    journal = SQLiteJournal(path)
    journal.append("step", 1)
    connection = journal._writer._connection
    del journal
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_another_working_folder_is_not_another_journal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with SQLiteJournal("here.sqlite") as journal:
        journal.close()
        tmp_path.joinpath("sub").mkdir()
        monkeypatch.chdir(tmp_path / "sub")
        journal.append("step", 1)
    assert not list(tmp_path.joinpath("sub").iterdir())


@pytest.mark.parametrize("run", [None, "", "r"])
@pytest.mark.parametrize("kind", [None, "reply", "step"])
@pytest.mark.parametrize("key", [None, "k"])
def test_what_is_looked_for_is_found_by_an_index(opened, run, kind, key):
    journal = opened()
    journal.append("step", 1, run="r", key="k")
    asked, values = _where(run, kind, key)
    plan = f"EXPLAIN QUERY PLAN SELECT * FROM event WHERE seq > 0{asked} ORDER BY seq LIMIT 1"  # noqa: S608
    with journal._reader.use() as connection:
        steps = " ".join(row[3] for row in connection.execute(plan, values))
    # Nearly all events are requests and replies, and nearly all are of no run or of a few.
    by_place = key is None and kind in {None, "reply"} and not run
    index = "event_by_key" if key else "event_by_run" if run else "event_by_kind"
    assert ("PRIMARY KEY" if by_place else index) in steps


def test_a_claim_of_one_who_was_killed_is_free_at_once(opened, path):
    program = (
        "import sys, os, signal\n"
        "from opto.store import Entry, SQLiteJournal\n"
        "from opto.store.owner import Owner\n"
        "journal = SQLiteJournal(sys.argv[1])\n"
        "assert journal.enter(Entry('request', 1, 'k'), Owner().name, 600)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with start(program, path) as killed:
        assert killed.wait(60) < 0
    assert opened().enter(Entry("request", 1, "k"), Owner().name, 60)


def test_a_row_that_is_too_long_spoils_no_other(opened):
    journal = opened()
    with journal._writer.use() as connection:
        if not hasattr(connection, "setlimit"):
            pytest.skip("Python 3.10 cannot lower SQLite's limits")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 10_000)

    def append(n):
        try:
            return journal.append("step", "x" * (20_000 if n == 7 else 10), key=str(n)).key
        except StoreError:
            return None

    with ThreadPoolExecutor(16) as pool:
        written = list(pool.map(append, range(64)))
    assert [n for n, key in enumerate(written) if key is None] == [7]
    assert {event.key for event in journal.events()} == {key for key in written if key}
