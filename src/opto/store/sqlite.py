"""The record in one file, by SQLite: no server, and safe for many processes at once."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep, time
from typing import TYPE_CHECKING, Any

from opto.errors import StoreError
from opto.store.journal import Journal, Row
from opto.store.link import Link
from opto.store.owner import is_gone
from opto.store.schema import APPLICATION, SCHEMA, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opto.store.events import Claim

__all__ = ["SQLiteJournal"]

COLUMNS = "seq, at, kind, key, run, data"


class SQLiteJournal(Journal):
    """A journal in a file, which any number of threads and processes may use at once.

    SQLite writes ahead (WAL): readers never wait, and writers wait for each other. What
    was appended outlives the death of the process at any instant. With `flush`, it
    outlives a power failure as well; without, a power failure may take the last moments
    of the record, but never damages it. The difference is a few milliseconds an event,
    and what a power failure takes is only asked for again.

    Args:
        path: the file; it is made, for its owner alone to read, if it is not there.
        flush: wait for the disk at every event.
        patience: seconds to wait for other processes that are writing.

    Raises:
        StoreError: the file is not a journal, is damaged, or is of a later version; the
            message says what to do.

    Example:
        >>> from tempfile import mkdtemp
        >>> journal = SQLiteJournal(Path(mkdtemp()) / "journal.sqlite")
        >>> journal.append("step", {"loss": 0.5}, run="first").data
        {'loss': 0.5}
        >>> [event.run for event in journal.events(kind="step")]
        ['first']
        >>> journal.close()
    """

    def __init__(
        self, path: str | os.PathLike[str], *, flush: bool = False, patience: float = 60.0
    ) -> None:
        # A later change of the working folder shall not change the record.
        self.path = Path(path).expanduser().absolute()
        self.flush = flush
        self.patience = patience
        self._writer = Link(self._connect)
        self._reader = Link(self._connect)
        with self._reader.use():
            pass  # what is wrong with the file is said here, not at the first event

    def claim(self, claim: Claim, seconds: float) -> bool:
        """Try to take a claim, see `Journal.claim`."""
        # Who waits looks often, and shall keep nobody from writing.
        with self._understood(), self._reader.use() as connection:
            if _is_taken(connection, claim):
                return False
        with self._transaction() as connection:
            if _is_taken(connection, claim):
                return False
            connection.execute(
                "INSERT OR REPLACE INTO claim (key, owner, until) VALUES (?, ?, ?)",
                (claim.key, claim.owner, time() + seconds),
            )
            return True

    def release(self, claim: Claim) -> None:
        """End a claim, if its owner still has it."""
        with self._transaction() as connection:
            _release(connection, claim)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        self._writer.close()
        self._reader.close()

    def _insert(self, rows: Sequence[Row], release: Claim | None) -> list[int]:
        with self._transaction() as connection:
            places = []
            for row in rows:
                done = connection.execute(
                    "INSERT INTO event (at, kind, key, run, data) VALUES (?, ?, ?, ?, ?)", row[1:]
                )
                places.append(int(done.lastrowid or 0))
            if release is not None:
                _release(connection, release)
        return places

    def _page(
        self, run: str | None, kind: str | None, key: str | None, after: int, limit: int
    ) -> list[Row]:
        asked, values = _where(run, kind, key)
        return self._rows(
            f"SELECT {COLUMNS} FROM event WHERE seq > ?{asked} ORDER BY seq LIMIT ?",  # noqa: S608
            [after, *values, limit],
        )

    def _latest(self, run: str | None, kind: str, key: str | None) -> Row | None:
        asked, values = _where(run, kind, key)
        found = self._rows(
            f"SELECT {COLUMNS} FROM event WHERE seq > 0{asked} ORDER BY seq DESC LIMIT 1",  # noqa: S608
            values,
        )
        return found[0] if found else None

    def _rows(self, statement: str, values: list[Any]) -> list[Row]:
        with self._understood(), self._reader.use() as connection:
            return [Row(*found) for found in connection.execute(statement, values)]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._understood(), self._writer.use() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                # Whatever came in between, Ctrl-C included.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def _connect(self) -> sqlite3.Connection:
        with self._understood():
            _make_private(self.path)
            connection = sqlite3.connect(
                self.path,
                timeout=self.patience,
                isolation_level=None,  # transactions are begun here, not guessed by the module
                check_same_thread=False,  # `Link` lets one thread in at a time
            )
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        self._look(connection)
        self._write_ahead(connection)
        connection.execute(f"PRAGMA synchronous = {'FULL' if self.flush else 'NORMAL'}")
        if _pragma(connection, "user_version") == 0:
            connection.execute("BEGIN IMMEDIATE")
            if _pragma(connection, "user_version") == 0:  # nobody was faster
                for statement in SCHEMA:
                    connection.execute(statement)
            connection.execute("COMMIT")

    def _look(self, connection: sqlite3.Connection) -> None:
        """Refuse what is not ours before anything is written to it."""
        application = _pragma(connection, "application_id")
        version = _pragma(connection, "user_version")
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application != APPLICATION and (application or version or tables):
            raise StoreError(
                f"{self.path} is a database of another program; give the journal a file of its own"
            )
        if version > VERSION:
            raise StoreError(
                f"{self.path} is a journal of version {version}, and this installation knows "
                f"versions up to {VERSION}: update trace-opt, or start a new file"
            )

    def _write_ahead(self, connection: sqlite3.Connection) -> None:
        # While several processes make the file at once, SQLite does not wait here by itself.
        end = monotonic() + self.patience
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
                f"{self.path} stands where SQLite cannot write ahead (its mode is {mode!r}), such "
                f"as on a network drive; put the journal on a disk of this machine"
            )

    @contextmanager
    def _understood(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"the journal {self.path} {_meaning(error)} ({error})") from error

    def __reduce__(self) -> tuple[Any, ...]:
        return _opened, (str(self.path), self.flush, self.patience)

    def __repr__(self) -> str:
        return f"SQLiteJournal({str(self.path)!r})"


def _opened(path: str, flush: bool, patience: float) -> SQLiteJournal:
    return SQLiteJournal(path, flush=flush, patience=patience)


def _make_private(path: Path) -> None:
    """Prompts may be confidential: the file, and SQLite's files beside it, are its owner's."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _is_taken(connection: sqlite3.Connection, claim: Claim) -> bool:
    """Whether another owner has it, whose time is not over and whose process has not ended."""
    held = connection.execute(
        "SELECT owner FROM claim WHERE key = ? AND owner <> ? AND until > ?",
        (claim.key, claim.owner, time()),
    ).fetchone()
    return held is not None and not is_gone(held[0])


def _release(connection: sqlite3.Connection, claim: Claim) -> None:
    connection.execute("DELETE FROM claim WHERE key = ? AND owner = ?", (claim.key, claim.owner))


def _where(run: str | None, kind: str | None, key: str | None) -> tuple[str, list[Any]]:
    said = [(n, v) for n, v in (("run", run), ("kind", kind), ("key", key)) if v is not None]
    return "".join(f" AND {name} = ?" for name, _ in said), [value for _, value in said]


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
