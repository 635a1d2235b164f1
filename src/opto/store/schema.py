"""The tables of a journal, in the words of each database, and the version of their form."""

from __future__ import annotations

__all__ = ["APPLICATION", "LOCK", "POSTGRES", "SCHEMA", "VERSION"]

# "opto" in ASCII: how the file says whose it is (`file journal.sqlite` shows it).
APPLICATION = 0x6F70746F
VERSION = 1

# What SQLite's indexes are for; a query that shall use one has to say the same.
SELDOM = "kind NOT IN ('request', 'reply')"
IN_RUN = "run <> ''"

SCHEMA = (
    # Each row goes behind the last one, so that a place is never given twice.
    """CREATE TABLE event (
        seq INTEGER PRIMARY KEY,
        at REAL NOT NULL,
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        run TEXT NOT NULL,
        data TEXT NOT NULL
    )""",
    "CREATE INDEX event_by_key ON event (key, kind)",
    # Each index is one more page to write for each event. Requests and replies are found by
    # their key, or with all others of their run.
    f"CREATE INDEX event_by_kind ON event (kind) WHERE {SELDOM}",
    f"CREATE INDEX event_by_run ON event (run) WHERE {IN_RUN}",
    # Not even by hand: what resuming and replaying rest on does not change.
    """CREATE TRIGGER event_stays BEFORE UPDATE ON event
        BEGIN SELECT RAISE(ABORT, 'a journal is only appended to'); END""",
    """CREATE TRIGGER event_remains BEFORE DELETE ON event
        BEGIN SELECT RAISE(ABORT, 'a journal is only appended to'); END""",
    # Who is working on what now: no history, so it changes.
    """CREATE TABLE claim (
        key TEXT PRIMARY KEY, owner TEXT NOT NULL, until REAL NOT NULL
    ) WITHOUT ROWID""",
    # How often something has happened, where every time must be told apart.
    "CREATE TABLE counter (key TEXT PRIMARY KEY, next INTEGER NOT NULL)",
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {VERSION}",
)

# The number of PostgreSQL's lock under which events are written one after the other.
LOCK = APPLICATION

POSTGRES = (
    # `until` and the other times are seconds since 1970.
    """CREATE TABLE opto_event (
        seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at DOUBLE PRECISION NOT NULL,
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        run TEXT NOT NULL,
        data TEXT NOT NULL
    )""",
    # Hashes: what is in a B-tree must be short, and a key may be anything.
    "CREATE INDEX opto_event_by_key ON opto_event USING hash (key)",
    "CREATE INDEX opto_event_by_kind ON opto_event (kind, seq)",
    "CREATE INDEX opto_event_by_run ON opto_event USING hash (run)",
    """CREATE FUNCTION opto_event_stays() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'a journal is only appended to'; END $$""",
    """CREATE TRIGGER opto_event_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON opto_event
        EXECUTE FUNCTION opto_event_stays()""",
    """CREATE TABLE opto_claim (
        key TEXT PRIMARY KEY, owner TEXT NOT NULL, until DOUBLE PRECISION NOT NULL
    )""",
    "CREATE TABLE opto_counter (key TEXT PRIMARY KEY, next BIGINT NOT NULL)",
    "CREATE TABLE opto_journal (version INTEGER NOT NULL)",
    f"INSERT INTO opto_journal VALUES ({VERSION})",  # noqa: S608 - a number of ours
)
