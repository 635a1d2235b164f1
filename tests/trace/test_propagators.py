"""Propagators: the protocol, custom ones, sums and gradients (SPEC 6.1, 6.5, A21)."""

from __future__ import annotations

import math

import pytest

from opto.errors import OptoError
from opto.trace import Node, bundle, node
from opto.trace.propagators import GraphPropagator, Propagator
from opto.trace.propagators.propagators import (
    AbstractFeedback,
    AbstractPropagator,
    SumPropagator,
)


def received(parameter: Node) -> list:
    """Everything that was handed to `parameter`, in order."""
    return [item for items in parameter.feedback.values() for item in items]


SLOPES = {
    "add": lambda x, y: {"x": 1.0, "y": 1.0},
    "subtract": lambda x, y: {"x": 1.0, "y": -1.0},
    "multiply": lambda x, y: {"x": y, "y": x},
    "divide": lambda x, y: {"x": 1 / y, "y": -x / y**2},
    "power": lambda x, y: {"x": y * x ** (y - 1), "y": math.log(x) * x**y},
    "neg": lambda x: {"x": -1.0},
}


class Gradient(Propagator):
    """Reverse-mode differentiation: derivatives by operation, looked up in a table."""

    def init_feedback(self, node, feedback):
        return feedback

    def _propagate(self, child):
        total = sum(received(child))
        inputs = child.inputs
        slopes = SLOPES[child.op_name](**{k: n.data for k, n in inputs.items()})
        return {
            parent: sum(total * slopes[k] for k, n in inputs.items() if n is parent)
            for parent in child.parents
        }


def test_gradients_equal_the_derivative():
    x, y = node(3.0, trainable=True), node(2.0, trainable=True)
    out = x * x * y - x / y + x**2.0 * 1.5 - (-y)
    out.backward(1.0, propagator=Gradient())
    assert sum(received(x)) == pytest.approx(2 * 3 * 2 - 1 / 2 + 2 * 3 * 1.5)
    assert sum(received(y)) == pytest.approx(9 + 3 / 4 + 1)


def test_gradient_descent_reaches_the_minimum():
    x = node(-1.0, trainable=True)
    propagator = Gradient()
    losses = []
    for _ in range(60):
        loss = (x - 3.0) * (x - 3.0)
        x.zero_feedback()
        loss.backward(1.0, propagator=propagator)
        x._data = x.data - 0.1 * sum(received(x))
        losses.append(loss.data)
    assert losses == sorted(losses, reverse=True)
    assert x.data == pytest.approx(3.0, abs=1e-4)


def test_a_shared_step_is_propagated_once_with_all_its_feedback():
    seen = []

    class Counting(Gradient):
        def _propagate(self, child):
            seen.append(child.name)
            return super()._propagate(child)

    x = node(2.0, trainable=True)
    h = x * x
    out = h + h * h
    out.backward(1.0, propagator=Counting())
    assert len(seen) == len(set(seen)) == 3
    assert sum(received(x)) == pytest.approx(2 * 2 + 4 * 2**3)


def test_one_feedback_for_each_child():
    x = node(2.0, trainable=True)
    a, b = x * 3.0, x * 4.0
    (a + b).backward(1.0, propagator=Gradient())
    assert {c.name: items for c, items in x.feedback.items()} == {a.name: [3.0], b.name: [4.0]}


def test_each_backward_may_have_its_own_propagator():
    x = node(2.0, trainable=True)
    (x * 3.0).backward(1.0, propagator=Gradient())
    assert received(x) == [3.0]
    x.zero_feedback()
    (x * 3.0).backward("words")
    assert received(x)[0].user_feedback == "words"


def test_a_rule_can_be_registered_for_one_operation():
    x, y = node(2.0, trainable=True), node(5.0, trainable=True)
    propagator = Gradient()
    propagator.register("multiply", lambda child: dict.fromkeys(child.parents, "mine"))
    (x * y).backward(1.0, propagator=propagator)
    assert received(x) == received(y) == ["mine"]
    fresh = node(2.0, trainable=True)
    (fresh * 3.0).backward(1.0, propagator=Gradient())
    assert received(fresh) == [3.0]  # a rule belongs to one propagator


def test_a_rule_can_be_registered_for_a_bundled_function():
    @bundle("[cube] third power")
    def cube(v):
        return v**3

    x = node(2.0, trainable=True)
    propagator = Gradient()
    propagator.register(
        "cube",
        lambda child: {child.inputs["v"]: sum(received(child)) * 3 * child.inputs["v"].data ** 2},
    )
    cube(x).backward(2.0, propagator=propagator)
    assert received(x) == [24.0]


def test_a_rule_can_be_registered_for_the_graph_propagator():
    x = node(2, trainable=True)
    propagator = GraphPropagator()
    calls = []

    def watch(child):
        calls.append(child.op_name)
        return propagator._propagate(child)

    propagator.register("multiply", watch)
    ((x + 1) * 2).backward("f", propagator=propagator)
    assert calls == ["multiply"]
    assert propagator.aggregate(x.feedback).user_feedback == "f"


@pytest.mark.parametrize(
    "result", [lambda child: {}, lambda child: None, lambda child: {child.parents[0]: 1.0}]
)
def test_a_propagator_must_give_every_parent_its_share(result):
    class Forgetful(Gradient):
        def _propagate(self, child):
            return result(child)

    x, y = node(2.0, trainable=True), node(3.0, trainable=True)
    with pytest.raises(OptoError, match="multiply"):
        (x * y).backward(1.0, propagator=Forgetful())


def test_an_error_in_a_propagator_is_the_users_error():
    x = node(2.0, trainable=True)
    with pytest.raises(KeyError, match="mod"):
        (x % 2.0).backward(1.0, propagator=Gradient())


def test_the_abstract_propagator_has_one_requirement():
    class First(AbstractPropagator):
        def init_feedback(self, node, feedback):
            return [feedback]

        def propagate(self, child):
            return {parent: received(child)[0] + [child.op_name] for parent in child.parents}

    x = node(2, trainable=True)
    (-(x + 1)).backward("f", propagator=First())
    assert received(x) == [["f", "neg", "add"]]
    with pytest.raises((TypeError, NotImplementedError)):
        AbstractPropagator()(x + 1)


def test_feedback_objects_add_up_with_sum():
    class Count(AbstractFeedback):
        def __init__(self, n: int) -> None:
            self.n = n

        def __add__(self, other):
            return Count(self.n + other.n)

    assert sum([Count(1), Count(2), Count(3)]).n == 6


def test_a21_sum_propagator_adds_numbers():
    x = node(1, trainable=True)
    h = x + 1
    ((h * 2) + (h * 3)).backward(1.5, propagator=SumPropagator())
    assert received(x) == [3.0]


def test_a21_sum_propagator_joins_text():
    x = node(1, trainable=True)
    h = x + 1
    ((h * 2) + (h * 3)).backward("good. ", propagator=SumPropagator())
    assert received(x) == ["good. good. "]


def test_the_graph_propagator_hands_one_object_to_all_parents():
    x, y = node(1, trainable=True), node(2, trainable=True)
    out = x + y
    propagator = GraphPropagator()
    first = propagator.init_feedback(out, "f")
    assert (len(first), first.user_feedback) == (1, "f")
    out.backward("f", propagator=propagator)
    assert [n.name for _, n in received(x)[0].graph] == [n.name for _, n in received(y)[0].graph]
