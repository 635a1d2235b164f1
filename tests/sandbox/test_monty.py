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


def test_containers_come_as_they_were():
    made = {(1, ("a",)): [{2}, frozenset({3})], None: {}, 4: ((), [], set())}
    assert repr(run(f"def f(x): return {made}", 7).value) == repr(made)
    asked = []
    policy = Policy(engine="monty", host={"note": lambda *a, **k: asked.append((a, k))})
    run(f"def f(x): return note({made}, x, k={made})", 7, policy=policy)
    assert repr(asked) == repr([((made, 7), {"k": made})])


@pytest.mark.parametrize("made", ["{{{}}}", "[{}]", "{{k: 1 for k in [{}]}}", "(tuple([{}]), 1)"])
@pytest.mark.parametrize("way", ["return", "return search"])
def test_keys_of_one_hash_do_not_hold_up_this_process(made, way):
    keys = "k * (2 ** 61 - 1) for k in range(1, 60_000)"
    made = made.replace("{{{}}}", f"{{{keys}}}").replace("[{}]", f"[{keys}]")
    made = made.replace("{{", "{").replace("}}", "}")
    policy = Policy(engine="monty", time=20, host=GRANTED)
    text = f"def f(x):\n    made = {made}\n    {way}(made)"
    began = time.process_time()
    outcome = run(text, 7, policy=policy)
    assert time.process_time() - began < 5
    if way == "return":
        assert outcome.status == "garbage", outcome
        assert "one hash" in outcome.sentence


def test_the_code_cannot_keep_its_tables_whole():
    text = """
def type(v): return int
dict = set = int
def f(x): return search({1: {2}})
"""
    asked = []
    run(text, 7, policy=Policy(engine="monty", host={"search": asked.append}))
    assert asked == [{1: {2}}]


def test_chance_begins_where_the_policy_says():
    text = "import random\ndef f(x): return [random.random(), x]"
    two = [[run(text, n).value for _ in range(2)] for n in (90, 90)]
    assert len({v[0] for pair in two for v in pair}) == 4
    other = Policy(engine="monty", seed=5)
    assert run(text, 91).value != run(text, 91, policy=other).value


def test_a_long_sleep_is_a_time_out():
    text = "import time\ndef f(x):\n    time.sleep(x)\n    return x"
    assert run(text, 0.1).value == 0.1
    outcome = run(text, 3600)
    assert outcome.status == "timeout", outcome
    assert outcome.sentence == "stopped as it was to sleep beyond 0.5 s at line 3"


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
