"""Bundled functions that call themselves and each other.

The paper names recursion among what its tracer cannot do.
"""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given

from opto.errors import ExecutionError, TraceMissingInputsError
from opto.trace import Module, bundle, node, stop_tracing
from opto.trace.order import ancestors
from opto.trace.utils import sum_feedback
from tests.support.recursive import (
    TREES,
    ackermann,
    female,
    male,
    plain_ackermann,
    plain_female,
    plain_male,
    plain_sum,
    shallow,
    tree_sum,
    tree_total,
)

# --- direct and mutual ----------------------------------------------------------------------------


@given(TREES)
def test_values_are_those_of_python(tree):
    for function in (tree_sum, tree_total):
        assert function(tree).data == plain_sum(tree)
        x = node(tree, trainable=True)
        y = function(x)
        assert (y.data, y.parents) == (plain_sum(tree), [x])
        with stop_tracing():
            assert function(x).data == plain_sum(tree)


@pytest.mark.parametrize(("m", "n"), [(0, 3), (1, 2), (2, 1), (2, 3)])
def test_results_as_arguments(m, n):
    y = ackermann(node(m, trainable=True), node(n, trainable=True))
    assert y.data == plain_ackermann(m, n)
    assert len(y.parameter_dependencies) == 2


@pytest.mark.parametrize("n", range(8))
def test_mutual_recursion(n):
    x = node(n, trainable=True)
    for function, plain in ((female, plain_female), (male, plain_male)):
        y = function(x)
        assert (y.data, y.parents) == (plain(n), [x])


def test_each_level_is_recorded():
    levels = []

    @bundle("[down] One less.")
    def down(n):
        if n == 0:
            return 0
        below = down(n - 1)
        levels.append(below)
        return below.data + 1

    y = down(node(5))
    assert y.data == 5
    assert [n.data for n in levels] == [0, 1, 2, 3, 4]
    assert [n.inputs["n"].data for n in levels] == [0, 1, 2, 3, 4]
    assert {n.op_name for n in levels} == {"down"}
    assert len({n.name for n in levels}) == 5


def test_a_parameter_that_is_used_at_the_bottom_is_reached():
    w = node(10, trainable=True)

    @bundle(allow_external_dependencies=True)
    def down(n):
        return w.data if n == 0 else down(n - 1).data + 1

    x = node(6, trainable=True)
    y = down(x)
    assert (y.data, y.parameter_dependencies) == (16, {x, w})
    assert y.info["external_dependencies"] == [w]
    y.backward("too much")
    assert sum_feedback([w]).user_feedback == "too much"
    assert sum_feedback([x]).user_feedback == "too much"


def test_a_node_that_is_returned_through_all_levels_is_upstream():
    w = node(10, trainable=True)

    @bundle()
    def down(n):
        return w * 2 if n == 0 else down(n - 1)

    y = down(node(6))
    assert (y.data, y.parameter_dependencies) == (20, {w})


def test_a_parameter_that_may_not_be_used_at_the_bottom_is_refused():
    w = node(10, name="hidden")

    @bundle()
    def down(n):
        return w.data if n == 0 else down(n - 1).data + 1

    with pytest.raises(TraceMissingInputsError, match="hidden") as caught:
        down(6)
    assert str(caught.value).count("used the value") == 1
    assert w.data == 10


def test_mutual_recursion_with_different_rights():
    w = node(10, name="hidden", trainable=True)

    @bundle(allow_external_dependencies=True)
    def may(n):
        return w.data if n == 0 else may_not(n - 1)

    @bundle()
    def may_not(n):
        return may(n)

    @bundle()
    def looks(n):
        return may(n).data

    assert may(3).parameter_dependencies == {w}
    assert may_not(3).parameter_dependencies == {w}
    with pytest.raises(TraceMissingInputsError, match="looks"):
        looks(3)


def test_a_node_is_given_down_as_it_is():
    @bundle(_process_inputs=False)
    def down(x, n):
        return x if n.data == 0 else down(x * 2, n - 1)

    x = node(3, trainable=True)
    y = down(x, node(4))
    assert (y.data, y.parameter_dependencies) == (48, {x})


def test_a_function_that_is_called_again_by_its_argument():
    @bundle()
    def apply(f, n):
        return f(f, n - 1).data + 1 if n else 0

    assert apply(apply, 5).data == 5


# --- failing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [{}, {"overwrite_python_recursion": True}, {"trainable": True}])
def test_a_failure_at_the_bottom_is_told_once(how):
    @bundle(**how)
    def down(n):
        if n == 0:
            raise ValueError("the bottom")
        return down(n - 1)

    x = node(5, trainable=True)
    with pytest.raises(ExecutionError) as caught:
        down(x)
    failed = caught.value.exception_node
    assert failed.data == "(ValueError) the bottom"
    assert x in failed.parameter_dependencies
    said = failed.create_feedback("full")
    assert said.count("(ValueError) the bottom") <= 2
    assert said.count('raise ValueError("the bottom")') == 1
    failed.backward(said)
    assert "the bottom" in str(sum_feedback([x]).user_feedback)
    assert not how or len(ancestors(failed)) <= 3


def test_a_failure_that_is_caught_halfway():
    @bundle()
    def down(n):
        if n == 0:
            raise ValueError("the bottom")
        try:
            return down(n - 1).data + 1
        except ExecutionError:
            if n < 3:
                raise
            return 100

    x = node(5, trainable=True)
    y = down(x)
    assert (y.data, y.parameter_dependencies) == (102, {x})


@shallow()
def test_without_end():
    @bundle()
    def forever(n):
        return forever(n + 1)

    @bundle(catch_execution_error=False)
    def plainly(n):
        return plainly(n + 1)

    x = node(0, trainable=True)
    with pytest.raises(ExecutionError, match="RecursionError") as caught:
        forever(x)
    failed = caught.value.exception_node
    assert failed.data.startswith("(RecursionError)")
    assert x in failed.parameter_dependencies
    with pytest.raises(RecursionError):
        plainly(x)
    assert tree_sum([[1], 2]).data == 3


def test_how_deep_it_goes():
    """At least a sixth as deep as Python alone, and as deep as one lets it."""

    @bundle()
    def down(n):
        return down(n - 1).data + 1 if n else 0

    assert down(sys.getrecursionlimit() // 6 - 30).data == sys.getrecursionlimit() // 6 - 30
    # Python 3.12 has a second limit, of 500 levels here, that nobody can set.
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        assert _in_a_large_thread(lambda: down(400).data) == 400
    finally:
        sys.setrecursionlimit(before)


def _in_a_large_thread(work):
    kept = threading.stack_size(256 * 1024 * 1024)
    try:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(work).result()
    finally:
        threading.stack_size(kept)


# --- methods --------------------------------------------------------------------------------------


class Walker(Module):
    def __init__(self, step):
        self.step = node(step, trainable=True)

    @bundle(allow_external_dependencies=True)
    def down(self, n):
        return 0 if n <= 0 else self.down(n - self.step.data).data + 1

    @bundle()
    def even(self, n):
        return True if n == 0 else self.odd(n - 1)

    @bundle()
    def odd(self, n):
        return False if n == 0 else self.even(n - 1)

    @bundle()
    @classmethod
    def depth(cls, tree):
        return 1 + max((cls.depth(t).data for t in tree), default=0)

    @bundle()
    @staticmethod
    def size(tree):
        return 1 + sum(Walker.size(t).data for t in tree)


class Runner(Walker):
    @bundle(allow_external_dependencies=True)
    def down(self, n):
        return super().down(n).data * 100


def test_methods():
    walker, x = Walker(2), node(9, trainable=True)
    y = walker.down(x)
    assert (y.data, y.parameter_dependencies) == (5, {x, walker.step})
    assert walker.even(x).data is False
    assert walker.even(x).parameter_dependencies == {x}
    tree = [[], [[], [[]]]]
    assert (Walker.depth(tree).data, walker.size(tree).data) == (4, 6)


def test_methods_that_are_overridden():
    assert Runner(3).down(4).data == ((0 * 100 + 1) * 100 + 1) * 100


def test_two_instances_call_each_other():
    class Player(Module):
        def __init__(self, name):
            self.name = node(name, trainable=True)
            self.other = None

        @bundle(allow_external_dependencies=True)
        def turn(self, n):
            return self.name.data + (self.other.turn(n - 1).data if n else "")

    a, b = Player("a"), Player("b")
    a.other, b.other = b, a
    y = a.turn(4)
    assert (y.data, y.parameter_dependencies) == ("ababa", {a.name, b.name})
    assert a.turn(0).parameter_dependencies == {a.name}
