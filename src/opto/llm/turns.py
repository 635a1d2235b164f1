"""Where the pace and the seats of a governor are kept: in this process, or in a file for many."""

from __future__ import annotations

from contextlib import contextmanager
from os import getpid
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from opto.llm.pace import Pace
from opto.llm.shared import InMemory, Shared, is_running

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from os import PathLike

    from opto.llm.pace import Limits

__all__ = ["Turns", "kept"]

# Seconds after which a call counts as ended whose process is gone.
LEASE = 60.0
CALLS = """
CREATE TABLE IF NOT EXISTS calls (
    seat INTEGER PRIMARY KEY AUTOINCREMENT, process INTEGER NOT NULL, until REAL NOT NULL)
"""


class Turns(Protocol):
    """What those who share a governor know together."""

    shared: Shared

    def pace(self, limits: Limits) -> AbstractContextManager[Pace]:
        """The pace, for one at a time; what is changed in it stays."""

    def at_once(self, limits: Limits, seats: int | None, tokens: int | None) -> int | None:
        """A seat and a turn, where both are free and nobody waits for one; else None.

        Args:
            limits: as for `pace`.
            seats: how many calls may be under way; None for any number.
            tokens: how many the call will have; None where nobody knows.
        """

    def sit_down(self) -> int:
        """A seat behind all others."""

    def ahead(self, seat: int) -> int:
        """How many are before this seat."""

    def get_up(self, seat: int) -> None:
        """Leave a seat."""


def kept(path: str | PathLike[str] | None) -> Turns:
    """The turns of this file, which all processes share; without one, of this process."""
    return _Here() if path is None else _InFile(path)


class _Here(InMemory):
    """Turns of this process: plain values, behind one lock.

    A database in memory would do the same, ten times as slowly, and would let another
    thread go first at each of its statements.
    """

    def __init__(self) -> None:
        self.shared = Shared(None, "")
        self._pace: Pace | None = None
        self._seats: dict[int, None] = {}
        self._last = 0

    @contextmanager
    def pace(self, limits: Limits) -> Iterator[Pace]:
        with self.shared.alone():
            pace = self._pace
            if pace is None:
                pace = self._pace = Pace(limits, since=monotonic())
            yield pace

    def at_once(self, limits: Limits, seats: int | None, tokens: int | None) -> int | None:
        with self.shared.alone():
            if (seats is not None and len(self._seats) >= seats) or self.shared.line.is_waited_in:
                return None
            with self.pace(limits) as pace:
                if not _taken(pace, tokens):
                    return None
            return self.sit_down()

    def sit_down(self) -> int:
        with self.shared.alone():
            self._last += 1
            self._seats[self._last] = None
            return self._last

    def ahead(self, seat: int) -> int:
        with self.shared.alone():
            return sum(other < seat for other in self._seats)

    def get_up(self, seat: int) -> None:
        with self.shared.alone():
            self._seats.pop(seat, None)


class _InFile:
    """Turns of all processes that share a file."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self.shared = Shared(path, f"{Pace.TABLE};{CALLS}", outlives_power=False)

    @contextmanager
    def pace(self, limits: Limits) -> Iterator[Pace]:
        with self.shared.transaction() as db:
            now = monotonic()
            pace = Pace.read(db, limits, now)
            before = pace.values()
            yield pace
            if pace.values() != before:
                pace.write(db, now)

    def at_once(self, limits: Limits, seats: int | None, tokens: int | None) -> int | None:
        if self.shared.line.is_waited_in:
            return None
        with self.shared.transaction() as db:
            if seats is not None:
                [before] = db.execute("SELECT COUNT(*) FROM calls").fetchone()
                if before >= seats:
                    return None
            now = monotonic()
            pace = Pace.read(db, limits, now)
            if not _taken(pace, tokens):
                return None
            pace.write(db, now)
            return 0 if seats is None else _sit_down(db)

    def sit_down(self) -> int:
        with self.shared.transaction() as db:
            return _sit_down(db)

    def ahead(self, seat: int) -> int:
        with self.shared.transaction() as db:
            now = monotonic()
            # What lies further ahead than a lease is of before a restart of the machine.
            db.execute("DELETE FROM calls WHERE until > ?", (now + 2 * LEASE,))
            late = "SELECT DISTINCT process FROM calls WHERE until < ?"
            for (process,) in db.execute(late, (now,)).fetchall():
                if is_running(process):
                    db.execute(
                        "UPDATE calls SET until = ? WHERE process = ?", (now + LEASE, process)
                    )
                else:
                    db.execute("DELETE FROM calls WHERE process = ?", (process,))
            row = db.execute("SELECT COUNT(*) FROM calls WHERE seat < ?", (seat,)).fetchone()
        return int(row[0])

    def get_up(self, seat: int) -> None:
        with self.shared.transaction() as db:
            db.execute("DELETE FROM calls WHERE seat = ?", (seat,))


def _taken(pace: Pace, tokens: int | None) -> bool:
    """Take a turn if it is time; where tokens are limited, they have to be known."""
    return (tokens is not None or pace.tokens is None) and not pace.take(monotonic(), tokens or 0)


def _sit_down(db: sqlite3.Connection) -> int:
    row = db.execute(
        "INSERT INTO calls (process, until) VALUES (?, ?)", (getpid(), monotonic() + LEASE)
    )
    return int(row.lastrowid or 0)
