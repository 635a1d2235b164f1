"""A worker for each call, as where nothing can be forked."""

from __future__ import annotations

import time

import psutil
import pytest

from opto.errors import SandboxUnavailable
from opto.sandbox.engine import CPython
from opto.sandbox.policy import Policy
from opto.sandbox.pool import Pool
from opto.sandbox.spawned import Spawning
from opto.sandbox.task import Task


@pytest.fixture(scope="module")
def run():
    engine = CPython(Pool(Spawning))

    def run(text, *args, **limits):
        policy = Policy(**{"level": "process", "host": {"double": lambda x: 2 * x}, **limits})
        return engine.call(Task(text, "f", args), policy)

    yield run
    engine.stop()


@pytest.mark.parametrize(
    ("text", "status", "value"),
    [
        ("def f(x):\n print('here')\n return double(x) + 1", "ok", 7),
        ("def f(x): return 1 / 0", "error", None),
        ("import os\ndef f(x): os._exit(3)", "died", None),
        ("import ctypes\ndef f(x): ctypes.string_at(0)", "died", None),
        ("def f(x): return f", "refused", None),
        ("def f(x): return 'x' * (2 << 30)", "memory", None),
        ("def f(x): open('/tmp/there', 'w')", "error", None),
    ],
)
def test_calls_end_as_they_do_elsewhere(run, text, status, value):
    outcome = run(text, 3)
    assert (outcome.status, outcome.value) == (status, value), outcome
    if value:
        assert outcome.printed == "here\n"
    if "open" in text:
        assert outcome.error == "PermissionError"


def test_a_hang_is_killed_and_nothing_is_left(run):
    before = set(psutil.Process().children())
    began = time.monotonic()
    outcome = run("def f():\n while True: pass", time=0.3)
    assert (outcome.status, outcome.message) == ("timeout", "stopped after 0.3 s")
    until = time.monotonic() + 5
    while set(psutil.Process().children()) - before and time.monotonic() < until:
        time.sleep(0.02)
    assert set(psutil.Process().children()) <= before
    assert time.monotonic() - began < 10


def test_what_cannot_be_imported_is_told(run):
    with pytest.raises(SandboxUnavailable, match="nothing_there"):
        run("def f(): pass", preload=["nothing_there"])
