"""Parameters that are used only inside of calls hear, and are shown to the optimizer."""

from __future__ import annotations

from opto.optimizers.summary import named_parameters, node_to_function_feedback
from opto.trace import bundle
from opto.trace.graph import Graph
from opto.trace.propagators import SumPropagator
from opto.trace.utils import sum_feedback
from tests.support.opened import calls, heard


def test_parameters_hidden_at_any_depth_hear_and_are_shown_to_the_optimizer(nested, p, x):
    y = nested(x)
    assert y.hidden_dependencies == {p}
    assert y.expandable_dependencies == {y}
    y.backward("larger")
    assert heard(p) == ["larger"]
    graph = sum_feedback([p])
    assert set(node_to_function_feedback(graph).roots) == {"p0", "x0"}
    assert named_parameters(Graph.of(graph), graph.nodes, [p]) == {"p0": p}


def test_sums_reach_them_too(nested, p, x):
    nested(x).backward(2, propagator=SumPropagator())
    assert [*p.feedback.values()] == [[2]]


def test_a_parameter_that_is_used_inside_and_outside(p, x):
    @bundle("[f] adds p", traceable_code=True)
    def f(v):
        return v + p

    y = f(x * p)
    assert y.hidden_dependencies == set()
    y.backward("g")
    assert heard(p) == ["g"]
    assert calls(sum_feedback([p])) == [
        "multiply0 = multiply(x=x0, y=p0)",
        "f0 = f(v=multiply0, p0=p0)",
    ]


def test_a_parameter_that_is_given_and_used_by_name(p):
    @bundle("[f] adds p", traceable_code=True)
    def f(v):
        return v + p

    y = f(p)
    y.backward("g")
    assert calls(sum_feedback([p])) == ["f0 = f(v=p0)"]
    assert calls(sum_feedback([p]).opened()) == ["add0 = add(x=p0, y=p0)"]


def test_a_function_without_arguments(p):
    @bundle("[f] p and one", traceable_code=True)
    def f():
        return p + 1

    y = f()
    y.backward("g")
    assert heard(p) == ["g"]
    assert calls(sum_feedback([p])) == ["f0 = f(p0=p0)"]
    assert calls(sum_feedback([p]).opened()) == ["add0 = add(x=p0, y=int0)"]


def test_what_a_hidden_value_was_computed_from_hears_too(p, x):
    before = p * 2

    @bundle("[f] adds what was before", traceable_code=True)
    def f(v):
        return v + before

    y = f(x)
    y.backward("g")
    assert heard(p) == ["g"]
    assert calls(sum_feedback([p]).opened()) == [
        "multiply0 = multiply(x=p0, y=int0)",
        "add0 = add(x=x0, y=multiply0)",
    ]


def test_a_snapshot_of_the_whole_run_holds_hidden_parameters(nested, x):
    graph = Graph.of(nested(x))
    assert [(s.name, s.inputs) for s in graph.steps if s.inputs] == [
        ("outer0", (("v", "x0"), ("p0", "p0")))
    ]
    assert graph["p0"].trainable


def test_expandable_dependencies_of_later_steps(nested, p, x):
    y = nested(x)
    z = nested(y + p) + 1
    # Where p is visible, nothing is hidden.
    assert z.expandable_dependencies == {y}
