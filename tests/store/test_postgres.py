from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from opto.errors import StoreError
from opto.llm import ScriptedLLM
from opto.store import PostgresJournal, Recorded
from opto.store.schema import VERSION
from tests.store.contract import JournalContract
from tests.store.test_asked_once import Slow
from tests.store.test_sqlite import WRITER
from tests.support.postgres import PostgresServer, is_here
from tests.support.runs import drawing, steps_of

sqlalchemy = pytest.importorskip("sqlalchemy", reason="the extra `postgres` is not installed")
pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
pytestmark = pytest.mark.skipif(not is_here(), reason="PostgreSQL is not on this machine")


@pytest.fixture(scope="module")
def server():
    with PostgresServer() as running:
        yield running


@pytest.fixture
def url(server):
    return server.database()


@pytest.fixture
def opened(url):
    """Opens the journal anew at each call, and closes all in the end."""
    made = []

    def open_it():
        made.append(PostgresJournal(url))
        return made[-1]

    yield open_it
    for journal in made:
        journal.close()


@pytest.fixture
def by_hand(url):
    """Runs a statement as its owner could in psql."""
    engine = sqlalchemy.create_engine(
        url.replace("postgresql", "postgresql+psycopg"), poolclass=sqlalchemy.NullPool
    )

    def run(statement):
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text(statement))

    return run


class TestPostgres(JournalContract):
    pass


def test_processes_make_and_write_one_record_at_once(opened, url):
    program = WRITER.replace("SQLiteJournal", "PostgresJournal")
    writers = [
        subprocess.Popen([sys.executable, "-c", program, url, f"w{n}", "20"]) for n in range(4)
    ]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    found = {}
    for event in opened().events():
        found.setdefault(event.run, []).append(event.data)
    assert found == {f"w{n}": [[f"w{n}", i] for i in range(20)] for n in range(4)}


@pytest.mark.parametrize(
    "statement",
    ["UPDATE opto_event SET data = '1'", "DELETE FROM opto_event", "TRUNCATE opto_event"],
)
def test_not_even_by_hand_is_the_past_changed(opened, by_hand, statement):
    opened().append("step", 1)
    with pytest.raises(sqlalchemy.exc.DBAPIError, match="only appended to"):
        by_hand(statement)


def test_a_model_is_recorded_and_answered_from_it(opened):
    assert Recorded(ScriptedLLM(["Hello"]), opened(), cache=True)("Greet me.").text == "Hello"
    assert Recorded(ScriptedLLM([]), opened(), cache=True)("Greet me.").text == "Hello"


def test_layers_over_one_database_ask_one_question_once(opened):
    source = Slow()
    models = [Recorded(source, opened(), cache=True) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        given = {r.text for r in pool.map(lambda n: models[n % 4]("q"), range(16))}
    assert (given, source.asked) == ({"q, 1"}, 1)


def test_after_a_lost_connection_it_goes_on(opened, by_hand):
    journal = opened()
    journal.append("step", 1)
    by_hand(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with pytest.raises(StoreError, match="is the server there"):
        journal.append("step", 2)
    journal.append("step", 3)
    assert [event.data for event in journal.events()][-1] == 3


def test_a_later_version_is_refused(opened, by_hand):
    opened()
    by_hand("UPDATE opto_journal SET version = version + 1")
    with pytest.raises(StoreError, match=rf"of version {VERSION + 1}.* update trace-opt"):
        opened()


def test_a_server_that_is_not_there_is_said_without_its_password():
    with pytest.raises(StoreError, match="is the server there") as caught:
        PostgresJournal("postgresql://me:hunter2@127.0.0.1:1/none")
    assert "hunter2" not in repr(caught.value)


def test_the_password_shows_nowhere_and_does_not_travel(url):
    with PostgresJournal(url.replace("opto@", "opto:hunter2@")) as journal:
        assert "hunter2" not in repr(journal) + str(pickle.dumps(journal))
        assert "hunter2" not in str(vars(journal))
        assert pickle.loads(pickle.dumps(journal)).address == journal.address  # noqa: S301
        assert "://opto@127.0.0.1" in journal.address


def test_what_is_no_address_is_refused():
    with pytest.raises(StoreError, match="this is no address of a database"):
        PostgresJournal("postgresql")


def test_a_run_resumes_and_forks(begin):
    with begin("a"):
        assert steps_of(drawing([1, 2, 3]), 3) == ["1", "2", "3"]
    with begin("a") as again:
        assert steps_of(drawing([]), 3) == ["1", "2", "3"]
    assert (again.attempt, again.asked) == (2, 0)
    with begin("b", fork="a", step=1):
        assert steps_of(drawing([20, 30]), 3) == ["1", "20", "30"]


def test_a_killed_process_does_not_keep_its_run(begin, url):
    script = f"import os, opto\nwith opto.run('r', journal={url!r}):\n    os.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    with begin() as r:
        assert r.attempt == 2
