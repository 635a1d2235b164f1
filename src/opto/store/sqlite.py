"""The record in one file, by SQLite: no server, and safe for many processes at once."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

from opto._link import Link
from opto.store.file import connected, understood
from opto.store.journal import Journal, Row
from opto.store.schema import IN_RUN, SELDOM
from opto.store.statements import (
    Question,
    append_all,
    claimed,
    enter_all,
    entered_over,
    is_taken,
    release,
    taken_over,
)
from opto.store.together import Together

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from opto.store.events import Claim

__all__ = ["SQLiteJournal"]

COLUMNS = "seq, at, kind, key, run, data"
MOST_AWAITED = 1000
# A row that is to blame for the failure of all that were written with it: too long, for one.
BLAMED = (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError, OverflowError)


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
        # Not a method: a journal that nobody uses any more shall close at once.
        connect = partial(connected, self.path, flush=flush, patience=patience)
        self._writer = Link(connect)
        self._appending = Together(self._writer, append_all, BLAMED)
        self._entering = Together(self._writer, enter_all, BLAMED)
        # Questions that others were asking when we looked last.
        self._awaited: set[str] = set()
        self._reader = Link(connect)
        with self._reader.use():
            pass  # what is wrong with the file is said here, not at the first event

    def claim(self, claim: Claim, seconds: float) -> bool:
        """Try to take a claim, see `Journal.claim`."""
        if self._awaits(claim):
            return False
        with understood(self.path), self._writer.use() as connection:
            taken = claimed(connection, claim, seconds)
        if not taken:
            with self._transaction() as connection:
                taken = taken_over(connection, claim, time() + seconds)
        self._note(claim, taken=taken)
        return taken

    def release(self, claim: Claim) -> None:
        """End a claim, if its owner still has it."""
        with self._transaction() as connection:
            release(connection, claim)

    def number(self, key: str) -> int:
        """The next number under this name, see `Journal.number`."""
        with self._transaction() as connection:
            # RETURNING is younger than the SQLite of some Pythons that we run on.
            connection.execute(
                "INSERT INTO counter VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET next = next + 1",
                (key,),
            )
            found = connection.execute("SELECT next FROM counter WHERE key = ?", (key,))
            return int(found.fetchone()[0]) - 1

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        self._writer.close()
        self._reader.close()

    def _insert(self, rows: Sequence[Row], ended: Claim | None) -> list[int]:
        if not rows:
            return []
        # A reply ends the claim on its question by itself, see `OF_A_CONNECTION`.
        if len(rows) == 1 and (ended is None or (rows[0].kind, ended.key) == _answer(rows[0])):
            with understood(self.path):
                return [self._appending.done(rows[0])]
        with self._transaction() as connection:
            places = append_all(connection, rows)
            if ended is not None:
                release(connection, ended)
        return places

    def _enter(self, row: Row, claim: Claim, seconds: float) -> bool:
        if self._awaits(claim):
            return False
        question = Question(row, claim.owner, row.at + seconds)
        with understood(self.path):
            entered = self._entering.done(question)
        if not entered:
            with self._transaction() as connection:
                entered = entered_over(connection, question)
        self._note(claim, taken=entered)
        return entered

    def _awaits(self, claim: Claim) -> bool:
        """Whether somebody had it when we looked last, and still has it."""
        # Who waits looks often, and shall keep nobody from writing.
        if claim.key not in self._awaited:
            return False
        with understood(self.path), self._reader.use() as connection:
            return is_taken(connection, claim)

    def _note(self, claim: Claim, *, taken: bool) -> None:
        if len(self._awaited) > MOST_AWAITED:  # somebody else's answers were found meanwhile
            self._awaited.clear()
        (self._awaited.discard if taken else self._awaited.add)(claim.key)

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
        with understood(self.path), self._reader.use() as connection:
            return [Row(*found) for found in connection.execute(statement, values)]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with understood(self.path), self._writer.use() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                # Whatever came in between, Ctrl-C included.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def __reduce__(self) -> tuple[Any, ...]:
        return _opened, (str(self.path), self.flush, self.patience)

    def __repr__(self) -> str:
        return f"SQLiteJournal({str(self.path)!r})"


def _opened(path: str, flush: bool, patience: float) -> SQLiteJournal:
    return SQLiteJournal(path, flush=flush, patience=patience)


def _answer(row: Row) -> tuple[str, str]:
    return "reply", row.key


def _where(run: str | None, kind: str | None, key: str | None) -> tuple[str, list[Any]]:
    said = [(n, v) for n, v in (("run", run), ("kind", kind), ("key", key)) if v is not None]
    asked = "".join(f" AND {name} = ?" for name, _ in said)
    # The terms of an index let SQLite take it; by the key there are the fewest to look at.
    if key is None:
        asked += f" AND {IN_RUN}" if run else ""
        asked += f" AND {SELDOM}" if kind not in {None, "request", "reply"} else ""
    return asked, [value for _, value in said]
