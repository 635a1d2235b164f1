"""What a budget has spent and reserved: one account for all who share it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import ceil
from time import time
from typing import TYPE_CHECKING, Protocol

from opto.llm.shared import InMemory, Shared, is_running

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from os import PathLike

__all__ = ["Amount", "Ledger", "Limits", "Standing", "opened"]

# Money is counted in whole billionths of a dollar, rounded up: sums are exact.
NANO = 1_000_000_000
SCHEMA = """
CREATE TABLE IF NOT EXISTS spent (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    nano INTEGER NOT NULL, unpriced INTEGER NOT NULL, tokens INTEGER NOT NULL,
    calls INTEGER NOT NULL, began REAL);
CREATE TABLE IF NOT EXISTS reserved (
    ticket INTEGER PRIMARY KEY AUTOINCREMENT,
    nano INTEGER NOT NULL, unpriced INTEGER NOT NULL, tokens INTEGER NOT NULL,
    calls INTEGER NOT NULL, process INTEGER NOT NULL, until REAL NOT NULL);
INSERT OR IGNORE INTO spent VALUES (1, 0, 0, 0, 0, NULL)
"""
# Billionths of a dollar, calls of unknown price, tokens, calls.
Row = tuple[int, int, int, int]
SUMS = ", ".join(f"COALESCE(SUM({c}), 0)" for c in ("nano", "unpriced", "tokens", "calls"))


@dataclass(frozen=True, slots=True)
class Amount:
    """Money, tokens and calls, of one call or of many.

    Args:
        usd: US dollars; None where the price of a part of it is not known.
        tokens: tokens read and written.
        calls: attempts that were sent.
    """

    usd: float | None = 0.0
    tokens: int = 0
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """An account at one moment.

    Args:
        spent: what was settled.
        reserved: the upper estimates of calls that are under way.
        seconds: wall-clock time since the first call.
    """

    spent: Amount
    reserved: Amount
    seconds: float


class Ledger(Protocol):
    """An account that those who share a budget read and change together."""

    shared: Shared

    def standing(self) -> Standing:
        """The account now."""

    def reserve(self, asked: Amount, limits: Limits) -> tuple[int | None, Standing]:
        """Set `asked` aside if that stays within the limits.

        Returns:
            The ticket to settle with, None if it does not fit; and the account before it.
        """

    def settle(self, ticket: int | None, actual: Amount) -> None:
        """Put what was spent in the place of what was set aside, if anything was."""


def opened(path: str | PathLike[str] | None, lease: float) -> Ledger:
    """The account in a file that processes share; without one, that of this process.

    Args:
        path: the SQLite file, or None.
        lease: seconds after which the reservation of a process that is gone is given back.
    """
    return _Here() if path is None else _InFile(path, lease)


class _Here(InMemory):
    """An account of this process: whole numbers, behind one lock."""

    def __init__(self) -> None:
        self.shared = Shared(None, "")
        self._spent: Row = (0, 0, 0, 0)
        self._sum: Row = (0, 0, 0, 0)
        self._reserved: dict[int, Row] = {}
        self._tickets = 0
        self._began: float | None = None

    def standing(self) -> Standing:
        with self.shared.alone():
            seconds = 0.0 if self._began is None else time() - self._began
            return Standing(_amount(self._spent), _amount(self._sum), seconds)

    def reserve(self, asked: Amount, limits: Limits) -> tuple[int | None, Standing]:
        with self.shared.alone():
            standing = self.standing()
            if limits.broken(standing, asked, with_reserved=True):
                return None, standing
            if self._began is None:
                self._began = time()
            self._tickets += 1
            row = self._reserved[self._tickets] = _row(asked)
            self._sum = _plus(self._sum, row)
            return self._tickets, standing

    def settle(self, ticket: int | None, actual: Amount) -> None:
        with self.shared.alone():
            row = None if ticket is None else self._reserved.pop(ticket, None)
            if row is not None:
                self._sum = _plus(self._sum, row, -1)
            self._spent = _plus(self._spent, _row(actual))
            self.shared.announce()


class _InFile:
    """An account in a file, read and changed in one transaction."""

    def __init__(self, path: str | PathLike[str], lease: float) -> None:
        self.lease = lease
        self.shared = Shared(path, SCHEMA)

    def standing(self) -> Standing:
        with self.shared.transaction() as db:
            return self._standing(db)

    def reserve(self, asked: Amount, limits: Limits) -> tuple[int | None, Standing]:
        with self.shared.transaction() as db:
            standing = self._standing(db)
            if limits.broken(standing, asked, with_reserved=True):
                return None, standing
            db.execute("UPDATE spent SET began = ? WHERE began IS NULL", (time(),))
            row = db.execute(
                "INSERT INTO reserved (nano, unpriced, tokens, calls, process, until) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (*_row(asked), os.getpid(), time() + self.lease),
            )
            return row.lastrowid, standing

    def settle(self, ticket: int | None, actual: Amount) -> None:
        with self.shared.transaction() as db:
            if ticket is not None:
                db.execute("DELETE FROM reserved WHERE ticket = ?", (ticket,))
            db.execute(
                "UPDATE spent SET nano = nano + ?, unpriced = unpriced + ?, "
                "tokens = tokens + ?, calls = calls + ?",
                _row(actual),
            )
        self.shared.announce()

    def _standing(self, db: sqlite3.Connection) -> Standing:
        now = time()
        self._give_back(db, now)
        *spent, began = db.execute(
            "SELECT nano, unpriced, tokens, calls, began FROM spent"
        ).fetchone()
        reserved = db.execute(f"SELECT {SUMS} FROM reserved").fetchone()  # noqa: S608 - a constant
        return Standing(_amount(spent), _amount(reserved), now - began if began else 0.0)

    def _give_back(self, db: sqlite3.Connection, now: float) -> None:
        """Drop what processes had reserved that were killed; a slow call keeps what it has."""
        late = db.execute("SELECT ticket, process FROM reserved WHERE until < ?", (now,))
        for ticket, process in late.fetchall():
            if not is_running(process):
                db.execute("DELETE FROM reserved WHERE ticket = ?", (ticket,))


@dataclass(frozen=True, slots=True)
class Limits:
    """What an account may reach; None is no limit."""

    usd: float | None = None
    tokens: int | None = None
    calls: int | None = None
    seconds: float | None = None

    def broken(self, standing: Standing, asked: Amount, *, with_reserved: bool) -> str | None:
        """The first limit that `asked` would break, by name; None if it fits."""
        reserved = standing.reserved if with_reserved else Amount()
        if self.seconds is not None and standing.seconds >= self.seconds:
            return "seconds"
        for name in ("usd", "tokens", "calls"):
            limit = getattr(self, name)
            parts = [getattr(amount, name) for amount in (standing.spent, reserved, asked)]
            if limit is None:
                continue
            if None in parts or sum(map(_whole, parts)) > _whole(limit, down=True):
                return name
        return None


def _whole(number: float, *, down: bool = False) -> int:
    """A number in billionths; a part of one counts as one, but not of a limit."""
    if isinstance(number, int):
        return number * NANO
    nano = round(number * NANO, 3)  # 0.1 + 0.2 is 0.30000000000000004
    return int(nano) if down else ceil(nano)


def _plus(row: Row, other: Row, sign: int = 1) -> Row:
    return (
        row[0] + sign * other[0],
        row[1] + sign * other[1],
        row[2] + sign * other[2],
        row[3] + sign * other[3],
    )


def _row(amount: Amount) -> Row:
    nano = 0 if amount.usd is None else _whole(float(amount.usd))
    return nano, int(amount.usd is None), amount.tokens, amount.calls


def _amount(row: Sequence[int]) -> Amount:
    nano, unpriced, tokens, calls = row
    return Amount(None if unpriced else nano / NANO, tokens, calls)
