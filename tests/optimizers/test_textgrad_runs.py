"""TextGrad's step in an event loop, and in runs that are stopped and resumed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

import opto
from opto.errors import ModelUnavailable
from opto.llm import DummyLLM, Reply
from opto.optimizers.drive import drive_async
from opto.optimizers.textgrad import TextGrad
from opto.trace import GRAPH, node
from tests.optimizers.textgrads import Model


def test_a_plan_runs_in_an_event_loop():
    model = Model()
    x = node(3, name="x", trainable=True)
    optimizer = TextGrad([x], llm=model.llm())
    optimizer.backward(x * 2 + x, "make it larger")

    async def answer(requests):
        await asyncio.sleep(0)
        return tuple(Reply(model(request.messages)) for request in requests)

    proposal = asyncio.run(drive_async(optimizer.plan(optimizer.summarize()), answer))
    assert proposal.values == {"x0": 5}
    assert x.data == 3
    asyncio.run(optimizer.step_async())
    assert x.data == 5


@pytest.mark.parametrize("fails_at", range(1, 6))
def test_a_step_that_failed_goes_on_without_asking_again(tmp_path, fails_at):
    """Wherever in the step it failed."""
    model, left = Model(), [fails_at - 1, 99]

    def answer(messages, **asked):
        if not left[0]:
            del left[0]
            raise ModelUnavailable("no route")
        left[0] -= 1
        return model(messages)

    def program():
        GRAPH.clear()
        x = node(3, name="x", trainable=True)
        y = x * 2
        optimizer = TextGrad([x], llm=DummyLLM(answer), parallel=1)
        with opto.run("textgrad", journal=tmp_path / "journal.sqlite") as run:
            optimizer.backward((y + 1) * (y - 1), "larger")
            optimizer.step()
        return x.data, run.asked, run.recalled

    with pytest.raises(ModelUnavailable):
        program()
    assert program() == (5, 6 - fails_at, fails_at - 1)
    assert len(model.users) == len(set(model.users)) == 5
    assert program() == (5, 0, 5)


KILLED = """
import os, sys
import opto
from opto.llm import DummyLLM
from opto.optimizers.textgrad import TextGrad
from opto.trace import node
from tests.optimizers.textgrads import Model

model, left = Model(), int(sys.argv[2])

def answer(messages, **asked):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), 9)
    return model(messages)

x = node(3, name="x", trainable=True)
y = x * 2
optimizer = TextGrad([x], llm=DummyLLM(answer), parallel=1)
with opto.run("killed", journal=sys.argv[1]) as run:
    optimizer.backward((y + 1) * (y - 1), "larger")
    optimizer.step()
sys.stdout.write(f"{x.data} {run.asked} {run.recalled}")
"""


def test_a_killed_step_resumes(tmp_path):
    def ran(answers):
        command = [sys.executable, "-c", KILLED, str(tmp_path / "journal.sqlite"), str(answers)]
        where = Path(__file__).parents[2]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=where)

    assert ran(2).returncode == -9
    assert ran(1).returncode == -9
    assert ran(2).stdout == "5 2 3"
    assert ran(0).stdout == "5 0 5"
