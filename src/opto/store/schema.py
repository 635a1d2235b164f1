"""The tables of a journal in SQLite, and the version of their form."""

from __future__ import annotations

__all__ = ["APPLICATION", "SCHEMA", "VERSION"]

# "opto" in ASCII: how the file says whose it is (`file journal.sqlite` shows it).
APPLICATION = 0x6F70746F
VERSION = 1

SCHEMA = (
    # AUTOINCREMENT: a place is never given twice.
    """CREATE TABLE event (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        at REAL NOT NULL,
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        run TEXT NOT NULL,
        data TEXT NOT NULL
    )""",
    "CREATE INDEX event_by_key ON event (kind, key)",
    "CREATE INDEX event_by_run ON event (run)",
    # Not even by hand: what resuming and replaying rest on does not change.
    """CREATE TRIGGER event_stays BEFORE UPDATE ON event
        BEGIN SELECT RAISE(ABORT, 'a journal is only appended to'); END""",
    """CREATE TRIGGER event_remains BEFORE DELETE ON event
        BEGIN SELECT RAISE(ABORT, 'a journal is only appended to'); END""",
    # Who is working on what now: no history, so it changes.
    "CREATE TABLE claim (key TEXT PRIMARY KEY, owner TEXT NOT NULL, until REAL NOT NULL)",
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {VERSION}",
)
