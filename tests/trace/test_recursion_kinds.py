"""Recursion of traceable, trainable and asynchronous functions, of generators, in threads."""

from __future__ import annotations

import asyncio
import inspect
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import ExecutionError
from opto.trace import Module, bundle, node
from opto.trace.nodes import MessageNode
from opto.trace.propagators import TraceGraph
from opto.trace.utils import sum_feedback
from tests.support.recursive import TREES, male, plain_male, plain_sum, shallow, tree_sum
from tests.support.streams import data, drained

# --- traceable ------------------------------------------------------------------------------------


class Powers(Module):
    def __init__(self, step):
        self.step = node(step, trainable=True)

    @bundle(traceable_code=True)
    def forward(self, x, n):
        return x if n.data == 0 else self(x * self.step, n - 1)


def test_traceable_recursion_keeps_every_level():
    powers, x = Powers(2), node(3, trainable=True)
    y = powers(x, node(3))
    assert y.data == 24
    assert powers.step in y.hidden_dependencies | y.parameter_dependencies
    level, depth = y, 0
    while isinstance(level.info.get("output"), MessageNode) and level.info["opened"]:
        inside = TraceGraph.expand(level)
        assert level.info["output"] in [n for _, n in inside.graph]
        level, depth = level.info["output"], depth + 1
    assert depth == 4
    y.backward("lower")
    assert sum_feedback([powers.step]).user_feedback == "lower"
    assert sum_feedback([x]).user_feedback == "lower"


# --- trainable ------------------------------------------------------------------------------------


def test_recursion_of_trainable_code_runs_plain_before_and_after_a_change():
    """SPEC 3.6: the code is run as it stands; what calls itself calls the code."""
    kinds = []

    @bundle(trainable=True)
    def fib(n):
        if n < 2:
            return n
        left, right = fib(n - 1), fib(n - 2)
        kinds.append(type(left))
        return left + right

    x = node(7, trainable=True)
    y = fib(x)
    assert (y.data, y.parents) == (13, [x, fib.parameter])
    fib.parameter._set(
        "def fib(n):\n"
        "    if n < 2:\n        return 1\n"
        "    left, right = fib(n - 1), fib(n - 2)\n"
        "    kinds.append(type(left))\n"
        "    return left + right\n"
    )
    y = fib(x)
    assert (y.data, y.parents) == (21, [x, fib.parameter])
    assert set(kinds) == {int}


def test_mutual_recursion_of_trainable_functions():
    @bundle(trainable=True)
    def even(n):
        return True if n == 0 else odd(n - 1)

    @bundle(trainable=True)
    def odd(n):
        return False if n == 0 else even(n - 1)

    x = node(7, trainable=True)
    y = even(x)
    assert y.data is False
    assert y.parameter_dependencies == {x, even.parameter, odd.parameter}
    odd.parameter._set("def odd(n):\n    return 'odd' if n == 0 else even(n - 1)")
    y = even(x)
    assert y.data == "odd"
    even.parameter._set("def even(n):\n    return 'even' if n == 0 else odd(n - 1)")
    assert (even(x).data, even(node(6)).data, odd(x).data) == ("odd", "even", "even")
    y.backward("words, please", retain_graph=True)
    for parameter in (even.parameter, odd.parameter):
        assert sum_feedback([parameter]).user_feedback == "words, please"


def test_a_trainable_function_calls_a_recorded_one_that_calls_it():
    recorded = []

    @bundle(trainable=True)
    def f(n):
        return 0 if n == 0 else g(n) + 1

    @bundle(allow_external_dependencies=True)
    def g(n):
        below = f(n - 1)
        recorded.append(type(below))
        return below

    y = f(node(3, trainable=True))
    assert y.data == 3
    assert f.parameter in y.parameter_dependencies
    assert len(recorded) == 3


def test_a_trainable_method_that_calls_itself():
    class Agent(Module):
        @bundle(trainable=True)
        def act(self, n):
            return [] if n == 0 else [n, *self.act(n - 1)]

    agent, other = Agent(), Agent()
    y = agent.act(3)
    assert list(y.data) == [3, 2, 1]
    agent.act.parameter._set(
        "def act(self, n):\n    return [] if n == 0 else [0, *self.act(n - 1)]"
    )
    assert list(agent.act(2).data) == [0, 0]
    assert list(other.act(2).data) == [2, 1]


# --- asynchronous ---------------------------------------------------------------------------------


@bundle()
async def later_sum(tree):
    await asyncio.sleep(0)
    if not isinstance(tree, list):
        return tree
    below = await asyncio.gather(*map(later_sum, tree))
    return sum(n.data for n in below)


@bundle()
async def later_even(n):
    await asyncio.sleep(0)
    return True if n == 0 else await later_odd(n - 1)


@bundle()
async def later_odd(n):
    await asyncio.sleep(0)
    return False if n == 0 else await later_even(n - 1)


@given(st.lists(TREES, min_size=1, max_size=3))
def test_asynchronous_recursion_that_branches_into_tasks(trees):
    async def program():
        return await asyncio.gather(*(later_sum(node(t, trainable=True)) for t in trees))

    results = asyncio.run(program())
    assert data(results) == list(map(plain_sum, trees))
    assert all(len(y.parameter_dependencies) == 1 for y in results)


def test_asynchronous_mutual_recursion():
    x = node(30, trainable=True)
    y = asyncio.run(later_even(x))
    assert (y.data, y.parameter_dependencies) == (True, {x})


def test_asynchronous_recursion_that_fails_at_the_bottom():
    @bundle()
    async def down(n):
        await asyncio.sleep(0)
        if n == 0:
            raise ValueError("the bottom")
        return await down(n - 1)

    x = node(4, trainable=True)
    with pytest.raises(ExecutionError) as caught:
        asyncio.run(down(x))
    failed = caught.value.exception_node
    assert failed.data == "(ValueError) the bottom"
    assert x in failed.parameter_dependencies


# --- generators -----------------------------------------------------------------------------------


def plain_leaves(tree):
    if isinstance(tree, list):
        for below in tree:
            yield from plain_leaves(below)
    else:
        yield tree


@bundle()
def leaves(tree):
    if isinstance(tree, list):
        for below in tree:
            yield from leaves(below)
    else:
        yield tree


@bundle()
async def later_leaves(tree):
    await asyncio.sleep(0)
    if isinstance(tree, list):
        for below in tree:
            async for leaf in later_leaves(below):
                yield leaf
    else:
        yield tree


@given(TREES)
def test_generators_walk_trees(tree):
    x, expected = node(tree, trainable=True), list(plain_leaves(tree))
    for items in (list(leaves(x)), asyncio.run(drained(later_leaves(x)))):
        assert data(items) == expected
        assert all(item.parameter_dependencies == {x} for item in items)
        assert all(type(item.data) is int for item in items)


def test_permutations_by_generators():
    @bundle()
    def permutations(items):
        if not items:
            yield []
        for i, first in enumerate(items):
            for rest in permutations(items[:i] + items[i + 1 :]):
                yield [first, *rest.data]

    x = node([1, 2, 3], trainable=True)
    found = list(permutations(x))
    assert sorted(data(found)) == [
        [1, 2, 3],
        [1, 3, 2],
        [2, 1, 3],
        [2, 3, 1],
        [3, 1, 2],
        [3, 2, 1],
    ]
    assert all(item.parameter_dependencies == {x} for item in found)


def test_generators_that_call_each_other():
    w = node(3, trainable=True)

    @bundle(allow_external_dependencies=True)
    def ping(n):
        yield "ping"
        if n:
            yield from pong(n - 1)
        else:
            yield w.data

    @bundle()
    def pong(n):
        yield "pong"
        if n:
            yield from ping(n - 1)
        else:
            yield w + 0

    items = list(ping(3))
    assert data(items) == ["ping", "pong", "ping", "pong", 3]
    assert items[-1].parameter_dependencies == {w}
    assert items[0].parameter_dependencies == set()


def test_a_deep_generator_that_fails_at_the_bottom():
    ended = []

    @bundle()
    def down(n):
        try:
            yield n
            if n == 0:
                raise ValueError("the bottom")
            yield from down(n - 1)
        finally:
            ended.append(n)

    x = node(5, trainable=True)
    stream = down(x)
    assert [next(stream).data for _ in range(6)] == [5, 4, 3, 2, 1, 0]
    with pytest.raises(ExecutionError, match="the bottom") as caught:
        next(stream)
    assert caught.value.exception_node.data == "(ValueError) the bottom"
    assert x in caught.value.exception_node.parameter_dependencies
    assert ended == [0, 1, 2, 3, 4, 5]


def test_a_deep_generator_that_is_dropped_at_the_bottom():
    ended = []

    @bundle()
    def down(n):
        try:
            yield n
            if n:
                yield from down(n - 1)
        finally:
            ended.append(n)

    depth = sys.getrecursionlimit() // 6
    stream = down(depth)
    for item in stream:
        if item.data == 0:
            break
    del stream, item
    assert ended == [*range(depth + 1)]


@shallow()
def test_a_generator_without_end():
    @bundle()
    def forever(n):
        yield from forever(n + 1)

    with pytest.raises(ExecutionError, match="RecursionError"):
        next(forever(0))


# --- threads --------------------------------------------------------------------------------------


class Opaque(tuple):
    """Something in which calls do not look for nodes."""

    __slots__ = ()

    def __new__(cls, *items):
        return super().__new__(cls, items)


def test_recursion_in_many_threads():
    @bundle(overwrite_python_recursion=True)
    def plainly(n):
        below = plainly(n - 1) if n else 0
        assert type(below) is int
        return below + 1

    @bundle(allow_external_dependencies=True)
    def recorded(n, own):
        return own[0].data if n == 0 else recorded(n - 1, own).data + 1

    def work(i):
        own = node(i, trainable=True)
        for _ in range(5):
            y = recorded(node(10), Opaque(own))
            assert (y.data, y.parameter_dependencies) == (i + 10, {own})
            assert plainly(10).data == 11
            assert data(leaves([[i, [i]], i])) == [i, i, i]
            assert male(5).data == plain_male(5)
        return y.name

    with ThreadPoolExecutor(32) as pool:
        names = list(pool.map(work, range(64)))
    assert len(set(names)) == 64


def test_a_recursion_that_is_plain_in_one_task_is_recorded_in_another():
    @bundle(overwrite_python_recursion=True)
    async def down(n):
        await asyncio.sleep(0)
        below = await down(n - 1) if n else 0
        assert type(below) is int
        return below + 1

    async def program():
        return await asyncio.gather(*(down(i) for i in range(20)))

    results = asyncio.run(program())
    assert data(results) == list(range(1, 21))
    assert all(isinstance(y, MessageNode) for y in results)


def test_a_recorded_function_keeps_its_own_face_while_it_runs():
    @bundle()
    def down(n):
        assert isinstance(down, type(tree_sum))
        return down(n - 1).data if n else inspect.signature(down).parameters.keys()

    assert list(down(3).data) == ["n"]
