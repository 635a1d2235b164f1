"""Foreign code in Monty, the other engine."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from opto import sandbox
from opto.errors import ExecutionError, PlugError, SandboxUnavailable
from opto.sandbox import Names, Policy, Task
from opto.sandbox.engine import engine_for
from opto.sandbox.task import SelfView
from opto.trace import bundle, node
from opto.trace.written import steps

pytest.importorskip("pydantic_monty")
GRANTED = {"search": lambda words: f"3 pages about {words}", "fails": lambda: 1 / 0}
POLICY = Policy(engine="monty", time=0.5, host=GRANTED, host_calls=3)


@pytest.fixture(scope="module", autouse=True)
def engine():
    engine = engine_for(POLICY)
    yield engine
    engine.stop()


def run(text, *args, policy=POLICY, names=None, **kwargs):
    return engine_for(policy).call(Task(text, "f", args, kwargs, names or Names()), policy)


def test_it_says_what_it_is(engine):
    said = str(engine.start(POLICY))
    assert said.startswith("isolated on Monty 1.")
    assert "no files, no network and no programs" in said


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("def f(x): return x * 6", 42),
        ("async def f(x): return [x]", [7]),
        ("def f(x): return 1 if x < 2 else x * f(x - 1)", 5040),
        ("def f(*a, k=1): return a, k, {1: 'x'}, {3}, b'y', 1.5, None", None),
        ("def f(x): return search('otters')", "3 pages about otters"),
    ],
)
def test_what_it_returns_is_plain_data(text, value):
    outcome = run(text, 7)
    assert outcome.status == "ok", outcome
    assert outcome.level == "isolated"
    assert outcome.value == (value or ((7,), 1, {1: "x"}, {3}, b"y", 1.5, None))


def test_names_are_there():
    text = "def f(x): return twice(x) + k + math.sqrt(4)"
    sources = {"twice": "def twice(x): return x * 2"}
    names = Names(modules={"math": "math"}, values={"k": 5}, sources=sources)
    assert run(text, 1, names=names).value == 9.0


@pytest.mark.parametrize(
    ("text", "status", "sentence"),
    [
        ("def f(x):\n y = 1\n return 1 / 0", "error", "raised ZeroDivisionError at line 3"),
        ("def f(x) return 1", "error", "raised SyntaxError at line 1"),
        ("def f(x): return fails()", "error", "fails() failed in the host: ZeroDivisionError"),
        ("def f(x): return open('/etc/passwd').read()", "error", "PermissionError"),
        ("import socket\ndef f(x): return 1", "error", "ModuleNotFoundError"),
        ("import os\ndef f(x): return os.environ['HOME']", "error", "not supported"),
        ("def f(x): return [1] * (1 << 30)", "memory", "needed more memory than 1GB at line 1"),
        ("class A:\n    pass\ndef f(x): return A()", "refused", "only plain data travels"),
        ("def f(x): return f(x)", "error", "RecursionError"),
    ],
)
def test_how_it_can_end(text, status, sentence):
    outcome = run(text, 7)
    assert outcome.status == status, outcome
    assert sentence in outcome.sentence


@pytest.mark.parametrize("text", ["def f(x):\n while True: pass", "def f(x): return 10 ** 10 ** 9"])
def test_it_ends_in_time(text):
    began = time.monotonic()
    outcome = run(text, 7)
    assert outcome.status in {"timeout", "memory"}, outcome
    assert time.monotonic() - began < 5
    assert run("def f(x): return x", 1).value == 1


def test_who_catches_that_the_host_was_called_too_often_gains_nothing():
    text = """
def f(x):
    for _ in range(9):
        try:
            search("x")
        except Exception:
            pass
    return 1
"""
    outcome = run(text, 7)
    assert (outcome.status, outcome.host_calls) == ("limit", 3)


def test_what_is_printed_is_kept_up_to_the_limit():
    policy = Policy(engine="monty", output=10)
    assert run("def f(x): print('abc' * 100)", 7, policy=policy).printed == "abcabcabca"


def test_a_long_answer_is_a_limit():
    policy = Policy(engine="monty", result=1000)
    assert run("def f(x): return 'a' * 2000", 7, policy=policy).status == "limit"


def test_what_is_no_data_does_not_go_in():
    assert run("def f(x): return x", object()).status == "refused"
    assert run("def f(self): return 1", names=Names(self_view=SelfView())).status == "refused"


def test_host_functions_are_awaited_in_the_calling_task():
    async def agree(word):
        await asyncio.sleep(0)
        return word + "!"

    policy = Policy(engine="monty", host={"agree": agree})
    task = Task("def f(x): return agree(x)", "f", ("yes",))
    assert asyncio.run(engine_for(policy).call_async(task, policy)).value == "yes!"
    assert run("def f(x): return agree(x)", "no", policy=policy).value == "no!"


def test_many_threads_call_at_once():
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda x: run("def f(x): return x + 1", x).value, range(40)))
    assert found == list(range(1, 41))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_fork_is_told_at_once_that_it_has_none():
    assert run("def f(x): return x", 1).value == 1
    child = os.fork()
    if not child:
        code = 1
        try:
            run("def f(x): return x + 1", 1)
        except SandboxUnavailable:
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert run("def f(x): return x", 3).value == 3


def test_a_bundle_takes_it():
    @bundle(trainable=True, sandbox=POLICY)
    def double(x):
        return 2 * x

    with steps([double.parameter]):  # as an optimizer writes
        double.parameter._set("def double(x):\n    return 3 * x")
    assert double(node(2)).data == 6
    with steps([double.parameter]):
        double.parameter._set("def double(x):\n    import socket\n    return 1")
    with pytest.raises(ExecutionError, match="socket"):
        double(node(2))


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydantic_monty", None)
    with pytest.raises(SandboxUnavailable, match=r"trace-opt\[monty\]"):
        run("def f(x): return x", 1)


def test_an_engine_that_nobody_knows_is_named():
    with pytest.raises(PlugError, match=r"engine\.montie.*engine\.monty"):
        engine_for(Policy(engine="montie"))
    with sandbox.use(engine="monty") as policy:
        assert policy.engine == "monty"
