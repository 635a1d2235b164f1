"""Opening the file itself; test_sqlite.py has what a journal in it does."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from opto.errors import StoreError
from opto.store.file import connected, understood
from opto.store.schema import APPLICATION, VERSION


def opened(path, **how):
    return closing(connected(path, **{"flush": False, "patience": 5.0, **how}))


def pragma(connection, name):
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_a_new_file_says_whose_it_is(path):
    with opened(path) as connection:
        assert pragma(connection, "application_id") == APPLICATION
        assert pragma(connection, "user_version") == VERSION
        assert pragma(connection, "journal_mode") == "wal"
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    assert {"event", "claim", "counter"} <= tables


@pytest.mark.parametrize(("flush", "level"), [(True, 2), (False, 1)])
def test_whether_a_transaction_waits_for_the_disk(path, flush, level):
    with opened(path, flush=flush) as connection:
        assert pragma(connection, "synchronous") == level


def test_opening_again_changes_nothing(path):
    with opened(path) as connection:
        connection.execute("INSERT INTO counter VALUES ('k', 3)")
    before = path.read_bytes()
    with opened(path) as connection:
        assert connection.execute("SELECT next FROM counter").fetchall() == [(3,)]
    assert path.read_bytes() == before


def test_the_files_are_nobody_elses_even_while_they_are_made(path):
    before = os.umask(0)
    try:
        with opened(path) as connection:
            connection.execute("INSERT INTO counter VALUES ('k', 0)")
            beside = list(path.parent.iterdir())
            modes = {stat.S_IMODE(file.stat().st_mode) for file in beside}
    finally:
        os.umask(before)
    assert len(beside) == 3  # the log, and who reads in it, lie beside the file
    assert modes == {0o600}


def test_an_empty_file_becomes_a_journal(path):
    path.touch()
    with opened(path) as connection:
        assert pragma(connection, "user_version") == VERSION


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE theirs (x)", "PRAGMA user_version = 7", "PRAGMA application_id = 42"],
)
def test_what_another_program_made_is_left_as_it_is(path, statement):
    with closing(sqlite3.connect(path)) as theirs:
        theirs.execute(statement)
        theirs.commit()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="a database of another program"):
        connected(path, flush=False, patience=1.0)
    assert path.read_bytes() == before


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are not listed here")
def test_a_refused_file_is_not_kept_open(path):
    path.write_bytes(b"no database at all, " * 100)
    with pytest.raises(StoreError, match="is no SQLite file"):
        connected(path, flush=False, patience=1.0)
    assert path not in [Path(os.path.realpath(fd)) for fd in Path("/proc/self/fd").iterdir()]


def test_who_makes_the_tables_at_once_makes_them_once(path):
    errors, ready = [], threading.Barrier(8)

    def open_it():
        ready.wait()
        try:
            with opened(path, patience=20.0):
                pass
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with opened(path) as connection:
        assert pragma(connection, "user_version") == VERSION


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (sqlite3.DatabaseError("file is not a database"), "move it away"),
        (sqlite3.DatabaseError("database disk image is malformed"), r"\.recover"),
        (sqlite3.OperationalError("database is locked"), "more `patience`"),
        (sqlite3.OperationalError("database or disk is full"), "make room"),
        (OSError(13, "Permission denied"), "look at the path, its rights"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(path, error, words):
    with pytest.raises(StoreError, match=words) as caught, understood(path):
        raise error
    assert caught.value.__cause__ is error
    assert str(path) in str(caught.value)


def test_a_mistake_of_the_program_is_none_of_the_file(path):
    with pytest.raises(ZeroDivisionError), understood(path):
        1 / 0  # noqa: B018 - it is the point
