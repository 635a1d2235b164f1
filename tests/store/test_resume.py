"""kill -9 in the middle of a training script, and the same script again."""

from __future__ import annotations

import hashlib
import json
import random
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from opto.store import SQLiteJournal
from tests.store.test_sqlite import whole
from tests.support import training
from tests.support.openai_server import Asked, OpenAIServer, says

STEPS = 6
SAID = re.compile(r"said .*\n")  # the last line of a killed script may be torn


def answer(asked):
    """Another answer to every question, and the same one to the same."""
    said = json.dumps(asked.body["messages"])
    number = int(hashlib.sha256(said.encode()).hexdigest()[:8], 16)
    if "number0" not in said:
        return says(f"answer {number}", silence=0.005)
    values = {"number0": number, "tone0": f"Be {number % 97} words long."}
    return says(json.dumps({"reasoning": "closer", "suggestion": values}), silence=0.005)


@pytest.fixture
def server():
    with OpenAIServer(otherwise=answer) as running:
        yield running


def started(journal, url, name):
    return subprocess.Popen(
        [sys.executable, training.__file__, str(journal), url, name, str(STEPS)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def questions(server, since=0):
    return Counter(json.dumps(asked.body, sort_keys=True) for asked in server.requests[since:])


def recorded(journal, name):
    """How often each answer is in the record of a run, by its text."""
    return Counter(event.data["text"] for event in journal.events(run=name, kind="reply"))


def parameters(lines):
    """What the script printed at its end, without how often it had to ask."""
    return lines[-1].rsplit(" ", 2)[0]


def answer_of(body):
    return answer(Asked("", {}, json.loads(body))).content


@pytest.mark.parametrize(
    "kills", [pytest.param(4, id="4"), pytest.param(200, id="200", marks=pytest.mark.slow)]
)
def test_a_killed_training_comes_to_the_same_parameters_and_asks_nothing_twice(
    tmp_path, server, kills
):
    place = tmp_path / "journal.sqlite"
    begun = time.monotonic()
    lines = started(place, server.url, "undisturbed").communicate(timeout=120)[0].splitlines()
    duration = time.monotonic() - begun
    undisturbed = parameters(lines)
    assert lines[-1].endswith(f" {5 * STEPS} {STEPS}")
    needed = questions(server)
    moments, killed, runs = random.Random(11), 0, 0
    while killed < kills:
        name, runs = f"killed {runs}", runs + 1
        while True:
            before, since = recorded(SQLiteJournal(place), name), len(server.requests)
            process = started(place, server.url, name)
            if killed < kills:
                time.sleep(moments.uniform(0.3, 1.05) * duration)
                process.kill()
                killed += 1
            lines = process.communicate(timeout=120)[0].splitlines(keepends=True)
            assert whole(place)
            sent = questions(server, since)
            # What was in the record was not asked again, however often it is asked in all.
            for body, times in sent.items():
                assert times <= needed[body] - before[answer_of(body)], body
            # What the script was told is in the record.
            told = Counter(line[5:-1] for line in lines if SAID.fullmatch(line))
            assert told <= recorded(SQLiteJournal(place), name)
            if process.returncode == 0 and lines:
                assert parameters(lines) == undisturbed
                break
    assert set(questions(server)) == set(needed)
