"""Graph: the frozen snapshot of a run, and its JSON."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.errors import StoreError
from opto.trace import ExecutionError, bundle, node
from opto.trace.feedback import Feedback, Remark
from opto.trace.graph import Graph, Step
from opto.trace.utils import sum_feedback
from tests.trace.test_recorded import values


@bundle()
def scale(v, k=2):
    """Multiply by k"""
    return v * k


def run():
    x = node(3, name="x", trainable=True, description="a number", constraint="positive")
    b = node(1, name="b")
    z = scale(x) + b
    return x, z * x


def test_all_that_an_output_was_computed_from():
    x, w = run()
    graph = Graph.of(w)
    assert [s.level for s in graph.steps] == [0, 0, 0, 1, 2, 3]
    first, last = graph[x.py_name], graph[w.py_name]
    assert (first.kind, first.trainable, first.op) == ("parameter", True, None)
    assert (first.description, first.constraint) == ("a number", "positive")
    assert (last.op, last.value, dict(last.inputs)["y"]) == ("multiply", 21, x.py_name)
    assert graph.outputs == (w.py_name,)
    assert "[scale] Multiply by k" in [s.documentation for s in graph.steps]


def test_of_what_feedback_has_passed():
    x, w = run()
    w.backward("make it larger")
    graph = Graph.of(sum_feedback([x]))
    assert graph.outputs == (w.py_name,)
    assert graph.feedback.content == "make it larger"
    assert len(graph) == 6


def test_inputs_outside_of_the_part_make_a_given():
    x = node(1, trainable=True)
    aside = node(5) + 1
    y = x + aside
    y.backward("more")
    graph = Graph.of(sum_feedback([x]))
    assert graph[aside.py_name].op is None
    assert graph[y.py_name].op == "add"


def test_a_failure_is_a_step():
    @bundle()
    def fail(v):
        raise ValueError("no")

    with pytest.raises(ExecutionError) as caught:
        fail(node(1))
    graph = Graph.of(caught.value.exception_node)
    assert graph.steps[-1].kind == "exception"
    assert graph.steps[-1].value == "(ValueError) no"


def test_names_are_unique_in_a_graph():
    one, ten = node(1, name="x1"), [node(i, name="x") for i in range(11)]
    total = one + ten[10]
    names = [s.name for s in Graph.of(total).steps]
    assert len(set(names)) == len(names)


@given(values)
def test_json_gives_back_the_same_graph(value):
    x = node(value, name="x", trainable=True)
    graph = Graph.of(bundle()(lambda v: [v, v])(x))
    assert Graph.from_json(graph.to_json()) == graph


@given(st.text() | st.integers() | st.floats(allow_nan=False))
def test_feedback_comes_back_too(said):
    graph = Graph((Step("x0", 1, "node", 0),), ("x0",), Feedback((Remark("x0", said, 0.5),)))
    assert Graph.from_json(graph.to_json()) == graph


def test_what_json_cannot_say_becomes_its_text():
    graph = Graph.of(node(len))
    assert Graph.from_json(graph.to_json()).steps[0].value == str(len)


def test_a_graph_travels_by_pickle():
    _, w = run()
    graph = Graph.of(w)
    assert pickle.loads(pickle.dumps(graph)) == graph  # noqa: S301 - our own bytes


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "other"}', '{"format": 1}'])
def test_other_texts_are_refused(text):
    with pytest.raises(StoreError):
        Graph.from_json(text)


def test_a_deep_graph_is_a_snapshot_too():
    x = node(0)
    for _ in range(5000):
        x = x + 1
    assert Graph.of(x).steps[-1].level == 5000
