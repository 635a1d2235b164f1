"""Foreign code in the place of a trainable function: held in calls, and told of in the graph."""

from __future__ import annotations

import asyncio
import copy
import json
import os

import pytest

from opto import sandbox
from opto.errors import ExecutionError, ForeignCodeError, SandboxError
from opto.sandbox.foreign import checked
from opto.trace import Module, bundle, node
from opto.trace.graph import Graph
from opto.trace.nodes import ExceptionNode
from opto.trace.written import steps

FACTOR = 3
API_KEY = "sk-0123456789abcdefghij"
LIMITS = [1, 2]


def tripled(x):
    return x * FACTOR


def written(fun, text: str):
    """`fun`, with code as an optimizer writes it."""
    with steps([fun.parameter]):
        fun.parameter._set(text)
    return fun


def failure(call, *args) -> ExceptionNode:
    with pytest.raises(ExecutionError) as raised:
        call(*args)
    return raised.value.exception_node


def step_of(result):
    return Graph.of(result)[result.py_name]


def identity(**options):
    @bundle(trainable=True, **options)
    def f(x):
        """Give something back."""
        return x

    return f


# --- where it runs --------------------------------------------------------------------------------


def test_the_users_code_runs_in_the_process_and_an_optimizers_does_not():
    f = identity()
    f.parameter._set("import os\ndef f(x):\n    return os.getpid()")
    assert f(1).data == os.getpid()
    written(f, "import os\ndef f(x):\n    return [os.getpid()]")
    assert f(1).data != [os.getpid()]
    f.parameter._set("import os\ndef f(x):\n    return {os.getpid()}")
    assert f(1).data == {os.getpid()}


def test_the_graph_says_which_it_was():
    f = identity()
    own = f(1)
    assert step_of(own).sandbox is None
    assert "sandbox" not in own.info
    held = written(f, "def f(x):\n    return x + 1")(1)
    assert held.data == 2
    assert step_of(held).sandbox in {"process", "isolated"}
    assert held.info["sandbox"] == step_of(held).sandbox
    again = Graph.from_json(Graph.of(held).to_json())
    assert again[held.py_name].sandbox == step_of(held).sandbox
    assert [step.sandbox for step in again.steps if step.kind != "message"] == [None, None]


def test_graphs_of_earlier_versions_are_read():
    written_now = json.loads(Graph.of(node(1) + 1).to_json())
    for entry in written_now["steps"]:
        del entry["sandbox"]
    graph = Graph.from_json(json.dumps(written_now))
    assert [(step.value, step.sandbox) for step in graph.steps] == [(1, None), (1, None), (2, None)]


def test_a_result_is_an_output_like_any_other():
    f = written(identity(), "def f(x):\n    return x + 1")
    x = node(4, trainable=True)
    y = f(x)
    assert y.parents == [x, f.parameter]
    assert list(y.inputs) == ["x", "__code"]
    y.backward("larger")
    assert str(f.parameter.feedback) == str(x.feedback)
    assert f(f(1)).data == 3


def test_text_that_the_user_has_written_stays_the_users_whoever_sets_it():
    f = identity()
    original = f.parameter.data
    f.parameter._set("def f(x):\n    return x + 1")
    written(f, original)
    y = f(1)
    assert (y.data, step_of(y).sandbox) == (1, None)


# --- how strongly ---------------------------------------------------------------------------------


def test_level_none_is_the_process():
    f = written(identity(sandbox="none"), "import os\ndef f(x):\n    return os.getpid()")
    y = f(1)
    assert (y.data, step_of(y).sandbox, y.info["sandbox"]) == (os.getpid(), "none", "none")
    failed = failure(written(f, "def f(x):\n    return 1 / 0"), 1)
    assert failed.info["sandbox"] == "none"


def test_a_function_without_a_policy_has_that_around_it():
    f = written(identity(), "import os\ndef f(x):\n    return os.getpid()")
    with sandbox.use("none"):
        y = f(1)
        assert (y.data, step_of(y).sandbox, y.info["sandbox"]) == (os.getpid(), "none", "none")
        failed = failure(written(f, "def f(x):\n    return 1 / 0"), 1)
        assert failed.data == "(ZeroDivisionError) division by zero"
        assert failed.info["sandbox"] == "none"
    with sandbox.use("process"):
        written(f, "import os\ndef f(x):\n    return os.getpid()")
        assert f(1).data != os.getpid()
        assert step_of(f(1)).sandbox == "process"


def test_the_environment_may_only_tighten(monkeypatch):
    monkeypatch.setenv("OPTO_SANDBOX", "process")
    f = written(identity(sandbox="none"), "import os\ndef f(x):\n    return os.getpid()")
    assert f(1).data != os.getpid()


def test_a_policy_that_is_none_is_refused_where_it_is_written():
    with pytest.raises(SandboxError, match="isolatd"):
        identity(sandbox="isolatd")
    with pytest.raises(SandboxError, match="Policy"):
        identity(sandbox=3)
    assert checked(policy := sandbox.Policy(time=1)) is policy


def test_a_module_says_it_for_all_its_functions():
    class Agent(Module):
        def __init__(self):
            self.other = identity()
            self.own = identity(sandbox="process")

        @bundle(trainable=True)
        def act(self, x):
            return x

    agent, stranger = Agent(), Agent()
    agent.set_sandbox("none")
    here = "import os\ndef {}({}):\n    return os.getpid()"
    for one in (agent, stranger, copy.deepcopy(agent)):
        written(one.act, here.format("act", "self, x"))
        written(one.other, here.format("f", "x"))
        written(one.own, here.format("f", "x"))
    twin = copy.deepcopy(agent)
    assert [a.act(1).data == os.getpid() for a in (agent, twin, stranger)] == [True, True, False]
    assert [f(1).data == os.getpid() for f in (agent.other, agent.own)] == [True, False]
    assert failure(written(agent.act, "def act(self, x):\n    x.no"), 1).info["sandbox"] == "none"
    written(agent.act, here.format("act", "self, x"))
    agent.set_sandbox(None)
    assert [f(1).data == os.getpid() for f in (agent.act, agent.other)] == [False, False]
    with pytest.raises(SandboxError):
        agent.set_sandbox("nowhere")


# --- failures -------------------------------------------------------------------------------------


def test_an_error_comes_back_with_its_line_marked():
    f = written(identity(), "def f(x):\n    y = g(x)\n    return y\n\ndef g(x):\n    return 1 / x")
    failed = failure(f, 0)
    assert failed.data == "(ZeroDivisionError) division by zero"
    assert failed.create_feedback("full").split("\n") == [
        "def f(x):",
        "    y = g(x) <--- The error was raised in a called function.",
        "    return y",
        "",
        "def g(x):",
        "    return 1 / x <--- (ZeroDivisionError) division by zero.",
        "",
        "(ZeroDivisionError) division by zero",
    ]
    assert "return 1 / x\nZeroDivisionError: division by zero" in failed.info["traceback"]
    assert step_of(failed).sandbox in {"process", "isolated"}
    assert [p.py_name for p in failed.parents] == ["x0", f.parameter.py_name]


@pytest.mark.parametrize(
    ("raised", "kind", "message"),
    [
        ("raise KeyError('a')", KeyError, "'a'"),
        ("raise ValueError('no such city')", ValueError, "no such city"),
        ("return {}['b']", KeyError, "'b'"),
        ("return x.nothing", AttributeError, "'int' object has no attribute 'nothing'"),
        ("assert x > 5, 'small'", AssertionError, "small"),
    ],
)
def test_an_error_that_is_not_caught_is_of_its_builtin_class(raised, kind, message):
    f = written(identity(catch_execution_error=False), f"def f(x):\n    {raised}")
    with pytest.raises(kind) as caught:
        f(1)
    assert type(caught.value) is kind
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("raised", "name"),
    [
        ("import json\n    json.loads('{')", "json.decoder.JSONDecodeError"),
        ("class Mine(Exception): pass\n    raise Mine('x')", "f.<locals>.Mine"),
        ("raise SystemExit(3)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("b'\\xff'.decode()", "UnicodeDecodeError"),
    ],
)
def test_an_error_of_another_class_is_one_that_names_it(raised, name):
    f = written(identity(catch_execution_error=False), f"def f(x):\n    {raised}")
    with pytest.raises(ForeignCodeError, match=name.rpartition(".")[2]) as caught:
        f(1)
    assert caught.value.error == name
    caught_too = failure(written(identity(), f"def f(x):\n    {raised}"), 1)
    assert caught_too.data.startswith(f"({name})")


def test_an_endless_loop_is_stopped_and_said_to_be_one():
    f = identity(sandbox=sandbox.Policy(time=0.3))
    failed = failure(written(f, "def f(x):\n    while True:\n        x += 1"), 1)
    assert failed.data == "(timeout) stopped after 0.3 s in the loop at line 2"
    assert "<--- (timeout) stopped after 0.3 s" in failed.create_feedback("full")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("def f(x):\n    while True:\n        yield x", "returned too much: more than"),
        (
            "def f(x):\n    yield x\n    while True: x += 1",
            "stopped after 0.4 s in the loop at line 3",
        ),
        ("async def f(x):\n    yield x\n    while True: x += 1", "in the loop at line 3"),
    ],
)
def test_a_generator_without_end_is_said_to_need_one(text, why):
    f = identity(sandbox=sandbox.Policy(time=0.4, result=1 << 20))
    stream = written(f, text)(1)

    async def drawn():
        return [item async for item in stream]

    with pytest.raises(ExecutionError) as raised:
        asyncio.run(drawn()) if "async" in text else list(stream)
    said = raised.value.exception_node.create_feedback("full")
    assert why in said
    assert "a generator runs to its end in the sandbox" in said


def test_a_socket_is_refused_in_words():
    code = (
        "import socket\ndef f(x):\n    return socket.create_connection(('127.0.0.1', 9)).fileno()"
    )
    failed = failure(written(identity(), code), 1)
    assert "there is no network here" in failed.data
    assert "create_connection" in failed.create_feedback("full")


def test_what_no_python_is_fails_as_in_the_process():
    failed = failure(written(identity(), "def f(x):\n    return ("), 1)
    assert "SyntaxError" in failed.data
    failed = failure(written(identity(), "def g(x):\n    return x"), 1)
    assert "must define a function named f" in failed.data


def test_code_of_a_depth_that_nobody_reads_is_refused():
    failed = failure(written(identity(), "def f(x):\n    return " + "not " * 9000 + "x"), 1)
    assert "too deeply" in failed.data
    failed = failure(written(identity(), "def f(x):\n    return x\n" + "#" * 300_000), 1)
    assert "are the most" in failed.data


def test_feedback_on_a_failure_reaches_the_code():
    f = written(identity(), "def f(x):\n    return 1 / 0")
    failed = failure(f, 1)
    failed.backward(failed.create_feedback("full"))
    assert len(f.parameter.feedback) == 1


# --- what goes in and out -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "named", "where"),
    [
        ([object()], {}, "a value of type object as argument 1: only"),
        ([1, {"a": [len]}], {}, "builtin_function_or_method in argument 2, at ['a'][0]: only"),
        ([], {"x": object()}, "a value of type object as argument 'x': only"),
    ],
)
def test_which_argument_is_no_data(args, named, where):
    f = written(identity(), "def f(*args, **named):\n    return 1")
    with pytest.raises(SandboxError) as raised:
        f.fun(*args, **named)
    assert where in str(raised.value)


def test_arguments_that_are_no_data_are_refused_with_advice():
    f = written(identity(), "def f(x):\n    return 1")
    failed = failure(f, node(object()))
    assert failed.info["sandbox"] in {"process", "isolated"}
    assert "object" in failed.data
    for way in ("plain data", "host=", 'sandbox="none"'):
        assert way in failed.data
    assert failed.parents[-1] is f.parameter


def test_arguments_are_copies():
    given = [1]
    f = written(identity(), "def f(x):\n    x.append(2)\n    return x")
    assert f(given).data == [1, 2]
    assert given == [1]


def test_functions_on_nodes_cannot_be_held():
    f = written(identity(traceable_code=True), "def f(x):\n    return x + 1")
    failed = failure(f, 1)
    assert "traceable_code" in failed.data
    assert 'sandbox="none"' in failed.data
    with sandbox.use("none"):
        assert f(1).data == 2


def test_what_is_printed_is_printed(capsys):
    written(identity(), "def f(x):\n    print('hello', chr(27) + '[31mred')\n    return x")(1)
    assert capsys.readouterr().out == "hello red\n"


def test_bundle_above_the_code_is_left_out_and_lines_keep_their_numbers():
    code = "@bundle(\n    trainable=True\n)\ndef f(x):\n    return 1 / x"
    assert written(identity(), code)(2).data == 0.5
    failed = failure(written(identity(), code), 0)
    assert "return 1 / x <---" in failed.create_feedback("full")


def test_modules_data_and_helpers_are_there():
    code = (
        "import math\n\ndef f(x):\n    return tripled(x) + math.floor(2.5) + sum(LIMITS) + FACTOR"
    )
    assert written(identity(), code)(1).data == 3 + 2 + 3 + 3


def test_a_secret_is_not_there():
    failed = failure(written(identity(), "def f(x):\n    return API_KEY"), 1)
    assert "API_KEY" in failed.data
    assert "secret" in failed.data
    assert API_KEY not in str(failed.info)


def test_recursion_stays_inside():
    @bundle(trainable=True)
    def fib(n):
        return n

    code = "def fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)"
    assert written(fib, code)(15).data == 610


def test_defaults_and_keywords_are_the_codes_own_where_the_call_fits_only_them():
    @bundle(trainable=True)
    def f(x, k=2):
        return x * k

    written(f, "def f(x, k=5, *more, extra=7):\n    return [x, k, list(more), extra]")
    # A call is made as the user wrote the function; defaults are the user's, too.
    assert f(1).data == [1, 2, [], 7]
    assert f(1, k=3).data == [1, 3, [], 7]
    assert f(1, 2, 3, extra=4).data == [1, 2, [3], 4]
    assert f.fun(1) == [1, 5, [], 7]
    written(f, "def f(x, k=len('abc'), *, extra=LIMITS):\n    return [x, k, extra]")
    assert f(1, extra=4).data == [1, 3, 4]
    with pytest.raises(TypeError):
        written(f, "def f(x):\n    return x")(1, 2, 3)
