from __future__ import annotations

import re
import sqlite3
from contextlib import closing

import pytest

from opto.store.schema import APPLICATION, POSTGRES, SCHEMA, VERSION


@pytest.fixture
def made():
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in SCHEMA:
            connection.execute(statement)
        yield connection


def test_the_file_says_whose_it_is(made):
    assert APPLICATION.to_bytes(4, "big") == b"opto"
    assert made.execute("PRAGMA application_id").fetchone() == (APPLICATION,)
    assert made.execute("PRAGMA user_version").fetchone() == (VERSION,)


def insert(connection, data="{}"):
    sql = "INSERT INTO event (at, kind, key, run, data) VALUES (0, 'step', 'k', 'r', ?)"
    return connection.execute(sql, (data,)).lastrowid


@pytest.mark.parametrize("statement", ["UPDATE event SET data = ''", "DELETE FROM event"])
def test_what_is_written_stays(made, statement):
    insert(made)
    with pytest.raises(sqlite3.IntegrityError, match="a journal is only appended to"):
        made.execute(statement)


def columns(statements, table):
    [text] = [s for s in statements if s.startswith(f"CREATE TABLE {table} ")]
    body = text[text.index("(") + 1 : text.rindex(")")]
    return [re.findall(r"\w+", part)[0] for part in body.split(",")]


@pytest.mark.parametrize("table", ["event", "claim", "counter"])
def test_both_databases_hold_the_same(table):
    assert columns(SCHEMA, table) == columns(POSTGRES, f"opto_{table}")
