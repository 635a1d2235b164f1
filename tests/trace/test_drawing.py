"""Streams from all kinds of bundled functions."""

from __future__ import annotations

import inspect
import json

import pytest

from opto.errors import ExecutionError, TraceMissingInputsError
from opto.optimizers import OptoPrime
from opto.trace import Module, bundle, node, operators
from opto.trace.utils import sum_feedback
from tests.support.streams import count, data, echo


def test_yield_from_another_bundled_generator():
    @bundle()
    def pairs(n):
        last = yield from count(n)
        assert last is None
        end = yield from echo(n)
        yield ("end", end)

    x = node(2, trainable=True)
    stream = pairs(x)
    assert [next(stream).data for _ in range(3)] == [0, 1, 2]
    assert stream.send("b").data == "b"
    with pytest.raises(KeyError):
        stream.throw(KeyError)
    stream = pairs(x)
    for _ in range(3):
        item = next(stream)
    item = stream.send("stop")
    assert item.data[0] == "end"
    assert item.parameter_dependencies == {x}


def test_yield_from_credits_what_the_inner_generator_used():
    w = node(10, trainable=True)

    @bundle(allow_external_dependencies=True)
    def inner(n):
        for i in range(n):
            yield i * w.data

    @bundle()
    def outer(n):
        yield from inner(n)

    x = node(3, trainable=True)
    items = list(outer(x))
    assert data(items) == [0, 10, 20]
    assert all(item.parameter_dependencies == {x, w} for item in items)


def test_closing_the_outer_generator_closes_the_inner_one():
    done = []

    @bundle()
    def inner(n):
        try:
            yield from range(n)
        finally:
            done.append("inner")

    @bundle()
    def outer(n):
        yield from inner(n)

    stream = outer(3)
    next(stream)
    del stream
    assert done == ["inner"]


def test_an_ordinary_function_that_returns_a_generator():
    hidden = node(2, name="hidden", trainable=True)
    lazy = bundle()(lambda n: (i * 2 for i in range(n)))
    x = node(3, trainable=True)
    items = list(lazy(x))
    assert data(items) == [0, 2, 4]
    assert all(item.parameter_dependencies == {x} for item in items)
    sly = bundle()(lambda n: (i * hidden.data for i in range(n)))
    with pytest.raises(TraceMissingInputsError, match="hidden"):
        list(sly(x))


@pytest.mark.parametrize(
    "lazy",
    [
        lambda n, h: map(lambda i: i + h.data, range(n)),  # noqa: C417 - what is tested
        lambda n, h: filter(lambda i: h.data, range(n)),
        lambda n, h: zip(range(n), (h.data for _ in range(n)), strict=True),
        lambda n, h: enumerate(h.data for _ in range(n)),
    ],
)
def test_other_lazy_results_are_watched_too(lazy):
    hidden = node(2, trainable=True)
    with pytest.raises(TraceMissingInputsError):
        list(bundle()(lambda n: lazy(n, hidden))(3))
    items = list(bundle(allow_external_dependencies=True)(lambda n: lazy(n, hidden))(3))
    assert data(items) == list(lazy(3, node(2)))
    assert all(item.parameter_dependencies == {hidden} for item in items)


def test_a_generator_that_was_an_argument_is_given_back_as_it_is():
    raw = (i for i in range(3))
    y = bundle()(lambda g: g)(raw)
    assert y.data is raw


def test_a_stream_is_passed_on_and_is_the_stream_of_the_last_step():
    x = node(3, trainable=True)
    same = bundle()(lambda stream: stream)
    through = same(count(x))
    items = list(through)
    assert data(items) == [0, 1, 2]
    assert all(item.parents == [through] for item in items)
    assert next(same(count(x))).data == 0
    assert items[0].parameter_dependencies == {x}
    in_a_list = operators.getitem([count(x)], 0)
    items = list(in_a_list)
    assert data(items) == [0, 1, 2]
    assert all(item.parents == [in_a_list] for item in items)
    kept = node(count(x).data)
    assert data(kept) == [0, 1, 2]


def test_a_stream_made_inside_and_returned():
    w = node(5, trainable=True)

    @bundle(allow_external_dependencies=True)
    def inner(n):
        for i in range(n):
            yield i + w.data

    @bundle()
    def outer(n):
        return inner(n)

    x = node(2, trainable=True)
    stream = outer(x)
    assert stream.op_name.endswith("outer")
    items = list(stream)
    assert data(items) == [5, 6]
    assert all(item.parents == [stream, w] for item in items)
    total = bundle()(sum)(outer(x))
    assert (total.data, total.parameter_dependencies) == (11, {x, w})


class Agent(Module):
    def __init__(self):
        self.by = node(10, trainable=True)

    @bundle(allow_external_dependencies=True)
    def steps(self, n):
        for i in range(n):
            yield i + self.by.data

    @classmethod
    @bundle()
    def made(cls, n):
        yield cls.__name__
        yield n

    @bundle()
    @staticmethod
    def still(n):
        yield n

    def forward(self, n):
        total = 0
        for item in self.steps(n):
            total = total + item
        return total


def test_methods():
    agent, x = Agent(), node(2, trainable=True)
    items = list(agent.steps(x))
    assert data(items) == [10, 11]
    assert items[0].parameter_dependencies == {x, agent.by}
    y = agent(x)
    assert (y.data, y.parameter_dependencies) == (21, {x, agent.by})
    assert data(Agent.made(3)) == ["Agent", 3]
    assert data(Agent.still(3)) == data(agent.still(3)) == [3]


def test_a_generator_method_of_a_traceable_kind():
    class Loop(Module):
        def __init__(self):
            self.w = node(3, trainable=True)

        @bundle(traceable_code=True)
        def forward(self, x):
            y = x * self.w
            yield y
            got = yield y + 1
            yield got * self.w

    loop, x = Loop(), node(2, trainable=True)
    stream = loop(x)
    first, second = next(stream), next(stream)
    assert (first.data, second.data) == (6, 7)
    third = stream.send(node(5))
    assert third.data == 15
    for item in (first, second, third):
        assert loop.w in item.hidden_dependencies
    second.backward("inside", retain_graph=True)
    assert sum_feedback([loop.w]).user_feedback == "inside"
    assert sum_feedback([x]).user_feedback == "inside"
    y = bundle()(sum)(bundle(traceable_code=True)(_scaled)(x, loop.w))
    assert (y.data, y.parameter_dependencies) == (12, {x, loop.w})


def _scaled(x, w):
    yield x * w
    yield x * w


def test_a_traceable_generator_in_which_a_hidden_parameter_is_used_and_driven_plainly():
    w = node(3, trainable=True)

    @bundle(traceable_code=True)
    def scaled(x):
        yield x * w

    y = bundle()(sum)(scaled(2))
    assert y.data == 6
    assert w in y.parameter_dependencies


def test_overwrite_python_recursion():
    @bundle(overwrite_python_recursion=True)
    def down(n):
        yield n
        if n:
            inner = down(n - 1)
            assert inspect.isgenerator(inner)
            yield from inner

    x = node(3, trainable=True)
    items = list(down(x))
    assert data(items) == [3, 2, 1, 0]
    assert all(item.parents[0].inputs == {"n": x} for item in items)
    assert data(down(1)) == [1, 0]


def test_a_trainable_generator():
    @bundle(trainable=True)
    def numbers(n):
        yield from range(n)

    x = node(3)
    running = numbers(x)
    first = next(running)
    assert first.parameter_dependencies == {numbers.parameter}
    assert running.inputs == {"n": x, "__code": numbers.parameter}
    numbers.parameter._set("def numbers(n):\n    for i in range(n):\n        yield i * 100\n")
    assert data(running) == [1, 2]
    assert data(numbers(x)) == [0, 100, 200]
    numbers.parameter._set("def numbers(n):\n    return [7] * n\n")
    assert data(numbers(x)) == [7, 7, 7]
    numbers.parameter._set("def numbers(n):\n    yield 1\n    yield 1 / 0\n")
    stream = numbers(x)
    next(stream)
    with pytest.raises(ExecutionError, match="ZeroDivisionError") as caught:
        next(stream)
    assert numbers.parameter in caught.value.exception_node.parameter_dependencies
    assert "1 / 0" in caught.value.exception_node.create_feedback("full")


def test_an_optimizer_rewrites_a_trainable_generator():
    new = "def numbers(n):\n    for i in range(n):\n        yield i + 1\n"
    asked = []

    @bundle(trainable=True)
    def numbers(n):
        """Numbers."""
        yield from range(n)

    optimizer = OptoPrime([numbers.parameter], llm=_json(asked, numbers, new))
    total = sum(numbers(node(3)))
    optimizer.zero_feedback()
    optimizer.backward(total, "should be 6")
    optimizer.step()
    assert ".next(stream=" in asked[0]
    assert sum(numbers(node(3))).data == 6


def _json(asked, function, new):
    def llm(messages, **_):
        asked.append(str(messages))
        name = function.parameter.py_name
        answer = {"reasoning": "r", "answer": "", "suggestion": {name: new}}
        return json.dumps(answer)

    return llm
