from __future__ import annotations

import pytest

from opto.errors import OptimizerError
from opto.optimizers import Optimizer
from opto.trace import GRAPH, bundle, node


class Idle(Optimizer):
    def _step(self):
        return {}


@pytest.fixture(autouse=True)
def _names():
    GRAPH.clear()


@pytest.fixture
def x():
    return node(3, name="x", trainable=True)


@pytest.fixture
def y():
    return node(4, name="y", trainable=True)


def explained(parameters, output, changes=None, feedback="larger"):
    optimizer = Idle(parameters)
    optimizer.backward(output, feedback)
    return optimizer.explain(changes)


def test_each_parameter_has_its_way_and_the_nearest_comes_first(x, y):
    far, near = explained([x, y], ((x + 1) * 2) - y)[::-1]
    assert (near.parameter, near.way, near.steps) == (y, ("subtract0",), 1)
    assert (far.parameter, far.way, far.steps) == (x, ("add0", "multiply0", "subtract0"), 3)
    assert (near.before, near.after, near.matters) == (4, None, None)


def test_the_shortest_of_several_ways_is_told(x):
    [blame] = explained([x], (x + 1) * 2 + x)
    assert (blame.way, blame.steps) == (("add1",), 3)


def test_what_has_no_way_to_the_output_is_left_out(x, y):
    assert [blame.parameter for blame in explained([x, y], x * 2)] == [x]


def test_blame_is_confirmed_by_another_value_or_refuted(x, y):
    @bundle()
    def longest(a, b):
        """The longer one."""
        return max(a, b)

    of_x, of_y = sorted(
        explained([x, y], longest(x, y), {x: 2, y: 9}), key=lambda blame: blame.parameter.py_name
    )
    assert (of_x.matters, of_x.after.value) == (False, 4)
    assert (of_y.matters, of_y.after.value) == (True, 9)
    assert str(of_x).endswith("no difference, and was 4")
    assert (x.data, y.data) == (3, 4)


def test_a_value_with_which_it_would_have_failed(x):
    [blame] = explained([x], 12 / x, {x: 0})
    assert blame.matters
    assert "divide0 would have raised ZeroDivisionError" in str(blame)


def test_several_outputs_with_feedback(x, y):
    optimizer = Idle([x, y])
    first, second = x * 2, x + y
    optimizer.backward(first, "too small")
    optimizer.backward(second, "too large")
    found = {(blame.parameter.py_name, blame.output.py_name) for blame in optimizer.explain()}
    assert found == {("x0", "multiply0"), ("x0", "add0"), ("y0", "add0")}


def test_what_makes_no_sense_is_refused(x, y):
    with pytest.raises(OptimizerError, match="no feedback has reached"):
        Idle([x]).explain()
    with pytest.raises(OptimizerError, match="is no parameter of this optimizer"):
        explained([x], x * 2, {y: 1})


def test_a_proposal_can_be_tried_before_it_is_made(x):
    class Double(Idle):
        def _step(self):
            return {x: 2 * x.data}

    optimizer = Double([x])
    optimizer.backward(x + 1, "larger")
    [blame] = optimizer.explain(optimizer.step(bypassing=True))
    assert (blame.before, blame.after.value, x.data) == (4, 7, 3)
