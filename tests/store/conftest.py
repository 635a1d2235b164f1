from __future__ import annotations

import pytest

from opto.store import Recorded, SQLiteJournal, run
from tests.support.openai_server import OpenAIServer


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite"


@pytest.fixture
def opened(path):
    """Opens the journal anew at each call, and closes all in the end."""
    made = []

    def open_it(**how):
        made.append(SQLiteJournal(path, **how))
        return made[-1]

    yield open_it
    for journal in made:
        journal.close()


@pytest.fixture
def server():
    with OpenAIServer() as running:
        yield running


@pytest.fixture
def recorded(opened):
    return lambda source, **how: Recorded(source, opened(), **{"cache": True, **how})


@pytest.fixture
def journal(opened):
    return opened()


@pytest.fixture
def begin(journal):
    """A run in the journal of the test."""

    def begun(name="r", **how):
        return run(name, **{"journal": journal, **how})

    return begun
