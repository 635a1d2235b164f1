"""What a journal in SQLite says to its file: each is one statement, however many rows it has.

Python gives up the interpreter's lock around every statement, and a statement by itself is
a transaction, so that both are paid once for all threads that come at one time.
"""

from __future__ import annotations

from functools import cache
from time import time
from typing import TYPE_CHECKING, NamedTuple

from opto.store.events import Claim
from opto.store.owner import is_gone

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from opto.store.journal import Row

__all__ = [
    "OF_A_CONNECTION",
    "Question",
    "append_all",
    "claimed",
    "enter_all",
    "entered_over",
    "is_taken",
    "release",
    "taken_over",
]

# They are the connection's, and stand in no file. Who has the reply needs no claim. And a
# question is entered, with a claim on it, where it has no reply and nobody else has the claim.
OF_A_CONNECTION = (
    """CREATE TEMP TRIGGER answered AFTER INSERT ON main.event WHEN NEW.kind = 'reply'
        BEGIN DELETE FROM claim WHERE key = NEW.key; END""",
    """CREATE TEMP VIEW question AS
        SELECT at, kind, key, run, data, '' AS owner, 0.0 AS until FROM main.event""",
    """CREATE TEMP TRIGGER entered INSTEAD OF INSERT ON question
        WHEN NOT EXISTS (SELECT 1 FROM event WHERE key = NEW.key AND kind = 'reply')
        BEGIN
            INSERT INTO claim VALUES (NEW.key, NEW.owner, NEW.until)
                ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, until = excluded.until
                WHERE claim.owner = excluded.owner OR claim.until <= NEW.at;
            INSERT INTO event (at, kind, key, run, data)
                SELECT NEW.at, NEW.kind, NEW.key, NEW.run, NEW.data
                WHERE EXISTS
                    (SELECT 1 FROM claim WHERE key = NEW.key AND owner = NEW.owner);
        END""",
)
# Take a claim that is free, or one's own, or over.
CLAIM = (
    "INSERT INTO claim (key, owner, until) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
    "owner = excluded.owner, until = excluded.until "
    "WHERE claim.owner = excluded.owner OR claim.until <= ?"
)
MINE = (
    "SELECT EXISTS (SELECT 1 FROM claim WHERE key = ? AND owner = ?) "
    "AND NOT EXISTS (SELECT 1 FROM event WHERE key = ? AND kind = 'reply')"
)


class Question(NamedTuple):
    """A request as it is stored, and who wants to ask it, until when."""

    row: Row
    owner: str
    until: float


def append_all(connection: sqlite3.Connection, rows: Sequence[Row]) -> list[int]:
    """Store rows, all or none; their places, in order."""
    values = [value for row in rows for value in row[1:]]
    last = connection.execute(_append(len(rows)), values).lastrowid or 0
    return list(range(last - len(rows) + 1, last + 1))


@cache
def _append(rows: int) -> str:
    values = ", ".join(["(?, ?, ?, ?, ?)"] * rows)
    return f"INSERT INTO event (at, kind, key, run, data) VALUES {values}"  # noqa: S608


def enter_all(connection: sqlite3.Connection, questions: Sequence[Question]) -> list[bool]:
    """Store each question, with the claim on it, if that is free and it has no reply yet.

    Returns:
        For each, whether it was; where a claim is that of an owner who is gone, it was not.
    """
    values = [v for row, owner, until in questions for v in (*row[1:], owner, until)]
    before = connection.total_changes
    connection.execute(_enter(len(questions)), values)
    if connection.total_changes - before == 2 * len(questions):
        return [True] * len(questions)
    keys = [(row.key, owner, row.key) for row, owner, _ in questions]
    return [bool(connection.execute(MINE, key).fetchone()[0]) for key in keys]


@cache
def _enter(questions: int) -> str:
    values = ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * questions)
    return f"INSERT INTO question (at, kind, key, run, data, owner, until) VALUES {values}"  # noqa: S608


def entered_over(connection: sqlite3.Connection, question: Question) -> bool:
    """The same for one question, within a transaction; an owner who is gone has no claim."""
    row, owner, until = question
    answered = "SELECT 1 FROM event WHERE key = ? AND kind = 'reply'"
    if connection.execute(answered, (row.key,)).fetchone() is not None:
        return False
    if not taken_over(connection, Claim(row.key, owner), until):
        return False
    append_all(connection, [row])
    return True


def claimed(connection: sqlite3.Connection, claim: Claim, seconds: float) -> bool:
    """Take a claim that is free, or over, or the owner's own already; whether that worked."""
    now = time()
    return connection.execute(CLAIM, (claim.key, claim.owner, now + seconds, now)).rowcount > 0


def taken_over(connection: sqlite3.Connection, claim: Claim, until: float) -> bool:
    """The same within a transaction; an owner who is gone has no claim."""
    if is_taken(connection, claim):
        return False
    row = (claim.key, claim.owner, until)
    connection.execute("INSERT OR REPLACE INTO claim (key, owner, until) VALUES (?, ?, ?)", row)
    return True


def is_taken(connection: sqlite3.Connection, claim: Claim) -> bool:
    """Whether another owner has it, whose time is not over and whose process has not ended."""
    held = connection.execute(
        "SELECT owner FROM claim WHERE key = ? AND owner <> ? AND until > ?",
        (claim.key, claim.owner, time()),
    ).fetchone()
    return held is not None and not is_gone(held[0])


def release(connection: sqlite3.Connection, claim: Claim) -> None:
    """End a claim, if its owner still has it."""
    connection.execute("DELETE FROM claim WHERE key = ? AND owner = ?", (claim.key, claim.owner))
