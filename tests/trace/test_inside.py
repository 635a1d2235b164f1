"""Functions that work on nodes: what they are given, what is kept of them (SPEC 3.7)."""

from __future__ import annotations

import asyncio
import gc
import inspect
from threading import Lock
from weakref import ref

import pytest

from opto.errors import BackwardError, ExecutionError
from opto.trace import Module, bundle, model, node, stop_tracing
from opto.trace.propagators import TraceGraph
from opto.trace.utils import sum_feedback
from tests.support.opened import calls, heard


def test_a_function_that_returns_what_it_was_given(p, x):
    @bundle("[same] gives it back", traceable_code=True)
    def same(v, w):
        return w

    y = same(x, p) * 2
    y.backward("f")
    assert calls(sum_feedback([p]).opened()) == ["multiply0 = multiply(x=p0, y=int0)"]
    assert TraceGraph.expand(same(x, p)).nodes == [p]


def test_a_function_that_returns_a_value_from_outside(p, x):
    @bundle("[other] gives p", traceable_code=True)
    def other(v):
        return p

    y = other(x)
    assert y.data == 5
    y.backward("f")
    assert heard(p) == ["f"]
    assert TraceGraph.expand(y).nodes == [p]


def test_several_nodes_in_a_tuple(p, x):
    @bundle("[two] two values", traceable_code=True)
    def two(v):
        return v + p, v * p

    y = two(x)
    assert y.data == (6, 5)
    first, second = y
    (first * second).backward("f")
    assert heard(p) == ["f"]
    lines = calls(sum_feedback([p]).opened())
    assert "tuple0 = make_tuple(args_0=add0, args_1=multiply0)" in lines
    assert "getitem0 = getitem(x=tuple0, index=int0)" in lines


def test_containers_of_nodes(p, x):
    @bundle("[f] adds the first two", traceable_code=True)
    def f(values, *, by):
        return {"sum": values[0] + values[1] * by["p"]}

    y = f([x, 2], by={"p": p})
    assert y.data == {"sum": 11}
    y.backward("f")
    assert heard(p) == ["f"]
    assert calls(TraceGraph.expand(y)) == [
        "getitem0 = getitem(x=values0, index=int0)",
        "getitem1 = getitem(x=values0, index=int1)",
        "getitem2 = getitem(x=by0, index=str0)",
        "multiply0 = multiply(x=getitem1, y=getitem2)",
        "add0 = add(x=getitem0, y=multiply0)",
        "dict0 = make_dict(sum=add0)",
    ]
    assert "by0 = make_dict(p=p0)" in calls(sum_feedback([p]).opened())


def test_nodes_in_the_value_of_an_argument(p, x):
    held = node([x * p, 2])

    @bundle("[f] the first", traceable_code=True)
    def f(values):
        return values[0] + values[0].data

    y = f(held)
    assert y.data == 10
    y.backward("f")
    assert heard(p) == ["f"]
    assert p in TraceGraph.expand(y).nodes


def test_what_a_function_looked_at_to_decide_is_upstream(p, x):
    @bundle("[pick] by size", traceable_code=True)
    def pick(v, w):
        if (v * p).data > 3:
            return w
        return v

    w = node(7, name="w")
    y = pick(x, w)
    assert y.hidden_dependencies == {p}
    y.backward("f")
    assert calls(sum_feedback([p]).opened()) == [
        "multiply0 = multiply(x=x0, y=p0)",
        "pick0 = pick(w0=w0, multiply0=multiply0)",
    ]


def test_a_plain_value_computed_from_what_was_made_inside(p, x):
    @bundle("[f] a number", traceable_code=True)
    def f(v):
        return (v * p).data + 1

    y = f(x)
    assert y.data == 6
    y.backward("g")
    assert heard(p) == ["g"]
    assert calls(TraceGraph.expand(y)) == [
        "multiply0 = multiply(x=x0, y=p0)",
        "f0 = f(multiply0=multiply0)",
    ]


def test_recursion(p):
    @bundle("[count] down to zero", traceable_code=True)
    def count(n):
        return p * 1 if n.data == 0 else count(n - 1) + p

    y = count(3)
    assert y.data == 20
    y.backward("f")
    assert heard(p) == ["f"]
    steps = [n.op_name for n in TraceGraph.expand(y, depth=None).nodes if n.parents]
    # The last call looked at its argument, which what it gave does not show.
    assert sorted(steps) == ["add"] * 3 + ["count", "multiply"] + ["subtract"] * 3
    assert "count0 = count(n=subtract4, p0=p0)" in calls(TraceGraph.expand(y, depth=3))


def test_methods_work_on_the_object_itself():
    class Agent(Module):
        def __init__(self):
            self.word = node("a", name="word", trainable=True)
            self.calls = 0

        @bundle("[say] a word", traceable_code=True)
        def say(self, what):
            self.calls += 1
            return self.shout(self.word + what)

        @bundle("[shout] loudly", trainable=True)
        def shout(self, what):
            return what.upper()

    agent = Agent()
    y = agent.say(node("b"))
    assert (y.data, agent.calls) == ("AB", 1)
    code = agent.shout.parameter
    assert y.hidden_dependencies == {agent.word, code} == set(agent.parameters())
    y.backward("louder")
    assert heard(agent.word, code) == ["louder", "louder"]


def test_modules_and_functions_are_given_as_they_are(x):
    @model
    class Scale:
        def __init__(self):
            self.by = node(2, name="by", trainable=True)

        def forward(self, v):
            return v * self.by

    @bundle(trainable=True)
    def more(v):
        return v + 1

    @bundle(traceable_code=True)
    def both(module, function, v):
        return function(module(v))

    scale = Scale()
    y = both(scale, more, x)
    assert y.data == 3
    assert y.hidden_dependencies == {scale.by}
    y.backward("f")
    assert heard(scale.by, more.parameter) == ["f", "f"]


def test_a_trainable_function_that_works_on_nodes(p, x):
    @bundle(traceable_code=True, trainable=True)
    def f(v):
        return v + p

    y = f(x)
    assert y.hidden_dependencies == {p}
    y.backward("g")
    assert heard(p, f.parameter) == ["g", "g"]
    assert calls(sum_feedback([p])) == ["eval0 = eval(v=x0, __code=__code0, p0=p0)"]
    f.parameter._set("def f(v):\n    return v * p")
    assert f(x).data == 5
    assert f(x).hidden_dependencies == {p}


def test_an_asynchronous_function(p, x):
    @bundle("[inner] adds p", traceable_code=True)
    async def inner(v):
        await asyncio.sleep(0)
        return v + p

    @bundle("[outer] of two", traceable_code=True)
    async def outer(v):
        one, two = await asyncio.gather(inner(v), inner(v * 2))
        return one * two

    y = asyncio.run(outer(x))
    assert (y.data, y.hidden_dependencies) == (42, {p})
    y.backward("f")
    assert heard(p) == ["f"]
    assert {n.op_name for n in TraceGraph.expand(y, depth=None).nodes} == {
        *("ParameterNode", "Node", "add", "multiply")
    }


def test_a_failure_inside_is_what_the_call_failed_by(p, x):
    @bundle("[inner] fails", traceable_code=True)
    def inner(v):
        return v * p / 0

    @bundle("[outer] calls it", traceable_code=True)
    def outer(v):
        return inner(v) + 1

    with pytest.raises(ExecutionError) as caught:
        outer(x)
    failed = caught.value.exception_node
    assert failed.name == "exception_outer:0"
    assert failed.hidden_dependencies == {p}
    failed.backward("repair it")
    assert heard(p) == ["repair it"]
    assert calls(sum_feedback([p])) == ["exception_outer0 = outer(v=x0, p0=p0)"]
    assert calls(sum_feedback([p]).opened()) == [
        "multiply0 = multiply(x=x0, y=p0)",
        "exception_divide0 = divide(x=multiply0, y=int0)",
    ]
    one = TraceGraph.expand(failed)
    assert [n.kind for n in one.nodes][-1] == "exception"


def test_a_failure_of_the_code_itself_comes_from_what_it_looked_at(p, x):
    @bundle("[f] refuses", traceable_code=True)
    def f(v):
        if (v * p).data > 3:
            raise ValueError
        return v

    with pytest.raises(ExecutionError) as caught:
        f(x)
    failed = caught.value.exception_node
    failed.backward("g")
    assert heard(p) == ["g"]
    assert calls(TraceGraph.expand(failed)) == [
        "multiply0 = multiply(x=x0, y=p0)",
        "exception_f0 = f(multiply0=multiply0)",
    ]


def test_arguments_as_they_are_need_no_copies(p, x):
    @bundle("[f] adds p", traceable_code=True, _process_inputs=False)
    def f(v):
        assert v is x
        return v + p

    y = f(x)
    assert y.hidden_dependencies == {p}
    assert calls(TraceGraph.expand(y)) == ["add0 = add(x=x0, y=p0)"]


def test_without_recording_nothing_is_kept(nested, x):
    with stop_tracing():
        y = nested(x)
    assert (y.data, y.hidden_dependencies, y.parents) == (12, frozenset(), [])
    with pytest.raises(BackwardError):
        TraceGraph.expand(y)


def test_what_cannot_be_copied_is_shared(p):
    lock = Lock()

    @bundle("[f] adds p", traceable_code=True)
    def f(guard, values):
        assert guard.data is lock
        return values[0] + p

    y = f(lock, [1, 2])
    assert (y.data, y.hidden_dependencies) == (6, {p})
    # It was looked at, so the result has come from it too.
    assert calls(TraceGraph.expand(y))[-1] == "f0 = f(add0=add0, guard0=guard0)"


def test_a_node_that_is_given_twice_is_one_inside(x):
    @bundle(traceable_code=True)
    def f(v, w):
        assert v is w
        return v + w

    assert f(x, x).data == 2


def test_changes_in_place_inside_do_not_reach_the_argument(p):
    @bundle(traceable_code=True)
    def f(values):
        values.append(p)
        return values[0] + values[2]

    given = node([1, 2])
    assert f(given).data == 6
    assert given.data == [1, 2]


def test_state_that_an_object_carries_from_call_to_call():
    class Memory(Module):
        def __init__(self):
            self.start = node(0, name="start", trainable=True)
            self.sum = self.start

        @bundle("[add] to what was before", traceable_code=True)
        def add(self, v):
            self.sum = self.sum + v
            return self.sum

    memory, q = Memory(), node(3, name="q", trainable=True)
    memory.add(q)
    y = memory.add(4)
    y.backward("f")
    # The second call was not given q, but what the first had made of it.
    assert heard(memory.start, q) == ["f", "f"]
    assert q in TraceGraph.expand(y).nodes


def test_what_is_known_of_a_call(p, x):
    @bundle(traceable_code=True)
    def f(v, *, k=1):
        return v * p + k

    y = f(x, k=2)
    assert y.info["output"].op_name == "add"
    assert [n.data for n in y.info["inputs"]["args"]] == [1]
    assert [(k, n.data) for k, n in y.info["inputs"]["kwargs"].items()] == [("k", 2)]
    assert y.info["fun_name"].endswith("f")


def test_what_was_kept_is_freed_with_the_result(nested, p, x):
    gc.collect()
    gc.disable()
    try:
        y = nested(x)
        inner = ref(y.info["output"])
        y.backward("f")
        p.zero_feedback()
        assert inner() is not None
        del y
        assert inner() is None
    finally:
        gc.enable()


def test_calling_reads_no_source(monkeypatch, nested, x):
    def forbidden(*args, **kwargs):
        raise AssertionError

    for name in ("signature", "getsource", "getsourcelines", "stack"):
        monkeypatch.setattr(inspect, name, forbidden)
    assert nested(x).data == 12
