"""Foreign code of all kinds: coroutines, streams, methods, and what is asked of the host."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle

import pytest

from opto import sandbox
from opto.errors import ExecutionError
from opto.llm import ScriptedLLM
from opto.trace import Module, bundle, node
from opto.trace.graph import Graph
from opto.trace.nodes import ExceptionNode
from opto.trace.written import steps

API_KEY = "sk-0123456789abcdefghij"


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


# --- functions of all kinds -----------------------------------------------------------------------


def test_coroutines():
    @bundle(trainable=True)
    async def f(x):
        return x

    code = "import asyncio\nasync def f(x):\n    await asyncio.sleep(0)\n    return x + 1"

    async def run():
        return await written(f, code)(1), await f.fun(2)

    y, plain = asyncio.run(run())
    assert (y.data, plain, step_of(y).sandbox is not None) == (2, 3, True)
    with sandbox.use("none"):
        y = asyncio.run(f(1))
        assert (y.data, step_of(y).sandbox) == (2, "none")

    async def fail():
        await written(f, "async def f(x):\n    raise ValueError(x)")(1)

    with pytest.raises(ExecutionError, match="ValueError"):
        asyncio.run(fail())


def test_generators():
    @bundle(trainable=True)
    def f(n):
        yield n

    stream = written(f, "def f(n):\n    for i in range(n):\n        yield i * 2")(3)
    assert step_of(stream).sandbox in {"process", "isolated"}
    items = list(stream)
    assert [item.data for item in items] == [0, 2, 4]
    assert items[0].parents == [stream]
    assert list(f.fun(2)) == [0, 2]
    with sandbox.use("none"):
        assert [item.data for item in f(2)] == [0, 2]
    with pytest.raises(ExecutionError, match="division"):
        next(iter(written(f, "def f(n):\n    yield 1 / 0")(3)))
    stream = written(f, "def f(n):\n    got = yield 1\n    yield got")(3)
    assert next(stream).data == 1
    with pytest.raises(ExecutionError, match="sent"):
        stream.send(2)


def test_asynchronous_generators():
    @bundle(trainable=True)
    async def f(n):
        yield n

    code = "async def f(n):\n    for i in range(n):\n        yield i * 2"

    async def run():
        return [item.data async for item in written(f, code)(3)]

    assert asyncio.run(run()) == [0, 2, 4]
    with sandbox.use("none"):
        assert asyncio.run(run()) == [0, 2, 4]


def test_a_plain_function_may_return_a_generator():
    f = written(identity(), "def f(x):\n    return (i for i in range(x))")
    assert [item.data for item in f(2)] == [0, 1]


def test_inner_functions_classes_and_decorators():
    code = (
        "import functools\n"
        "class Point:\n    def __init__(self, x):\n        self.x = x\n\n"
        "def twice(g):\n    @functools.wraps(g)\n"
        "    def wrapped(*args):\n        return [g(*args), g(*args)]\n    return wrapped\n\n"
        "@twice\ndef f(x):\n    count = 0\n    def add(n):\n        nonlocal count\n"
        "        count += n\n    add(Point(x).x)\n    add(1)\n    return count\n"
    )
    assert written(identity(), code)(2).data == [3, 3]


# --- methods --------------------------------------------------------------------------------------


class Agent(Module):
    def __init__(self, mood="calm"):
        self.mood = mood
        self.api_key = "hunter2hunter2"
        self.prompt = node("Be kind.", trainable=True)
        self.__hidden = 5
        self.calls = []

    @bundle(trainable=True)
    def act(self, x):
        """Act."""
        return [self.remember(x), self.answer(x), self.size, self.__hidden]

    @bundle()
    def answer(self, x):
        return x * 10

    def remember(self, x):
        self.calls.append(x)
        return len(self.calls)

    def erase(self):
        self.calls.clear()

    @property
    def size(self):
        return len(self.calls)

    @bundle(trainable=True)
    @classmethod
    def named(cls, x):
        return x

    @bundle(trainable=True)
    @staticmethod
    def alone(x):
        return x


def act(agent, text):
    return written(agent.act, f"def act(self, x):\n    {text}")(3)


def test_self_is_a_view_of_what_is_plain():
    assert act(Agent("wild"), "return [self.mood, self.__hidden, self.size]").data == ["wild", 5, 0]
    assert act(Agent("wild"), "return getattr(self, 'mo' + 'od')").data == "wild"


def test_methods_and_bundles_that_the_user_calls_run_in_the_host_and_are_traced():
    agent = Agent()
    y = act(agent, "return self.remember(x) + self.answer(x).data")
    assert y.data == 31
    assert agent.calls == [3]
    asked = y.parents[-1]
    assert asked.data == 30
    assert asked.op_name.endswith("answer")
    assert asked.parents[0].data is agent
    y.backward("good")
    assert len(agent.act.parameter.feedback) == 1
    assert Graph.of(y)[asked.py_name].sandbox is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("self.erase()", "does not call it"),
        ("return self.api_key", "secret"),
        ("return self.prompt", "is a node"),
        ("self.mood = 'wild'", "read-only"),
        ("return self.nothing", "nothing"),
        ("return super().act(x)", "super"),
    ],
)
def test_what_a_view_does_not_have(text, why):
    agent = Agent()
    agent.calls.append(1)
    with pytest.raises(ExecutionError) as raised:
        act(agent, text)
    assert why in raised.value.exception_node.data
    assert agent.calls == [1]


def test_class_methods_and_static_methods():
    assert written(Agent.named, "def named(cls, x):\n    return x + 1")(1).data == 2
    assert Agent().named(1).data == 2
    agent = Agent()
    assert written(agent.alone, "def alone(x):\n    return x + 2")(1).data == 3


# --- what is asked of the host --------------------------------------------------------------------


def host_functions():
    seen = []

    @bundle(trainable=True)
    def scale(x):
        return x * 2

    @bundle()
    async def slowly(x):
        await asyncio.sleep(0)
        return x * 4

    llm = ScriptedLLM(["Paris"])

    def note(x):
        seen.append(x)
        return len(seen)

    def broken(x):
        raise ValueError(f"the key is {API_KEY}")

    @bundle(trainable=True)
    def f(x):
        return scale(x).data + note(x) + len(llm("x").text) + broken(x)

    @bundle(trainable=True)
    async def later(x):
        return await slowly(x)

    return f, scale, seen, later


def test_a_bundle_that_is_asked_becomes_an_input():
    f, scale, _, _ = host_functions()
    y = written(f, "def f(x):\n    a = scale(x)\n    return a.data + (a + 1).data + scale(a)")(1)
    assert y.data == 2 + 3 + 4
    one, two = y.parents[-2:]
    assert [one.data, two.data] == [2, 4]
    assert one.inputs["__code"] is scale.parameter
    y.backward("good")
    assert len(scale.parameter.feedback) == 2
    assert [p.data for p in y.info["external_dependencies"]] == [2, 4]
    assert list(y.inputs)[:2] == ["x", "__code"]


def test_a_node_may_be_returned():
    f, _, _, _ = host_functions()
    assert written(f, "def f(x):\n    return [scale(x), {'a': scale(x) * 2}]")(1).data == [
        2,
        {"a": 4},
    ]


def test_functions_and_models_of_the_host():
    f, _, seen, _ = host_functions()
    code = "def f(x):\n    return [note(x), note(x + 1), llm('Where?').choices[0].message.content]"
    assert written(f, code)(1).data == [1, 2, "Paris"]
    assert seen == [1, 2]


def test_nodes_that_the_users_code_reads_are_there_and_upstream():
    limit = node(7, name="limit", trainable=True)

    class Agent(Module):
        def __init__(self):
            self.prompt = node("Be kind", trainable=True)
            self.spare = node("nothing", trainable=True)

        @bundle(trainable=True, allow_external_dependencies=True)
        def act(self, x):
            return self.prompt.data + x * limit.data

    agent = Agent()
    code = "def act(self, x):\n    return (self.prompt + x).data[: limit.data]"
    y = written(agent.act, code)(" to all")
    assert y.data == "Be kind"
    assert [n is m for n, m in zip(y.parents[-2:], (limit, agent.prompt), strict=True)] == [
        True
    ] * 2
    y.backward("shorter")
    assert (len(limit.feedback), len(agent.prompt.feedback)) == (1, 1)
    failed = failure(written(agent.act, "def act(self, x):\n    return self.prompt.data / 0"), "")
    assert any(n is agent.prompt for n in failed.parents)
    said = failure(written(agent.act, "def act(self, x):\n    return self.spare.data"), "")
    assert "does not read it: pass it" in said.data


def test_functions_of_the_host_may_return_nodes_and_replies():
    llm = ScriptedLLM(["Paris"] * 2)

    @bundle()
    def scale(x):
        return x * 2

    def scaled(x):
        return scale(x)

    def said(x):
        return llm(x)

    @bundle(trainable=True)
    def f(x):
        return [scaled(x).data, said("x").text]

    y = written(f, "def f(x):\n    a = scaled(x)\n    return [a.data, (a + 1).data, said('x')]")(1)
    assert y.data == [2, 3, "Paris"]
    assert [n.data for n in y.parents[-1:]] == [2]
    assert written(f, "def f(x): return scaled(scaled(x))")(1).data == 4
    code = "def f(x): return said('x').choices[0].message.content"
    assert written(f, code)(1).data == "Paris"


def test_of_an_error_in_the_host_only_the_class_gets_inside():
    f, _, _, _ = host_functions()
    code = (
        "def f(x):\n    try:\n        broken(x)\n    except ValueError as e:\n        return str(e)"
    )
    assert written(f, code)(1).data == "broken() failed in the host: ValueError"
    with pytest.raises(ExecutionError) as raised:
        written(f, "def f(x):\n    return broken(x)")(1)
    failed = raised.value.exception_node
    assert failed.data == "(ValueError) broken() failed in the host: ValueError"
    assert API_KEY not in failed.create_feedback("full")
    # The user is told all of it.
    assert API_KEY in failed.info["traceback"]


def test_an_awaited_bundle():
    _, _, _, later = host_functions()
    y = asyncio.run(written(later, "async def later(x):\n    return (await slowly(x)).data + 1")(1))
    assert y.data == 5
    assert y.parents[-1].data == 4


def test_what_nobody_granted_is_not_called():
    f, _, seen, _ = host_functions()
    g = identity()

    def hidden(x):
        seen.append(x)

    failed = failure(written(f, "def f(x):\n    return hidden(x)"), 1)
    assert "NameError" in failed.data
    failed = failure(written(g, "def f(x):\n    return written(f, x)"), 1)
    assert "written(), which runs in your program" in failed.data
    granted = identity(sandbox=sandbox.Policy(host={"hidden": hidden}))
    written(granted, "def f(x):\n    hidden(x)\n    return x")(7)
    assert seen == [7]


def test_pickled_and_copied_functions_stay_foreign():
    f = written(identity(), "import os\ndef f(x):\n    return os.getpid()")
    twin = copy.deepcopy(f)
    assert twin(1).data != os.getpid()
    assert pickle.loads(pickle.dumps(f.parameter)).foreign is True  # noqa: S301 - our own
