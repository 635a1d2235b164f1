"""What was acknowledged outlives kill -9 at any instant, and the file stays whole."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import pytest

from tests.store.test_asked_once import ASKER
from tests.store.test_sqlite import whole
from tests.support.openai_server import says

# Tells of each event after it is stored, by a line that outlives the process.
WRITER = """
import sys
from opto.store import Entry, SQLiteJournal
journal = SQLiteJournal(sys.argv[1])
for n in range(10**9):
    pair = [Entry("request", [n, "x" * (n * 37 % 9000)], str(n)), Entry("reply", n, str(n))]
    places = [event.seq for event in journal.extend(pair)]
    print(n, *places, flush=True)
"""


@pytest.mark.parametrize(
    "kills", [pytest.param(20, id="20"), pytest.param(200, id="200", marks=pytest.mark.slow)]
)
def test_killed_writers_lose_nothing_that_was_acknowledged(opened, path, kills):
    moments = random.Random(7)
    acknowledged = {}
    opened().close()
    for _ in range(kills):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        )
        first = process.stdout.readline()  # it has begun to write
        time.sleep(moments.uniform(0, 0.06))
        process.kill()
        lines = [first, *process.stdout.read().splitlines(keepends=True)]
        process.wait()
        process.stdout.close()
        for line in lines:
            if line.endswith("\n"):  # the last may be torn
                n, *places = map(int, line.split())
                acknowledged.update(dict.fromkeys(places, n))
        assert whole(path)
    found = {event.seq: event for event in opened().events()}
    assert len(acknowledged) >= 2 * kills
    lost = {seq for seq, n in acknowledged.items() if found[seq].key != str(n)}
    assert not lost
    # Both of a pair, or none.
    kinds = [event.kind for event in found.values()]
    assert kinds == ["request", "reply"] * (len(kinds) // 2)


def test_killed_programs_do_not_ask_again_what_was_answered(opened, path, server):
    moments, questions = random.Random(3), [f"question {n}" for n in range(150)]
    server.otherwise = lambda asked: says(f"to {asked.body['messages'][0]['content']}")
    answered = []
    for kill in (True, True, True, True, True, False):
        process = subprocess.Popen(
            [sys.executable, "-c", ASKER, str(path), server.url, *questions],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout.readline() == "ready\n"
        before = len(server.requests)
        process.stdin.write("go\n")
        process.stdin.flush()
        if kill:
            lines = [process.stdout.readline() for _ in range(len(answered) + 1)]
            time.sleep(moments.uniform(0, 0.1))
            process.kill()
            lines += process.stdout.read().splitlines(keepends=True)
            process.communicate()
        else:
            lines = process.communicate()[0].splitlines(keepends=True)
        asked = {r.body["messages"][0]["content"] for r in server.requests[before:]}
        assert asked.isdisjoint(questions[: len(answered)])
        answered = [line.rstrip("\n") for line in lines if line.endswith("\n")]
        assert answered == [f"to {question}" for question in questions[: len(answered)]]
        assert whole(path)
    assert len(answered) == len(questions)
    # At most one question was under way at each kill.
    assert len(server.requests) <= len(questions) + 5
    assert sum(event.kind == "reply" for event in opened().events()) == len(questions)
