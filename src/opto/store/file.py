"""Opening the file of a journal: made where it is not, refused where it is something else."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from time import monotonic, sleep
from typing import TYPE_CHECKING

from opto.errors import StoreError
from opto.store.schema import APPLICATION, SCHEMA, VERSION
from opto.store.statements import OF_A_CONNECTION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["connected", "understood"]


def connected(path: Path, *, flush: bool, patience: float) -> sqlite3.Connection:
    """A connection to the journal in this file, which it makes if it is not there.

    Args:
        path: the file.
        flush: whether a transaction waits for the disk.
        patience: seconds to wait for other processes.

    Raises:
        StoreError: the file is not a journal, is damaged, or is of a later version.
    """
    with understood(path):
        _make_private(path)
        connection = sqlite3.connect(
            path,
            timeout=patience,
            isolation_level=None,  # transactions are begun by us, not guessed by the module
            check_same_thread=False,  # `Link` lets one thread in at a time
        )
        try:
            _look(connection, path)
            _write_ahead(connection, path, patience)
            connection.execute(f"PRAGMA synchronous = {'FULL' if flush else 'NORMAL'}")
            _make_tables(connection)
            for statement in OF_A_CONNECTION:
                connection.execute(statement)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """What SQLite and the system say of the file, in our words.

    Raises:
        StoreError: in the place of their errors.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"the journal {path} {_meaning(error)} ({error})") from error


def _make_private(path: Path) -> None:
    """Prompts may be confidential: the file, and SQLite's files beside it, are its owner's."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _make_tables(connection: sqlite3.Connection) -> None:
    if _pragma(connection, "user_version") == 0:
        connection.execute("BEGIN IMMEDIATE")
        if _pragma(connection, "user_version") == 0:  # nobody was faster
            for statement in SCHEMA:
                connection.execute(statement)
        connection.execute("COMMIT")


def _look(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse what is not ours before anything is written to it."""
    connection.execute("BEGIN")  # one look: somebody may be making the tables now
    application = _pragma(connection, "application_id")
    version = _pragma(connection, "user_version")
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    connection.execute("COMMIT")
    if application != APPLICATION and (application or version or tables):
        raise StoreError(
            f"{path} is a database of another program; give the journal a file of its own"
        )
    if version > VERSION:
        raise StoreError(
            f"{path} is a journal of version {version}, and this installation knows "
            f"versions up to {VERSION}: update trace-opt, or start a new file"
        )


def _write_ahead(connection: sqlite3.Connection, path: Path, patience: float) -> None:
    # While several processes make the file at once, SQLite does not wait here by itself.
    end = monotonic() + patience
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            break
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or monotonic() > end:
                raise
            sleep(0.005)
    if mode != "wal":
        raise StoreError(
            f"{path} stands where SQLite cannot write ahead (its mode is {mode!r}), such "
            f"as on a network drive; put the journal on a disk of this machine"
        )


def _meaning(error: Exception) -> str:
    said = str(error)
    if "not a database" in said:
        return "is not a journal: it is no SQLite file; give another path, or move it away"
    if "malformed" in said or "corrupt" in said:
        return (
            "is damaged; move it and the files beside it that begin with its name away, and "
            "save what can be read: sqlite3 FILE .recover | sqlite3 NEW_FILE"
        )
    if "locked" in said or "busy" in said:
        return "was in use by another process all the time; give it more `patience`"
    if "full" in said:
        return "cannot be written: the disk is full; make room and run the program again"
    return "cannot be used; look at the path, its rights and the disk"
